//! What does live traffic say of each backend, beside its peers? Ejection with its cap, refusals, and the end of a trial.
//!
//! The evidence is in the cells; the machine of one backend is `outlier`. Here is what needs the neighbours: peers that do better,
//! and the least number that must stay fit.

use super::check::Check;
use super::desk::Desk;
use super::upstream::Upstream;
use super::why::Occasion;
use crate::base::time::Timestamp;
use crate::health::event::{EjectedBy, EventKind};
use crate::health::outlier::EjectionState;
use crate::plan::{Detector, PassivePlan};
use crate::traffic::cell::{self, Evidence};
use std::sync::Arc;
use std::time::Duration;

/// While failures are in a window, the board looks at least this often: a lost hint costs no more.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a detector has found against a backend.
pub(super) struct Finding {
    pub index: usize,
    pub detector: Detector,
    pub why: String,
    /// What a trial request must keep within.
    pub limit: Option<Duration>,
}

impl Upstream {
    /// A failure was seen: look at the evidence, and have the probe look at the backend.
    pub(super) fn suspect(&mut self, index: usize, ramps: bool, desk: &mut Desk, now: Timestamp) {
        if let Some(check) = &mut self.members[index].check {
            check.pull(now);
        }
        self.judge_traffic(index, ramps, desk, now);
        self.look_at = Some(self.look_at.unwrap_or(now + LOOK_AGAIN));
        self.compare_soon(ramps, desk, now);
        self.plan_look(desk);
    }

    /// Looks at every backend's evidence: what a lost hint would have told.
    pub(super) fn look_around(&mut self, ramps: bool, desk: &mut Desk, now: Timestamp) {
        self.look_at = None;
        for index in 0..self.members.len() {
            let evidence = self.evidence(index, now);
            if evidence.window.failures > 0 {
                self.judge_traffic(index, ramps, desk, now);
            }
        }
        self.compare(ramps, desk, now);
        self.look_for_disagreement(desk, now);
        self.probe_the_unproven(desk, now);
        let hold = self.correlated.until();
        self.dirty |= hold.is_some_and(|until| until <= now);
        self.look_at = hold.filter(|until| *until > now);
        // Cells are written without a word to the board, so it keeps looking as long as there is anybody to look at.
        if self.plan.passive.enabled && !self.members.is_empty() {
            self.look_at = Some(self.look_at.map_or(now + LOOK_AGAIN, |at| at.min(now + LOOK_AGAIN)));
        }
    }

