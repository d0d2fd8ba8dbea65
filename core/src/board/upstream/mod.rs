//! How do one upstream's backends stand together? Its members with all that needs the neighbours: the least number that must stay fit,
//! peers that do better, who is published.
//!
//! What a single backend knows is in `member`; here is who is told what. `group` has the neighbours, `detection` the traffic, `publication` what is seen; `probes` goes on
//! from here.

mod correlated_failures;
mod detection;
pub(super) mod group;
pub(super) mod members;
mod probes;
mod publication;
pub(super) mod retired;
mod serving;
pub(super) mod sources;

use super::contract::discovery::Found;
use super::contract::report::{BackendReport, UpstreamReport};
use super::contract::steering::{Refused, Steering};
use super::desk::place::Seat;
use super::desk::turn::Turn;
use super::member::succession::BackendState;
use super::member::{self, Member, judged};
use crate::base::time::Timestamp;
use crate::health::event::EventKind;
use crate::health::standing::Cause;
use crate::plan::UpstreamPlan;
use crate::traffic::snapshot::Pool;
use correlated_failures::{Change, CorrelatedFailures, Stand};
use detection::Detection;
use group::Group;
use members::Members;
use publication::Publication;
use retired::Retired;
use sources::{SourceState, Sources};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Upstream {
    group: Group,
    sources: Sources,
    detection: Detection,
    correlated: CorrelatedFailures,
    publication: Publication,
    /// Members before this one have a verdict: how far the first round has come.
    judged: usize,
}

impl Upstream {
    pub(super) fn new(plan: Arc<UpstreamPlan>, turn: &mut Turn<'_>) -> Self {
        turn.stale(&plan.name);
        Self {
            sources: Sources::default(),
            detection: Detection::default(),
            correlated: CorrelatedFailures::default(),
            publication: Publication::new(&plan),
            judged: 0,
            group: Group::new(plan),
        }
    }

    pub(super) const fn group(&self) -> &Group {
        &self.group
    }

    pub(super) const fn plan(&self) -> &Arc<UpstreamPlan> {
        self.group.plan()
    }

    pub(super) const fn members(&self) -> &Members {
        self.group.members()
    }

    /// A new definition: unchanged identities keep everything that is known about them.
    pub(super) fn redefine(&mut self, plan: Arc<UpstreamPlan>, turn: &mut Turn<'_>) {
        self.publication.redefine(&self.group.plan, &plan);
        self.group.members.iter_mut().for_each(|member| member.redefine(&plan, turn));
        turn.stale(&plan.name);
        self.group.plan = plan;
    }

    /// Its sources are those of its plan; what they found in the process before stays until they have an answer of their own.
    pub(super) fn ask_sources(&mut self, inherited: &[SourceState]) {
        self.sources.reconfigure(&self.group.plan);
        self.sources.import(&self.group.plan.name, inherited);
    }

    pub(super) fn export_sources(&self) -> Vec<SourceState> {
        self.sources.export(&self.group.plan.name)
    }

    /// A source answered. True when the set of backends may have changed.
    pub(super) fn discovered(
        &mut self,
        source: usize,
        answer: Result<Vec<Found>, String>,
        turn: &mut Turn<'_>,
    ) -> bool {
        match self.sources.answer(source, answer) {
            Ok(changed) => changed,
            Err((source, kept)) => {
                let (upstream, source, why) = (self.group.plan.name.clone(), source.to_string(), kept.to_string());
                turn.report(EventKind::DiscoveryKept { upstream, source, why });
                false
            }
        }
    }

    /// Brings the members in line with what the sources found. Returns how many joined and how many left.
    pub(super) fn regroup(&mut self, retired: &mut Retired, turn: &mut Turn<'_>) -> (usize, usize) {
        self.judged = 0;
        self.detection.forget_shares();
        let (joined, left) = self.group.members.regroup(&self.sources.union(), &self.group.plan, retired, turn);
        if joined + left > 0 {
            turn.stale(&self.group.plan.name);
        }
        self.detection.begin(&self.group, turn.now);
        (joined, left)
    }

    /// It was removed from the plan: everybody leaves. Returns how many.
    pub(super) fn dissolve(self, retired: &mut Retired, turn: &mut Turn<'_>) -> usize {
        let left = self.group.members.len();
        self.group.members.dissolve(retired, turn);
        left
    }

    /// Everybody's place is new, and so is what the desk must know of it.
    pub(super) fn take_place(&self, turn: &mut Turn<'_>) {
        turn.look_at(self.detection.look_at());
        self.group.members.seats().for_each(|seat| turn.touch(seat));
    }

