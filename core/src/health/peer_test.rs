//! Does one backend do worse than its peers on the same traffic, beyond what chance explains?
//!
//! Counts, not averages: of `n` outcomes of one backend `x` are bad, of its peers' `m` outcomes `y`. If all of them were alike, the bad ones
//! would fall on it like balls drawn from one urn, so the chance of `x` or more is the tail of a hypergeometric distribution (Fisher's
//! exact test). It holds whatever share fails, and however that share moves, as long as it moves for all. A z-score or a moving
//! average needs large numbers and steady times, and has neither when it matters.
//!
//! Two questions must both be answered with yes, and they are not one. *Can a burst that hit everybody explain it?* compares the same
//! newest seconds of both sides. *Can chance explain it in the long run?* compares with all that the window knows of the peers,
//! and divides the level by how often the question is asked: nobody looks once. Besides, a difference must be worth an ejection: a
//! least gap, and twice the share of the peers.

use crate::health::window::{SPANS, Tally};

/// What chance may do to one pool within one window, all looks at all of its backends together.
const LEVEL: f64 = 1e-6;
/// What chance may do to one pool in one burst that hit everybody alike, looked at with each of its failures.
const BURST: f64 = 1e-4;
/// Fewer cannot be compared: of two that differ nobody can tell which is odd.
pub const BACKENDS_AT_LEAST: usize = 3;
/// Fewer bad outcomes are no evidence, whatever the others do.
pub const BAD_AT_LEAST: u32 = 5;
/// Fewer outcomes, on either side, cannot be compared.
pub const OUTCOMES_AT_LEAST: u32 = 20;
/// A share must be this many times that of the peers.
const TIMES: f64 = 2.0;

/// What the newest 1, 2, … parts of a window hold, summed up; the last is the whole window.
pub type Spans = [Tally; SPANS];

/// Two sides that are not alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contrast {
    pub own: Tally,
    pub peers: Tally,
    /// Over so many parts of the window, the newest.
    pub spans: usize,
}

/// Does a share of failures stand out among `backends` (this one among them)? `gap`: the least difference that is worth an ejection.
pub fn failures(own: &Spans, peers: &Spans, gap: f64, backends: usize) -> Option<Contrast> {
    let (all_own, all_peers) = (own.last()?, peers.last()?);
    let looks = f64::from(all_own.failures + all_peers.failures) * SPANS as f64;
    let steady = LEVEL / (backends.max(1) as f64 * looks.max(1.0));
    own.iter().zip(peers).enumerate().find_map(|(index, (own, peers))| {
        let comparable = own.total() >= OUTCOMES_AT_LEAST && peers.total() >= OUTCOMES_AT_LEAST;
        let share = peers.failed_share();
        let burst = BURST / (backends.max(1) as f64 * f64::from(own.failures + peers.failures).max(1.0));
        let wide = own.failed_share() >= share + gap && own.failed_share() >= share * TIMES;
        let found = comparable
            && own.failures >= BAD_AT_LEAST
            && wide
            && chance(*own, *peers) <= burst
            && chance(*own, *all_peers) <= steady;
        found.then_some(Contrast { own: *own, peers: *peers, spans: index + 1 })
    })
}

/// Is one side slower, where "failed" means "took longer than the limit"? Asked `looks` times per window.
pub fn slowness(own: Tally, peers: Tally, backends: usize, looks: usize) -> bool {
    let comparable = own.total() >= OUTCOMES_AT_LEAST && peers.total() >= OUTCOMES_AT_LEAST;
    let level = LEVEL / (backends.max(1) * looks.max(1)) as f64;
    comparable && own.failed_share() >= 0.5 && chance(own, peers) <= level
}

/// The chance that `own` or more of all failures fall on one side, if both sides are alike.
pub fn chance(own: Tally, peers: Tally) -> f64 {
    let (drawn, bad) = (f64::from(own.total()), f64::from(own.failures) + f64::from(peers.failures));
    let all = drawn + f64::from(peers.total());
    let first = f64::from(own.failures);
    let ln_first = ln_choose(bad, first) + ln_choose(all - bad, drawn - first) - ln_choose(all, drawn);
    // Each next term from the one before; they shrink fast, since the one that is asked about is above the mean.
    let (mut term, mut sum, mut k) = (1.0, 1.0, first);
    while k < bad.min(drawn) && term > sum * 1e-12 {
        term *= (bad - k) * (drawn - k) / ((k + 1.0) * (all - bad - drawn + k + 1.0));
        sum += term;
        k += 1.0;
    }
    (ln_first.exp() * sum).min(1.0)
}