    /// Whose period was stretched, and whom nobody asks any more.
    fn probe_the_unproven(&mut self, desk: &mut Desk, now: Timestamp) {
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            if member.check.as_mut().is_some_and(|check| check.unproven(&member.cell, now)) {
                self.plan_member(index, desk, now);
            }
        }
    }

    pub(super) fn evidence(&self, index: usize, now: Timestamp) -> Evidence {
        self.members[index].cell.evidence(now, &self.plan.passive)
    }

    fn judge_traffic(&mut self, index: usize, ramps: bool, desk: &mut Desk, now: Timestamp) {
        desk.agenda.touch(self.position, index);
        let evidence = self.evidence(index, now);
        for detector in [Detector::ConsecutiveFailures, Detector::FailureRatio] {
            let passive = &self.plan.passive;
            if cell::suffices_for(detector, &evidence, passive) && self.stands_out(detector, &evidence, now) {
                let why = explain_evidence(detector, &evidence, &self.plan.passive);
                self.convict(Finding { index, detector, why, limit: None }, ramps, desk, now);
            }
        }
    }

    /// A detector has found a backend: out it goes, unless the cap or the plan holds it.
    pub(super) fn convict(&mut self, finding: Finding, ramps: bool, desk: &mut Desk, now: Timestamp) {
        let Finding { index, detector, why, limit } = finding;
        // Only a fit backend can lose by it: one that is out by its probes learns nothing new from traffic.
        if !self.members[index].fit() {
            return;
        }
        if !self.plan.enforces(detector) {
            self.would_eject(index, detector, why, desk, now);
        } else if self.may_lose_one(index) {
            let evidence = self.evidence(index, now);
            self.leaves_peers(&evidence, now);
            self.members[index].limit_trial(limit);
            self.eject((index, EjectedBy::Detector(detector)), &why, ramps, desk, now);
        } else {
            self.refuse_ejection(index, why, desk, now);
        }
    }

    /// Failures other than statuses speak for themselves. Statuses alone count only against a backend that does worse than the
    /// median of its peers, and only from two clients where there are two: a poison request must not take out half a pool.
    fn stands_out(&mut self, detector: Detector, evidence: &Evidence, now: Timestamp) -> bool {
        let hard = match detector {
            Detector::ConsecutiveFailures => evidence.streak_is_hard,
            _ => evidence.hard_share() >= self.plan.passive.failure_ratio,
        };
        hard || evidence.two_clients() && evidence.window.failed_share() > self.median_of_peers(evidence, now)
    }

    /// The median failed share of the others that had traffic; −1 (everybody is worse) where there are none.
    fn median_of_peers(&mut self, own: &Evidence, now: Timestamp) -> f64 {
        let shares = self.shares(now);
        // Without one that equals its own share, the rest are the others.
        let own = if own.window.total() > 0 { position_of(shares, own.window.failed_share()) } else { None };
        let others = shares.len() - usize::from(own.is_some());
        let middle = others / 2;
        let median = if own.is_some_and(|own| own <= middle) { middle + 1 } else { middle };
        shares.get(median).copied().unwrap_or(-1.0)
    }

    /// The failed shares of all that had traffic, in order; read once for everything that is judged at one moment.
    fn shares(&mut self, now: Timestamp) -> &mut Vec<f64> {
        if self.shares.as_ref().is_none_or(|(at, _)| *at != now) {
            let passive = &self.plan.passive;
            let mut shares: Vec<f64> = self
                .members
                .iter()
                .map(|member| member.cell.evidence(now, passive).window)
                .filter(|window| window.total() > 0)
                .map(|window| window.failed_share())
                .collect();
            shares.sort_by(f64::total_cmp);
            self.shares = Some((now, shares));
        }
        &mut self.shares.get_or_insert_with(|| (now, Vec::new())).1
    }

    /// An ejected backend's evidence is cleared: it is nobody's peer any more.
    fn leaves_peers(&mut self, evidence: &Evidence, now: Timestamp) {
        let shares = self.shares(now);
        if evidence.window.total() > 0
            && let Some(own) = position_of(shares, evidence.window.failed_share())
        {
            shares.remove(own);
        }
    }

    /// Would enough stay fit without this one?
    pub(super) fn may_lose_one(&self, index: usize) -> bool {
        let (fit, _, floor) = self.fitness();
        !self.members[index].fit() || fit > floor
    }

    /// How many are fit, how many count, how many must stay fit.
    pub(super) fn fitness(&self) -> (u32, u32, u32) {
        let fit = self.members.iter().filter(|member| member.fit()).count() as u32;
        let pool = self.members.iter().filter(|member| member.counts()).count() as u32;
        (fit, pool, self.plan.passive.must_stay_fit(pool))
    }

    fn eject(&mut self, (index, cause): (usize, EjectedBy), why: &str, ramps: bool, desk: &mut Desk, now: Timestamp) {
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        let readiness_lies = member.check.as_ref().is_none_or(Check::last_passed);
        let ejection = member.outlier.eject(readiness_lies, &plan.passive, now, &mut member.rng);
        member.cell.clear_evidence();
        let event = EventKind::Ejected {
            backend: member.id.clone(),
            cause,
            nth: ejection.nth,
            duration: ejection.length(),
            why: why.to_owned(),
        };
        member.report(event, desk, now);
        why.clone_into(&mut member.ejected_for);
        self.dirty |= member.settle(&plan, ramps, None, desk, now);
    }

    /// A detector that does not enforce: said once per ejection time, and remembered.
    fn would_eject(&mut self, index: usize, detector: Detector, why: String, desk: &mut Desk, now: Timestamp) {
        let quiet = self.plan.passive.base_ejection;
        if self.may_lose_one(index) && self.members[index].shadows.may_say(detector, quiet, now) {
            let member = &mut self.members[index];
            member.shadows.said(detector, &why, now);
            let event = EventKind::WouldEject { backend: member.id.clone(), detector, why };
            member.report(event, desk, now);
        }
    }

    /// Said once per ejection time, not with every failure.
    fn refuse_ejection(&mut self, index: usize, why: String, desk: &mut Desk, now: Timestamp) {
        let (fit, pool, floor) = self.fitness();
        let quiet = self.plan.passive.base_ejection;
        let member = &mut self.members[index];
        if now >= member.refusal_quiet_until {
            member.refusal_quiet_until = now + quiet;
            let event = EventKind::EjectionRefused { backend: member.id.clone(), fit, pool, floor, why };
            member.report(event, desk, now);
        }
    }

    /// The one request that decides has ended.
    pub(super) fn trial_ended(&mut self, index: usize, passed: bool, ramps: bool, desk: &mut Desk, now: Timestamp) {
        desk.agenda.touch(self.position, index);
        let plan = Arc::clone(&self.plan);
        let member = &mut self.members[index];
        if !matches!(member.outlier.state, EjectionState::Trial { .. }) {
            return;
        }
        if passed {
            member.outlier.trial_passed(now);
            member.cell.clear_evidence();
            self.dirty |= member.settle(&plan, ramps, Some(&Occasion::TrialPassed), desk, now);
        } else {
            let why = self.members[index].trial_failed();
            self.eject((index, EjectedBy::Trial), &why, ramps, desk, now);
        }
    }
}

fn position_of(shares: &[f64], share: f64) -> Option<usize> {
    shares.binary_search_by(|other| other.total_cmp(&share)).ok()
}

fn explain_evidence(detector: Detector, evidence: &Evidence, plan: &PassivePlan) -> String {
    if detector == Detector::ConsecutiveFailures {
        format!("{} failures in a row (limit {})", evidence.streak, plan.consecutive_failures)
    } else {
        format!(
            "{} of {} outcomes failed within {:?} (limit {:.0} %)",
            evidence.window.failures,
            evidence.window.total(),
            plan.window,
            plan.failure_ratio * 100.0
        )
    }
}
