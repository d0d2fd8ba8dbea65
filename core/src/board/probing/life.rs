//! What do the probes beside readiness say? Startup and liveness of one backend, and the instances that were seen to answer.
//!
//! Until a startup probe has passed, the others do not run. A liveness probe that fails for good says that somebody must restart the
//! backend. Readiness itself is `check`'s; here is who runs when, and what follows for it.

use super::check::{Check, CheckState};
use super::instances::Instances;
use crate::base::time::Timestamp;
use crate::board::contract::probe::ProbeTicket;
use crate::board::contract::report::OtherProbe;
use crate::board::why::probes::ProbesSay;
use crate::health::combine::Active;
use crate::health::startup::{Decided, Phase, Startup, StartupState};
use crate::health::verdict::Verdict;
use crate::plan::{ProbeKind, UpstreamPlan};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(in crate::board) struct Life {
    startup: Option<Check>,
    progress: Startup,
    liveness: Option<Check>,
    instances: Instances,
}

/// The same for another process.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct LifeState {
    pub startup: Option<CheckState>,
    /// `None`: there is no startup probe.
    pub progress: Option<StartupState>,
    pub liveness: Option<CheckState>,
    /// By the kind of the probe.
    pub instances: [Option<String>; 3],
}

impl LifeState {
    /// The same, told `by` later.
    pub(super) fn later(self, by: Duration) -> Self {
        Self {
            startup: self.startup.map(|check| check.later(by)),
            progress: self.progress.map(|progress| progress.later(by)),
            liveness: self.liveness.map(|check| check.later(by)),
            instances: self.instances,
        }
    }
}

impl Life {
    pub(super) fn new(plan: &UpstreamPlan, now: Timestamp) -> Self {
        Self {
            startup: plan.startup.clone().map(|probe| Check::new(Arc::new(probe), now)),
            progress: if plan.startup.is_some() { Startup::new(now) } else { Startup::done(now) },
            liveness: plan.liveness.clone().map(|probe| Check::alive(Arc::new(probe), now)),
            instances: Instances::default(),
        }
    }

    pub(in crate::board) const fn startup(&self) -> Option<&Check> {
        self.startup.as_ref()
    }

    pub(in crate::board) const fn liveness(&self) -> Option<&Check> {
        self.liveness.as_ref()
    }

    pub(in crate::board) const fn progress(&self) -> &Startup {
        &self.progress
    }

    pub(super) const fn startup_mut(&mut self) -> Option<&mut Check> {
        self.startup.as_mut()
    }

    pub(super) const fn liveness_mut(&mut self) -> Option<&mut Check> {
        self.liveness.as_mut()
    }

    pub(in crate::board) fn is_starting(&self) -> bool {
        self.startup.is_some() && !self.progress.is_done()
    }

    /// What they decide about readiness' verdict: it does not count then.
    pub(in crate::board) fn active(&self) -> Option<Active> {
        if self.is_starting() {
            return Some(match self.progress.phase {
                Phase::Unasked => Active::Unchecked,
                Phase::Starting | Phase::Started => Active::Starting,
                Phase::Failed { .. } => Active::Down,
            });
        }
        self.liveness.as_ref().is_some_and(|check| !check.opinion.up()).then_some(Active::NotAlive)
    }

    /// When they can have let it back at the earliest; `None` where they do not hold it out.
    pub(super) fn earliest(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.startup {
            Some(check) if self.is_starting() => {
                Some(check.earliest_after(self.progress.passes_left(&check.plan), now))
            }
            _ => self.liveness.as_ref().and_then(|check| check.earliest_up(now)),
        }
    }

