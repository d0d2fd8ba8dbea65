//! Where do lines wait until they are written? On shelves, several, so that threads which write lines do not meet.
//!
//! Each of the first threads has a shelf of its own. Where somebody is at it (the writer clears a shelf in the time of a swap), the next is
//! taken: a thread waits only while somebody is at every one of them, and then for the copy of a line. Lines of one thread keep their order, those of several are a few milliseconds apart at
//! most. What waits is bounded in bytes over all shelves; what does not fit is dropped and counted.

use super::Health;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::Thread;

/// What may wait together, in bytes.
pub(in crate::telemetry) const WAITING: i64 = 16 << 20;

/// More than there are threads that serve requests, on most machines.
const SHELVES: usize = 64;

/// A shelf that has grown beyond this gives its memory back when it is cleared.
const ROOM: usize = 1 << 20;

/// Whether there is room on all of them together is looked at once in so many bytes of one, and for every line of one that is large: what
/// other threads write is not read for each.
const LOOK: usize = 4 << 10;

#[derive(Debug)]
pub struct Shelves {
    shelves: Box<[Shelf]>,
    health: Health,
    /// Answered when everything before them is written.
    flushes: Mutex<Vec<SyncSender<()>>>,
    /// The writer has something to do, and knows it.
    called: AtomicBool,
    closed: AtomicBool,
    writer: OnceLock<Thread>,
}

/// Whole lines, one after the other. On cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shelf(Mutex<String>);

/// A shelf with somebody at it, who leaves whole lines only: neither half of one by a panic, nor one for which there is no room.
struct Whole<'a> {
    shelf: MutexGuard<'a, String>,
    /// Their length.
    lines: usize,
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        self.shelf.truncate(self.lines);
    }
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The how-manieth thread that writes lines this is.
    static NUMBER: usize = THREADS.fetch_add(1, Relaxed);
}

impl Shelves {
    pub fn new(health: Health) -> Self {
        let shelves = (0..SHELVES).map(|_| Shelf::default()).collect();
        let (called, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { shelves, health, flushes: Mutex::default(), called, closed, writer: OnceLock::new() }
    }

    /// Of the thread that this is called on.
    pub fn i_am_the_writer(&self) {
        let _ = self.writer.set(std::thread::current());
    }

    /// `line` writes a line, with its line end, behind the others of a shelf. Never waits.
    pub fn put(&self, line: impl FnOnce(&mut String)) {
        let Some(shelf) = self.free_shelf() else { return };
        let mut whole = Whole { lines: shelf.len(), shelf };
        line(&mut whole.shelf);
        let (before, now) = (whole.lines, whole.shelf.len());
        if (now > ROOM || now / LOOK != before / LOOK) && self.health.waiting.get() > WAITING {
            return self.health.dropped.inc();
        }
        whole.lines = now;
        self.health.waiting.add(bytes(now - before));
        drop(whole);
        self.call();
    }

    /// There always is one.
    fn free_shelf(&self) -> Option<MutexGuard<'_, String>> {
        let own = NUMBER.with(|number| number % SHELVES);
        let (before, from) = self.shelves.split_at_checked(own)?;
        let free = from.iter().chain(before).find_map(|shelf| match shelf.0.try_lock() {
            Ok(shelf) => Some(shelf),
            Err(TryLockError::Poisoned(shelf)) => Some(shelf.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.or_else(|| from.first().map(|shelf| shelf.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// `done` is answered when everything so far is written.
    pub fn flush(&self, done: SyncSender<()>) {
        self.flushes.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        self.call();
    }

    /// Nobody puts anything on them any more.
    pub fn close(&self) {
        self.closed.store(true, Relaxed);
        // Even where it was called before: it may have looked for the end already, and be about to wait.
        self.called.store(true, Relaxed);
        self.writer.get().into_iter().for_each(Thread::unpark);
    }

    /// Wakes the writer where nobody has yet. Who put a line before the writer cleared its shelf need not; who comes after that sees, by the
    /// lock of the shelf, that the writer has not been called since.
    fn call(&self) {
        if !self.called.load(Relaxed)
            && !self.called.swap(true, Relaxed)
            && let Some(writer) = self.writer.get()
        {
            writer.unpark();
        }
    }

    /// For the writer: waits until it is called; `false`: this is the last time.
    pub fn wait(&self) -> bool {
        while !self.called.load(Relaxed) && !self.closed.load(Relaxed) {
            std::thread::park();
        }
        !self.closed.load(Relaxed)
    }

    /// For the writer, before it clears the shelves: from now on it wants to be called again. Gives who waits for a flush.
    pub fn answer(&self) -> Vec<SyncSender<()>> {
        self.called.store(false, Relaxed);
        std::mem::take(&mut *self.flushes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Is somebody waiting for a flush, or for the end?
    pub fn is_urgent(&self) -> bool {
        self.closed.load(Relaxed) || !self.flushes.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// For the writer: clears one shelf after the other. `spare` takes the place of what is taken, so that no memory is asked for; empty shelves keep theirs,
    /// or what one thread's lines take would wander through all of them.
    pub fn clear(&self, spare: &mut String, mut take: impl FnMut(&[u8])) {
        for shelf in &self.shelves {
            let mut shelf = shelf.0.lock().unwrap_or_else(PoisonError::into_inner);
            if shelf.is_empty() {
                continue;
            }
            std::mem::swap(spare, &mut *shelf);
            drop(shelf);
            take(spare.as_bytes());
            self.health.waiting.sub(bytes(spare.len()));
            spare.clear();
            spare.shrink_to(ROOM);
        }
    }
}

fn bytes(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
