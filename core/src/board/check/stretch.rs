//! How far apart may probes be while traffic proves a backend well?
//!
//! Each probe that live traffic has confirmed doubles the period, up to a cap. A failure of traffic pulls the next probe to now, as always; and
//! where the proof ends because nobody asks it any more, the usual period is back within one look at the traffic. So a backend that falls
//! silent is found by those who ask it, or about as soon as without stretching.

use super::Check;
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::health::probe_schedule;
use crate::traffic::cell::Cell;
use std::time::Duration;

impl Check {
    /// Since the last probe started, traffic has succeeded and nothing has failed.
    pub(in crate::board) fn proven_by(&self, cell: &Cell) -> bool {
        self.last_started.is_some_and(|at| cell.succeeded_after(at) && !cell.failed_after(at))
    }

    /// A probe has just started: puts the next one further away where traffic proves enough.
    pub(in crate::board) fn stretch(&mut self, proven: bool, now: Timestamp, rng: &mut Rng) {
        let (period, cap) = (self.plan.period, self.plan.stretch_to);
        let calm = cap > period && proven && self.last_passed() && self.up() && !self.hurried() && !self.awaited;
        if !calm {
            self.stretched = Duration::ZERO;
            return;
        }
        self.stretched = (self.stretched.max(period) * 2).min(cap);
        self.next = now + probe_schedule::jittered(self.stretched, self.plan.jitter, rng).min(cap);
    }

    /// Where nobody has asked it for a period, the usual one is back. True when the next probe comes sooner.
    pub(in crate::board) fn unproven(&mut self, cell: &Cell, now: Timestamp) -> bool {
        let Some(last) = self.last_started.filter(|_| !self.stretched.is_zero()) else { return false };
        let usual = now.max(last + self.plan.period);
        if cell.succeeded_after(now - self.plan.period) || self.next <= usual {
            return false;
        }
        (self.stretched, self.next) = (Duration::ZERO, usual);
        true
    }
}
