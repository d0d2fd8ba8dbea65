//! Who is fit, right now, and what follows? The board composes the machines.
//!
//! A sans-I/O machine in the shape of quinn-proto: inputs go in with `now`, [`Board::poll_output`] is drained,
//! [`Board::next_deadline`] says when to call [`Board::handle_deadline`] next; late and spurious calls are harmless.
//! Exactly one task owns it. Several inputs may go in before the outputs are drained: their changes are published as one snapshot.

mod agenda;
mod alarm;
mod check;
mod checks;
mod contract;
mod correlated_failures;
mod desk;
mod detectors;
mod explain;
mod handover;
mod history;
mod lifecycle;
mod member;
mod orders;
mod passive;
mod publish;
mod queue;
mod said;
mod shadows;
mod sources;
mod takeover;
#[cfg(test)]
mod tests;
mod upstream;
mod why;

pub use check::{CheckState, ProbeState};
pub use checks::LifeState;
pub use contract::{
    BackendReport, EjectionReport, Found, Input, LastProbe, OtherProbe, Output, ProbeJob, ProbeTicket, Refused,
    Steering, UpstreamReport, WEIGHT_AT_MOST,
};
pub use explain::{Explanation, PoolFacts, Rule};
pub use handover::{BackendState, Handover};
pub use history::EventState;
pub use orders::{Given, GivenState, OrdersState};
pub use sources::SourceState;

use crate::base::identity::{BackendId, BackendKey};
use crate::base::time::Timestamp;
use crate::health::event::EventKind;
use crate::health::reading::Reading;
use crate::plan::Plan;
use crate::traffic::cell::{Nudge, NudgeKind};
use desk::Desk;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use upstream::{Retired, Upstream};

/// How long the state of a removed backend is kept.
const RETIRED_FOR: Duration = Duration::from_secs(600);
/// How many removed backends are remembered; the oldest are forgotten first.
const RETIRED_AT_MOST: usize = 10_000;