    pub(super) fn drain_asked(&mut self, seat: Seat, turn: &mut Turn<'_>) {
        turn.touch(seat);
        member::steered::drain_asked(&mut self.group.members[seat], &self.group.plan, turn);
    }

    /// # Errors
    /// It cannot be done; nothing has changed.
    pub(super) fn steer(&mut self, seat: Seat, steering: &Steering, turn: &mut Turn<'_>) -> Result<(), Refused> {
        member::steered::steer(&mut self.group.members[seat], steering, &self.group.plan, turn)?;
        turn.touch(seat);
        Ok(())
    }

    /// The process before knew more of a member than it did when this one `started`.
    pub(super) fn catch_up(&mut self, seat: Seat, state: &BackendState, started: Timestamp, turn: &mut Turn<'_>) {
        turn.touch(seat);
        member::succession::catch_up(&mut self.group.members[seat], state, started, &self.group.plan, turn);
    }

    /// Whatever time alone has changed for this member.
    pub(super) fn advance(&mut self, seat: Seat, turn: &mut Turn<'_>) {
        member::steered::advance(&mut self.group.members[seat], &self.group.plan, turn);
        self.run_probes(seat, turn);
        self.group.wake(seat, turn);
    }

    /// Every member has a verdict, and every source an answer. Who has a verdict keeps it, so each is looked at once.
    pub(super) fn first_round_done(&mut self) -> bool {
        let judged = |member: &&Member| member.cause() != Cause::Unchecked && !member.probes().unconfirmed();
        self.judged += self.group.members.iter().skip(self.judged).take_while(judged).count();
        self.sources.all_answered() && self.judged == self.group.members.len()
    }

    pub(super) fn report_of(&self, seat: Seat, now: Timestamp) -> BackendReport {
        member::report::report(&self.group.members[seat], &self.group.plan, now)
    }

    pub(super) fn report(&self, now: Timestamp) -> UpstreamReport {
        let report = |member: &Member| member::report::report(member, &self.group.plan, now);
        UpstreamReport { name: self.group.plan.name.clone(), backends: self.group.members.iter().map(report).collect() }
    }

    /// A failure was seen: look at the evidence, and have the probe look at the backend.
    pub(super) fn suspect(&mut self, seat: Seat, turn: &mut Turn<'_>) {
        judged::suspect(&mut self.group.members[seat], turn);
        self.detection.suspect(seat, &mut self.group, turn);
        turn.look_at(self.detection.look_at());
    }

    /// The one request that decides has ended.
    pub(super) fn trial_ended(&mut self, seat: Seat, passed: bool, turn: &mut Turn<'_>) {
        turn.touch(seat);
        judged::trial_ended(&mut self.group.members[seat], passed, &self.group.plan, turn);
    }

    /// The time has come to look at everybody's traffic.
    pub(super) fn look_around(&mut self, turn: &mut Turn<'_>) {
        let hold_over = self.correlated.until().is_some_and(|until| until <= turn.now);
        self.detection.look_around(&mut self.group, turn);
        for member in self.group.members.iter_mut() {
            judged::look_for_disagreement(member, &self.group.plan.passive, turn);
        }
        self.probe_the_unproven(turn);
        match self.correlated.until() {
            Some(_) if hold_over => turn.stale(&self.group.plan.name),
            Some(until) => self.detection.look_by(until),
            None => {}
        }
        turn.look_at(self.detection.look_at());
    }

    /// Its picture; the last one unless it is `stale`.
    pub(super) fn publish(&mut self, stale: bool, turn: &mut Turn<'_>) -> Arc<Pool> {
        match self.publication.last() {
            Some(pool) if !stale => Arc::clone(pool),
            _ => {
                self.watch_correlated_failures(turn);
                let answered = self.sources.all_answered();
                self.publication.renew(&mut self.group, &self.correlated, answered, turn)
            }
        }
    }

    fn watch_correlated_failures(&mut self, turn: &mut Turn<'_>) {
        let Group { plan, members } = &self.group;
        let time = plan.hold_correlated_failures;
        let pool: Vec<Stand> = members.iter().filter(|_| !time.is_zero()).map(Stand::of).collect();
        let (held, why) = match self.correlated.look(&pool, time, turn.now) {
            None => return,
            Some(Change::Begins(hold)) => (true, hold.to_string()),
            Some(Change::Ends(over)) => (false, over.to_string()),
        };
        turn.report(EventKind::PoolHeld { upstream: plan.name.clone(), held, why });
        if let Some(until) = self.correlated.until() {
            self.detection.look_by(until);
            turn.look_at(self.detection.look_at());
        }
    }
}
