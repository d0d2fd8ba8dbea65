//! Which connections to backends wait for their next request? A shelf per backend; the one laid down last is taken first.
//!
//! The newest is the warmest, and what a quiet hour leaves over grows old and is closed. A connection that the backend has closed, or
//! that has something to say without being asked, is never handed out, which a look at the socket tells.

use crate::proxy::connection_pool::mark::Mark;
use crate::proxy::wire::Wire;
use pulsegate_core::base::rng::mix;
use pulsegate_core::base::time::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// Idle connections kept, all backends together.
const AT_MOST: usize = 16_384;
/// Shelves are spread over so many locks.
const SHARDS: usize = 32;

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

type Shelves = HashMap<u64, Vec<Rested>>;

/// The idle connections of the process.
pub struct Idle {
    shards: [Mutex<Shelves>; SHARDS],
    total: AtomicUsize,
}

impl Idle {
    pub fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), total: AtomicUsize::new(0) }
    }

    /// A connection for `key` that is good, as far as can be seen from here.
    pub fn take(&self, key: u64, now: Timestamp) -> Option<Kept> {
        loop {
            let mut rested = self.shard(key).get_mut(&key)?.pop()?;
            self.total.fetch_sub(1, Relaxed);
            if rested.is_good(now) {
                return Some(rested.taken());
            }
        }
    }

    /// Lays a connection down; beyond the bound it is closed instead.
    pub fn put(&self, key: u64, kept: Kept, until: Timestamp) {
        if self.total.load(Relaxed) < AT_MOST {
            self.total.fetch_add(1, Relaxed);
            self.shard(key).entry(key).or_default().push(Rested::new(kept, until));
        }
    }

    /// Closes what is too old or was closed by its backend.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            let mut shelves = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let count = |shelves: &Shelves| shelves.values().map(Vec::len).sum::<usize>();
            let before = count(&shelves);
            shelves.retain(|_, shelf| {
                shelf.retain_mut(|rested| rested.is_good(now));
                !shelf.is_empty()
            });
            self.total.fetch_sub(before - count(&shelves), Relaxed);
        }
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shelves> {
        let at = mix(key) as usize % SHARDS;
        // Held for a push or a pop; a panic cannot leave it half done.
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
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
            if idle.total.load(Relaxed) == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("nothing was noticed");
    }

    #[tokio::test]
    async fn the_newest_is_taken_first_and_each_once() {
        let idle = Idle::new();
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
    async fn a_connection_that_is_old_closed_or_speaks_is_not_used_again() {
        let idle = Idle::new();
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
