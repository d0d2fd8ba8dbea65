//! What is known about one backend? Its probes, its ejections, its orders, and the standing that follows.
//!
//! Kept by identity: reloads and discovery flaps move it about but forget nothing in it.

mod alarm;
mod drain;
mod ejections;
pub(super) mod history;
pub(super) mod judged;
pub(super) mod orders;
pub(super) mod probed;
pub(super) mod report;
mod settle;
mod shadows;
mod status;
pub(super) mod steered;
pub(super) mod succession;

pub use ejections::EjectionsState;
pub use history::EventState;
pub use orders::{GivenState, OrdersState};
pub use status::StatusState;

use super::contract::discovery::Found;
use super::desk::turn::Turn;
use super::probing::Probes;
use super::probing::check::Check;
use super::why::standing::Grounds;
use crate::base::identity::{BackendId, BackendKey};
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::health::combine::{Active, Facts};
use crate::health::event::EventKind;
use crate::health::order::Order;
use crate::health::outlier::EjectionState;
use crate::health::standing::Cause;
use crate::plan::{OnDown, ProbeKind, ProbePlan, UpstreamPlan};
use crate::traffic::cell::Cell;
use crate::traffic::endpoint::Endpoint;
use alarm::Alarm;
use drain::AskedDrain;
use ejections::Ejections;
use history::History;
use orders::Orders;
use status::Status;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Member {
    id: BackendId,
    key: BackendKey,
    /// As configured or discovered; see [`Self::weight`].
    configured_weight: u32,
    backup: bool,
    cell: Arc<Cell>,
    /// What its jitter and phases are drawn from.
    rng: Rng,
    probes: Probes,
    ejections: Ejections,
    orders: Orders,
    asked_drain: AskedDrain,
    status: Status,
    alarm: Alarm,
    history: History,
    /// As the last snapshot shows it.
    picture: Option<Arc<Endpoint>>,
}

impl Member {
    pub(super) fn new(id: BackendId, found: &Found, plan: &UpstreamPlan, turn: &Turn<'_>) -> Self {
        let probes = Probes::new(plan, turn.now);
        let asked = probes.readiness().is_some() || probes.life().is_starting();
        let cause = if asked { Cause::Unchecked } else { Cause::Up };
        Self {
            key: id.key(),
            rng: turn.stream(&id),
            id,
            configured_weight: found.weight,
            backup: found.backup,
            cell: Arc::new(Cell::new()),
            ejections: Ejections::default(),
            orders: Orders::default(),
            asked_drain: AskedDrain::default(),
            status: Status::new(cause, probes.readiness().is_none(), turn.now),
            alarm: Alarm::default(),
            history: History::default(),
            picture: None,
            probes,
        }
    }

    pub(super) const fn id(&self) -> &BackendId {
        &self.id
    }

    pub(super) const fn key(&self) -> BackendKey {
        self.key
    }

    pub(super) fn cell(&self) -> &Cell {
        &self.cell
    }

    pub(super) const fn is_backup(&self) -> bool {
        self.backup
    }

    pub(super) const fn probes(&self) -> &Probes {
        &self.probes
    }

    pub(super) const fn ejections(&self) -> &Ejections {
        &self.ejections
    }

    pub(super) const fn orders(&self) -> &Orders {
        &self.orders
    }

    pub(super) const fn asked_drain(&self) -> AskedDrain {
        self.asked_drain
    }

    pub(super) const fn status(&self) -> &Status {
        &self.status
    }

    pub(super) const fn cause(&self) -> Cause {
        self.status.standing().cause
    }

    /// The weight in force.
    pub(super) fn weight(&self) -> u32 {
        self.orders.weight().map_or(self.configured_weight, |given| given.what)
    }

    /// In the pool that caps are computed over: neither drained (by weight 0 either) nor unchecked nor starting.
    pub(super) fn counts(&self) -> bool {
        self.orders.order() != Some(Order::Drain)
            && self.weight() > 0
            && !self.asks_drain()
            && !matches!(self.probes.active(), Active::Unchecked | Active::Starting)
    }

    /// Passes its probes (or has none) and is not ejected.
    pub(super) fn fit(&self) -> bool {
        self.counts()
            && self.orders.order() != Some(Order::ForceDown)
            && matches!(self.probes.active(), Active::Up | Active::Unprobed)
            && self.ejections.state() == EjectionState::Clear
    }

