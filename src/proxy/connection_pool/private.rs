//! Which connections to backends belong to one client's connection? Those that a PROXY header has introduced as that client's.
//!
//! Nobody else may ever use them: the backend takes whatever comes over them for this client's. So they rest here and not on the
//! shelves of all (`idle`), are used again for this client's next request, and end with its connection.

use crate::proxy::connection_pool::idle::{Kept, Rested};
use pulsegate_core::base::time::Timestamp;
use std::sync::{Mutex, PoisonError};

/// Resting at once for one client's connection; beyond it, the one that rests longest is closed.
const AT_MOST: usize = 8;

/// The resting connections of one client's connection, each with its shelf.
#[derive(Debug, Default)]
pub struct Private(Mutex<Vec<(u64, Rested)>>);

impl Private {
    /// A connection of this shelf that is good, as far as can be seen from here; the newest first.
    pub fn take(&self, shelf: u64, now: Timestamp) -> Option<Kept> {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is old or was closed meanwhile ends here.
        resting.retain_mut(|(_, rested)| rested.is_good(now));
        let at = resting.iter().rposition(|(of, _)| *of == shelf)?;
        Some(resting.remove(at).1.taken())
    }

    pub fn put(&self, shelf: u64, kept: Kept, until: Timestamp) {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.len() >= AT_MOST {
            resting.remove(0);
        }
        resting.push((shelf, Rested::new(kept, until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::connection_pool::mark::Mark;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    const UNTIL: Timestamp = Timestamp(1_000_000_000);

    fn pair() -> (Kept, DuplexStream) {
        let (near, far) = duplex(64);
        (Kept { stream: Box::new(near), mark: Mark::busy(&Arc::default()) }, far)
    }

    #[tokio::test]
    async fn one_is_taken_from_its_shelf_once_and_while_it_is_good() {
        let private = Private::default();
        let ((one, _one), (two, two_far), (three, _three)) = (pair(), pair(), pair());
        private.put(1, one, UNTIL);
        private.put(2, two, UNTIL);
        private.put(3, three, UNTIL + Duration::from_secs(1));
        assert!(private.take(1, Timestamp::ZERO).is_some());
        assert!(private.take(1, Timestamp::ZERO).is_none());
        drop(two_far);
        assert!(private.take(2, Timestamp::ZERO).is_none());
        assert!(private.take(3, UNTIL).is_some());
    }

    #[tokio::test]
    async fn the_one_that_rests_longest_makes_room_and_all_end_with_their_client() {
        let private = Private::default();
        let mut far_ends = Vec::new();
        for _ in 0..=AT_MOST {
            let (near, far) = pair();
            private.put(1, near, UNTIL);
            far_ends.push(far);
        }
        assert_eq!(far_ends[0].read(&mut [0; 1]).await.unwrap(), 0);
        drop(private);
        for far in &mut far_ends {
            assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0);
        }
    }
}
