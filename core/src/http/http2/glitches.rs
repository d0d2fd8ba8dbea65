//! Does this HTTP/2 client do more harm than good? Requests that it takes back at once, or that are malformed, cost us more than they cost it
//! (rapid reset, CVE-2023-44487), so a connection has only so many.
//!
//! A token bucket: browsers and gRPC clients cancel a burst now and then, and earn the right to the next one by time.

use crate::base::time::Timestamp;

/// What a connection may do at once.
const BURST: f64 = 200.0;
/// What it earns, per second.
const RATE: f64 = 30.0;

/// The glitches that one connection has left.
#[derive(Clone, Copy, Debug)]
pub struct Glitches {
    left: f64,
    at: Timestamp,
}

impl Glitches {
    pub const fn new(now: Timestamp) -> Self {
        Self { left: BURST, at: now }
    }

    /// One more. False: it was one too many, and the connection should end.
    pub fn spend(&mut self, now: Timestamp) -> bool {
        let earned = now.since(self.at).as_secs_f64() * RATE;
        self.left = (self.left + earned).min(BURST) - 1.0;
        self.at = now;
        self.left >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_forgiven_and_a_flood_is_not() {
        let mut glitches = Glitches::new(Timestamp::ZERO);
        assert!((0..200).all(|_| glitches.spend(Timestamp::ZERO)));
        assert!(!glitches.spend(Timestamp::ZERO));
    }

    #[test]
    fn time_earns_the_next_ones() {
        let mut glitches = Glitches::new(Timestamp::ZERO);
        for second in 1..100 {
            let now = Timestamp::from_secs(second);
            assert!((0..30).all(|_| glitches.spend(now)), "second {second}");
        }
    }
}