    /// By a response header, or by its readiness document.
    fn asks_drain(&self) -> bool {
        self.asked_drain.is_on() || self.probes.drains().is_some()
    }

    fn readiness_plan(&self) -> Option<&ProbePlan> {
        self.probes.readiness().map(|check| &*check.plan)
    }

    /// What its standing depends on.
    fn facts(&self, plan: &UpstreamPlan, now: Timestamp) -> Facts {
        let readiness = self.probes.readiness();
        let drain_until = self.asked_drain.until(self.readiness_plan(), plan.passive.base_ejection);
        Facts {
            order: self.orders.order(),
            passive: self.ejections.passive(),
            active: self.probes.active(),
            asks_drain: self.asks_drain(),
            degraded: self.probes.degraded().is_some(),
            degraded_share: readiness.map_or(1.0, Check::degraded_share),
            ramp: self.status.ramp(&plan.slow_start, now),
            ejected_until: self.ejections.current().map(|ejection| ejection.until),
            probes_return: self.probes.earliest(now),
            drain_until: drain_until.max(readiness.and_then(|check| check.drain_until(now))),
            order_until: self.orders.standing().and_then(|given| given.until),
        }
    }

    /// What holds it in the standing of `cause`.
    fn grounds(&self, cause: Cause, now: Timestamp) -> Grounds<'_> {
        let order = self.orders.standing();
        Grounds {
            cause,
            passive: self.ejections.passive(),
            probes: self.probes.says(),
            ordered_by: order.map_or("", |given| &*given.by),
            ordered_for: order.and_then(|given| given.reason.as_deref()),
            ejected_for: self.ejections.why(),
            degraded: self.probes.degraded().unwrap_or_default(),
            drains: self.probes.drains(),
            ejection_waits: self.probes.readiness().is_some() && self.ejections.is_overdue(now),
        }
    }

    /// When this backend needs the board's attention by itself.
    pub(super) fn deadline(&self, plan: &UpstreamPlan, now: Timestamp) -> Option<Timestamp> {
        let probe = self.readiness_plan();
        let ejection = self.ejections.deadline().filter(|at| *at > now);
        let drain = self.asked_drain.over_at(probe, plan.passive.base_ejection);
        let drain = drain.or(self.asked_drain.probe_from(probe).filter(|at| *at > now));
        let ramp = self.status.next_step(&plan.slow_start, now);
        [ramp, self.probes.deadline(), drain, self.orders.deadline(), ejection].into_iter().flatten().min()
    }

    /// Reports an event and keeps it in the history.
    fn report(&mut self, kind: EventKind, turn: &mut Turn<'_>) {
        self.history.note(turn.report(kind));
    }

    /// A source found it so.
    pub(super) fn found(&mut self, found: &Found) {
        (self.configured_weight, self.backup) = (found.weight, found.backup);
    }

    /// The definition in force is `plan`'s.
    pub(super) fn redefine(&mut self, plan: &UpstreamPlan, turn: &mut Turn<'_>) {
        for ticket in self.probes.redefine(plan, turn.now) {
            turn.cancel(ticket);
        }
    }

    /// Another instance answers at its address, as a probe of `kind` saw: what was known of the former one is forgotten. What operators
    /// ordered stays.
    fn begin_anew(&mut self, kind: ProbeKind, on_down: OnDown, turn: &mut Turn<'_>) {
        self.cancel_probes(turn);
        self.probes.begin_anew(kind, turn.now);
        self.ejections.forget();
        self.cell.clear_evidence();
        self.asked_drain = AskedDrain::default();
        self.status.retire_idle(on_down);
    }

    /// It was removed: no probe, no idle connection of it is used again should it return.
    pub(super) fn retire(&mut self, turn: &mut Turn<'_>) {
        self.cancel_probes(turn);
        self.alarm = Alarm::default();
        self.status.retire_idle(OnDown::RetireIdle);
    }

    fn cancel_probes(&mut self, turn: &mut Turn<'_>) {
        for ticket in self.probes.forget_flights() {
            turn.cancel(ticket);
        }
    }
}
