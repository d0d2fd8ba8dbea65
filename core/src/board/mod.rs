//! Who is fit, right now, and what follows? The board composes the machines.
//!
//! A sans-I/O machine in the shape of quinn-proto: inputs go in with `now`, [`Board::poll_output`] is drained,
//! [`Board::next_deadline`] says when to call [`Board::handle_deadline`] next; late and spurious calls are harmless.
//! Exactly one task owns it. Several inputs may go in before the outputs are drained: their changes are published as one snapshot.
//!
//! Its wings know only those before them: `contract` (its words), `why` (its reasons), `desk` (what all share), `probing`, `member`,
//! `detectors`, `upstream`, `explain`.

mod contract;
mod desk;
mod detectors;
mod explain;
mod input;
mod member;
mod probing;
mod takeover;
#[cfg(test)]
mod tests;
mod upstream;
mod why;

pub use contract::discovery::Found;
pub use contract::output::Output;
pub use contract::probe::{LastProbe, ProbeJob, ProbeTicket};
pub use contract::report::{BackendReport, EjectionReport, OtherProbe, UpstreamReport};
pub use contract::steering::{Given, Refused, Steering, WEIGHT_AT_MOST};
pub use explain::{Explanation, PoolFacts, Rule};
pub use input::Input;
pub use member::succession::BackendState;
pub use member::{EjectionsState, EventState, GivenState, OrdersState, StatusState};
pub use probing::{CheckState, LifeState, LogState, OpinionState, ProbeState, ProbesState, SaidState};
pub use takeover::Handover;
pub use upstream::sources::SourceState;

use crate::base::identity::{BackendId, BackendKey};
use crate::base::time::Timestamp;
use crate::health::event::EventKind;
use crate::health::reading::Reading;
use crate::plan::{Plan, UpstreamPlan};
use crate::traffic::cell::{Nudge, NudgeKind};
use crate::traffic::snapshot::Snapshot;
use desk::Desk;
use desk::place::{Place, Position, Seat};
use desk::turn::Turn;
use std::collections::BTreeMap;
use std::sync::Arc;
use upstream::Upstream;
use upstream::retired::Retired;

/// The machine.
#[derive(Debug)]
pub struct Board {
    desk: Desk,
    plan: Option<Arc<Plan>>,
    /// Parallel to `plan.upstreams`.
    upstreams: Vec<Upstream>,
    places: BTreeMap<BackendKey, Place>,
    retired: Retired,
    /// What the sources of a process before this one found, until its plan is known.
    inherited_sources: Vec<SourceState>,
    generation: u64,
    started: Timestamp,
    first_round_done: bool,
    unpublished: Unpublished,
}

/// What the next snapshot is awaited for.
#[derive(Clone, Copy, Debug, Default)]
struct Unpublished {
    /// The plan is new, or the first round was done.
    frame: bool,
    /// The last moment that the board was told of.
    now: Timestamp,
}

