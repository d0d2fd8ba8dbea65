//! Does one condition hold, and does it flap?
//!
//! It flaps when it began or ended as often as the plan says within the plan's time, and until it has been quiet for as long. While it
//! flaps it counts as holding, so that its receivers hear of one alert and one end.

use super::FlappingPlan;
use crate::base::time::Timestamp;
use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// What was said last.
    pub raw: bool,
    pub flaps: bool,
    /// When it began or ended, the last few.
    turns: VecDeque<Timestamp>,
    /// How often since it began to flap, those before included.
    pub turned: u32,
    /// Since when it holds, flapping included.
    pub since: Timestamp,
    /// A word: where a backend stands, or the condition's own.
    pub cause: &'static str,
    /// A sentence.
    pub why: String,
    pub event_id: String,
}

impl Condition {
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            raw: false,
            flaps: false,
            turns: VecDeque::new(),
            turned: 0,
            since: at,
            cause: "",
            why: String::new(),
            event_id: String::new(),
        }
    }

    /// Somebody is to know of it.
    pub(super) const fn holds(&self) -> bool {
        self.raw || self.flaps
    }

    /// It holds now, or does not. True when that is new.
    pub(super) fn set(&mut self, raw: bool, plan: FlappingPlan, at: Timestamp) -> bool {
        if raw == self.raw {
            return false;
        }
        if raw && !self.flaps {
            self.since = at;
        }
        self.raw = raw;
        let often = plan.transitions.max(2) as usize;
        self.turns.push_back(at);
        while self.turns.len() > often {
            self.turns.pop_front();
        }
        if self.flaps {
            self.turned = self.turned.saturating_add(1);
        } else if self.turns.len() == often && self.turns.front().is_some_and(|first| at.since(*first) <= plan.within) {
            self.flaps = true;
            self.turned = often as u32;
        }
        true
    }

    /// So it was when another process handed over.
    pub(super) fn recall(&mut self, raw: bool, flaps: bool, at: Timestamp) {
        self.raw |= raw;
        if flaps {
            self.flaps = true;
            self.turns.push_back(at);
        }
    }

    /// Time passes: what was quiet for long enough has settled.
    pub(super) fn settle(&mut self, plan: FlappingPlan, now: Timestamp) {
        if self.flaps && self.quiet_at(plan).is_none_or(|quiet| quiet <= now) {
            self.flaps = false;
            self.turned = 0;
        }
    }

    /// When it has been quiet for long enough.
    pub(super) fn quiet_at(&self, plan: FlappingPlan) -> Option<Timestamp> {
        self.turns.back().map(|last| *last + plan.within)
    }

    /// Nothing about it matters any more.
    pub(super) fn is_over(&self, plan: FlappingPlan, now: Timestamp) -> bool {
        !self.holds() && self.quiet_at(plan).is_none_or(|quiet| quiet <= now)
    }
}
