//! What do all probes of one backend say together, and which of them runs when?

pub(super) mod check;
mod flight;
mod instances;
pub(super) mod life;
mod log;
mod opinion;
mod said;
pub(super) mod timetable;

pub use check::CheckState;
pub use life::LifeState;
pub use log::{LogState, ProbeState};
pub use opinion::OpinionState;
pub use said::SaidState;

use super::contract::probe::ProbeTicket;
use super::why::oddity::Oddity;
use super::why::probes::ProbesSay;
use crate::base::time::Timestamp;
use crate::health::combine::Active;
use crate::health::startup::Decided;
use crate::health::verdict::Verdict;
use crate::plan::{ProbeKind, UpstreamPlan};
use check::Check;
use life::Life;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Probes {
    readiness: Option<Check>,
    life: Life,
    /// What was odd about the last answer, as it was reported.
    odd: Option<Oddity>,
    /// Its failures are held, not counted: they are timeouts, its traffic succeeds, and no more may be lost.
    timeouts_held: bool,
}

/// The same for another process.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct ProbesState {
    /// Readiness.
    pub check: Option<CheckState>,
    #[cfg_attr(feature = "serde", serde(default))]
    pub life: LifeState,
}

impl ProbesState {
    /// The same, told `by` later.
    pub(super) fn later(self, by: Duration) -> Self {
        Self { check: self.check.map(|check| check.later(by)), life: self.life.later(by) }
    }
}

impl Probes {
    pub(super) fn new(plan: &UpstreamPlan, now: Timestamp) -> Self {
        Self {
            readiness: plan.readiness.clone().map(|probe| Check::new(Arc::new(probe), now)),
            life: Life::new(plan, now),
            odd: None,
            timeouts_held: false,
        }
    }

    pub(super) const fn readiness(&self) -> Option<&Check> {
        self.readiness.as_ref()
    }

    pub(super) const fn life(&self) -> &Life {
        &self.life
    }

    pub(super) const fn life_mut(&mut self) -> &mut Life {
        &mut self.life
    }

    pub(super) const fn check(&self, kind: ProbeKind) -> Option<&Check> {
        match kind {
            ProbeKind::Startup => self.life.startup(),
            ProbeKind::Readiness => self.readiness.as_ref(),
            ProbeKind::Liveness => self.life.liveness(),
        }
    }

    pub(super) const fn check_mut(&mut self, kind: ProbeKind) -> Option<&mut Check> {
        match kind {
            ProbeKind::Startup => self.life.startup_mut(),
            ProbeKind::Readiness => self.readiness.as_mut(),
            ProbeKind::Liveness => self.life.liveness_mut(),
        }
    }

    /// The check whose word counts now.
    pub(super) fn deciding(&self) -> Option<&Check> {
        match self.life.active() {
            Some(Active::NotAlive) => self.life.liveness(),
            Some(_) => self.life.startup(),
            None => self.readiness.as_ref(),
        }
    }

    /// Does this kind of probe run now?
    pub(super) fn runs(&self, kind: ProbeKind) -> bool {
        (kind == ProbeKind::Startup) == self.life.is_starting()
    }

    pub(super) fn active(&self) -> Active {
        let readiness = || self.readiness.as_ref().map_or(Active::Unprobed, Check::active);
        self.life.active().unwrap_or_else(readiness)
    }

