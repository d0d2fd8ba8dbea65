//! What does one kind of probe say of one backend? Its timetable, the one in flight, its log, and the opinion that its verdicts come to.

use super::flight::Flight;
use super::log::{LogState, ProbeLog};
use super::opinion::{Opinion, OpinionState};
use super::said::{Said, SaidState};
use super::timetable::{Pace, Timetable};
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::board::contract::probe::ProbeTicket;
use crate::board::why::failure::Failure;
use crate::board::why::probes::ProbesSay;
use crate::health::combine::Active;
use crate::health::judgement::judge;
use crate::health::probe_schedule;
use crate::health::reading::Reading;
use crate::health::verdict::Verdict;
use crate::plan::ProbePlan;
use crate::traffic::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(in crate::board) struct Check {
    pub plan: Arc<ProbePlan>,
    pub timetable: Timetable,
    pub flight: Flight,
    pub opinion: Opinion,
    pub log: ProbeLog,
    /// What its documents say, beyond passing and failing.
    pub said: Said,
}

/// The same for another process.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct CheckState {
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub opinion: OpinionState,
    /// So long ago.
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub joined: Duration,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub said: SaidState,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub log: LogState,
}

impl CheckState {
    /// The same, told `by` later.
    pub(super) fn later(self, by: Duration) -> Self {
        Self { joined: self.joined + by, log: self.log.later(by), ..self }
    }
}

/// What one finished probe came to.
pub(in crate::board) struct Finished {
    pub verdict: Verdict,
    pub started: Timestamp,
}

impl Check {
    /// A check whose first probe is due at once (or after the initial delay).
    pub(super) fn new(plan: Arc<ProbePlan>, now: Timestamp) -> Self {
        Self {
            timetable: Timetable::new(Arc::clone(&plan), now),
            flight: Flight::default(),
            opinion: Opinion::none(),
            log: ProbeLog::default(),
            said: Said::default(),
            plan,
        }
    }

    /// A liveness check: a backend lives until it is seen not to.
    pub(super) fn alive(plan: Arc<ProbePlan>, now: Timestamp) -> Self {
        Self { opinion: Opinion::good(&plan), ..Self::new(plan, now) }
    }

    /// Another instance answers: nothing is known of it, and it is asked as soon as may be.
    pub(super) fn begin_anew(&mut self, now: Timestamp) {
        self.opinion = Opinion::none();
        self.said = Said::default();
        self.timetable.begin_anew(now);
    }

    /// It lives, as far as anybody knows, and is asked as soon as may be.
    pub(super) fn revive(&mut self, now: Timestamp) {
        self.begin_anew(now);
        self.opinion = Opinion::good(&self.plan);
    }

    /// Another definition: the verdict stays, the streak is cleared, the next probe is due at once.
    pub(super) fn redefine(&mut self, plan: Arc<ProbePlan>, now: Timestamp) {
        self.opinion.redefine(&plan);
        self.timetable.redefine(Arc::clone(&plan), now);
        self.plan = plan;
    }

    pub(super) fn export(&self, now: Timestamp) -> CheckState {
        CheckState {
            opinion: self.opinion.export(),
            joined: now.since(self.timetable.joined()),
            said: self.said.export(),
            log: self.log.export(now),
        }
    }

    /// The verdict of another process: it stands, and is probed at once.
    pub(super) fn import(&mut self, state: CheckState, now: Timestamp) {
        self.opinion.import(state.opinion, &self.plan);
        self.timetable.import(state.joined, state.opinion.counter.is_some(), now);
        self.said = Said::import(state.said);
        self.log = ProbeLog::import(state.log, now);
    }

    /// What it says at `now`.
    pub(super) fn active(&self) -> Active {
        self.opinion.active(self.in_grace())
    }

    /// When failures begin to count as down; `None` once it has passed.
    pub(in crate::board) fn grace_until(&self) -> Option<Timestamp> {
        (!self.opinion.passed_once()).then(|| self.end_of_grace())
    }

    fn end_of_grace(&self) -> Timestamp {
        self.timetable.joined() + self.plan.startup_grace.max(self.plan.initial_delay)
    }

    /// Judged at the time of the last probe, so that the verdict changes with a probe and not between two.
    fn in_grace(&self) -> bool {
        self.log.last().is_some_and(|last| last.at < self.end_of_grace())
    }

    /// How the last failed probe failed, for comparing with other backends.
    pub(in crate::board) fn failure(&self) -> Failure {
        self.log.failure(&self.plan)
    }

    /// Since the last probe started, traffic has succeeded and nothing has failed.
    fn proven_by(&self, cell: &Cell) -> bool {
        self.timetable.last_started().is_some_and(|at| cell.succeeded_after(at) && !cell.failed_after(at))
    }

    /// When something is due: the next probe, or the loss of the one in flight.
    pub(super) const fn deadline(&self) -> Option<Timestamp> {
        match self.flight {
            Flight::Rests => Some(self.timetable.next()),
            Flight::Waits => None,
            Flight::Flies { lost_at, .. } => Some(lost_at),
        }
    }

