//! What is known about one backend? Its check, its passive record, its orders, and the standing that follows.
//!
//! Kept by identity: reloads and discovery flaps move it about but forget nothing in it.

use super::alarm::Alarm;
use super::check::Check;
use super::checks::Life;
use super::contract::{BackendReport, EjectionReport, Found};
use super::desk::Desk;
use super::history::History;
use super::orders::Orders;
use super::shadows::Shadows;
use super::why::{self, Grounds, Occasion, Probes};
use crate::base::identity::{BackendId, BackendKey};
use crate::base::time::Timestamp;
use crate::health::combine::{Active, Facts, Passive, combine};
use crate::health::event::EventKind;
use crate::health::order::Order;
use crate::health::outlier::{Ejection, EjectionState, Outlier};
use crate::health::reading::Reading;
use crate::health::slow_start;
use crate::health::standing::{Cause, Standing};
use crate::health::startup::Phase;
use crate::plan::{OnDown, ProbeKind, UpstreamPlan};
use crate::traffic::cell::Cell;
use crate::traffic::endpoint::Endpoint;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Member {
    pub id: BackendId,
    pub key: BackendKey,
    /// As configured or discovered; see [`Self::weight`].
    pub configured_weight: u32,
    pub backup: bool,
    pub cell: Arc<Cell>,
    /// Readiness.
    pub check: Option<Check>,
    /// Startup and liveness.
    pub life: Life,
    pub outlier: Outlier,
    pub orders: Orders,
    /// When it asked for a drain by a header, the last time. A probe that starts a period later and passes takes it back; without
    /// probes it is over after one base ejection time, and its next response may ask again.
    pub asked_drain: Option<Timestamp>,
    pub standing: Standing,
    pub since: Timestamp,
    /// The evidence of the last ejection.
    pub ejected_for: String,
    pub ramp_since: Option<Timestamp>,
    epoch: u32,
    /// The last text of a hint that was reported.
    pub hinted: Option<String>,
    /// No ejection refusal is reported again before this.
    pub refusal_quiet_until: Timestamp,
    pub timeouts_held: bool,
    pub alarm: Alarm,
    /// What detectors that do not enforce have found.
    pub shadows: Shadows,
    /// What a trial request must keep within, where it was ejected for being slow.
    trial_limit: Option<Duration>,
    pub history: History,
    /// As the last snapshot shows it.
    picture: Option<Arc<Endpoint>>,
}

impl Member {
    pub(super) fn new(id: BackendId, found: &Found, plan: &UpstreamPlan, now: Timestamp) -> Self {
        let check = plan.readiness.clone().map(|probe| Check::new(Arc::new(probe), now));
        let life = Life::new(plan, now);
        let cause = if check.is_some() || life.is_starting() { Cause::Unchecked } else { Cause::Up };
        let share = if cause.eligible() { 1.0 } else { 0.0 };
        Self {
            key: id.key(),
            id,
            configured_weight: found.weight,
            backup: found.backup,
            cell: Arc::new(Cell::new()),
            outlier: Outlier::default(),
            orders: Orders::default(),
            asked_drain: None,
            standing: Standing { cause, share, earliest_return: None, unprobed: check.is_none() },
            since: now,
            ejected_for: String::new(),
            ramp_since: None,
            epoch: 0,
            hinted: None,
            refusal_quiet_until: Timestamp::ZERO,
            timeouts_held: false,
            alarm: Alarm::default(),
            shadows: Shadows::default(),
            trial_limit: None,
            history: History::default(),
            picture: None,
            life,
            check,
        }
    }

    pub(super) fn active(&self) -> Active {
        let readiness = || self.check.as_ref().map_or(Active::Unprobed, Check::active);
        self.life.active().unwrap_or_else(readiness)
    }

    /// The check whose word counts now.
    pub(super) fn deciding_check(&self) -> Option<&Check> {
        match self.life.active() {
            Some(Active::NotAlive) => self.life.liveness.as_ref(),
            Some(_) => self.life.startup.as_ref(),
            None => self.check.as_ref(),
        }
    }

