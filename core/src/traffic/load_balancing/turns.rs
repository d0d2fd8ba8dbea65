//! Whose turn is it? Smooth weighted round robin, prepared as one cycle of turns.
//!
//! nginx's smooth algorithm looks at every member for every pick. Here its result is computed once per publication: a cycle in
//! which each member has turns in proportion to its weight, spread evenly. A pick is then one atomic increment. The position
//! is carried over to the next publication, so that a change does not send everybody to the first member again.
//!
//! The cycle is as short as exact proportions allow; where they would need too many turns, weights are rounded.

use crate::base::sync::{AtomicUsize, Relaxed};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a cycle may have: a weight of 1 among thousands is still honoured, and preparing a large pool stays cheap.
const MOST_TURNS: f64 = 4096.0;
const MOST_TURNS_PER_MEMBER: f64 = 16.0;
/// The lightest member's turns in one cycle are at most this many: 7 : 3 needs three, a ramp's tenths need nine.
const FINEST: u32 = 10;

/// One cycle of turns.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    cycle: Vec<u32>,
    position: Arc<AtomicUsize>,
}

impl Turns {
    pub(super) fn new(weights: &[f64], previous: Option<&Self>) -> Self {
        let position = previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.position));
        Self { cycle: cycle(weights), position }
    }

    /// The next turn.
    pub(super) fn next(&self) -> usize {
        let turn = self.position.fetch_add(1, Relaxed);
        let at = turn % self.cycle.len().max(1);
        self.cycle.get(at).map_or(0, |member| *member as usize)
    }
}

/// Each turn has an ideal moment within the cycle; sorting the moments interleaves the members. Members with as many turns as
/// each other share one rhythm, each at a phase of its own, so that the light ones do not all come at once.
fn cycle(weights: &[f64]) -> Vec<u32> {
    let scale = scale(weights);
    let turns: Vec<u32> = weights.iter().map(|weight| (weight * scale).round().max(1.0) as u32).collect();
    let mut alike: BTreeMap<u32, u32> = BTreeMap::new();
    turns.iter().for_each(|turns| *alike.entry(*turns).or_default() += 1);
    let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
    let mut moments: Vec<(f64, u32)> = Vec::new();
    for (member, turns) in turns.iter().enumerate() {
        let rank = seen.entry(*turns).or_default();
        let phase = (f64::from(*rank) + 0.5) / f64::from(alike.get(turns).copied().unwrap_or(1));
        *rank += 1;
        moments.extend((0..*turns).map(|turn| ((f64::from(turn) + phase) / f64::from(*turns), member as u32)));
    }
    moments.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    moments.into_iter().map(|(_, member)| member).collect()
}

/// Turns per weight: the least that gives everybody a whole number of turns, or what the longest cycle allows.
fn scale(weights: &[f64]) -> f64 {
    let lightest = weights.iter().copied().fold(f64::INFINITY, f64::min);
    let sum: f64 = weights.iter().sum();
    let longest = MOST_TURNS.max(MOST_TURNS_PER_MEMBER * weights.len() as f64);
    let whole = |scale: &f64| weights.iter().all(|weight| (weight * scale - (weight * scale).round()).abs() < 1e-6);
    let exact = (1..=FINEST).map(|turns| f64::from(turns) / lightest).take_while(|scale| sum * scale <= longest);
    exact.into_iter().find(whole).unwrap_or(longest / sum)
}

#[cfg(test)]
mod tests {
    use super::{Turns, cycle};

    #[test]
    fn equal_weights_take_turns() {
        let turns = Turns::new(&[1.0, 1.0, 1.0], None);
        assert_eq!((0..6).map(|_| turns.next()).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn turns_are_in_proportion_and_never_clumped() {
        let turns = Turns::new(&[5.0, 1.0, 1.0], None);
        let seen: Vec<usize> = (0..7).map(|_| turns.next()).collect();
        assert_eq!(seen, [0, 1, 0, 0, 0, 2, 0]);
    }

    #[test]
    fn a_cycle_is_no_longer_than_exact_proportions_need() {
        for (weights, length) in [
            (&[4.0, 4.0, 4.0][..], 3),
            (&[7.0, 3.0], 10),
            (&[1.0, 1.0, 0.1], 21),
            (&[100.0, 70.0], 17),
            (&[999.0, 1.0], 1000),
            (&[], 0),
        ] {
            assert_eq!(cycle(weights).len(), length, "{weights:?}");
        }
    }

    #[test]
    fn weights_that_are_no_whole_multiples_are_rounded_within_a_bounded_cycle() {
        let cycle = cycle(&[1.0, std::f64::consts::PI, 1000.5]);
        assert!((4000..4200).contains(&cycle.len()), "{}", cycle.len());
        for (member, turns) in [(0, 4), (1, 13)] {
            assert_eq!(cycle.iter().filter(|turn| **turn == member).count(), turns);
        }
        // The lightest has its turn, however light it is.
        assert_eq!(super::cycle(&[1.0, 1e9]).iter().filter(|turn| **turn == 0).count(), 1);
    }

    #[test]
    fn the_position_survives_a_publication() {
        let before = Turns::new(&[1.0, 1.0, 1.0], None);
        before.next();
        let after = Turns::new(&[1.0, 1.0, 1.0], Some(&before));
        assert_eq!(after.next(), 1);
    }
}
