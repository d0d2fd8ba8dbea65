//! Which member does a key belong to? A hash ring over all members, built once per member set.
//!
//! Ketama's idea: each member owns many points of a circle, a key belongs to the next point. Members that cannot serve are skipped
//! while picking, not removed, so that a backend's failure moves only its own keys, and its return moves them back.
//! Bounded load after Mirrokni, Thorup and Zadimoghaddam (2016): a member with more than 1.25 × its share of the load is skipped too.

use crate::base::rng::mix;
use crate::traffic::endpoint::Endpoint;
use std::sync::Arc;

/// Points per unit of (mean) weight.
const POINTS: f64 = 160.0;
/// How far above its share of the load a member may be before its keys go on to the next.
pub(super) const LOAD_BOUND: f64 = 1.25;

/// Nobody who has a weight is without a point.
fn points_of(weight: f64, mean: f64) -> u64 {
    if weight > 0.0 { (POINTS * weight / mean).round().max(1.0) as u64 } else { 0 }
}

/// The circle: points in order, each with the index of its member.
#[derive(Clone, Debug, Default)]
pub(super) struct Ring {
    points: Arc<[(u64, u32)]>,
    /// What it was built over.
    built_for: Arc<[(u64, u32)]>,
}

impl Ring {
    /// Takes the previous ring where members and weights are the same.
    pub(super) fn new(members: &[Arc<Endpoint>], previous: Option<&Self>) -> Self {
        let built_for: Arc<[(u64, u32)]> = members.iter().map(|member| (member.key.0, member.weight)).collect();
        if let Some(previous) = previous.filter(|previous| previous.built_for == built_for) {
            return previous.clone();
        }
        let mean = members.iter().map(|member| f64::from(member.weight)).sum::<f64>() / members.len().max(1) as f64;
        let mut points: Vec<(u64, u32)> = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let count = points_of(f64::from(member.weight), mean);
            points.extend((0..count).map(|point| (mix(member.key.0 ^ mix(point + 1)), index as u32)));
        }
        points.sort_unstable();
        Self { points: points.into(), built_for }
    }

    /// The members (by index) in the order in which `hash` meets them, repetitions included; at most one round.
    pub(super) fn walk(&self, hash: u64) -> impl Iterator<Item = usize> {
        let start = self.points.partition_point(|(point, _)| *point < hash);
        let (before, after) = self.points.split_at(start);
        after.iter().chain(before).map(|(_, member)| *member as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key: the members in the order in which it meets them. Points at 10, 20, 30 and at the end of the circle.
    #[test]
    fn a_key_belongs_to_the_next_point_and_meets_each_point_once() {
        let points = [(10, 0), (20, 1), (30, 0), (u64::MAX, 2)];
        let ring = Ring { points: points.into(), built_for: Arc::default() };
        for (hash, walk) in [
            (0, [0, 1, 0, 2]),
            (10, [0, 1, 0, 2]),
            (11, [1, 0, 2, 0]),
            (30, [0, 2, 0, 1]),
            (31, [2, 0, 1, 0]),
            (u64::MAX, [2, 0, 1, 0]),
        ] {
            assert_eq!(ring.walk(hash).collect::<Vec<_>>(), walk, "{hash}");
        }
        assert_eq!(Ring::default().walk(7).count(), 0, "nobody is there");
    }

    /// A weight, and the mean of all: so many points.
    #[test]
    fn points_follow_the_weights_and_whoever_has_a_weight_has_one() {
        for (weight, mean, points) in
            [(1.0, 1.0, 160), (2.0, 1.0, 320), (1.0, 2.0, 80), (0.0, 1.0, 0), (1.0, 1e6, 1), (1.0, 33.0, 5)]
        {
            assert_eq!(points_of(weight, mean), points, "{weight} of {mean}");
        }
    }
}
