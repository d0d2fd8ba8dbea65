//! Whose turn is it? Smooth weighted round robin, prepared as one cycle of turns.
//!
//! nginx's smooth algorithm looks at every member for every pick. Here its result is computed once per publication: a cycle in
//! which each member has turns in proportion to its weight, spread evenly. A pick is then one atomic increment. The position
//! is carried over to the next publication, so that a change does not send everybody to the first member again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Turns of the heaviest member in a cycle of unequal weights: weights are exact to about 1 %.
const FINENESS: f64 = 64.0;

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

fn cycle(weights: &[f64]) -> Vec<u32> {
    let heaviest = weights.iter().copied().fold(0.0, f64::max);
    if weights.iter().all(|weight| *weight == heaviest) {
        return (0..weights.len() as u32).collect();
    }
    // Each turn has an ideal moment within the cycle; sorting all moments interleaves the members evenly.
    let mut moments: Vec<(f64, u32)> = Vec::new();
    for (member, weight) in weights.iter().enumerate() {
        let turns = (weight / heaviest * FINENESS).round().max(1.0);
        moments.extend((0..turns as u32).map(|turn| ((f64::from(turn) + 0.5) / turns, member as u32)));
    }
    moments.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    moments.into_iter().map(|(_, member)| member).collect()
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn equal_weights_take_turns() {
        let turns = Turns::new(&[1.0, 1.0, 1.0], None);
        assert_eq!((0..6).map(|_| turns.next()).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn turns_are_in_proportion_and_never_clumped() {
        let turns = Turns::new(&[2.0, 1.0], None);
        let seen: Vec<usize> = (0..96).map(|_| turns.next()).collect();
        assert_eq!(seen.iter().filter(|member| **member == 0).count(), 64);
        assert!(seen.windows(4).all(|four| four.contains(&1)));
    }

    #[test]
    fn the_position_survives_a_publication() {
        let before = Turns::new(&[1.0, 1.0, 1.0], None);
        before.next();
        let after = Turns::new(&[1.0, 1.0, 1.0], Some(&before));
        assert_eq!(after.next(), 1);
    }
}
