//! What do probes say of one backend, and when is it probed next? The active side: schedule, counter, last result.
//!
//! Never two probes in flight for one check. A probe whose answer gets lost is counted as a timeout after twice its deadline, so
//! that nothing waits for ever.

mod state;
mod stretch;

pub use state::{CheckState, ProbeState};

use super::contract::{LastProbe, ProbeTicket};
use super::said::Said;
use super::why::Probes;
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::health::combine::Active;
use crate::health::counter::Counter;
use crate::health::probe_schedule;
use crate::health::reading::{HttpAnswer, Reading, ReadingResult, Severity, Verdict, failing_components, judge};
use crate::plan::{ProbeFailure, ProbePlan};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Probes that are kept per check, the last one included.
const KEPT: usize = 10;
/// What a probe says for people is cut beyond so many characters: backends and their libraries can be long-winded.
const TEXT_CAP: usize = 400;

/// One check of one backend.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub plan: Arc<ProbePlan>,
    joined: Timestamp,
    /// `None`: unchecked.
    pub counter: Option<Counter>,
    severity: Severity,
    /// It passed at least once: the startup grace is over.
    passed_once: bool,
    next: Timestamp,
    last_started: Option<Timestamp>,
    previous_start: Option<Timestamp>,
    in_flight: Option<InFlight>,
    /// It is due and waits for a place among the probes in flight.
    pub queued: bool,
    pub last: Option<LastProbe>,
    /// Those before the last, oldest first.
    before: VecDeque<LastProbe>,
    /// How the last failed probe failed.
    last_failure: String,
    /// What its documents say, beyond passing and failing.
    pub said: Said,
    /// Every failure since the last pass was a timeout.
    only_timeouts: bool,
    /// The verdict was handed over, and no probe has ended since.
    pub unconfirmed: bool,
    /// Another service answered last.
    pub stranger: bool,
    /// Nobody of its pool serves, so clients wait for this one.
    awaited: bool,
    /// How the last failed probe failed.
    last_kind: Option<ProbeFailure>,
    /// The period that traffic has stretched it to; zero: the usual one.
    stretched: Duration,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    ticket: ProbeTicket,
    started: Timestamp,
    lost_at: Timestamp,
}

/// What one finished probe came to.
pub(super) struct Finished {
    pub verdict: Verdict,
    pub started: Timestamp,
}

impl Check {
    /// A check whose first probe is due at once (or after the initial delay).
    pub(super) fn new(plan: Arc<ProbePlan>, now: Timestamp) -> Self {
        Self {
            joined: now,
            counter: None,
            severity: Severity::Down,
            passed_once: false,
            next: now + plan.initial_delay,
            last_started: None,
            previous_start: None,
            in_flight: None,
            queued: false,
            last: None,
            before: VecDeque::new(),
            last_failure: String::new(),
            said: Said::default(),
            only_timeouts: true,
            unconfirmed: false,
            stranger: false,
            awaited: false,
            last_kind: None,
            stretched: Duration::ZERO,
            plan,
        }
    }

    /// A liveness check: a backend lives until it is seen not to.
    pub(super) fn alive(plan: Arc<ProbePlan>, now: Timestamp) -> Self {
        let counter = Some(Counter::settled(true, plan.success_threshold, plan.failure_threshold));
        Self { counter, ..Self::new(plan, now) }
    }

    /// Another instance answers: nothing is known of it, and it is asked as soon as may be.
    pub(super) fn begin_anew(&mut self, now: Timestamp) {
        (self.joined, self.counter, self.severity) = (now, None, Severity::Down);
        (self.passed_once, self.only_timeouts, self.unconfirmed) = (false, true, false);
        self.said = Said::default();
        self.next = probe_schedule::pulled(&self.plan, self.last_started, now);
    }

    /// It lives, as far as anybody knows, and is asked as soon as may be.
    pub(super) fn revive(&mut self, now: Timestamp) {
        self.begin_anew(now);
        self.counter = Some(Counter::settled(true, self.plan.success_threshold, self.plan.failure_threshold));
    }

    /// It had to wait for another kind of probe: what was due meanwhile is due now.
    pub(super) fn release(&mut self, now: Timestamp) {
        self.next = self.next.max(now);
    }

    pub(super) fn last_failure(&self) -> &str {
        &self.last_failure
    }

    /// Another definition: the verdict stays, the streak is cleared, the next probe is due at once.
    pub(super) fn redefine(&mut self, plan: Arc<ProbePlan>, now: Timestamp) {
        let settled = |counter: Counter| Counter::settled(counter.up(), plan.success_threshold, plan.failure_threshold);
        self.counter = self.counter.map(settled);
        self.next = now;
        self.plan = plan;
    }

