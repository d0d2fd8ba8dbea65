//! How do one upstream's backends stand together? Its members with all that needs the neighbours: the least number that must stay fit,
//! peers that do better, who is published.
//!
//! What a single backend knows is in `member`; here is who is told what. `probes`, `traffic` and `publish` go on from here.

mod correlated_failures;
pub(super) mod members;
mod probes;
mod publish;
pub(super) mod retired;
mod serving;
pub(super) mod sources;
mod traffic;

use super::contract::discovery::Found;
use super::contract::report::{BackendReport, UpstreamReport};
use super::contract::steering::{Refused, Steering};
use super::desk::place::Seat;
use super::desk::turn::Turn;
use super::member::succession::BackendState;
use super::member::{self, Member};
use crate::base::time::Timestamp;
use crate::health::event::EventKind;
use crate::health::standing::Cause;
use crate::plan::UpstreamPlan;
use correlated_failures::CorrelatedFailures;
use members::Members;
use publish::Published;
use retired::Retired;
use sources::{SourceState, Sources};
use std::sync::Arc;
use traffic::Watch;

#[derive(Debug)]
pub(super) struct Upstream {
    plan: Arc<UpstreamPlan>,
    sources: Sources,
    members: Members,
    watch: Watch,
    correlated: CorrelatedFailures,
    published: Published,
    /// Members before this one have a verdict: how far the first round has come.
    judged: usize,
}

impl Upstream {
    pub(super) fn new(plan: Arc<UpstreamPlan>, turn: &mut Turn<'_>) -> Self {
        turn.stale(&plan.name);
        Self {
            sources: Sources::default(),
            members: Members::default(),
            watch: Watch::default(),
            correlated: CorrelatedFailures::default(),
            published: Published::new(&plan),
            judged: 0,
            plan,
        }
    }

    pub(super) const fn plan(&self) -> &Arc<UpstreamPlan> {
        &self.plan
    }

    pub(super) const fn members(&self) -> &Members {
        &self.members
    }

    /// A new definition: unchanged identities keep everything that is known about them.
    pub(super) fn redefine(&mut self, plan: Arc<UpstreamPlan>, turn: &mut Turn<'_>) {
        self.published.redefine(&self.plan, &plan);
        self.members.iter_mut().for_each(|member| member.redefine(&plan, turn));
        turn.stale(&plan.name);
        self.plan = plan;
    }

    /// Its sources are those of its plan; what they found in the process before stays until they have an answer of their own.
    pub(super) fn ask_sources(&mut self, inherited: &[SourceState]) {
        self.sources.reconfigure(&self.plan);
        self.sources.import(&self.plan.name, inherited);
    }

    pub(super) fn export_sources(&self) -> Vec<SourceState> {
        self.sources.export(&self.plan.name)
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
                let (upstream, why) = (self.plan.name.clone(), kept.to_string());
                turn.report(EventKind::DiscoveryKept { upstream, source, why });
                false
            }
        }
    }

    /// Brings the members in line with what the sources found. Returns how many joined and how many left.
    pub(super) fn regroup(&mut self, retired: &mut Retired, turn: &mut Turn<'_>) -> (usize, usize) {
        self.judged = 0;
        self.watch.forget_shares();
        let (joined, left) = self.members.regroup(&self.sources.union(), &self.plan, retired, turn);
        if joined + left > 0 {
            turn.stale(&self.plan.name);
        }
        self.begin_looking(turn.now);
        (joined, left)
    }

    /// It was removed from the plan: everybody leaves. Returns how many.
    pub(super) fn dissolve(self, retired: &mut Retired, turn: &mut Turn<'_>) -> usize {
        let left = self.members.len();
        self.members.dissolve(retired, turn);
        left
    }

    /// Everybody's place is new, and so is what the desk must know of it.
    pub(super) fn take_place(&self, turn: &mut Turn<'_>) {
        turn.look_at(self.watch.look_at());
        self.members.seats().for_each(|seat| turn.touch(seat));
    }

    pub(super) fn drain_asked(&mut self, seat: Seat, turn: &mut Turn<'_>) {
        turn.touch(seat);
        member::steered::drain_asked(&mut self.members[seat], &self.plan, turn);
    }

    /// # Errors
    /// It cannot be done; nothing has changed.
    pub(super) fn steer(&mut self, seat: Seat, steering: &Steering, turn: &mut Turn<'_>) -> Result<(), Refused> {
        member::steered::steer(&mut self.members[seat], steering, &self.plan, turn)?;
        turn.touch(seat);
        Ok(())
    }

    /// The process before knew more of a member than it did when this one `started`.
    pub(super) fn catch_up(&mut self, seat: Seat, state: &BackendState, started: Timestamp, turn: &mut Turn<'_>) {
        turn.touch(seat);
        member::succession::catch_up(&mut self.members[seat], state, started, &self.plan, turn);
    }

    /// Whatever time alone has changed for this member.
    pub(super) fn advance(&mut self, seat: Seat, turn: &mut Turn<'_>) {
        member::steered::advance(&mut self.members[seat], &self.plan, turn);
        self.run_probes(seat, turn);
        self.wake(seat, turn);
    }

    /// Says when this member needs the board next.
    fn wake(&self, seat: Seat, turn: &mut Turn<'_>) {
        turn.wake(seat, self.members[seat].deadline(&self.plan, turn.now));
    }

    /// Every member has a verdict, and every source an answer. Who has a verdict keeps it, so each is looked at once.
    pub(super) fn first_round_done(&mut self) -> bool {
        let judged = |member: &&Member| member.cause() != Cause::Unchecked && !member.probes().unconfirmed();
        self.judged += self.members.iter().skip(self.judged).take_while(judged).count();
        self.sources.all_answered() && self.judged == self.members.len()
    }

    pub(super) fn report_of(&self, seat: Seat, now: Timestamp) -> BackendReport {
        member::report::report(&self.members[seat], &self.plan, now)
    }

    pub(super) fn report(&self, now: Timestamp) -> UpstreamReport {
        let report = |member: &Member| member::report::report(member, &self.plan, now);
        UpstreamReport { name: self.plan.name.clone(), backends: self.members.iter().map(report).collect() }
    }
}
