//! How does a board go on from what another one knew?
//!
//! Twice: before its first plan, and once more when the other process has stopped serving. Whoever is no member (yet) is remembered like
//! one that has left.

use super::handover::{BackendState, Handover};
use super::member::Member;
use super::orders::Orders;
use super::upstream::{Former, Upstream};
use super::{Board, RETIRED_FOR};
use crate::base::time::Timestamp;
use crate::health::outlier::Outlier;
use crate::health::standing::Cause;

impl Member {
    pub(super) fn export(&self, now: Timestamp) -> BackendState {
        BackendState {
            id: self.id.clone(),
            left: None,
            orders: self.orders.export(now),
            asked_drain: self.asked_drain.map(|at| now.since(at)),
            check: self.check.as_ref().map(|check| check.export(now)),
            life: self.life.export(now),
            passive: self.outlier.export(now),
            ejected_for: self.ejected_for.clone(),
            ramp: self.ramp_since.map(|at| now.since(at)),
            cause: self.standing.cause,
            stands_for: now.since(self.since),
            history: self.history.export(now),
        }
    }

    /// The backend as another process knew it at `now`. Whatever has changed since is a transition like any other, and told as one.
    pub(super) fn import(&mut self, state: BackendState, now: Timestamp) {
        self.orders = Orders::import(state.orders, now);
        self.asked_drain = state.asked_drain.map(|ago| now - ago);
        self.outlier = Outlier::import(state.passive, now);
        self.ejected_for = state.ejected_for;
        self.ramp_since = state.ramp.map(|ago| now - ago);
        if let (Some(check), Some(state)) = (&mut self.check, state.check) {
            check.import(state, now);
        }
        self.life.import(state.life, now);
        self.history.import(&state.history, now);
        (self.standing.cause, self.since) = (state.cause, now - state.stands_for);
        if state.cause == Cause::Trial {
            self.cell.arm_trial();
        }
    }

    /// What only the process before could learn since this one `started`, which had no traffic and no operator yet.
    pub(super) fn catch_up(&mut self, state: &BackendState, started: Timestamp, now: Timestamp) {
        self.orders = Orders::import(state.orders.clone(), now);
        let asked = state.asked_drain.map(|ago| now - ago).filter(|asked| *asked > started);
        self.asked_drain = self.asked_drain.max(asked);
        if state.passive.is_news_to(&self.outlier) {
            self.outlier = Outlier::import(state.passive, now);
            self.ejected_for.clone_from(&state.ejected_for);
        }
        self.history.import(&state.history, now);
    }
}

impl Former {
    fn export(&self, left: Timestamp, now: Timestamp) -> BackendState {
        let state = match self {
            Self::Member(member) => member.export(now),
            Self::Known(state, taken) => BackendState::clone(state).later(now.since(*taken)),
        };
        BackendState { left: Some(now.since(left)), ..state }
    }
}

impl Board {
    /// Everything that the board of another process needs to go on from here.
    pub fn handover(&self, now: Timestamp) -> Handover {
        let members = self.upstreams.iter().flat_map(|upstream| &upstream.members).map(|member| member.export(now));
        let gone = self.retired.values().map(|(left, former)| former.export(*left, now));
        let sources = |upstream: &Upstream| upstream.sources.export(&upstream.plan.name);
        Handover { backends: members.chain(gone).collect(), sources: self.upstreams.iter().flat_map(sources).collect() }
    }

    pub(super) fn take_over(&mut self, handover: &Handover, now: Timestamp) {
        let (ramps, started) = (self.first_round_done, self.started);
        if self.plan.is_none() {
            self.inherited_sources.clone_from(&handover.sources);
        }
        for state in &handover.backends {
            let left = now - state.left.unwrap_or_default();
            if let Some((position, index)) = self.place(state.id.key()) {
                if state.left.is_none() {
                    self.upstreams[position].catch_up(index, (state, started), ramps, &mut self.desk, now);
                }
            } else if now.since(left) < RETIRED_FOR && !self.retired.contains_key(&state.id) {
                self.retired.insert(state.id.clone(), (left, Former::Known(Box::new(state.clone()), now)));
            }
        }
        self.forget_retired(now);
    }
}
