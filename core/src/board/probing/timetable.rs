//! When is a backend probed next? One kind of probe of one backend: its period, and whatever pulls at it.
//!
//! Each probe that live traffic has confirmed doubles the period, up to a cap. A failure of traffic pulls the next probe to now, as
//! always; and where the proof ends because nobody asks the backend any more, the usual period is back within one look at the traffic. So
//! a backend that falls silent is found by those who ask it, or about as soon as without stretching.

use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::health::probe_schedule;
use crate::plan::ProbePlan;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(in crate::board) struct Timetable {
    plan: Arc<ProbePlan>,
    /// When the backend appeared, or the instance that answers now.
    joined: Timestamp,
    next: Timestamp,
    last_started: Option<Timestamp>,
    /// Nobody of its pool serves, so clients wait for this one.
    awaited: bool,
    /// The period that traffic has stretched it to; zero: the usual one.
    stretched: Duration,
}

/// How urgent is the probe after the one that starts now?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// A change is pending.
    Hurried,
    Usual,
    /// Traffic proves the backend well.
    Stretched,
}

impl Timetable {
    /// The first probe is due at once, or after the initial delay.
    pub(super) fn new(plan: Arc<ProbePlan>, now: Timestamp) -> Self {
        Self {
            joined: now,
            next: now + plan.initial_delay,
            last_started: None,
            awaited: false,
            stretched: Duration::ZERO,
            plan,
        }
    }

    /// Another instance answers: it is asked as soon as may be.
    pub(super) fn begin_anew(&mut self, now: Timestamp) {
        self.joined = now;
        self.next = probe_schedule::pulled(&self.plan, self.last_started, now);
    }

    /// Another definition: the next probe is due at once.
    pub(super) fn redefine(&mut self, plan: Arc<ProbePlan>, now: Timestamp) {
        (self.plan, self.next) = (plan, now);
    }

    /// In another process it joined so long ago. Where a verdict stands, it is to be `confirmed` at once.
    pub(super) fn import(&mut self, joined: Duration, confirmed: bool, now: Timestamp) {
        self.joined = now - joined;
        if confirmed {
            self.next = now;
        }
    }

    pub(super) const fn joined(&self) -> Timestamp {
        self.joined
    }

    /// It had to wait for another kind of probe: what was due meanwhile is due now.
    pub(in crate::board) fn release(&mut self, now: Timestamp) {
        self.next = self.next.max(now);
    }

    pub(super) const fn next(&self) -> Timestamp {
        self.next
    }

    /// How long the next probe has been due.
    pub(super) fn late(&self, now: Timestamp) -> Duration {
        now.since(self.next)
    }

    pub(super) const fn is_awaited(&self) -> bool {
        self.awaited
    }

    /// Nobody of its pool serves (any more).
    pub(in crate::board) fn await_it(&mut self, awaited: bool) {
        self.awaited = awaited;
    }

    /// A probe starts.
    pub(super) fn start(&mut self, pace: Pace, now: Timestamp, rng: &mut Rng) {
        self.next = match self.last_started {
            None => probe_schedule::phase(&self.plan, now, rng),
            Some(_) => probe_schedule::next(&self.plan, pace == Pace::Hurried, now, rng),
        };
        self.last_started = Some(now);
        self.stretch(pace, now, rng);
    }

    /// Puts the next probe further away where traffic proves enough.
    fn stretch(&mut self, pace: Pace, now: Timestamp, rng: &mut Rng) {
        let (period, cap) = (self.plan.period, self.plan.stretch_to);
        if pace != Pace::Stretched || cap <= period {
            self.stretched = Duration::ZERO;
            return;
        }
        self.stretched = (self.stretched.max(period) * 2).min(cap);
        self.next = now + probe_schedule::jittered(self.stretched, self.plan.jitter, rng).min(cap);
    }

    /// Nobody proves the backend well any more: the usual period is back. True when the next probe comes sooner by that.
    pub(super) fn unstretch(&mut self, now: Timestamp) -> bool {
        let Some(last) = self.last_started.filter(|_| !self.stretched.is_zero()) else { return false };
        let usual = now.max(last + self.plan.period);
        if self.next <= usual {
            return false;
        }
        (self.stretched, self.next) = (Duration::ZERO, usual);
        true
    }

    pub(super) const fn last_started(&self) -> Option<Timestamp> {
        self.last_started
    }

    /// Pulls the next probe to now, at least one fast period after the last.
    pub(in crate::board) fn pull(&mut self, now: Timestamp) {
        self.next = self.soonest(now);
    }

    /// Pulls the next probe to now unless one has started since `at`.
    pub(in crate::board) fn pull_past(&mut self, at: Timestamp, now: Timestamp) {
        if self.last_started.is_none_or(|last| last < at) {
            self.pull(now);
        }
    }

    /// When the next probe starts if everything pulls at it; the first not before the initial delay is over.
    pub(super) fn soonest(&self, now: Timestamp) -> Timestamp {
        self.next.min(self.pulled(now))
    }

    fn pulled(&self, now: Timestamp) -> Timestamp {
        let first = self.last_started.is_none().then_some(self.joined + self.plan.initial_delay);
        probe_schedule::pulled(&self.plan, self.last_started, now).max(first.unwrap_or(now))
    }

    /// Puts the next probe into its place among those of a pool that nobody serves: `place` of `places` within a fast period. Probed all at
    /// one moment, a pool would be found well again a whole fast period late as often as not.
    pub(in crate::board) fn take_turns(&mut self, place: usize, places: usize, now: Timestamp) {
        let share = place as f64 / places.max(1) as f64;
        self.next = self.pulled(now) + self.plan.fast_period.mul_f64(share);
    }

    /// A pass while it is out is to be confirmed soon.
    pub(super) fn confirm_soon(&mut self, now: Timestamp) {
        let confirmed = self.last_started.map_or(now, |last| last + self.confirms_after());
        self.next = self.next.min(confirmed.max(now));
    }

    /// How soon a probe follows on one that passed while it is out. An outage is the one time at which half a fast period matters more
    /// than the load of a probe.
    pub(in crate::board) fn confirms_after(&self) -> Duration {
        if self.awaited { self.plan.fast_period / 2 } else { self.plan.fast_period }
    }
}