    /// What it says at `now`.
    pub(super) fn active(&self) -> Active {
        match self.counter {
            None => Active::Unchecked,
            Some(counter) if counter.up() => Active::Up,
            Some(_) if !self.passed_once && self.in_grace() => Active::Starting,
            Some(_) if self.severity == Severity::NotReady => Active::NotReady,
            Some(_) => Active::Down,
        }
    }

    /// When failures begin to count as down; `None` once it has passed.
    pub(super) fn grace_until(&self) -> Option<Timestamp> {
        (!self.passed_once).then(|| self.joined + self.grace())
    }

    fn grace(&self) -> Duration {
        self.plan.startup_grace.max(self.plan.initial_delay)
    }

    /// Judged at the time of the last probe, so that the verdict changes with a probe and not between two.
    fn in_grace(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.at < self.joined + self.grace())
    }

    pub(super) fn up(&self) -> bool {
        self.counter.is_some_and(Counter::up)
    }

    /// When the probe in flight started.
    pub(super) fn under_way(&self) -> Option<Timestamp> {
        self.in_flight.map(|probe| probe.started)
    }

    pub(super) fn in_flight(&self) -> Option<ProbeTicket> {
        self.in_flight.map(|probe| probe.ticket)
    }

    /// When something is due: the next probe, or the loss of the one in flight.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self.in_flight {
            Some(probe) => Some(probe.lost_at),
            None => (!self.queued).then_some(self.next),
        }
    }

    pub(super) fn next_probe(&self) -> Option<Timestamp> {
        self.in_flight.is_none().then_some(self.next)
    }

    /// Is a probe due that does not wait for its place yet? Then it does from now on.
    pub(super) fn queues(&mut self, now: Timestamp) -> bool {
        let due = self.in_flight.is_none() && self.next <= now;
        due && !std::mem::replace(&mut self.queued, true)
    }

    /// How long the next probe has been due.
    pub(super) fn late(&self, now: Timestamp) -> Duration {
        now.since(self.next)
    }

    pub(super) fn lost(&self, now: Timestamp) -> bool {
        self.in_flight.is_some_and(|probe| probe.lost_at <= now)
    }

    pub(super) fn started(&mut self, ticket: ProbeTicket, now: Timestamp, rng: &mut Rng) {
        // Every probe ends by itself at its timeout, so a generous bound costs nothing.
        let lost_at = now + self.plan.timeout * 2 + self.plan.period;
        self.queued = false;
        self.in_flight = Some(InFlight { ticket, started: now, lost_at });
        self.next = match self.last_started {
            None => probe_schedule::phase(&self.plan, now, rng),
            Some(_) => probe_schedule::next(&self.plan, self.awaited || self.hurried(), now, rng),
        };
        self.last_started = Some(now);
    }

    /// Pulls the next probe to now, at least one fast period after the last.
    pub(super) fn pull(&mut self, now: Timestamp) {
        self.next = self.soonest(now);
    }

    /// When the next probe starts if everything pulls at it; the first not before the initial delay is over.
    fn soonest(&self, now: Timestamp) -> Timestamp {
        self.next.min(self.pulled(now))
    }

    fn pulled(&self, now: Timestamp) -> Timestamp {
        let first = self.last_started.is_none().then_some(self.joined + self.plan.initial_delay);
        probe_schedule::pulled(&self.plan, self.last_started, now).max(first.unwrap_or(now))
    }

    /// Nobody of its pool serves (any more).
    pub(super) fn await_it(&mut self, awaited: bool) {
        self.awaited = awaited;
    }

    /// Puts the next probe into its place among those of a pool that nobody serves: `place` of `places` within a fast period. Probed all at
    /// one moment, a pool would be found well again a whole fast period late as often as not.
    pub(super) fn take_turns(&mut self, place: usize, places: usize, now: Timestamp) {
        let share = place as f64 / places.max(1) as f64;
        self.next = self.pulled(now) + self.plan.fast_period.mul_f64(share);
    }

    /// Pulls the next probe to now unless one has started since `at`.
    pub(super) fn pull_past(&mut self, at: Timestamp, now: Timestamp) {
        if self.last_started.is_none_or(|last| last < at) {
            self.pull(now);
        }
    }

    /// The last probes, oldest first.
    pub(super) fn recent(&self) -> impl Iterator<Item = &LastProbe> {
        self.before.iter().chain(&self.last)
    }

    /// When the probe before the last one started.
    pub(super) fn previous_start(&self) -> Option<Timestamp> {
        self.previous_start
    }

    /// How the last failed probe failed, in words that are the same for every backend.
    pub(super) fn kind_of_failure(&self) -> String {
        let status = self.last.as_ref().and_then(|last| last.status);
        let document = self.last.as_ref().filter(|last| !last.passed).and_then(|last| last.document.as_ref());
        let parts = document.map(|document| failing_components(document, &self.plan)).unwrap_or_default();
        match (self.last_kind, status) {
            (Some(ProbeFailure::Status | ProbeFailure::Document), _) if !parts.is_empty() => {
                format!("its component {} fails", parts.join(", "))
            }
            (Some(ProbeFailure::Document), _) => "its document says so".to_owned(),
            (Some(ProbeFailure::Status), Some(status)) => format!("answered {status}"),
            (Some(ProbeFailure::Refused), _) => "cannot connect".to_owned(),
            (Some(ProbeFailure::Timeout), _) => "no answer in time".to_owned(),
            (Some(ProbeFailure::Tls), _) => "TLS failed".to_owned(),
            (Some(ProbeFailure::Identity), _) => "another service answers".to_owned(),
            (Some(ProbeFailure::Body | ProbeFailure::Status), _) => "a broken answer".to_owned(),
            (None, _) => "failed before this process".to_owned(),
        }
    }

    pub(super) fn last_passed(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.passed)
    }

    /// Whatever the probe in flight (if any) answers is of no interest any more.
    pub(super) fn forget_flight(&mut self) -> Option<ProbeTicket> {
        self.queued = false;
        self.in_flight.take().map(|probe| probe.ticket)
    }

    /// What it says, for people. `held`: its failures do not count while its traffic succeeds.
    pub(super) fn grounds(&self, held: bool) -> Probes<'_> {
        let how = self.last_failure.as_str();
        match self.counter {
            None => Probes::Unchecked,
            Some(counter) if !counter.up() && self.last_passed() => Probes::OutPassing { how, passes: counter.shown() },
            Some(counter) if !counter.up() => Probes::OutFailing { how },
            Some(counter) if !self.last_passed() => Probes::Fail { how, left: counter.shown(), held },
            Some(_) => Probes::Pass,
        }
    }

    /// The probe in flight ended. `None` when `ticket` is not the one that is awaited.
    pub(super) fn finish(&mut self, ticket: ProbeTicket, reading: &Reading) -> Option<Finished> {
        let probe = self.in_flight.filter(|probe| probe.ticket == ticket)?;
        self.in_flight = None;
        self.unconfirmed = false;
        self.previous_start = self.last.as_ref().map(|last| last.at);
        let verdict = self.said.explain(judge(reading, &self.plan), probe.started);
        self.said.remember(reading, &verdict, probe.started);
        // Who does not answer may still be the stranger of before.
        self.stranger = match &verdict {
            Verdict::Fail { kind, .. } => self.stranger || *kind == ProbeFailure::Identity,
            _ => false,
        };
        let last = last_probe(reading, &verdict, probe.started);
        if !last.passed {
            self.last_failure.clone_from(&last.text);
        }
        // Of those before, the sentence is enough.
        self.before.extend(self.last.replace(last).map(|last| LastProbe { document: None, ..last }));
        self.before.drain(..self.before.len().saturating_sub(KEPT - 1));
        if let Verdict::Fail { kind, .. } = &verdict {
            self.last_kind = Some(*kind);
        }
        if matches!(verdict, Verdict::Pass { .. }) {
            self.only_timeouts = true;
        } else {
            self.only_timeouts &= matches!(verdict, Verdict::Fail { kind: ProbeFailure::Timeout, .. });
        }
        Some(Finished { verdict, started: probe.started })
    }

    /// Would this failure take it down, by timeouts alone?
    pub(super) fn would_fall_by_timeouts(&self, kind: ProbeFailure) -> bool {
        let Some(mut counter) = self.counter.filter(|counter| counter.up()) else { return false };
        counter.fail();
        let falls = !counter.up() || self.plan.is_immediate(kind);
        falls && self.only_timeouts && kind == ProbeFailure::Timeout
    }

    /// Counts a verdict. The first ever decides at once, and so do the kinds that are declared immediate.
    pub(super) fn count(&mut self, verdict: &Verdict, now: Timestamp) {
        let (rise, fall) = (self.plan.success_threshold, self.plan.failure_threshold);
        let was_up = self.up();
        match (verdict, &mut self.counter) {
            (Verdict::Pass { .. }, None) => self.counter = Some(Counter::settled(true, rise, fall)),
            (Verdict::Pass { .. }, Some(counter)) => counter.pass(),
            (Verdict::Fail { .. }, None) => self.counter = Some(Counter::settled(false, rise, fall)),
            (Verdict::Fail { kind, .. }, Some(counter)) if self.plan.is_immediate(*kind) => {
                *counter = Counter::settled(false, rise, fall);
            }
            (Verdict::Fail { .. }, Some(counter)) => counter.fail(),
            // No news for who is in; but it ends the passes of who is out.
            (Verdict::Drain { .. }, Some(counter)) if !counter.up() => counter.fail(),
            (Verdict::Drain { .. }, _) => {}
        }
        match verdict {
            // While it is up, the failure that takes it down names the cause; afterwards the latest does.
            Verdict::Fail { severity, .. } => self.severity = *severity,
            Verdict::Drain { .. } => self.severity = Severity::NotReady,
            Verdict::Pass { .. } => {}
        }
        self.said.hear(verdict, self.up());
        self.passed_once |= self.up();
        if self.hurried() || was_up != self.up() {
            self.pull(now);
        }
        if !self.up() && matches!(verdict, Verdict::Pass { .. }) {
            let confirmed = self.last_started.map_or(now, |last| last + self.confirms_after());
            self.next = self.next.min(confirmed.max(now));
        }
    }

    /// How soon a probe follows on one that passed while it is out. An outage is the one time at which half a fast period matters more
    /// than the load of a probe.
    pub(super) fn confirms_after(&self) -> Duration {
        if self.awaited { self.plan.fast_period / 2 } else { self.plan.fast_period }
    }

    /// A change is pending: probe at the fast period.
    fn hurried(&self) -> bool {
        self.counter.is_some_and(Counter::pending)
    }

    /// Passes that are missing until it is up; `None` while it is up.
    pub(super) fn passes_left(&self) -> Option<u32> {
        match self.counter {
            Some(counter) if counter.up() => None,
            Some(counter) => Some(self.plan.success_threshold.max(1).saturating_sub(counter.shown().0).max(1)),
            None => Some(1),
        }
    }

    /// When enough passes can have come in at the earliest, whatever pulls at its probes; `None` while it is up.
    pub(super) fn earliest_up(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.earliest_after(self.passes_left()?, now))
    }

    /// When so many passes can have come in at the earliest.
    pub(super) fn earliest_after(&self, passes: u32, now: Timestamp) -> Timestamp {
        let more = passes.saturating_sub(1);
        let first = self.in_flight.map_or_else(|| self.soonest(now), |probe| probe.started);
        now.max(first + probe_schedule::least_gap(&self.plan) * more)
    }

    /// When enough passes have come in, if every probe passes from now on and nothing pulls at them; `None` while it is up.
    pub(super) fn scheduled_up(&self, now: Timestamp) -> Option<Timestamp> {
        let more = self.passes_left()?.saturating_sub(1);
        let first = self.in_flight.map_or(self.next.max(now), |probe| probe.started);
        Some(now.max(first + self.confirms_after() * more))
    }
}

