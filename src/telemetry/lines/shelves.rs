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

#[derive(Debug)]
pub struct Shelves {
    /// Whole lines, one after the other.
    shelves: Box<[Mutex<Vec<u8>>]>,
    health: Health,
    /// Answered when everything before them is written.
    flushes: Mutex<Vec<SyncSender<()>>>,
    /// The writer has something to do, and knows it.
    called: AtomicBool,
    closed: AtomicBool,
    writer: OnceLock<Thread>,
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The how-manieth thread that writes lines this is.
    static NUMBER: usize = THREADS.fetch_add(1, Relaxed);
}

impl Shelves {
    pub fn new(health: Health) -> Self {
        let shelves = (0..SHELVES).map(|_| Mutex::default()).collect();
        let (called, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { shelves, health, flushes: Mutex::default(), called, closed, writer: OnceLock::new() }
    }

    /// Of the thread that this is called on.
    pub fn i_am_the_writer(&self) {
        let _ = self.writer.set(std::thread::current());
    }

    /// Puts a line, with its line end, on a shelf. Never waits.
    pub fn put(&self, line: &str) {
        let bytes = i64::try_from(line.len()).unwrap_or(i64::MAX);
        if self.health.waiting.get() > WAITING {
            return self.health.dropped.inc();
        }
        let Some(mut shelf) = self.free_shelf() else { return };
        shelf.extend_from_slice(line.as_bytes());
        self.health.waiting.add(bytes);
        drop(shelf);
        self.call();
    }

    /// There always is one.
    fn free_shelf(&self) -> Option<MutexGuard<'_, Vec<u8>>> {
        let own = NUMBER.with(|number| number % SHELVES);
        let (before, from) = self.shelves.split_at_checked(own)?;
        let free = from.iter().chain(before).find_map(|shelf| match shelf.try_lock() {
            Ok(shelf) => Some(shelf),
            Err(TryLockError::Poisoned(shelf)) => Some(shelf.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.or_else(|| from.first().map(|shelf| shelf.lock().unwrap_or_else(PoisonError::into_inner)))
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

    /// For the writer: clears one shelf after the other. `spare` takes the place of what is taken, so that no memory is asked for.
    pub fn clear(&self, spare: &mut Vec<u8>, mut take: impl FnMut(&[u8])) {
        for shelf in &self.shelves {
            std::mem::swap(spare, &mut *shelf.lock().unwrap_or_else(PoisonError::into_inner));
            take(spare);
            self.health.waiting.sub(i64::try_from(spare.len()).unwrap_or(i64::MAX));
            spare.clear();
            spare.shrink_to(ROOM);
        }
    }
}