/// The machine.
#[derive(Debug)]
pub struct Board {
    desk: Desk,
    plan: Option<Arc<Plan>>,
    /// Parallel to `plan.upstreams`.
    upstreams: Vec<Upstream>,
    /// Where each backend stands: (upstream, member).
    places: BTreeMap<BackendKey, (usize, usize)>,
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
            retired: Retired::new(),
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
        let ramps = self.first_round_done;
        let (position, index) = self.whereabouts(&steering.backend)?;
        self.upstreams[position].steer(index, steering, ramps, &mut self.desk, now)?;
        self.finish(now);
        Ok(self.upstreams[position].report_of(index, now))
    }

    /// Where a backend stands, or who is known instead.
    fn whereabouts(&self, id: &BackendId) -> Result<(usize, usize), Refused> {
        if let Some(place) = self.place(id.key()) {
            return Ok(place);
        }
        Err(match self.upstreams.iter().find(|upstream| upstream.plan.name == id.upstream) {
            Some(upstream) => {
                let address = |member: &member::Member| member.id.address.clone();
                Refused::NoBackend { known: upstream.members.iter().map(address).collect() }
            }
            None => {
                let name = |upstream: &Upstream| upstream.plan.name.clone();
                Refused::NoUpstream { known: self.upstreams.iter().map(name).collect() }
            }
        })
    }

    pub fn handle_deadline(&mut self, now: Timestamp) {
        self.finish(now);
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.desk.agenda.next()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        if self.desk.outputs.is_empty() {
            self.publish();
        }
        self.desk.outputs.pop_front()
    }

    pub fn report(&self, now: Timestamp) -> Vec<UpstreamReport> {
        self.upstreams.iter().map(|upstream| upstream.report(now)).collect()
    }

    /// The upstreams by name with the backend keys they hold: for tests and `check`.
    pub fn keys(&self) -> Vec<(Arc<str>, Vec<BackendKey>)> {
        let keys = |upstream: &Upstream| upstream.members.iter().map(|member| member.key).collect();
        self.upstreams.iter().map(|upstream| (upstream.plan.name.clone(), keys(upstream))).collect()
    }

    /// What every call ends with: time passes for whoever was touched or whose time has come, then the probes that are due start.
    fn finish(&mut self, now: Timestamp) {
        self.unpublished.now = now;
        let ramps = self.first_round_done;
        for position in self.desk.agenda.expire(now) {
            if let Some(upstream) = self.upstreams.get_mut(position) {
                upstream.look_around(ramps, &mut self.desk, now);
                upstream.plan_look(&mut self.desk);
            }
        }
        for (position, index) in self.desk.agenda.take_touched() {
            if let Some(upstream) = self.upstreams.get_mut(position) {
                upstream.advance(index, ramps, &mut self.desk, now);
            }
        }
        self.start_probes(now);
        self.note_first_round(now);
    }

    fn start_probes(&mut self, now: Timestamp) {
        while self.desk.may_probe()
            && let Some((key, kind)) = self.desk.queue.pop()
        {
            if let Some((upstream, index)) = self.place(key) {
                self.upstreams[upstream].start_probe(index, kind, &mut self.desk, now);
            }
        }
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

    fn place(&self, key: BackendKey) -> Option<(usize, usize)> {
        self.places.get(&key).copied()
    }

    /// After members were regrouped: everybody's place is new.
    fn replace_everybody(&mut self) {
        self.desk.agenda = agenda::Agenda::default();
        self.places.clear();
        for (position, upstream) in self.upstreams.iter_mut().enumerate() {
            upstream.position = position;
            upstream.plan_look(&mut self.desk);
            for (index, member) in upstream.members.iter().enumerate() {
                self.places.insert(member.key, (position, index));
                self.desk.agenda.touch(position, index);
            }
        }
    }

    fn reconfigure(&mut self, plan: Arc<Plan>, now: Timestamp) {
        let first = self.plan.is_none();
        let (mut added, mut removed, mut changed) = (0, 0, 0);
        let mut old: Vec<Option<Upstream>> = std::mem::take(&mut self.upstreams).into_iter().map(Some).collect();
        for upstream_plan in &plan.upstreams {
            let known =
                old.iter_mut().find(|slot| slot.as_ref().is_some_and(|known| known.plan.name == upstream_plan.name));
            let mut upstream = match known.and_then(Option::take) {
                Some(mut known) if *known.plan != **upstream_plan => {
                    changed += 1;
                    known.redefine(upstream_plan.clone(), &mut self.desk, now);
                    known
                }
                Some(known) => known,
                None => Upstream::new(upstream_plan.clone()),
            };
            upstream.sources.reconfigure(upstream_plan);
            upstream.sources.import(&upstream_plan.name, &self.inherited_sources);
            let (joined, left) = upstream.regroup(&mut self.retired, &mut self.desk, now);
            (added, removed) = (added + joined, removed + left);
            upstream.begin_looking(now);
            self.upstreams.push(upstream);
        }
        for gone in old.into_iter().flatten() {
            removed += gone.members.len();
            gone.dissolve(&mut self.retired, &mut self.desk, now);
        }
        self.inherited_sources.clear();
        self.desk.concurrency = plan.probing.concurrency.max(1);
        self.plan = Some(plan);
        self.unpublished.frame = true;
        self.replace_everybody();
        self.forget_retired(now);
        if !first {
            self.desk.report(EventKind::Reconfigured { added, removed, changed }, now);
        }
    }

    fn discovered(&mut self, name: &str, source: usize, answer: Result<Vec<Found>, String>, now: Timestamp) {
        let Some(upstream) = self.upstreams.iter_mut().find(|upstream| &*upstream.plan.name == name) else { return };
        match upstream.sources.answer(source, answer) {
            Ok(false) => {}
            Ok(true) => {
                upstream.regroup(&mut self.retired, &mut self.desk, now);
                upstream.begin_looking(now);
                self.replace_everybody();
            }
            Err(kept) => {
                let event = EventKind::DiscoveryKept {
                    upstream: upstream.plan.name.clone(),
                    source: kept.source,
                    why: kept.why,
                };
                self.desk.report(event, now);
            }
        }
        self.forget_retired(now);
    }

    /// A late answer (its ticket was cancelled) changes nothing.
    fn probe_done(&mut self, ticket: ProbeTicket, reading: &Reading, now: Timestamp) {
        let ramps = self.first_round_done;
        let Some((key, kind)) = self.desk.ended(ticket) else { return };
        if let Some((position, index)) = self.place(key) {
            self.upstreams[position].probe_done((index, kind), ticket, reading, ramps, &mut self.desk, now);
        }
    }

    fn nudge(&mut self, nudge: Nudge, now: Timestamp) {
        let ramps = self.first_round_done;
        let Some((position, index)) = self.place(nudge.backend) else { return };
        let upstream = &mut self.upstreams[position];
        match nudge.kind {
            NudgeKind::Trip | NudgeKind::Suspect => upstream.suspect(index, ramps, &mut self.desk, now),
            NudgeKind::TrialEnded { passed } => upstream.trial_ended(index, passed, ramps, &mut self.desk, now),
            NudgeKind::DrainAsked => upstream.drain_asked(index, ramps, &mut self.desk, now),
        }
    }

    /// Those that left too long ago, and the oldest where there are too many.
    fn forget_retired(&mut self, now: Timestamp) {
        self.retired.retain(|_, (left, _)| now.since(*left) < RETIRED_FOR);
        let surplus = self.retired.len().saturating_sub(RETIRED_AT_MOST);
        if surplus == 0 {
            return;
        }
        let mut by_age: Vec<_> = self.retired.iter().map(|(id, (left, _))| (*left, id.clone())).collect();
        by_age.sort();
        for (_, id) in by_age.into_iter().take(surplus) {
            self.retired.remove(&id);
        }
    }
}