    /// `None`: one is under way.
    pub(in crate::board) fn next_probe(&self) -> Option<Timestamp> {
        self.flight.started().is_none().then(|| self.timetable.next())
    }

    /// Is a probe due that does not wait for its place yet? Then it does from now on.
    pub(in crate::board) fn queues(&mut self, now: Timestamp) -> bool {
        self.timetable.next() <= now && self.flight.wait()
    }

    /// Whatever is in flight says nothing any more: its ticket.
    pub(super) fn forget_flight(&mut self) -> Option<ProbeTicket> {
        self.flight.forget()
    }

    /// How long its start is late, where it waits for its place among the probes in flight.
    pub(in crate::board) fn waits(&self, now: Timestamp) -> Option<Duration> {
        self.flight.waits().then(|| self.timetable.late(now))
    }

    /// A probe starts. `evidence`: of traffic, where that may put the next one further away.
    pub(in crate::board) fn start(
        &mut self,
        ticket: ProbeTicket,
        evidence: Option<&Cell>,
        now: Timestamp,
        rng: &mut Rng,
    ) {
        let proven = || evidence.is_some_and(|cell| self.proven_by(cell));
        let pace = if self.timetable.is_awaited() || self.opinion.is_pending() {
            Pace::Hurried
        } else if self.log.last_passed() && self.opinion.up() && proven() {
            Pace::Stretched
        } else {
            Pace::Usual
        };
        self.flight.start(ticket, &self.plan, now);
        self.timetable.start(pace, now, rng);
    }

    /// Where nobody has asked it for a period, the usual one is back. True when the next probe comes sooner.
    pub(in crate::board) fn unproven(&mut self, cell: &Cell, now: Timestamp) -> bool {
        !cell.succeeded_after(now - self.plan.period) && self.timetable.unstretch(now)
    }

    /// The probe in flight ended. `None` when `ticket` is not the one that is awaited.
    pub(in crate::board) fn finish(&mut self, ticket: ProbeTicket, reading: &Reading) -> Option<Finished> {
        let started = self.flight.end(ticket)?;
        let verdict = self.said.explain(judge(reading, &self.plan), started);
        self.said.remember(reading, &verdict, started);
        self.log.note(reading, &verdict, started);
        self.opinion.hear(&verdict);
        Some(Finished { verdict, started })
    }

    /// Counts a verdict.
    pub(in crate::board) fn count(&mut self, verdict: &Verdict, now: Timestamp) {
        let was_up = self.opinion.up();
        self.opinion.count(verdict, &self.plan);
        let up = self.opinion.up();
        self.said.hear(verdict, up);
        if self.opinion.is_pending() || was_up != up {
            self.timetable.pull(now);
        }
        if !up && matches!(verdict, Verdict::Pass { .. }) {
            self.timetable.confirm_soon(now);
        }
    }

    /// What it says, for people. `held`: its failures do not count while its traffic succeeds.
    pub(super) fn says(&self, held: bool) -> ProbesSay<'_> {
        let how = self.log.last_failure();
        match (self.opinion.counter(), self.log.last_passed()) {
            (None, _) => ProbesSay::Unchecked,
            (Some(counter), true) if !counter.up() => ProbesSay::OutPassing { how, passes: counter.shown() },
            (Some(counter), false) if !counter.up() => ProbesSay::OutFailing { how },
            (Some(counter), false) => ProbesSay::Fail { how, left: counter.shown(), held },
            (Some(_), true) => ProbesSay::Pass,
        }
    }

    /// The share that a degraded backend keeps; 1.0 where it is not degraded.
    pub(in crate::board) fn degraded_share(&self) -> f64 {
        self.said.degraded().map_or(1.0, |_| self.plan.degraded_share())
    }

    /// When a drain that its document asked for can be over at the earliest: with the next probe.
    pub(in crate::board) fn drain_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.said.drains().map(|_| self.earliest_after(1, now))
    }

    /// Passes that are missing until it is up; `None` while it is up.
    pub(in crate::board) fn passes_left(&self) -> Option<u32> {
        self.opinion.passes_left(&self.plan)
    }

    /// When so many passes can have come in at the earliest, whatever pulls at its probes.
    pub(in crate::board) fn earliest_after(&self, passes: u32, now: Timestamp) -> Timestamp {
        let more = passes.saturating_sub(1);
        let first = self.flight.started().unwrap_or_else(|| self.timetable.soonest(now));
        now.max(first + probe_schedule::least_gap(&self.plan) * more)
    }

    /// The same for as many as are missing; `None` while it is up.
    pub(super) fn earliest_up(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.earliest_after(self.passes_left()?, now))
    }

    /// When enough passes have come in, if every probe passes from now on and nothing pulls at them; `None` while it is up.
    pub(in crate::board) fn scheduled_up(&self, now: Timestamp) -> Option<Timestamp> {
        let more = self.passes_left()?.saturating_sub(1);
        let first = self.flight.started().unwrap_or(self.timetable.next().max(now));
        Some(now.max(first + self.timetable.confirms_after() * more))
    }
}

#[cfg(test)]
mod tests;
