//! Who is fit, right now, and what follows? The board composes the machines.
//!
//! A sans-I/O machine in the shape of quinn-proto: inputs go in with `now`, [`Board::poll_output`] is drained after every call,
//! [`Board::next_deadline`] says when to call [`Board::handle_deadline`] next; late and spurious calls are harmless.
//! Exactly one task owns it.

mod check;
mod contract;
mod desk;
mod member;
mod passive;
mod publish;
mod sources;
#[cfg(test)]
mod tests;
mod upstream;

pub use contract::{
    BackendReport, EjectionReport, Found, Input, LastProbe, Order, Output, ProbeJob, ProbeTicket, UpstreamReport,
};

use super::cell::{Hint, HintKind};
use super::event::EventKind;
use super::identity::{BackendId, BackendKey};
use super::plan::Plan;
use super::time::Timestamp;
use desk::Desk;
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
    retired: Retired,
    generation: u64,
    started: Timestamp,
    first_round_done: bool,
}

impl Board {
    /// `seed` feeds jitter and phases. The board is empty until the first [`Input::Reconfigure`].
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            desk: Desk::new(seed),
            plan: None,
            upstreams: Vec::new(),
            retired: Retired::new(),
            generation: 0,
            started: now,
            first_round_done: false,
        }
    }

    pub fn handle(&mut self, input: Input, now: Timestamp) {
        let mut replan = false;
        match input {
            Input::Reconfigure(plan) => {
                self.reconfigure(plan, now);
                replan = true;
            }
            Input::Discovered { upstream, source, answer } => self.discovered(&upstream, source, answer, now),
            Input::ProbeDone { ticket, reading } => {
                let ramps = self.first_round_done;
                if let Some((upstream, index)) = self.awaiting(ticket) {
                    self.upstreams[upstream].probe_done(index, ticket, &reading, ramps, &mut self.desk, now);
                }
            }
            Input::Hint(hint) => self.hint(hint, now),
            Input::Operate { backend, order, by } => self.operate(&backend, order, &by, now),
        }
        self.finish(replan, now);
    }

    pub fn handle_deadline(&mut self, now: Timestamp) {
        self.retired.retain(|_, (left, _)| now.since(*left) < RETIRED_FOR);
        self.finish(false, now);
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.plan.as_ref()?;
        self.upstreams.iter().filter_map(|upstream| upstream.next_deadline).min()
    }

    pub fn poll_output(&mut self) -> Option<Output> {
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

    /// What every call ends with: time passes for everybody, then what changed is published.
    fn finish(&mut self, replan: bool, now: Timestamp) {
        for upstream in &mut self.upstreams {
            upstream.advance(self.first_round_done, &mut self.desk, now);
        }
        if !self.first_round_done && self.plan.is_some() && self.upstreams.iter().all(Upstream::first_round_done) {
            self.first_round_done = true;
            let took = now.since(self.started);
            self.desk.report(EventKind::FirstRoundDone { took }, now);
        }
        self.publish(replan, now);
        for upstream in &mut self.upstreams {
            upstream.next_deadline = upstream.deadline(now);
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
            let (joined, left) = upstream.regroup(&mut self.retired, &mut self.desk, now);
            (added, removed) = (added + joined, removed + left);
            upstream.begin_looking(now);
            self.upstreams.push(upstream);
        }
        for gone in old.into_iter().flatten() {
            removed += gone.members.len();
            gone.dissolve(&mut self.retired, &mut self.desk, now);
        }
        self.forget_the_oldest();
        self.plan = Some(plan);
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
        self.forget_the_oldest();
    }

    fn hint(&mut self, hint: Hint, now: Timestamp) {
        let ramps = self.first_round_done;
        for upstream in &mut self.upstreams {
            let Some(index) = upstream.member(hint.backend) else { continue };
            match hint.kind {
                HintKind::Trip | HintKind::Suspect => upstream.suspect(index, ramps, &mut self.desk, now),
                HintKind::TrialEnded { passed } => upstream.trial_ended(index, passed, ramps, &mut self.desk, now),
                HintKind::DrainAsked => upstream.drain_asked(index, ramps, &mut self.desk, now),
            }
        }
    }

    fn operate(&mut self, backend: &BackendId, order: Order, by: &str, now: Timestamp) {
        let ramps = self.first_round_done;
        let upstream = self.upstreams.iter_mut().find(|upstream| upstream.plan.name == backend.upstream);
        if let Some(upstream) = upstream
            && let Some(index) = upstream.member(backend.key())
        {
            upstream.operate(index, order, by, ramps, &mut self.desk, now);
        }
    }

    /// Whose probe has this ticket?
    fn awaiting(&self, ticket: ProbeTicket) -> Option<(usize, usize)> {
        let in_flight =
            |member: &member::Member| member.check.as_ref().and_then(check::Check::in_flight) == Some(ticket);
        self.upstreams
            .iter()
            .enumerate()
            .find_map(|(position, upstream)| upstream.members.iter().position(in_flight).map(|index| (position, index)))
    }

    fn forget_the_oldest(&mut self) {
        while self.retired.len() > RETIRED_AT_MOST {
            let oldest = self.retired.iter().min_by_key(|(_, (left, _))| *left).map(|(id, _)| id.clone());
            if let Some(id) = oldest {
                self.retired.remove(&id);
            }
        }
    }
}