    pub(super) fn says(&self) -> ProbesSay<'_> {
        let readiness = || self.readiness.as_ref().map_or(ProbesSay::Nothing, |check| check.says(self.timeouts_held));
        self.life.says().unwrap_or_else(readiness)
    }

    /// The active counter for people.
    pub(super) fn counter(&self) -> (u32, u32) {
        self.readiness.as_ref().map_or((0, 0), |check| check.opinion.shown())
    }

    /// Another service answers there.
    pub(super) fn stranger(&self) -> bool {
        self.readiness.as_ref().is_some_and(|check| check.log.stranger())
    }

    /// The verdict is that of the process before, and no probe of this one has ended.
    pub(super) fn unconfirmed(&self) -> bool {
        self.readiness.as_ref().is_some_and(|check| check.opinion.unconfirmed())
    }

    /// How its readiness document says that it is degraded, where it does.
    pub(super) fn degraded(&self) -> Option<&str> {
        self.readiness.as_ref()?.said.degraded()
    }

    /// How its readiness document asks for a drain, where it does.
    pub(super) fn drains(&self) -> Option<&str> {
        self.readiness.as_ref()?.said.drains()
    }

    /// When they can have brought it back at the earliest; `None` where they do not hold it out.
    pub(super) fn earliest(&self, now: Timestamp) -> Option<Timestamp> {
        self.readiness.as_ref().and_then(|check| check.earliest_up(now)).max(self.life.earliest(now))
    }

    /// When one of them is due or lost.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let runs = ProbeKind::ALL.into_iter().filter(|kind| self.runs(*kind));
        runs.filter_map(|kind| self.check(kind)?.deadline()).min()
    }

    /// A startup probe ended. Once it has passed, the others run.
    pub(super) fn count_startup(&mut self, passed: bool, now: Timestamp) -> Option<Decided> {
        let decided = self.life.count_startup(passed, now);
        if decided == Some(Decided::Started)
            && let Some(check) = &mut self.readiness
        {
            check.timetable.release(now);
        }
        decided
    }

    pub(super) const fn timeouts_held(&self) -> bool {
        self.timeouts_held
    }

    /// True where that is news.
    pub(super) fn hold_timeouts(&mut self, held: bool) -> bool {
        std::mem::replace(&mut self.timeouts_held, held) != held
    }

    /// What is odd about this answer, where that was not told last.
    pub(super) fn new_oddity(&mut self, verdict: &Verdict) -> Option<Oddity> {
        let odd = Oddity::of(verdict);
        if self.odd == odd {
            return None;
        }
        self.odd.clone_from(&odd);
        odd
    }

    /// The definitions in force are `plan`'s. A changed one keeps the verdict, clears the streak and probes at once; what the old one has in
    /// flight says nothing about the new one, and is given up: its tickets.
    pub(super) fn redefine(&mut self, plan: &UpstreamPlan, now: Timestamp) -> Vec<ProbeTicket> {
        let mut given_up = self.life.redefine(plan, now);
        if self.readiness.as_ref().map(|check| &*check.plan) == plan.readiness.as_ref() {
            return given_up;
        }
        given_up.extend(self.readiness.as_mut().and_then(|check| check.forget_flight()));
        match (&mut self.readiness, &plan.readiness) {
            (Some(check), Some(probe)) => check.redefine(Arc::new(probe.clone()), now),
            (check, probe) => *check = probe.clone().map(|probe| Check::new(Arc::new(probe), now)),
        }
        given_up
    }

    /// Another instance answers at its address, as a probe of `kind` saw: what was known of the former one is forgotten.
    pub(super) fn begin_anew(&mut self, kind: ProbeKind, now: Timestamp) {
        self.life.begin_anew(kind, now);
        if let Some(check) = &mut self.readiness {
            check.begin_anew(now);
        }
        self.timeouts_held = false;
    }

    /// Whatever is in flight is given up: its tickets.
    pub(super) fn forget_flights(&mut self) -> Vec<ProbeTicket> {
        ProbeKind::ALL.into_iter().filter_map(|kind| self.check_mut(kind)?.forget_flight()).collect()
    }

    pub(super) fn export(&self, now: Timestamp) -> ProbesState {
        ProbesState { check: self.readiness.as_ref().map(|check| check.export(now)), life: self.life.export(now) }
    }

    pub(super) fn import(&mut self, state: ProbesState, now: Timestamp) {
        if let (Some(check), Some(state)) = (&mut self.readiness, state.check) {
            check.import(state, now);
        }
        self.life.import(state.life, now);
    }

    /// They had to wait: what was due meanwhile is due now.
    pub(super) fn release(&mut self, now: Timestamp) {
        for kind in ProbeKind::ALL {
            if let Some(check) = self.check_mut(kind) {
                check.timetable.release(now);
            }
        }
    }
}