impl Board {
    /// `seed` feeds jitter and phases. The board is empty until the first [`Input::Reconfigure`].
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            desk: Desk::new(seed),
            plan: None,
            upstreams: Vec::new(),
            places: BTreeMap::new(),
            retired: Retired::default(),
            inherited_sources: Vec::new(),
            generation: 0,
            started: now,
            first_round_done: false,
            unpublished: Unpublished::default(),
        }
    }

    pub fn handle(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Reconfigure(plan) => self.reconfigure(plan, now),
            Input::Discovered { upstream, source, answer } => self.discovered(&upstream, source, answer, now),
            Input::ProbeDone { ticket, reading } => self.probe_done(ticket, &reading, now),
            Input::Nudge(nudge) => self.nudge(nudge, now),
            Input::TakeOver(handover) => self.take_over(&handover, now),
        }
        self.finish(now);
    }

    /// Does what an operator wants of a backend. Returns what it has come to; requests see it with the next publication.
    ///
    /// # Errors
    /// It cannot be done; nothing has changed.
    pub fn steer(&mut self, steering: &Steering, now: Timestamp) -> Result<BackendReport, Refused> {
        let place = self.whereabouts(&steering.backend)?;
        self.at(place, now, |upstream, seat, turn| upstream.steer(seat, steering, turn))?;
        self.finish(now);
        Ok(self.upstreams[place.upstream.index()].report_of(place.seat, now))
    }

    /// Explains one backend.
    ///
    /// # Errors
    /// Nobody knows it; who is known instead.
    pub fn explain(&self, backend: &BackendId, now: Timestamp) -> Result<Explanation, Refused> {
        let place = self.whereabouts(backend)?;
        Ok(explain::explain(self.upstreams[place.upstream.index()].group(), place.seat, now))
    }

    /// Where a backend stands, or who is known instead.
    fn whereabouts(&self, id: &BackendId) -> Result<Place, Refused> {
        if let Some(place) = self.places.get(&id.key()) {
            return Ok(*place);
        }
        Err(match self.upstreams.iter().find(|upstream| upstream.plan().name == id.upstream) {
            Some(upstream) => Refused::NoBackend {
                known: upstream.members().iter().map(|member| member.id().address.clone()).collect(),
            },
            None => Refused::NoUpstream {
                known: self.upstreams.iter().map(|upstream| upstream.plan().name.clone()).collect(),
            },
        })
    }

    pub fn handle_deadline(&mut self, now: Timestamp) {
        self.finish(now);
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.desk.next_deadline()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        if self.desk.is_clear() {
            self.publish();
        }
        self.desk.next_output()
    }

    pub fn report(&self, now: Timestamp) -> Vec<UpstreamReport> {
        self.upstreams.iter().map(|upstream| upstream.report(now)).collect()
    }

    /// Takes a turn at one backend.
    fn at<T>(&mut self, place: Place, now: Timestamp, step: impl FnOnce(&mut Upstream, Seat, &mut Turn<'_>) -> T) -> T {
        let mut turn = Turn::at(&mut self.desk, place.upstream, now, self.first_round_done);
        step(&mut self.upstreams[place.upstream.index()], place.seat, &mut turn)
    }

    /// Takes a turn at this backend, where it is known.
    fn at_key(&mut self, key: BackendKey, now: Timestamp, step: impl FnOnce(&mut Upstream, Seat, &mut Turn<'_>)) {
        if let Some(place) = self.places.get(&key).copied() {
            self.at(place, now, step);
        }
    }

    /// What every call ends with: time passes for whoever was touched or whose time has come, then the probes that are due start.
    fn finish(&mut self, now: Timestamp) {
        self.unpublished.now = now;
        for position in self.desk.looks_due(now) {
            let mut turn = Turn::at(&mut self.desk, position, now, self.first_round_done);
            self.upstreams[position.index()].look_around(&mut turn);
        }
        for place in self.desk.take_touched() {
            self.at(place, now, Upstream::advance);
        }
        while let Some((key, kind)) = self.desk.next_probe() {
            self.at_key(key, now, |upstream, seat, turn| upstream.start_probe(seat, kind, turn));
        }
        self.note_first_round(now);
    }

    fn note_first_round(&mut self, now: Timestamp) {
        if self.first_round_done || self.plan.is_none() {
            return;
        }
        if self.upstreams.iter_mut().all(Upstream::first_round_done) {
            self.first_round_done = true;
            self.unpublished.frame = true;
            let took = now.since(self.started);
            self.desk.report(EventKind::FirstRoundDone { took }, now);
        }
    }

    /// Publishes if anything changed since the last time.
    fn publish(&mut self) {
        let Some(plan) = &self.plan else { return };
        let stale = self.desk.take_stale();
        if !self.unpublished.frame && stale.is_empty() {
            return;
        }
        self.unpublished.frame = false;
        self.generation += 1;
        let mut pools = Vec::with_capacity(self.upstreams.len());
        for (index, upstream) in self.upstreams.iter_mut().enumerate() {
            let mut turn = Turn::at(&mut self.desk, Position::new(index), self.unpublished.now, self.first_round_done);
            let stale = stale.contains(&upstream.plan().name);
            pools.push(upstream.publish(stale, &mut turn));
        }
        self.desk.put_out(Output::Publish(Arc::new(Snapshot {
            generation: self.generation,
            plan: Arc::clone(plan),
            pools,
            first_round_done: self.first_round_done,
        })));
    }

    /// After members were regrouped: everybody's place is new.
    fn replace_everybody(&mut self, now: Timestamp) {
        self.desk.forget_places();
        self.places.clear();
        for (index, upstream) in self.upstreams.iter().enumerate() {
            let position = Position::new(index);
            upstream.take_place(&mut Turn::at(&mut self.desk, position, now, self.first_round_done));
            for (seat, member) in upstream.members().seated() {
                self.places.insert(member.key(), Place { upstream: position, seat });
            }
        }
    }

    fn reconfigure(&mut self, plan: Arc<Plan>, now: Timestamp) {
        let first = self.plan.is_none();
        let (mut added, mut removed, mut changed) = (0, 0, 0);
        let mut old: Vec<Option<Upstream>> = std::mem::take(&mut self.upstreams).into_iter().map(Some).collect();
        for (index, upstream_plan) in plan.upstreams.iter().enumerate() {
            let mut turn = Turn::at(&mut self.desk, Position::new(index), now, self.first_round_done);
            let (mut upstream, redefined) = redefined_or_new(upstream_plan, &mut old, &mut turn);
            upstream.ask_sources(&self.inherited_sources);
            let (joined, left) = upstream.regroup(&mut self.retired, &mut turn);
            (added, removed, changed) = (added + joined, removed + left, changed + usize::from(redefined));
            self.upstreams.push(upstream);
        }
        for gone in old.into_iter().flatten() {
            let mut turn = Turn::at(&mut self.desk, Position::GONE, now, self.first_round_done);
            removed += gone.dissolve(&mut self.retired, &mut turn);
        }
        self.inherited_sources.clear();
        self.desk.limit_probes(plan.probing.concurrency);
        self.plan = Some(plan);
        self.unpublished.frame = true;
        self.replace_everybody(now);
        self.retired.forget_old(now);
        if !first {
            self.desk.report(EventKind::Reconfigured { added, removed, changed }, now);
        }
    }

    fn discovered(&mut self, name: &str, source: usize, answer: Result<Vec<Found>, String>, now: Timestamp) {
        let named = |upstream: &Upstream| &*upstream.plan().name == name;
        let Some(index) = self.upstreams.iter().position(named) else { return };
        let mut turn = Turn::at(&mut self.desk, Position::new(index), now, self.first_round_done);
        let upstream = &mut self.upstreams[index];
        if upstream.discovered(source, answer, &mut turn) {
            upstream.regroup(&mut self.retired, &mut turn);
            self.replace_everybody(now);
        }
        self.retired.forget_old(now);
    }

    /// A late answer (its ticket was cancelled) changes nothing.
    fn probe_done(&mut self, ticket: ProbeTicket, reading: &Reading, now: Timestamp) {
        let Some((key, kind)) = self.desk.ended(ticket) else { return };
        self.at_key(key, now, |upstream, seat, turn| upstream.probe_done(seat, kind, (ticket, reading), turn));
    }

    fn nudge(&mut self, nudge: Nudge, now: Timestamp) {
        self.at_key(nudge.backend, now, |upstream, seat, turn| match nudge.kind {
            NudgeKind::Suspect => upstream.suspect(seat, turn),
            NudgeKind::TrialEnded { passed } => upstream.trial_ended(seat, passed, turn),
            NudgeKind::DrainAsked => upstream.drain_asked(seat, turn),
        });
    }
}

/// The upstream of this plan, taken from the `old` ones where it is there. True when it was defined otherwise before.
fn redefined_or_new(plan: &Arc<UpstreamPlan>, old: &mut [Option<Upstream>], turn: &mut Turn<'_>) -> (Upstream, bool) {
    let same = |slot: &&mut Option<Upstream>| slot.as_ref().is_some_and(|known| known.plan().name == plan.name);
    match old.iter_mut().find(same).and_then(Option::take) {
        Some(mut known) if **known.plan() != **plan => {
            known.redefine(Arc::clone(plan), turn);
            (known, true)
        }
        Some(known) => (known, false),
        None => (Upstream::new(Arc::clone(plan), turn), false),
    }
}
