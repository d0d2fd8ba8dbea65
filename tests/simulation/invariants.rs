//! Which promises are held against every step? The witness compares what the board says with the shadow and with itself.

use super::shadow::{Backend, Count, Shadow};
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{
    BackendReport, Board, Found, Handover, Output, ProbeJob, Refused, Steering, UpstreamReport,
};
use pulsegate_core::health::event::{Disagreement, EjectedBy, Event, EventKind};
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::order::Order;
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::health::verdict::Verdict;
use pulsegate_core::plan::{
    Detector, OnDown, PassivePlan, ProbeFailure, ProbeKind, ProbePlan, UpstreamPlan, WhenNoneEligible,
};
use pulsegate_core::traffic::cell::NudgeKind;
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::load_balancing::PickInput;
use pulsegate_core::traffic::outcome::Outcome;
use pulsegate_core::traffic::snapshot::{Emptiness, Pool, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

#[derive(Default)]
pub struct Witness {
    shadow: Shadow,
    last_event: u64,
    snapshot: Option<Arc<Snapshot>>,
    first_round_events: u32,
    empty: BTreeMap<Arc<str>, bool>,
    /// Pools in which somebody was eligible once.
    served: BTreeSet<Arc<str>>,
    /// Verdicts of slow probes that the board may have held instead of counting, in this step.
    may_be_held: BTreeSet<BackendId>,
    /// When traffic last succeeded.
    succeeded: BTreeMap<BackendId, Timestamp>,
    drain_asked: BTreeSet<BackendId>,
    /// Who was seen restarted in this step.
    restarted: BTreeSet<BackendId>,
    /// Whose probes and traffic contradict each other.
    alarms: BTreeMap<BackendId, Disagreement>,
    /// Which pools are held, and until when at most.
    held: BTreeMap<Arc<str>, Timestamp>,
    /// When a detector that only watches last said something.
    watched: BTreeMap<(BackendId, Detector), Timestamp>,
    /// When each that is out was promised to return at the earliest.
    promised: BTreeMap<BackendId, Timestamp>,
    /// Steps so far: whose turn it is to be explained.
    steps: usize,
    /// Who was on a ramp when the board before handed over, and goes on with it.
    inherited_ramps: BTreeSet<BackendId>,
}

impl Witness {
    // ------------------------------------------------- what the board is told

    pub fn reconfigured(&mut self, upstreams: &[UpstreamPlan], now: Timestamp) {
        self.shadow.reconfigured(upstreams, now);
        self.promised.clear();
        let stays = |name: &Arc<str>| upstreams.iter().any(|upstream| upstream.name == *name);
        self.empty.retain(|name, _| stays(name));
        self.held.retain(|name, _| stays(name));
        self.served.retain(stays);
    }

    /// Another board goes on: it numbers its events and snapshots anew, and has no probe in flight.
    pub fn handed_over(&mut self, handover: &Handover) {
        let ramping = handover.backends.iter().filter(|known| known.status.ramp.is_some());
        self.inherited_ramps = ramping.map(|known| known.id.clone()).collect();
        (self.last_event, self.first_round_events, self.snapshot) = (0, 0, None);
        self.empty.clear();
        self.watched.clear();
        self.alarms.clear();
        self.held.clear();
        self.promised.clear();
        for backend in self.shadow.backends.values_mut() {
            backend.early_probe_allowed = true;
            backend.life.handed_over();
            backend.refusal_reported = None;
            backend.handed_over = true;
            backend.leaks.clear();
        }
    }

    pub fn discovered(&mut self, name: &Arc<str>, source: usize, answer: &Result<Vec<Found>, String>, now: Timestamp) {
        self.shadow.discovered(name, source, answer, now);
        self.promised.retain(|id, _| self.shadow.is_member(id));
    }

    pub fn steered(&mut self, steering: &Steering, outcome: Result<&BackendReport, &Refused>, now: Timestamp) {
        let id = &steering.backend;
        self.promised.remove(id);
        let member = self.shadow.is_member(id);
        let known = self.shadow.backends.get_mut(id).filter(|_| member);
        match (known, outcome) {
            (Some(known), Ok(_)) => assert!(known.steer(steering, now), "{id}: {} was taken", steering.what),
            (Some(known), Err(Refused::AnotherOrder { order, .. })) => {
                assert!(!known.steer(steering, now) && known.order_at(now) == Some(*order), "{id}: refused");
            }
            (None, Err(Refused::NoBackend { known })) => assert!(!known.contains(&id.address), "{id}"),
            (None, Err(Refused::NoUpstream { .. })) => assert!(self.shadow.upstream(&id.upstream).is_none(), "{id}"),
            (_, outcome) => panic!("{id}: {} came to {outcome:?}", steering.what),
        }
    }

    pub fn hinted(&mut self, id: &BackendId, kind: NudgeKind) {
        if kind == NudgeKind::DrainAsked {
            self.drain_asked.insert(id.clone());
        }
    }

    pub fn traffic(&mut self, id: &BackendId, outcome: Outcome, now: Timestamp) {
        if outcome == Outcome::Success {
            self.succeeded.insert(id.clone(), now);
        }
    }

    pub fn probe_answered(&mut self, id: &BackendId, kind: ProbeKind, reading: &Reading) {
        let Some(backend) = self.shadow.backends.get_mut(id) else { return };
        let plan = if kind == ProbeKind::Readiness { backend.probe.as_ref() } else { backend.life.plan(kind) };
        let Some(probe) = plan.cloned() else { return };
        let verdict = judge(reading, &probe);
        if kind == ProbeKind::Readiness {
            let fails = matches!(verdict, Verdict::Fail { .. });
            let stranger = matches!(verdict, Verdict::Fail { kind: ProbeFailure::Identity, .. });
            backend.stranger = fails && (backend.stranger || stranger);
        }
        if backend.life.restarted(kind, reading, &verdict) {
            backend.begin_anew();
            self.restarted.insert(id.clone());
            self.promised.remove(id);
            self.drain_asked.remove(id);
            if backend.life.is_starting() && kind != ProbeKind::Startup {
                return;
            }
        }
        if kind != ProbeKind::Readiness {
            return backend.life.count(kind, &verdict);
        }
        let slow = matches!(verdict, Verdict::Fail { kind: ProbeFailure::Timeout, .. });
        if slow && backend.count == (Count::Up { left: 1 }) && self.succeeded.contains_key(id) {
            self.may_be_held.insert(id.clone());
        }
        backend.count(&verdict);
        let coming = matches!(backend.count, Count::Down { passes } if passes > 0);
        backend.confirms = coming && self.empty.get(&id.upstream).is_some_and(|empty| *empty);
    }

    /// A probe was given up: of a member whose definition stands, that is a timeout; else it says nothing. Nor does one of an instance that
    /// is gone.
    pub fn probe_cancelled(&mut self, id: &BackendId, kind: ProbeKind) {
        let stands = self.shadow.backends.get(id).is_some_and(|backend| match kind {
            ProbeKind::Readiness => !backend.early_probe_allowed,
            kind => backend.life.stands(kind),
        });
        if self.shadow.is_member(id) && stands && !self.restarted.contains(id) {
            let reading = Reading::new(ReadingResult::TimedOut { connected: false }, Duration::ZERO);
            self.probe_answered(id, kind, &reading);
        }
    }

    // --------------------------------------------------- what the board says

    pub fn check(&mut self, outputs: &[Output], board: &Board, now: Timestamp) {
        for output in outputs {
            match output {
                Output::Probed { .. } => {}
                Output::Report(event) => self.event(event),
                Output::Publish(snapshot) => self.publication(snapshot, now),
                Output::Probe(job) => self.probe_started(job, now),
                Output::CancelProbe(_) => {}
            }
        }
        let reports = board.report(now);
        assert_eq!(reports.len(), self.shadow.upstreams.len());
        self.caps(outputs, &reports, now);
        for report in reports.iter().flat_map(|upstream| &upstream.backends) {
            self.backend(report, now);
        }
        self.published_is_current(&reports);
        self.explained(&reports, board, now);
        self.may_be_held.clear();
        assert!(self.restarted.is_empty(), "restarts that were not told: {:?}", self.restarted);
        for (id, backend) in &self.shadow.backends {
            assert_eq!(backend.life.calls, 0, "{id}: nobody was called");
        }
    }

    fn event(&mut self, event: &Event) {
        assert_eq!(event.id, self.last_event + 1, "event ids grow by one");
        self.last_event = event.id;
        match &event.kind {
            EventKind::Transition { backend, from, to, why, .. } => {
                assert!(!why.is_empty());
                assert_ne!(from, to, "{backend}");
                let known = self.shadow.backends.get_mut(backend).unwrap();
                assert_eq!(known.cause, *from, "{backend} left a standing that it did not have");
                known.cause = *to;
                let may_ramp = self.first_round_events == 1 || self.inherited_ramps.contains(backend);
                assert!(*to != Cause::Ramping || may_ramp, "{backend} ramps at process start: {from}, {why}");
            }
            EventKind::Ejected { backend, cause, nth, duration, why } => {
                let by_trial = *cause == EjectedBy::Trial;
                assert_eq!(by_trial, why.starts_with("its trial request failed"), "{backend}: {cause:?}, {why}");
                self.ejected(backend, *nth, *duration, event.at);
                self.shadow.backends.get_mut(backend).unwrap().ejected_for.clone_from(why);
            }
            EventKind::EjectionRefused { backend, fit, pool, floor, .. } => {
                self.refused(backend, (*fit, *pool, *floor), event.at);
            }
            EventKind::PoolEmpty { upstream, empty } => self.emptied(upstream, *empty),
            EventKind::FirstRoundDone { .. } => self.first_round_events += 1,
            EventKind::DiscoveryKept { why, .. } => assert!(!why.is_empty()),
            EventKind::MemberJoined { backend } => assert!(self.shadow.is_member(backend), "{backend}"),
            EventKind::MemberLeft { backend } => {
                assert!(!self.shadow.is_member(backend), "{backend}");
                self.alarms.remove(backend);
            }
            EventKind::Steered { backend, .. } | EventKind::OrderOver { backend, .. } => {
                assert!(self.shadow.is_member(backend), "{backend}");
            }
            EventKind::DocumentLeaks { backend, what } => self.shadow.leaks(backend, what),
            EventKind::NeedsRestart { backend, why, .. } => {
                assert!(!why.is_empty());
                let calls = &mut self.shadow.backends.get_mut(backend).unwrap().life.calls;
                assert!(*calls > 0, "{backend}: called without need: {why}");
                *calls -= 1;
            }
            EventKind::Restarted { backend, from, to } => {
                assert!(from != to && self.restarted.remove(backend), "{backend}: {from} -> {to}");
            }
            EventKind::WouldEject { backend, detector, why } => self.would_eject(backend, *detector, why, event.at),
            EventKind::Disagreement { backend, what, over, why } => self.disagrees(backend, *what, *over, why),
            EventKind::PoolHeld { upstream, held, why } => self.pool_held(upstream, *held, why, event.at),
            EventKind::TimeoutsHeld { .. } | EventKind::ProbeHint { .. } | EventKind::Reconfigured { .. } => {}
        }
        assert!(self.first_round_events <= 1, "the first round is done once");
    }

    fn refused(&mut self, backend: &BackendId, (fit, pool, floor): (u32, u32, u32), at: Timestamp) {
        assert!(fit <= floor && fit <= pool, "{backend}: refused although {fit} of {pool} are fit, floor {floor}");
        let base = self.shadow.upstream(&backend.upstream).unwrap().passive.base_ejection;
        let known = self.shadow.backends.get_mut(backend).unwrap();
        let quiet = known.refusal_reported.is_none_or(|last| at.since(last) >= base.min(Duration::from_secs(10)));
        assert!(quiet, "{backend}: refusals flood");
        known.refusal_reported = Some(at);
    }

    fn emptied(&mut self, upstream: &Arc<str>, empty: bool) {
        let before = self.empty.insert(upstream.clone(), empty).unwrap_or(false);
        assert!(before != empty || !empty, "{upstream}: told twice that it is empty");
        let awaited = self.shadow.awaits_a_verdict(upstream);
        assert!(!empty || !awaited || self.served.contains(upstream), "{upstream}: a false alarm");
    }

    fn ejected(&mut self, id: &BackendId, nth: u32, duration: Duration, at: Timestamp) {
        let passive = self.shadow.upstream(&id.upstream).unwrap().passive.clone();
        let known = self.shadow.backends.get_mut(id).unwrap();
        assert!(at >= known.ejected_until, "{id} was ejected again while it was out");
        assert!(nth >= 1 && nth <= known.nth + 1, "{id}: ejection {nth} follows {}", known.nth);
        if known.cause == Cause::Trial {
            assert_eq!(nth, known.nth + 1, "{id}: a failed trial is the next in the row");
        }
        let whole = (passive.base_ejection * nth).min(passive.max_ejection).as_secs_f64();
        let share = duration.as_secs_f64() / whole;
        assert!((share - 1.0).abs() <= passive.ejection_jitter + 1e-6, "{id}: {duration:?} for the {nth}th ejection");
        (known.nth, known.ejected_until) = (nth, at + duration);
    }

    fn disagrees(&mut self, id: &BackendId, what: Disagreement, over: bool, why: &str) {
        assert!(!why.is_empty() && self.shadow.is_member(id), "{id}");
        let before = if over { self.alarms.remove(id) } else { self.alarms.insert(id.clone(), what) };
        assert_eq!(before, over.then_some(what), "{id}: an episode begins and ends once");
    }

    fn pool_held(&mut self, upstream: &Arc<str>, held: bool, why: &str, at: Timestamp) {
        assert!(!why.is_empty());
        let before = if held {
            let longest = self.shadow.upstream(upstream).unwrap().hold_correlated_failures;
            assert!(!longest.is_zero(), "{upstream} is held, and nobody asked for it");
            self.held.insert(upstream.clone(), at + longest)
        } else {
            self.held.remove(upstream)
        };
        assert_eq!(before.is_some(), !held, "{upstream}: a hold begins and ends once");
    }

    /// Only a detector that is on and does not enforce, and not with every failure.
    fn would_eject(&mut self, id: &BackendId, detector: Detector, why: &str, at: Timestamp) {
        assert!(!why.is_empty());
        let upstream = self.shadow.upstream(&id.upstream).unwrap();
        assert!(upstream.passive.detects(detector) && !upstream.enforces(detector), "{id}: {}", detector.word());
        let quiet = upstream.passive.base_ejection;
        let before = self.watched.insert((id.clone(), detector), at);
        assert!(before.is_none_or(|before| at.since(before) >= quiet), "{id}: findings flood");
    }

    fn probe_started(&mut self, job: &ProbeJob, now: Timestamp) {
        let id = &job.backend;
        assert!(self.shadow.is_member(id), "{id} is probed but no member");
        let known = self.shadow.backends.get_mut(id).unwrap();
        if job.kind != ProbeKind::Readiness {
            return known.life.probe_started(job.kind, &job.probe, now);
        }
        assert!(!known.life.is_starting(), "{id}: readiness is asked before it has started");
        assert_eq!(known.probe.as_ref(), Some(&*job.probe), "{id} is probed by an old definition");
        let early = std::mem::take(&mut known.early_probe_allowed);
        if let Some(last) = known.last_probe_started.replace(now) {
            // Jitter may shorten a fast period; while nobody serves, a pass is confirmed after half of one.
            let apart = if known.confirms { job.probe.fast_period / 2 } else { job.probe.fast_period };
            let least = apart.mul_f64(1.0 - job.probe.jitter - 1e-6);
            assert!(early || now.since(last) >= least, "{id}: probes {:?} apart", now.since(last));
        }
    }

    // ------------------------------------------------------------- snapshots

    fn publication(&mut self, snapshot: &Arc<Snapshot>, now: Timestamp) {
        let before = self.snapshot.replace(snapshot.clone());
        assert_eq!(snapshot.generation, before.as_ref().map_or(0, |before| before.generation) + 1);
        assert_eq!(snapshot.pools.len(), snapshot.plan.upstreams.len());
        assert!(self.held.values().all(|until| now < *until), "a hold outlives its time");
        assert_eq!(snapshot.first_round_done, self.first_round_events == 1);
        for (pool, plan) in snapshot.pools.iter().zip(&snapshot.plan.upstreams) {
            assert_eq!(*pool.upstream, **plan);
            if pool.emptiness == Emptiness::Serving {
                self.served.insert(plan.name.clone());
            }
            self.pool(pool, now);
            let old = before.iter().flat_map(|before| &before.pools).find(|old| old.upstream.name == plan.name);
            if let Some(old) = old {
                lost(old, pool);
            }
            // The end of a hold changes who serves, and nobody's standing.
            let may_be_held = !plan.hold_correlated_failures.is_zero();
            if let Some(old) = old.filter(|old| same(old, pool) && !may_be_held) {
                assert!(Arc::ptr_eq(old, pool), "{}: an unchanged pool was made anew", plan.name);
            }
        }
    }

    fn pool(&self, pool: &Pool, now: Timestamp) {
        let name = &pool.upstream.name;
        let expected = self.shadow.weighed(&pool.upstream, now);
        let published: Vec<Found> = pool
            .members
            .iter()
            .map(|member| Found { address: member.id.address.clone(), weight: member.weight, backup: member.backup })
            .collect();
        assert_eq!(
            published, expected,
            "{name}: the members are the union of the sources, by address, with the weights in force"
        );
        for member in pool.members.iter() {
            assert_eq!(member.standing.share > 0.0, member.eligible(), "{}", member.id);
        }
        let picks = (0..6u64).map(|random| pick(pool, random.wrapping_mul(0x5851_F42D_4C95_7F2D)));
        for member in picks.into_iter().flatten() {
            self.may_serve(&member, pool);
        }
        self.emptiness(pool);
    }

    fn may_serve(&self, member: &Endpoint, pool: &Pool) {
        let cause = member.standing.cause;
        let has = |backup: bool| pool.members.iter().any(|m| m.eligible() && m.weight > 0 && m.backup == backup);
        assert!(member.weight > 0, "{} serves with no weight", member.id);
        // Where all that were held are ejected meanwhile, the plan's own choice is left.
        if self.held.contains_key(&pool.upstream.name) && matches!(cause, Cause::Down | Cause::NotReady) {
            return;
        }
        if has(false) || has(true) {
            assert!(member.eligible(), "{} serves as {cause} while others are eligible", member.id);
            assert!(!member.backup || !has(false), "{}: a backup serves beside primaries", member.id);
        } else {
            assert_ne!(
                pool.upstream.when_none_eligible,
                WhenNoneEligible::FailClosed,
                "{} serves as {cause}",
                member.id
            );
            let usable =
                matches!(cause, Cause::NotAlive | Cause::Down | Cause::NotReady | Cause::Ejected | Cause::Trial);
            assert!(usable, "{} serves as {cause}", member.id);
            assert!(!self.shadow.backends[&member.id].stranger, "{} is another service, and serves", member.id);
        }
    }

    fn emptiness(&self, pool: &Pool) {
        let name = &pool.upstream.name;
        match pool.emptiness {
            Emptiness::Serving => assert!(pick(pool, 1).is_some(), "{name} serves with nobody"),
            _ => assert!(pick(pool, 1).is_none(), "{name} is empty and serves"),
        }
        if pool.emptiness == Emptiness::AllUnchecked {
            assert!(pool.members.iter().all(|member| member.standing.cause == Cause::Unchecked), "{name}");
        }
        if pool.emptiness == Emptiness::NoMembers {
            assert!(pool.members.is_empty(), "{name}");
        }
    }

    /// What requests see is what the board says: no change waits for the next publication.
    fn published_is_current(&self, reports: &[UpstreamReport]) {
        let Some(snapshot) = &self.snapshot else { return };
        for (pool, report) in snapshot.pools.iter().zip(reports) {
            let published: Vec<_> = pool.members.iter().map(|member| (&member.id, member.standing.cause)).collect();
            let said: Vec<_> = report.backends.iter().map(|backend| (&backend.id, backend.standing.cause)).collect();
            assert_eq!(published, said);
        }
    }

    // -------------------------------------------------------------- backends

    /// At the moment of an ejection, enough stay fit. (A failed trial takes nobody out.)
    fn caps(&self, outputs: &[Output], reports: &[UpstreamReport], now: Timestamp) {
        let transitions = |name: &str| {
            let moved = |output: &&Output| matches!(output, Output::Report(Event { kind: EventKind::Transition { backend, .. }, .. }) if &*backend.upstream == name);
            outputs.iter().filter(moved).count()
        };
        for output in outputs {
            let Output::Report(Event { kind: EventKind::Ejected { backend, why, .. }, .. }) = output else { continue };
            // A backend that asked for a drain may hide it under an ejection of its own: the report does not tell.
            let drains = self.drain_asked.iter().any(|id| id.upstream == backend.upstream);
            if transitions(&backend.upstream) != 1 || why.contains("trial") || drains {
                continue;
            }
            let report = reports.iter().find(|report| report.name == backend.upstream).unwrap();
            let passive = &self.shadow.upstream(&backend.upstream).unwrap().passive;
            if self
                .shadow
                .backends
                .iter()
                .any(|(id, known)| id.upstream == backend.upstream && known.hides_a_start(now))
            {
                continue;
            }
            let (fit, floor) = fitness(report, passive, |id| self.shadow.backends[id].drains);
            assert!(fit >= floor, "{backend}: {fit} are left fit, {floor} must be");
        }
    }

    /// The orders that are shown are those in force, and each says by whom.
    fn orders(&self, report: &BackendReport, now: Timestamp) {
        let (id, known) = (&report.id, &self.shadow.backends[&report.id]);
        let shown = report.order.as_ref().map(|given| (given.what, given.until));
        assert_eq!(shown, known.order_at(now).and(known.order), "{id}: another order is in force");
        let shown = report.weight_order.as_ref().map(|given| (given.what, given.until));
        assert_eq!(shown, known.weight_at(now).and(known.weight), "{id}: another weight is in force");
        assert_eq!(report.weight, known.weight_at(now).unwrap_or(report.configured_weight), "{id}");
        assert!(report.order.iter().all(|given| &*given.by == "the storm" && given.at <= now), "{id}");
    }

    /// One after the other is explained, and the explanation agrees with the report.
    fn explained(&mut self, reports: &[UpstreamReport], board: &Board, now: Timestamp) {
        self.steps += 1;
        let all: Vec<&BackendReport> = reports.iter().flat_map(|upstream| &upstream.backends).collect();
        let Some(report) = all.get(self.steps % all.len().max(1)) else { return };
        let said = board.explain(&report.id, now).unwrap();
        let (id, standing) = (&report.id, report.standing);
        assert_eq!(said.backend.standing, standing, "{id}");
        assert_eq!(said.to_return.is_empty(), standing.cause.eligible(), "{id} {}: {said:?}", standing.cause);
        assert_eq!(said.on_schedule.is_some(), standing.earliest_return.is_some(), "{id}");
        assert!(said.on_schedule >= standing.earliest_return, "{id}: planned before it is possible: {said:?}");
        assert!(said.probes.len() <= 10 && said.probes.is_sorted_by_key(|probe| probe.at), "{id}");
    }

    /// Nobody returns before the earliest moment that was ever named, unless an operator or a reload changed the rules.
    fn keeps_its_promise(&mut self, report: &BackendReport, now: Timestamp) {
        let (id, standing) = (&report.id, report.standing);
        if standing.cause.eligible() {
            let promised = self.promised.remove(id).unwrap_or_default();
            assert!(now >= promised, "{id} is back at {now:?}, promised for {promised:?} at the earliest");
        } else if let Some(earliest) = standing.earliest_return {
            let promised = self.promised.entry(id.clone()).or_default();
            *promised = earliest.max(*promised);
        }
    }

    fn backend(&mut self, report: &BackendReport, now: Timestamp) {
        let id = &report.id;
        self.orders(report, now);
        self.keeps_its_promise(report, now);
        let held = self.may_be_held.contains(id);
        let known = self.shadow.backends.get_mut(id).unwrap();
        if held && report.counter != known.shown() {
            // Held: the failure was not counted.
            known.count = Count::Up { left: 1 };
        }
        assert_eq!(report.counter, known.shown(), "{id}: the counter differs from a naive count");
        assert_eq!(report.standing.cause, known.cause, "{id}: a transition was not reported");
        assert!(now >= known.ejected_until || report.ejection.is_some(), "{id} came back before its time");
        known.life.agrees(report);
        let out = report.ejection.is_some();
        let mut expected = expected_causes(known, now, out, self.drain_asked.contains(id));
        if let Some(held) = known.life.holds().filter(|_| known.order_at(now).is_none()) {
            expected.retain(|cause| matches!(cause, Cause::Ejected | Cause::Draining));
            expected.push(held);
        }
        assert!(
            expected.contains(&report.standing.cause),
            "{id} stands as {}, not {expected:?}",
            report.standing.cause
        );
        if report.standing.cause == Cause::Degraded {
            let whole = known.probe.as_ref().map_or(1.0, ProbePlan::degraded_share);
            let share = report.standing.share;
            assert!(share <= whole && share >= whole * 0.1 - 1e-9, "{id}: a share of {share}, degraded {whole}");
        }
        if known.life.holds() == Some(report.standing.cause) {
            let why = &report.why;
            assert!(known.life.begins().iter().any(|begins| why.starts_with(begins)), "{id}: {why}");
        } else {
            explains_itself(report, &known.ejected_for);
        }
        assert!(report.history.len() <= 32);
        if let Some(next) = report.next_probe {
            let stretched = known.probe.as_ref().map_or(Duration::ZERO, |probe| probe.stretch_to);
            let longest = Duration::from_millis(2_200).max(stretched);
            assert!(report.standing.unprobed || next <= now + longest, "{id} waits for its probe until {next:?}");
        }
    }
}

/// The sentence speaks of what holds the backend now.
fn explains_itself(report: &BackendReport, ejected_for: &str) {
    let (why, cause) = (&report.why, report.standing.cause);
    let last_failed = report.last_probe.as_ref().filter(|probe| !probe.passed);
    let probes = match (report.counter, last_failed) {
        _ if report.standing.unprobed => "it has no readiness probe".to_owned(),
        ((0, 0), _) => "waits for its first probe".to_owned(),
        ((0, _), Some(last)) => format!("its probes fail: {}", last.text),
        (_, Some(_)) => "its last probe failed".to_owned(),
        (_, None) => "its probes pass".to_owned(),
    };
    let begins = match cause {
        Cause::ForcedDown => "forced down by ",
        Cause::Drained => "drained by ",
        Cause::ForcedUp => "forced up by ",
        Cause::Ejected => ejected_for,
        Cause::Draining => "it asked for a drain",
        Cause::Trial => "its ejection time is over; one request decides",
        Cause::Degraded => "it is degraded: ",
        Cause::Down | Cause::NotReady | Cause::Starting if last_failed.is_none() => "its probes failed: ",
        _ => &probes,
    };
    let held = why.starts_with("its probes fail, but its traffic succeeds: ") && cause.eligible();
    assert!(why.starts_with(begins) || held, "{} stands as {cause}: {why:?} does not begin with {begins:?}", report.id);
    let over = why.contains("its ejection is over") || why.contains("its ejection time is over");
    assert!(!over || report.ejection.is_some(), "{}: {why}", report.id);
}

/// The causes that are possible, by precedence, for what the shadow knows.
fn expected_causes(known: &Backend, now: Timestamp, out: bool, asked: bool) -> Vec<Cause> {
    match known.order_at(now) {
        Some(Order::ForceDown) => return vec![Cause::ForcedDown],
        Some(Order::Drain) => return vec![Cause::Drained],
        Some(Order::ForceUp) => return vec![Cause::ForcedUp],
        None => {}
    }
    let mut causes = match known.count {
        // Whatever else: a failure that would take it out ends the drain.
        _ if known.drains => vec![Cause::Draining],
        Count::Unchecked => vec![Cause::Unchecked],
        Count::Down { .. } => vec![Cause::Down, Cause::NotReady, Cause::Starting],
        Count::Up { .. } | Count::Unprobed if out => vec![Cause::Trial],
        Count::Up { .. } | Count::Unprobed if known.degraded => vec![Cause::Degraded],
        Count::Up { .. } | Count::Unprobed => vec![Cause::Up, Cause::Ramping],
    };
    if out {
        causes.push(Cause::Ejected);
    }
    if asked {
        causes.push(Cause::Draining);
    }
    causes
}

/// How many are fit, and how many must be: computed from the report alone.
fn fitness(report: &UpstreamReport, passive: &PassivePlan, drains: impl Fn(&BackendId) -> bool) -> (u32, u32) {
    let drained = |backend: &BackendReport| {
        drains(&backend.id) || backend.weight == 0 || matches!(backend.standing.cause, Cause::Drained | Cause::Draining)
    };
    let unchecked = |backend: &BackendReport| {
        backend.standing.cause == Cause::Starting
            || !backend.standing.unprobed && backend.counter == (0, 0) && backend.standing.cause != Cause::NotAlive
    };
    let pool = report.backends.iter().filter(|backend| !drained(backend) && !unchecked(backend)).count();
    let fit = report.backends.iter().filter(|backend| !drained(backend) && fit(backend)).count();
    (fit as u32, (pool as f64 * passive.minimum_fit - 1e-9).ceil() as u32)
}

fn fit(backend: &BackendReport) -> bool {
    match backend.standing.cause {
        _ if backend.weight == 0 => false,
        Cause::Up | Cause::Ramping | Cause::Degraded => true,
        // Forced up, it is fit only if its probes and its traffic agree.
        Cause::ForcedUp => backend.ejection.is_none() && (backend.standing.unprobed || backend.counter.0 > 0),
        _ => false,
    }
}

fn pick(pool: &Pool, random: u64) -> Option<Arc<Endpoint>> {
    let input = PickInput {
        tried: &[],
        now: Timestamp::ZERO,
        random,
        hash: None,
        sticky: None,
        trial_allowed: false,
        last_chance: false,
    };
    pool.balancer.pick(&input).map(|pick| pick.member)
}

/// What became of the connections of those that went down since: as `on_down` says, and never of those that came after.
fn lost(old: &Pool, new: &Pool) {
    for member in new.members.iter() {
        let id = &member.id;
        assert!(!member.cell.is_cut(member.connection_epoch), "{id}: what begins now is cut");
        let Some(before) = old.members.iter().find(|before| before.id == *id && before.eligible()) else { continue };
        if matches!(member.standing.cause, Cause::NotAlive | Cause::Down | Cause::ForcedDown) {
            let retired = before.connection_epoch < member.connection_epoch;
            let cut = before.cell.is_cut(before.connection_epoch);
            let expected = match new.upstream.on_down {
                // A backend that left and came back within one step has retired its idle connections all the same.
                OnDown::Keep => (retired, false),
                OnDown::RetireIdle => (true, false),
                OnDown::CloseAll => (true, true),
            };
            assert_eq!((retired, cut), expected, "{id} went {}", member.standing.cause);
        }
    }
}

/// Nothing that a request could see differs.
fn same(old: &Pool, new: &Pool) -> bool {
    let picture = |pool: &Pool| -> Vec<_> {
        let one =
            |m: &Arc<Endpoint>| (m.id.clone(), m.weight, m.backup, m.standing, m.since, m.connection_epoch, m.stranger);
        pool.members.iter().map(one).collect()
    };
    *old.upstream == *new.upstream && old.emptiness == new.emptiness && picture(old) == picture(new)
}
