//! Which connections to backends belong to one client's connection? Those that a PROXY header has introduced as that client's, and those over
//! which it has authenticated itself.
//!
//! Nobody else may ever use them: the backend takes whatever comes over them for this client's. So they rest here and not on the
//! shelves of all (`idle`), are used again for this client's next request, and end with its connection. Which backend that request goes to
//! is free for the former; the latter bind it.

use crate::proxy::connection_pool::idle::{Kept, Rested};
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Resting at once for one client's connection; beyond it, the one that rests longest is closed.
const AT_MOST: usize = 8;

/// The resting connections of one client's connection.
#[derive(Debug, Default)]
pub struct Private(Mutex<Vec<Resting>>);

#[derive(Debug)]
struct Resting {
    shelf: u64,
    rested: Rested,
    /// Set: the client has authenticated itself over it.
    bound: Option<Bound>,
}

/// To whom a client is bound.
#[derive(Clone, Debug)]
pub struct Bound {
    pub upstream: Arc<str>,
    pub backend: BackendKey,
}

impl Private {
    /// A connection of this shelf that is good, as far as can be seen from here, the newest first; and whether the client is known on it.
    pub fn take(&self, shelf: u64, now: Timestamp) -> Option<(Kept, bool)> {
        let mut resting = self.good(now);
        let at = resting.iter().rposition(|one| one.shelf == shelf)?;
        let Resting { rested, bound, .. } = resting.remove(at);
        Some((rested.taken(), bound.is_some()))
    }

    pub fn put(&self, shelf: u64, kept: Kept, until: Timestamp, bound: Option<Bound>) {
        let mut resting = self.lock();
        if resting.len() >= AT_MOST {
            resting.remove(0);
        }
        resting.push(Resting { shelf, rested: Rested::new(kept, until), bound });
    }

    /// The backend of this upstream that knows the client; the last one, where there are several.
    pub fn bound(&self, upstream: &str, now: Timestamp) -> Option<BackendKey> {
        let resting = self.good(now);
        let bound = resting.iter().rev().filter_map(|one| one.bound.as_ref());
        bound.filter(|bound| &*bound.upstream == upstream).map(|bound| bound.backend).next()
    }

    /// What is old or was closed meanwhile ends here.
    fn good(&self, now: Timestamp) -> MutexGuard<'_, Vec<Resting>> {
        let mut resting = self.lock();
        resting.retain_mut(|one| one.rested.is_good(now));
        resting
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::connection_pool::mark::Mark;
    use crate::proxy::wire::{Socket, Transport, Wire};
    use std::time::Duration;
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;

    const UNTIL: Timestamp = Timestamp(1_000_000_000);

    fn pair() -> (Kept, UnixStream) {
        let (near, far) = UnixStream::pair().unwrap();
        (Kept { wire: Wire::new(Socket::Plain(Transport::Unix(near))), mark: Mark::busy(&Arc::default()) }, far)
    }

    /// Until the system has told us what the far side did, and so many are good.
    async fn left(private: &Private, expected: usize) {
        for _ in 0..1000 {
            if private.good(Timestamp::ZERO).len() == expected {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("nothing was noticed");
    }

    #[tokio::test]
    async fn one_is_taken_from_its_shelf_once_and_while_it_is_good() {
        let private = Private::default();
        let ((one, _one), (two, two_far), (three, _three)) = (pair(), pair(), pair());
        private.put(1, one, UNTIL, None);
        private.put(2, two, UNTIL, None);
        private.put(3, three, UNTIL + Duration::from_secs(1), None);
        assert!(private.take(1, Timestamp::ZERO).is_some());
        assert!(private.take(1, Timestamp::ZERO).is_none());
        drop(two_far);
        left(&private, 1).await;
        assert!(private.take(2, Timestamp::ZERO).is_none());
        assert!(private.take(3, UNTIL).is_some());
    }

    #[tokio::test]
    async fn the_one_that_rests_longest_makes_room_and_all_end_with_their_client() {
        let private = Private::default();
        let mut far_ends = Vec::new();
        for _ in 0..=AT_MOST {
            let (near, far) = pair();
            private.put(1, near, UNTIL, None);
            far_ends.push(far);
        }
        assert_eq!(far_ends[0].read(&mut [0; 1]).await.unwrap(), 0);
        drop(private);
        for far in &mut far_ends {
            assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn a_client_is_bound_to_the_last_backend_that_knows_it_and_is_there() {
        let private = Private::default();
        let bound = |upstream: &str, backend| Some(Bound { upstream: upstream.into(), backend: BackendKey(backend) });
        let ((one, _one), (two, two_far), (three, _three), (four, _four)) = (pair(), pair(), pair(), pair());
        private.put(1, one, UNTIL, bound("a", 1));
        private.put(2, two, UNTIL, bound("a", 2));
        private.put(3, three, UNTIL, bound("b", 3));
        private.put(4, four, UNTIL, None);
        let of = |upstream| private.bound(upstream, Timestamp::ZERO);
        assert_eq!((of("a"), of("b"), of("c")), (Some(BackendKey(2)), Some(BackendKey(3)), None));
        drop(two_far);
        left(&private, 3).await;
        assert_eq!(of("a"), Some(BackendKey(1)));
        assert_eq!(private.take(1, Timestamp::ZERO).map(|(_, known)| known), Some(true));
        assert_eq!(private.take(4, Timestamp::ZERO).map(|(_, known)| known), Some(false));
        assert_eq!(of("a"), None, "it is in use");
    }
}