fn last_probe(reading: &Reading, verdict: &Verdict, at: Timestamp) -> LastProbe {
    let status = match &reading.result {
        ReadingResult::Http(HttpAnswer { status, .. })
        | ReadingResult::BodyTooLarge { status, .. }
        | ReadingResult::HeadOnly { status } => Some(*status),
        _ => None,
    };
    let document = match &reading.result {
        ReadingResult::Http(answer) => answer.document.as_deref().cloned(),
        _ => None,
    };
    let (passed, text) = match verdict {
        Verdict::Pass { degraded: Some(how), .. } => (true, format!("passed, degraded: {how}")),
        Verdict::Pass { warning, note, .. } => {
            (true, warning.as_ref().or(note.as_ref()).cloned().unwrap_or_else(|| "passed".to_owned()))
        }
        Verdict::Drain { why } => (false, why.clone()),
        Verdict::Fail { why, hint: None, .. } => (false, why.clone()),
        Verdict::Fail { why, hint: Some(hint), .. } => (false, format!("{why}: {hint}")),
    };
    let text =
        if text.chars().nth(TEXT_CAP).is_some() { text.chars().take(TEXT_CAP).chain(['…']).collect() } else { text };
    LastProbe { at, took: reading.took, passed, status, text, steps: reading.steps, document }
}
