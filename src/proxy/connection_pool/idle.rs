//! Which connections to backends wait for their next request? A shelf per backend; the one laid down last is taken first.
//!
//! The newest is the warmest, and what a quiet hour leaves over grows old and is closed. A connection that the backend has closed, or
//! that has something to say without being asked, is never handed out, which a look at the socket tells.
//!
//! Each worker has shelves of its own: what it laid down it takes again, and no other thread comes near. An upstream whose connections are limited
//! has one shelf for all workers ([`Common`]): a connection that rests with one of them would be missing to the others.

use crate::proxy::connection_pool::mark::Mark;
use crate::proxy::wire::Wire;
use pulsegate_core::base::rng::mix;
use pulsegate_core::base::time::Timestamp;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// Idle connections kept, of all backends and workers together.
const AT_MOST: usize = 16_384;
/// Places that shelves may keep without filling them, so that taking a connection and laying it down again touches nothing that others touch.
const SPARE: usize = 64;
/// The shelves that all workers share are spread over so many locks.
const PARTS: usize = 32;

/// A connection between two exchanges.
#[derive(Debug)]
pub struct Kept {
    pub wire: Box<Wire>,
    pub mark: Mark,
}

/// One that waits, and until when.
#[derive(Debug)]
pub struct Rested {
    kept: Kept,
    until: Timestamp,
}

/// The places that are left in the process.
#[derive(Debug)]
pub struct Places(AtomicUsize);

impl Default for Places {
    fn default() -> Self {
        Self(AtomicUsize::new(AT_MOST))
    }
}

impl Places {
    fn take(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn give_back(&self, places: usize) {
        self.0.fetch_add(places, Relaxed);
    }
}

/// The shelves of one worker. No other thread takes their lock, so it is a flag in a cache of its own and never waited for.
#[derive(Debug)]
pub struct Idle {
    shelves: Mutex<Shelves>,
    places: Arc<Places>,
}

#[derive(Debug, Default)]
struct Shelves {
    by_key: HashMap<u64, Vec<Rested>, BuildHasherDefault<Mixed>>,
    /// Places that are taken and not filled.
    spare: usize,
}

/// The key of a shelf is mixed already (`shelf`), from what no client chooses.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = mix(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

impl Idle {
    pub fn new(places: Arc<Places>) -> Self {
        Self { shelves: Mutex::default(), places }
    }

    /// A connection for `key` that is good, as far as can be seen from here.
    pub fn take(&self, key: u64, now: Timestamp) -> Option<Kept> {
        loop {
            let mut rested = self.pop(key)?;
            if rested.is_good(now) {
                return Some(rested.taken());
            }
        }
    }

    /// Lays a connection down; beyond the bound it is closed instead.
    pub fn put(&self, key: u64, kept: Kept, until: Timestamp) {
        let rested = Rested::new(kept, until);
        let mut shelves = self.lock();
        if shelves.spare > 0 {
            shelves.spare -= 1;
        } else if !self.places.take() {
            // It is closed behind the lock.
            drop(shelves);
            return drop(rested);
        }
        shelves.by_key.entry(key).or_default().push(rested);
    }

    /// Closes what is too old or was closed by its backend, and leaves the places that were not needed to others.
    pub fn sweep(&self, now: Timestamp) {
        let mut shelves = self.lock();
        let count = |shelves: &Shelves| shelves.by_key.values().map(Vec::len).sum::<usize>();
        let before = count(&shelves);
        shelves.by_key.retain(|_, shelf| {
            shelf.retain_mut(|rested| rested.is_good(now));
            !shelf.is_empty()
        });
        let left = before - count(&shelves) + std::mem::take(&mut shelves.spare);
        self.places.give_back(left);
    }