    pub(super) fn check_of(&self, kind: ProbeKind) -> Option<&Check> {
        match kind {
            ProbeKind::Startup => self.life.startup.as_ref(),
            ProbeKind::Readiness => self.check.as_ref(),
            ProbeKind::Liveness => self.life.liveness.as_ref(),
        }
    }

    pub(super) fn check_mut(&mut self, kind: ProbeKind) -> Option<&mut Check> {
        match kind {
            ProbeKind::Startup => self.life.startup.as_mut(),
            ProbeKind::Readiness => self.check.as_mut(),
            ProbeKind::Liveness => self.life.liveness.as_mut(),
        }
    }

    /// The weight in force.
    pub(super) fn weight(&self) -> u32 {
        self.orders.weight.as_ref().map_or(self.configured_weight, |given| given.what)
    }

    /// In the pool that caps are computed over: neither drained (by weight 0 either) nor unchecked nor starting.
    pub(super) fn counts(&self) -> bool {
        self.orders.order() != Some(Order::Drain)
            && self.weight() > 0
            && !self.asks_drain()
            && !matches!(self.active(), Active::Unchecked | Active::Starting)
    }

    /// By a response header, or by its readiness document.
    pub(super) fn asks_drain(&self) -> bool {
        self.asked_drain.is_some() || self.drains_by_document().is_some()
    }

    /// How its readiness document asks for a drain, where it does.
    pub(super) fn drains_by_document(&self) -> Option<&str> {
        self.check.as_ref()?.said.drains.as_deref()
    }

    /// The share that a degraded backend keeps; 1.0 where it is not degraded.
    pub(super) fn degraded_share(&self) -> f64 {
        let degraded = self.check.as_ref().filter(|check| check.said.degraded.is_some());
        degraded.map_or(1.0, |check| check.plan.degraded_share())
    }

    /// Passes its probes (or has none) and is not ejected.
    pub(super) fn fit(&self) -> bool {
        self.counts()
            && self.orders.order() != Some(Order::ForceDown)
            && matches!(self.active(), Active::Up | Active::Unprobed)
            && self.outlier.state == EjectionState::Clear
    }

    /// What else is worth knowing of it now.
    pub(super) fn notes(&self, plan: &UpstreamPlan, now: Timestamp) -> Vec<String> {
        let watched = self.shadows.notes(plan.passive.base_ejection * 2, now);
        self.alarm.note().into_iter().chain(watched).collect()
    }

    /// Its last ejection was for its latency, not for failures.
    pub(super) fn out_for_slowness(&self) -> bool {
        self.trial_limit.is_some()
    }

    /// What its next trial request must keep within.
    pub(super) fn limit_trial(&mut self, limit: Option<Duration>) {
        self.trial_limit = limit;
        self.cell.limit_trial(limit);
    }

    pub(super) const fn trial_limit(&self) -> Option<Duration> {
        self.trial_limit
    }

    pub(super) fn trial_failed(&self) -> String {
        match self.trial_limit {
            None => "its trial request failed".to_owned(),
            Some(limit) => format!("its trial request failed, or took longer than {}ms", limit.as_millis()),
        }
    }

    /// Begins the ramp of a recovery or a late arrival.
    pub(super) fn begin_ramp(&mut self, now: Timestamp) {
        self.ramp_since = Some(now);
    }

    /// Computes the standing anew; reports a transition when the cause changed. True when anything changed.
    pub(super) fn settle(
        &mut self,
        plan: &UpstreamPlan,
        ramps: bool,
        occasion: Option<&Occasion>,
        desk: &mut Desk,
        now: Timestamp,
    ) -> bool {
        let before = self.standing;
        let mut facts = self.facts(plan, now);
        let mut after = combine(&facts);
        if after.cause.eligible() && !before.cause.eligible() && ramps && before.cause != Cause::ForcedUp {
            self.begin_ramp(now);
            facts = self.facts(plan, now);
            after = combine(&facts);
        }
        // A ramp that is over is over for good, whatever slow start another plan or process has.
        if !after.cause.eligible() || facts.ramp >= 1.0 {
            self.ramp_since = None;
        }
        self.standing = after;
        if after.cause != before.cause {
            self.transition(plan.on_down, before.cause, occasion, desk, now);
        }
        after.cause != before.cause || after.share != before.share
    }