fn ln_choose(n: f64, k: f64) -> f64 {
    if k < 0.0 || k > n { f64::NEG_INFINITY } else { ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k) }
}

/// Stirling's series; below 16, where it would be off in the ninth digit, the product itself.
fn ln_factorial(n: f64) -> f64 {
    if n < 16.0 {
        return (2..=n as u32).map(f64::from).product::<f64>().ln();
    }
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(failures: u32, total: u32) -> Tally {
        Tally { successes: total - failures, failures }
    }

    /// The same in every part: what has just begun.
    fn fresh(failures: u32, total: u32) -> Spans {
        [tally(failures, total); SPANS]
    }

    #[test]
    fn the_tail_is_the_one_of_the_books() {
        // The lady tasting tea; all three bad ones of ten in three draws; and what is certain.
        for ((own, peers), expected) in [
            ((tally(4, 4), tally(0, 4)), 1.0 / 70.0),
            ((tally(3, 4), tally(1, 4)), 17.0 / 70.0),
            ((tally(3, 3), tally(0, 7)), 1.0 / 120.0),
            ((tally(0, 50), tally(7, 50)), 1.0),
        ] {
            let chance = chance(own, peers);
            assert!((chance - expected).abs() < 1e-9, "{own:?} {peers:?}: {chance}");
        }
    }

    #[test]
    fn the_tail_survives_large_numbers() {
        let even = chance(tally(300_000, 1_000_000), tally(600_000, 2_000_000));
        assert!((0.4..0.6).contains(&even), "{even}");
        assert!(chance(tally(310_000, 1_000_000), tally(600_000, 2_000_000)) < 1e-50);
        assert_eq!(chance(tally(0, 0), tally(0, 0)), 1.0);
    }

    #[test]
    fn a_backend_stands_out_by_more_than_chance() {
        for ((own, peers), stands_out) in [
            // 30 % of it, none of its peers: the case that a streak and half a window miss.
            ((fresh(27, 90), fresh(0, 180)), true),
            ((fresh(27, 90), fresh(1, 180)), true),
            ((fresh(20, 20), fresh(0, 40)), true),
            // Everybody alike.
            ((fresh(27, 90), fresh(54, 180)), false),
            ((fresh(1, 90), fresh(0, 180)), false),
            // Fewer than 20 outcomes, or nobody to compare with.
            ((fresh(19, 19), fresh(0, 40)), false),
            ((fresh(90, 90), fresh(0, 19)), false),
            // Certainly worse, and not worth it: 6 % and 2 %.
            ((fresh(600, 10_000), fresh(400, 20_000)), false),
            // Worse, and not twice as bad.
            ((fresh(4_500, 10_000), fresh(6_000, 20_000)), false),
            // It could be chance.
            ((fresh(8, 24), fresh(2, 48)), false),
        ] {
            assert_eq!(failures(&own, &peers, 0.1, 3).is_some(), stands_out, "{:?} {:?}", own[0], peers[0]);
        }
    }

    #[test]
    fn earlier_successes_do_not_hide_failures_of_now() {
        let mut own = fresh(12, 610);
        own[0] = tally(12, 36);
        let mut peers = fresh(0, 1220);
        peers[0] = tally(0, 70);
        let contrast = failures(&own, &peers, 0.1, 3).unwrap();
        assert_eq!((contrast.own, contrast.spans), (tally(12, 36), 1));
    }

    #[test]
    fn a_burst_that_hits_everybody_is_nobodys_own() {
        // The peers were well before; now half of everything fails, everywhere.
        let mut own = fresh(20, 640);
        own[0] = tally(20, 40);
        let mut peers = fresh(30, 1280);
        peers[0] = tally(30, 80);
        assert_eq!(failures(&own, &peers, 0.1, 3), None);
    }
}