    fn pop(&self, key: u64) -> Option<Rested> {
        let mut shelves = self.lock();
        let rested = shelves.by_key.get_mut(&key)?.pop()?;
        shelves.spare += 1;
        if shelves.spare > SPARE {
            shelves.spare -= SPARE / 2;
            self.places.give_back(SPARE / 2);
        }
        Some(rested)
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        // Held for a push or a pop; a panic cannot leave it half done.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shelves of all workers, for upstreams whose connections are limited. Here workers meet, for a push or a pop.
#[derive(Debug)]
pub struct Common([Idle; PARTS]);

impl Common {
    pub fn new(places: &Arc<Places>) -> Self {
        Self(std::array::from_fn(|_| Idle::new(Arc::clone(places))))
    }

    /// Where connections for `key` rest.
    pub fn of(&self, key: u64) -> &Idle {
        &self.0[mix(key) as usize % PARTS]
    }

    pub fn sweep(&self, now: Timestamp) {
        self.0.iter().for_each(|part| part.sweep(now));
    }
}

impl Rested {
    pub fn new(mut kept: Kept, until: Timestamp) -> Self {
        kept.mark.rest();
        Self { kept, until }
    }

    /// For the next request.
    pub fn taken(mut self) -> Kept {
        self.kept.mark.take();
        self.kept
    }

    pub fn is_good(&mut self, now: Timestamp) -> bool {
        now < self.until && is_silent(&mut self.kept.wire)
    }
}

/// Neither closed nor speaking: a byte before the next request can only be an error.
fn is_silent(wire: &mut Wire) -> bool {
    wire.poll_fill(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::wire::{Socket, Transport};
    use std::os::fd::{AsFd, AsRawFd};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    async fn pair() -> (Kept, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mark = Mark::busy(&Arc::default());
        (Kept { wire: Wire::new(Socket::Plain(Transport::Tcp(near))), mark }, listener.accept().await.unwrap().0)
    }

    fn fd(kept: &Kept) -> i32 {
        kept.wire.socket().transport().as_fd().as_raw_fd()
    }

    /// Until the kernel has told us what the far side did.
    async fn noticed(idle: &Idle) {
        for _ in 0..1000 {
            idle.sweep(Timestamp::ZERO);
            if idle.places.0.load(Relaxed) == AT_MOST {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("nothing was noticed");
    }

    #[tokio::test]
    async fn the_newest_is_taken_first_and_each_once() {
        let idle = Idle::new(Arc::default());
        let (far, until) = (Timestamp::ZERO + Duration::from_secs(1), Timestamp::ZERO + Duration::from_secs(60));
        let ((one, _one), (two, _two)) = (pair().await, pair().await);
        let newest = fd(&two);
        idle.put(7, one, until);
        idle.put(7, two, until);
        assert!(idle.take(8, far).is_none());
        assert_eq!(idle.take(7, far).map(|kept| fd(&kept)), Some(newest));
        assert!(idle.take(7, far).is_some());
        assert!(idle.take(7, far).is_none());
    }

    #[tokio::test]
    async fn all_shelves_together_have_so_many_places_and_no_more() {
        let places = Arc::new(Places(AtomicUsize::new(3)));
        let (one, other) = (Idle::new(Arc::clone(&places)), Idle::new(Arc::clone(&places)));
        let (now, until) = (Timestamp::ZERO, Timestamp::ZERO + Duration::from_secs(60));
        let mut far_ends = Vec::new();
        for idle in [&one, &one, &other, &other, &one] {
            let (kept, far) = pair().await;
            idle.put(7, kept, until);
            far_ends.push(far);
        }
        let taken = one.take(7, now).unwrap();
        let (kept, _far) = pair().await;
        other.put(7, kept, until);
        assert!(
            other.take(7, now).is_some() && other.take(7, now).is_none(),
            "the first keeps the place of what it has taken"
        );
        one.put(7, taken, until);
        assert!(one.take(7, now).is_some() && one.take(7, now).is_some() && one.take(7, now).is_none());
        one.sweep(now);
        other.sweep(now);
        assert_eq!(places.0.load(Relaxed), 3, "and leaves it when nothing came");
    }

    #[tokio::test]
    async fn what_many_have_taken_leaves_places_to_others() {
        let idle = Idle::new(Arc::default());
        let (now, until) = (Timestamp::ZERO, Timestamp::ZERO + Duration::from_secs(60));
        let mut far_ends = Vec::new();
        for _ in 0..2 * SPARE {
            let (kept, far) = pair().await;
            idle.put(7, kept, until);
            far_ends.push(far);
        }
        while idle.take(7, now).is_some() {}
        assert!(AT_MOST - idle.places.0.load(Relaxed) <= SPARE);
    }

    #[tokio::test]
    async fn a_connection_that_is_old_closed_or_speaks_is_not_used_again() {
        let idle = Idle::new(Arc::default());
        let until = Timestamp::ZERO + Duration::from_secs(60);
        let (old, _old) = pair().await;
        idle.put(1, old, until);
        assert!(idle.take(1, until).is_none());

        let (closed, far) = pair().await;
        idle.put(1, closed, until);
        drop(far);
        noticed(&idle).await;

        let (speaking, mut far) = pair().await;
        idle.put(1, speaking, until);
        far.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").await.unwrap();
        noticed(&idle).await;
    }
}
