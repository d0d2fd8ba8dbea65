//! What leads back to itself? The knots of a graph: sets of nodes each of which reaches all others (R. Tarjan, 1972).

use std::collections::{BTreeMap, BTreeSet};

/// Each knot with more than one node, sorted; the largest first.
pub fn knots<N: Copy + Ord>(arrows: impl IntoIterator<Item = (N, N)>) -> Vec<BTreeSet<N>> {
    let mut search = Search { next: BTreeMap::new(), seen: BTreeMap::new(), open: Vec::new(), knots: Vec::new() };
    for (from, to) in arrows {
        search.next.entry(from).or_default().insert(to);
        search.next.entry(to).or_default();
    }
    let nodes: Vec<N> = search.next.keys().copied().collect();
    for node in nodes {
        if !search.seen.contains_key(&node) {
            search.visit(node);
        }
    }
    search.knots.sort_by_key(|knot| std::cmp::Reverse(knot.len()));
    search.knots
}

struct Search<N> {
    next: BTreeMap<N, BTreeSet<N>>,
    /// When a node was first seen.
    seen: BTreeMap<N, usize>,
    open: Vec<N>,
    knots: Vec<BTreeSet<N>>,
}

impl<N: Copy + Ord> Search<N> {
    /// The earliest open node that `node` reaches.
    fn visit(&mut self, node: N) -> usize {
        let index = self.seen.len();
        self.seen.insert(node, index);
        self.open.push(node);
        let mut low = index;
        for next in self.next[&node].clone() {
            match self.seen.get(&next) {
                None => low = low.min(self.visit(next)),
                Some(&earlier) if self.open.contains(&next) => low = low.min(earlier),
                Some(_) => {}
            }
        }
        if low == index {
            let from = self.open.iter().position(|&open| open == node).expect("an open node");
            let knot: BTreeSet<N> = self.open.split_off(from).into_iter().collect();
            if knot.len() > 1 {
                self.knots.push(knot);
            }
        }
        low
    }
}
