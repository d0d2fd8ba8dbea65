//! One client, or several? The last two distinct client addresses, each with the time it was last seen.

use crate::base::sync::{AtomicU64, Relaxed};
use crate::base::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct LastTwoClients {
    hashes: [AtomicU64; 2],
    seen: [AtomicU64; 2],
}

impl LastTwoClients {
    /// `client` is a hash of its address.
    pub(super) fn saw(&self, client: u64, now: Timestamp) {
        let [first, second] = &self.hashes;
        let [first_seen, second_seen] = &self.seen;
        let (hash, seen) = if first.load(Relaxed) == client {
            (first, first_seen)
        } else if second.load(Relaxed) == client || second_seen.load(Relaxed) <= first_seen.load(Relaxed) {
            (second, second_seen)
        } else {
            (first, first_seen)
        };
        hash.store(client, Relaxed);
        seen.store(now.0.max(1), Relaxed);
    }

    /// The hashes are compared too: two threads that meet one new client at once may write it down twice.
    pub(super) fn two_since(&self, since: Timestamp) -> bool {
        let [first, second] = &self.hashes;
        first.load(Relaxed) != second.load(Relaxed) && self.seen.iter().all(|seen| seen.load(Relaxed) > since.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients as (number, second); since when two are asked for.
    #[test]
    fn two_clients_are_told_from_one() {
        for (seen, since, two) in [
            (&[][..], 0, false),
            (&[(7, 1)], 0, false),
            (&[(7, 1), (7, 2), (7, 3)], 0, false),
            (&[(7, 1), (8, 2)], 0, true),
            // Both after the moment: at it is too early.
            (&[(7, 1), (8, 2)], 1, false),
            (&[(7, 2), (8, 2)], 1, true),
            (&[(7, 1), (8, 2), (7, 3)], 1, true),
            // A third takes the place of the one seen longest ago.
            (&[(7, 1), (8, 2), (9, 3)], 1, true),
            (&[(7, 1), (8, 2), (9, 3), (9, 4)], 2, false),
            (&[(7, 1), (8, 2), (7, 3), (9, 4)], 2, true),
            // Whoever comes again is not written down as another.
            (&[(7, 1), (8, 2), (8, 3)], 0, true),
            (&[(7, 1), (8, 2), (7, 3), (7, 4)], 1, true),
            // An address that hashes to nothing is one like any other.
            (&[(0, 1), (7, 1)], 0, true),
            (&[(0, 1), (0, 2)], 0, false),
        ] {
            let clients = LastTwoClients::default();
            seen.iter().for_each(|(client, second)| clients.saw(*client, Timestamp::from_secs(*second)));
            assert_eq!(clients.two_since(Timestamp::from_secs(since)), two, "{seen:?} since {since}");
        }
    }

    #[test]
    fn a_client_at_the_beginning_of_time_is_seen() {
        let clients = LastTwoClients::default();
        [7, 8].into_iter().for_each(|client| clients.saw(client, Timestamp::ZERO));
        assert!(clients.two_since(Timestamp::ZERO));
    }

    #[test]
    fn a_client_that_two_threads_wrote_down_at_once_is_one() {
        let clients = LastTwoClients { hashes: [7, 7].map(AtomicU64::new), seen: [1, 1].map(AtomicU64::new) };
        assert!(!clients.two_since(Timestamp::ZERO));
    }
}
