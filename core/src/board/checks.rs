//! What do the probes beside readiness say? Startup and liveness of one backend, and the instances that were seen to answer.
//!
//! Until a startup probe has passed, the others do not run. A liveness probe that fails for good says that somebody must restart the
//! backend. Readiness itself is `check`'s; here is who runs when, and what follows for it.

use super::check::{Check, CheckState};
use super::contract::{LastProbe, OtherProbe, ProbeTicket};
use super::why::Probes;
use crate::base::time::Timestamp;
use crate::health::combine::Active;
use crate::health::startup::{Phase, Startup, StartupState};
use crate::plan::{ProbeKind, UpstreamPlan};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Life {
    pub startup: Option<Check>,
    pub progress: Startup,
    pub liveness: Option<Check>,
    /// The instances that answered last, by the kind of the probe: each may ask for another fact.
    instances: [Option<String>; 3],
}

/// What the probes beside readiness have said, for another process.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct LifeState {
    pub startup: Option<CheckState>,
    /// `None`: there is no startup probe.
    pub progress: Option<StartupState>,
    pub liveness: Option<CheckState>,
    /// The instances that answered last, by the kind of the probe.
    pub instances: [Option<String>; 3],
}

impl LifeState {
    /// The same, told `by` later.
    pub(super) fn later(self, by: Duration) -> Self {
        Self {
            startup: self.startup.map(|check| check.later(by)),
            progress: self.progress.map(|progress| StartupState { ago: progress.ago + by, ..progress }),
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
            instances: Default::default(),
        }
    }

    pub(super) fn is_starting(&self) -> bool {
        self.startup.is_some() && !self.progress.is_done()
    }

    /// Does this kind of probe run now?
    pub(super) fn runs(&self, kind: ProbeKind) -> bool {
        (kind == ProbeKind::Startup) == self.is_starting()
    }

    /// What they decide about readiness' verdict: it does not count then.
    pub(super) fn active(&self) -> Option<Active> {
        if self.is_starting() {
            return Some(match self.progress.phase {
                Phase::Unasked => Active::Unchecked,
                Phase::Starting | Phase::Started => Active::Starting,
                Phase::Failed { .. } => Active::Down,
            });
        }
        self.liveness.as_ref().is_some_and(|check| !check.up()).then_some(Active::NotAlive)
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

    /// What holds it out, for people; `None` where they do not.
    pub(super) fn grounds(&self) -> Option<Probes<'_>> {
        match (&self.startup, self.active()?) {
            (Some(check), Active::Starting) if self.progress.failures() > 0 => {
                Some(Probes::Starting { how: check.last_failure() })
            }
            (Some(_), Active::Starting) => Some(Probes::StartsAnew),
            (Some(check), Active::Down) => match self.progress.phase {
                Phase::Failed { within } => Some(Probes::NotStarted { within, how: check.last_failure() }),
                _ => None,
            },
            (Some(_), Active::Unchecked) => Some(Probes::Unchecked),
            _ => self.liveness.as_ref().map(|check| Probes::NotAlive {
                how: check.last_failure(),
                passes: check.last_passed().then(|| check.counter.map_or((0, 0), |counter| counter.shown())),
            }),
        }
    }

    /// Remembers the instance that answered; the one before where it was another.
    pub(super) fn see(&mut self, kind: ProbeKind, instance: &str) -> Option<String> {
        let [startup, readiness, liveness] = &mut self.instances;
        let slot = match kind {
            ProbeKind::Startup => startup,
            ProbeKind::Readiness => readiness,
            ProbeKind::Liveness => liveness,
        };
        let before = slot.replace(instance.to_owned()).filter(|before| before != instance)?;
        // The facts that others go by are the new instance's, too, and learned anew.
        let seen = slot.take();
        self.instances = Default::default();
        let [startup, readiness, liveness] = &mut self.instances;
        match kind {
            ProbeKind::Startup => *startup = seen,
            ProbeKind::Readiness => *readiness = seen,
            ProbeKind::Liveness => *liveness = seen,
        }
        Some(before)
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

    /// It has started: liveness is asked from now on.
    pub(super) fn started(&mut self, now: Timestamp) {
        if let Some(liveness) = &mut self.liveness {
            liveness.release(now);
        }
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
            given_up.extend(check.as_mut().and_then(Check::forget_flight));
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
            instances: self.instances.clone(),
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
        self.instances = state.instances;
    }

    pub(super) fn show(&self) -> Vec<OtherProbe> {
        let last = |check: &Check| -> Option<LastProbe> { check.last.clone() };
        let startup = self.startup.as_ref().map(|check| OtherProbe {
            kind: ProbeKind::Startup,
            passes: self.progress.is_done(),
            counter: (self.progress.failures(), check.plan.failure_threshold),
            last: last(check),
            next: check.next_probe().filter(|_| self.is_starting()),
        });
        let liveness = self.liveness.as_ref().map(|check| OtherProbe {
            kind: ProbeKind::Liveness,
            passes: check.up(),
            counter: check.counter.map_or((0, 0), |counter| counter.shown()),
            last: last(check),
            next: check.next_probe().filter(|_| !self.is_starting()),
        });
        startup.into_iter().chain(liveness).collect()
    }
}
