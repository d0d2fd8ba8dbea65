//! Whose probe is next when no more may be in flight? Upstreams take turns; within one, first come, first served.
//!
//! A thousand backends that answer nothing hold a thousand places for a timeout each. Another upstream's few must not stand behind
//! them all, or one dead pool would blind the gateway for the others.

use crate::base::identity::BackendKey;
use crate::plan::ProbeKind;
use std::collections::VecDeque;
use std::sync::Arc;

/// Whose probe is due, and which.
type Due = (BackendKey, ProbeKind);

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The upstreams that wait, the next one first.
    lines: VecDeque<(Arc<str>, VecDeque<Due>)>,
}

impl Queue {
    pub(super) fn push(&mut self, upstream: &Arc<str>, due: Due) {
        match self.lines.iter_mut().find(|(name, _)| name == upstream) {
            Some((_, line)) => line.push_back(due),
            None => self.lines.push_back((Arc::clone(upstream), VecDeque::from([due]))),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Due> {
        let (upstream, mut line) = self.lines.pop_front()?;
        let due = line.pop_front();
        if !line.is_empty() {
            self.lines.push_back((upstream, line));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use crate::base::identity::BackendKey;
    use crate::plan::ProbeKind;

    #[test]
    fn upstreams_take_turns() {
        let mut queue = Queue::default();
        for (upstream, backend) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("b", 5)] {
            queue.push(&upstream.into(), (BackendKey(backend), ProbeKind::Readiness));
        }
        let order: Vec<u64> = std::iter::from_fn(|| queue.pop()).map(|(key, _)| key.0).collect();
        assert_eq!(order, [1, 4, 2, 5, 3]);
    }
}