    /// What holds it out; `None` where they do not.
    pub(super) fn says(&self) -> Option<ProbesSay<'_>> {
        match (&self.startup, self.active()?) {
            (Some(check), Active::Starting) if self.progress.failures() > 0 => {
                Some(ProbesSay::Starting { how: check.log.last_failure() })
            }
            (Some(_), Active::Starting) => Some(ProbesSay::StartsAnew),
            (Some(check), Active::Down) => match self.progress.phase {
                Phase::Failed { within } => Some(ProbesSay::NotStarted { within, how: check.log.last_failure() }),
                _ => None,
            },
            (Some(_), Active::Unchecked) => Some(ProbesSay::Unchecked),
            _ => self.liveness.as_ref().map(|check| ProbesSay::NotAlive {
                how: check.log.last_failure(),
                passes: check.log.last_passed().then(|| check.opinion.shown()),
            }),
        }
    }

    /// How the probe of this kind failed for good.
    pub(in crate::board) fn failed_for_good(&self, kind: ProbeKind) -> ProbesSay<'_> {
        let check = if kind == ProbeKind::Startup { &self.startup } else { &self.liveness };
        let how = check.as_ref().map_or("", |check| check.log.last_failure());
        match (kind, self.progress.phase) {
            (ProbeKind::Startup, Phase::Failed { within }) => ProbesSay::NotStarted { within, how },
            _ => ProbesSay::NotAlive { how, passes: None },
        }
    }

    /// Remembers the instance that answered; the one before where it was another.
    pub(in crate::board) fn see(&mut self, kind: ProbeKind, instance: &str) -> Option<String> {
        self.instances.see(kind, instance)
    }

    /// Another instance answers: it has to start, where that is asked for, and lives until it is seen not to. `kind` saw it.
    pub(super) fn begin_anew(&mut self, kind: ProbeKind, now: Timestamp) {
        if let (Some(startup), true) = (&mut self.startup, kind != ProbeKind::Startup) {
            self.progress = Startup::again(now);
            startup.begin_anew(now);
        }
        if let Some(liveness) = &mut self.liveness {
            liveness.revive(now);
        }
    }

    /// A startup probe ended.
    pub(super) fn count_startup(&mut self, passed: bool, now: Timestamp) -> Option<Decided> {
        let decided = self.progress.count(passed, &self.startup.as_ref()?.plan, now);
        if decided == Some(Decided::Started)
            && let Some(liveness) = &mut self.liveness
        {
            // It is asked from now on.
            liveness.timetable.release(now);
        }
        decided
    }

    /// A liveness probe ended: was it alive before, and is it now? `None`: nobody asks.
    pub(in crate::board) fn count_liveness(&mut self, verdict: &Verdict, now: Timestamp) -> Option<(bool, bool)> {
        let check = self.liveness.as_mut()?;
        let lived = check.opinion.up();
        // Who asks for a drain lives.
        match verdict {
            Verdict::Drain { .. } => check.count(&Verdict::PASSED, now),
            verdict => check.count(verdict, now),
        }
        Some((lived, check.opinion.up()))
    }

    /// The definition in force is `plan`'s. What is in flight under another one is given up: its tickets.
    pub(super) fn redefine(&mut self, plan: &UpstreamPlan, now: Timestamp) -> Vec<ProbeTicket> {
        let mut given_up = Vec::new();
        let startup_is_new = self.startup.is_none();
        for (check, probe, fresh) in [
            (&mut self.startup, &plan.startup, Check::new as fn(_, _) -> Check),
            (&mut self.liveness, &plan.liveness, Check::alive),
        ] {
            if check.as_ref().map(|check| &*check.plan) == probe.as_ref() {
                continue;
            }
            given_up.extend(check.as_mut().and_then(|check| check.forget_flight()));
            match (&mut *check, probe) {
                (Some(check), Some(probe)) => check.redefine(Arc::new(probe.clone()), now),
                (check, probe) => *check = probe.clone().map(|probe| fresh(Arc::new(probe), now)),
            }
        }
        if startup_is_new {
            // Whoever is here has started: a reload takes nobody out to ask.
            self.progress = Startup::done(now);
        }
        given_up
    }

    pub(super) fn export(&self, now: Timestamp) -> LifeState {
        LifeState {
            startup: self.startup.as_ref().map(|check| check.export(now)),
            progress: self.startup.as_ref().map(|_| self.progress.export(now)),
            liveness: self.liveness.as_ref().map(|check| check.export(now)),
            instances: self.instances.export(),
        }
    }

    /// As another process knew it. One that knew of no startup probe had it serving.
    pub(super) fn import(&mut self, state: LifeState, now: Timestamp) {
        for (check, state) in [(&mut self.startup, state.startup), (&mut self.liveness, state.liveness)] {
            if let (Some(check), Some(state)) = (check, state) {
                check.import(state, now);
            }
        }
        self.progress = state.progress.map_or(Startup::done(now), |progress| Startup::import(progress, now));
        self.instances = Instances::import(state.instances);
    }

    pub(in crate::board) fn show(&self) -> Vec<OtherProbe> {
        let startup = self.startup.as_ref().map(|check| OtherProbe {
            kind: ProbeKind::Startup,
            passes: self.progress.is_done(),
            counter: (self.progress.failures(), check.plan.failure_threshold),
            last: check.log.last().cloned(),
            next: check.next_probe().filter(|_| self.is_starting()),
        });
        let liveness = self.liveness.as_ref().map(|check| OtherProbe {
            kind: ProbeKind::Liveness,
            passes: check.opinion.up(),
            counter: check.opinion.shown(),
            last: check.log.last().cloned(),
            next: check.next_probe().filter(|_| !self.is_starting()),
        });
        startup.into_iter().chain(liveness).collect()
    }
}