    fn transition(
        &mut self,
        on_down: OnDown,
        from: Cause,
        occasion: Option<&Occasion>,
        desk: &mut Desk,
        now: Timestamp,
    ) {
        let to = self.standing.cause;
        if matches!(to, Cause::Down | Cause::NotAlive | Cause::ForcedDown) && on_down != OnDown::Keep {
            self.epoch += 1;
            if on_down == OnDown::CloseAll {
                self.cell.cut_before(self.epoch);
            }
        }
        if to == Cause::Trial {
            self.cell.arm_trial();
        } else if from == Cause::Trial {
            self.cell.disarm_trial();
        }
        self.since = now;
        let ramp_over = (from, to) == (Cause::Ramping, Cause::Up);
        let occasion = if ramp_over { Some(&Occasion::RampOver) } else { occasion };
        let event = EventKind::Transition {
            backend: self.id.clone(),
            from,
            to,
            counter: self.counter(),
            why: why::transition(&self.grounds(to, now), occasion),
            earliest_return: self.standing.earliest_return,
        };
        self.report(event, desk, now);
    }

    /// Reports an event and keeps it in the history.
    pub(super) fn report(&mut self, kind: EventKind, desk: &mut Desk, now: Timestamp) {
        self.history.note(desk.report(kind, now));
    }

    /// Says to whoever owns it which kinds of secrets its documents tell, once each.
    pub(super) fn tell_leaks(&mut self, reading: &Reading, desk: &mut Desk, now: Timestamp) {
        let new = self.check.as_mut().map(|check| check.said.new_leaks(reading)).unwrap_or_default();
        for what in new {
            self.report(EventKind::DocumentLeaks { backend: self.id.clone(), what }, desk, now);
        }
    }

    /// The definition in force is `plan`'s. A changed one keeps the verdict, clears the streak and probes at once; what the old one
    /// has in flight says nothing about the new one.
    pub(super) fn redefine(&mut self, plan: &UpstreamPlan, desk: &mut Desk, now: Timestamp) {
        for ticket in self.life.redefine(plan, now) {
            desk.cancel(ticket);
        }
        if self.check.as_ref().map(|check| &*check.plan) == plan.readiness.as_ref() {
            return;
        }
        self.cancel_probe(ProbeKind::Readiness, desk);
        match (&mut self.check, &plan.readiness) {
            (Some(check), Some(probe)) => check.redefine(Arc::new(probe.clone()), now),
            (check, probe) => *check = probe.clone().map(|probe| Check::new(Arc::new(probe), now)),
        }
    }

    fn cancel_probe(&mut self, kind: ProbeKind, desk: &mut Desk) {
        if let Some(ticket) = self.check_mut(kind).and_then(Check::forget_flight) {
            desk.cancel(ticket);
        }
    }

    /// Another instance answers at its address, as a probe of `kind` saw: what was known of the former one is forgotten. What operators
    /// ordered stays.
    pub(super) fn begin_anew(&mut self, kind: ProbeKind, on_down: OnDown, desk: &mut Desk, now: Timestamp) {
        for kind in ProbeKind::ALL {
            self.cancel_probe(kind, desk);
        }
        self.life.begin_anew(kind, now);
        if let Some(check) = &mut self.check {
            check.begin_anew(now);
        }
        self.outlier = Outlier::default();
        self.cell.clear_evidence();
        (self.asked_drain, self.timeouts_held) = (None, false);
        if on_down != OnDown::Keep {
            self.epoch += 1;
        }
    }

    /// How a probe beside readiness failed for good.
    pub(super) fn life_sentence(&self, kind: ProbeKind) -> String {
        let how = self.check_of(kind).map_or("", Check::last_failure);
        match (kind, self.life.progress.phase) {
            (ProbeKind::Startup, Phase::Failed { within }) => why::not_started(within, how),
            _ => why::not_alive(how),
        }
    }

    /// Another service answers there.
    pub(super) fn stranger(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.stranger)
    }

    /// It was removed: no probe, no idle connection of it is used again should it return.
    pub(super) fn retire(&mut self, desk: &mut Desk) {
        for kind in ProbeKind::ALL {
            self.cancel_probe(kind, desk);
        }
        self.alarm = Alarm::default();
        self.epoch += 1;
    }

    /// Its verdict is that of the process before, and no probe of this one has ended.
    pub(super) fn unconfirmed(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.unconfirmed)
    }

    fn passive(&self) -> Passive {
        match self.outlier.state {
            EjectionState::Clear => Passive::Clear,
            EjectionState::Ejected(_) => Passive::Ejected,
            EjectionState::Trial { .. } => Passive::Trial,
        }
    }

    /// What holds it in the standing of `cause`.
    fn grounds(&self, cause: Cause, now: Timestamp) -> Grounds<'_> {
        let ejection_over = |ejection: Ejection| ejection.until <= now;
        let order = self.orders.standing.as_ref();
        let readiness = || self.check.as_ref().map_or(Probes::None, |check| check.grounds(self.timeouts_held));
        Grounds {
            cause,
            passive: self.passive(),
            probes: self.life.grounds().unwrap_or_else(readiness),
            ordered_by: order.map_or("", |given| &*given.by),
            ordered_for: order.and_then(|given| given.reason.as_deref()),
            ejected_for: &self.ejected_for,
            degraded: self.check.as_ref().and_then(|check| check.said.degraded.as_deref()).unwrap_or_default(),
            drains: self.drains_by_document(),
            ejection_waits: self.check.is_some() && self.outlier.ejection().is_some_and(ejection_over),
        }
    }

    fn facts(&self, plan: &UpstreamPlan, now: Timestamp) -> Facts {
        Facts {
            order: self.orders.order(),
            passive: self.passive(),
            active: self.active(),
            asks_drain: self.asks_drain(),
            degraded: self.check.as_ref().is_some_and(|check| check.said.degraded.is_some()),
            degraded_share: self.degraded_share(),
            ramp: self.ramp_since.map_or(1.0, |since| slow_start::share(&plan.slow_start, since, now)),
            ejected_until: self.outlier.ejection().map(|ejection| ejection.until),
            probes_return: self.check.as_ref().and_then(|check| check.earliest_up(now)).max(self.life.earliest(now)),
            drain_until: self.drain_until(plan).max(self.document_drain_until(now)),
            order_until: self.orders.standing.as_ref().and_then(|given| given.until),
        }
    }

    /// When a drain that it asked for ends by time alone: where no probe could end it.
    fn drain_over_at(&self, plan: &UpstreamPlan) -> Option<Timestamp> {
        let asked = self.asked_drain.filter(|_| self.check.is_none())?;
        Some(asked + plan.passive.base_ejection)
    }

    /// From when on a probe that starts and passes ends a drain that it asked for.
    pub(super) fn drain_probe_from(&self) -> Option<Timestamp> {
        let (asked, check) = (self.asked_drain?, self.check.as_ref()?);
        Some(asked + check.plan.period + Duration::from_nanos(1))
    }

    /// When the drain that it asked for can be over at the earliest.
    pub(super) fn drain_until(&self, plan: &UpstreamPlan) -> Option<Timestamp> {
        self.drain_over_at(plan).or(self.drain_probe_from())
    }

    /// When a drain that its document asked for can be over at the earliest: with the next probe.
    pub(super) fn document_drain_until(&self, now: Timestamp) -> Option<Timestamp> {
        let check = self.check.as_ref().filter(|check| check.said.drains.is_some())?;
        Some(check.earliest_after(1, now))
    }

    /// Ends a drain whose time is over. True when it did.
    pub(super) fn end_drain(&mut self, plan: &UpstreamPlan, now: Timestamp) -> bool {
        let over = self.drain_over_at(plan).is_some_and(|at| at <= now);
        if over {
            self.asked_drain = None;
        }
        over
    }

    /// Takes orders back whose time is over. True when there were any.
    pub(super) fn orders_over(&mut self, desk: &mut Desk, now: Timestamp) -> bool {
        let over = self.orders.expire(now);
        let any = !over.is_empty();
        for (what, by) in over {
            self.report(EventKind::OrderOver { backend: self.id.clone(), what, by }, desk, now);
        }
        any
    }

    /// When this backend needs the board's attention by itself.
    pub(super) fn deadline(&self, plan: &UpstreamPlan, now: Timestamp) -> Option<Timestamp> {
        let ramp = self.ramp_since.and_then(|since| slow_start::next_step(&plan.slow_start, since, now));
        let deadline = |kind| self.check_of(kind).filter(|_| self.life.runs(kind)).and_then(Check::deadline);
        let check = ProbeKind::ALL.into_iter().filter_map(deadline).min();
        let passive = self.outlier.deadline().filter(|at| *at > now);
        let drain = self.drain_over_at(plan).or(self.drain_probe_from().filter(|at| *at > now));
        [ramp, check, drain, self.orders.deadline(), passive].into_iter().flatten().min()
    }

    pub(super) fn counter(&self) -> (u32, u32) {
        self.check.as_ref().and_then(|check| check.counter).map_or((0, 0), |counter| counter.shown())
    }

    /// Its picture for a snapshot; the last one where it is still true.
    pub(super) fn picture(&mut self) -> Arc<Endpoint> {
        let true_still = |picture: &&Arc<Endpoint>| {
            (
                picture.weight,
                picture.backup,
                picture.standing,
                picture.since,
                picture.connection_epoch,
                picture.stranger,
            ) == (self.weight(), self.backup, self.standing, self.since, self.epoch, self.stranger())
        };
        let picture = self.picture.as_ref().filter(true_still).cloned().unwrap_or_else(|| self.portray());
        self.picture = Some(Arc::clone(&picture));
        picture
    }

    fn portray(&self) -> Arc<Endpoint> {
        Arc::new(Endpoint {
            id: self.id.clone(),
            key: self.key,
            weight: self.weight(),
            backup: self.backup,
            standing: self.standing,
            since: self.since,
            connection_epoch: self.epoch,
            stranger: self.stranger(),
            cell: Arc::clone(&self.cell),
        })
    }

    pub(super) fn show(&self, plan: &UpstreamPlan, now: Timestamp) -> BackendReport {
        let evidence = self.cell.evidence(now, &plan.passive);
        let (total_successes, total_failures) = self.cell.totals();
        let standing = combine(&self.facts(plan, now));
        BackendReport {
            id: self.id.clone(),
            weight: self.weight(),
            configured_weight: self.configured_weight,
            backup: self.backup,
            order: self.orders.standing.clone(),
            weight_order: self.orders.weight.clone(),
            standing,
            since: self.since,
            why: why::standing(&self.grounds(standing.cause, now)),
            counter: self.counter(),
            last_probe: self.check.as_ref().and_then(|check| check.last.clone()),
            next_probe: self.check.as_ref().filter(|_| !self.life.is_starting()).and_then(Check::next_probe),
            other_probes: self.life.show(),
            ejection: self.outlier.ejection().map(|ejection| EjectionReport {
                since: ejection.since,
                earliest_return: ejection.until,
                nth: ejection.nth,
            }),
            in_flight: self.cell.in_flight(),
            successes: evidence.window.successes,
            failures: evidence.window.failures,
            streak: evidence.streak,
            total_successes,
            total_failures,
            notes: self.notes(plan, now),
            history: self.history.shown(),
        }
    }
}
