//! What must startup, liveness and restarts have come to? The part of the shadow for the probes beside readiness, as naive as the rest.

use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::BackendReport;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::health::standing::Cause;
use pulsegate_core::health::verdict::Verdict;
use pulsegate_core::plan::{ProbeFailure, ProbeKind, ProbePlan, UpstreamPlan};
use std::collections::BTreeMap;

/// A backend that has not started yet.
#[derive(Clone, Debug, Default)]
pub struct Starting {
    asked: bool,
    passes: u32,
    failures: u32,
    given_up: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Life {
    plans: BTreeMap<ProbeKind, ProbePlan>,
    /// `None`: it has started, or nobody asks.
    starting: Option<Starting>,
    /// Liveness failures that are left, or (dead) passes so far.
    left: u32,
    dead: Option<u32>,
    instances: BTreeMap<ProbeKind, String>,
    last_started: BTreeMap<ProbeKind, Timestamp>,
    /// The next probe of the kind may start early: it was redefined, or the backend came back.
    early: BTreeMap<ProbeKind, bool>,
    /// Somebody must be told to restart it.
    pub calls: u32,
}

fn plans(upstream: &UpstreamPlan) -> BTreeMap<ProbeKind, ProbePlan> {
    let all = [(ProbeKind::Startup, &upstream.startup), (ProbeKind::Liveness, &upstream.liveness)];
    all.into_iter().filter_map(|(kind, plan)| Some((kind, plan.clone()?))).collect()
}

impl Life {
    pub fn new(upstream: &UpstreamPlan) -> Self {
        let plans = plans(upstream);
        let starting = plans.contains_key(&ProbeKind::Startup).then(Starting::default);
        let left = plans.get(&ProbeKind::Liveness).map_or(0, |plan| plan.failure_threshold);
        Self { plans, starting, left, ..Self::default() }
    }

    /// `handed_over`: another process told the thresholds of liveness, and nothing more of the definitions.
    pub fn redefined(&mut self, upstream: &UpstreamPlan, returns: bool, handed_over: bool) {
        let after = plans(upstream);
        for kind in ProbeKind::ALL {
            let (before, now) = (self.plans.get(&kind), after.get(&kind));
            if returns || before != now {
                self.early.insert(kind, true);
            }
        }
        let (before, now) = (self.plans.get(&ProbeKind::Liveness), after.get(&ProbeKind::Liveness));
        let thresholds = |plan: Option<&ProbePlan>| plan.map(|plan| (plan.success_threshold, plan.failure_threshold));
        match (before, now) {
            (_, None) => (self.left, self.dead) = (0, None),
            (None, Some(plan)) => (self.left, self.dead) = (plan.failure_threshold, None),
            _ if handed_over && thresholds(before) == thresholds(now) => {}
            (Some(old), Some(new)) if old != new => {
                (self.left, self.dead) = (new.failure_threshold, self.dead.map(|_| 0));
            }
            _ => {}
        }
        if !self.plans.contains_key(&ProbeKind::Startup) || !after.contains_key(&ProbeKind::Startup) {
            // A backend that is here has started: nobody is taken out to ask.
            self.starting = None;
        }
        self.plans = after;
    }

    /// Another process has no probe in flight, and may ask at once.
    pub fn handed_over(&mut self) {
        self.early = ProbeKind::ALL.map(|kind| (kind, true)).into();
        self.calls = 0;
    }

    pub fn plan(&self, kind: ProbeKind) -> Option<&ProbePlan> {
        self.plans.get(&kind)
    }

    pub fn is_starting(&self) -> bool {
        self.starting.is_some()
    }

    /// Was its definition changed since the last probe of this kind started?
    pub fn stands(&self, kind: ProbeKind) -> bool {
        !self.early.get(&kind).copied().unwrap_or(true)
    }

    pub fn probe_started(&mut self, kind: ProbeKind, plan: &ProbePlan, now: Timestamp) {
        assert_eq!(self.plans.get(&kind), Some(plan), "{kind} by an old definition");
        assert_eq!(kind == ProbeKind::Startup, self.is_starting(), "{kind} runs at the wrong time");
        let early = self.early.insert(kind, false).unwrap_or(true);
        if let Some(last) = self.last_started.insert(kind, now) {
            let least = plan.fast_period.mul_f64(1.0 - plan.jitter - 1e-6);
            assert!(early || now.since(last) >= least, "{kind} probes {:?} apart", now.since(last));
        }
    }

    /// Did another instance answer than before? Then all that was known is of the former one.
    pub fn restarted(&mut self, kind: ProbeKind, reading: &Reading, verdict: &Verdict) -> bool {
        let stranger = matches!(verdict, Verdict::Fail { kind: ProbeFailure::Identity, .. });
        let Some(instance) = reading.sighting().and_then(|seen| seen.instance.clone()).filter(|_| !stranger) else {
            return false;
        };
        let before = self.instances.insert(kind, instance.clone());
        if before.is_none_or(|before| before == instance) {
            return false;
        }
        self.instances = [(kind, instance)].into();
        if kind != ProbeKind::Startup && self.plans.contains_key(&ProbeKind::Startup) {
            self.starting = Some(Starting { asked: true, ..Starting::default() });
        }
        (self.left, self.dead) = (self.plans.get(&ProbeKind::Liveness).map_or(0, |plan| plan.failure_threshold), None);
        true
    }

    pub fn count(&mut self, kind: ProbeKind, verdict: &Verdict) {
        let passed = !matches!(verdict, Verdict::Fail { .. });
        let Some(plan) = self.plans.get(&kind) else { return };
        if kind == ProbeKind::Startup {
            let Some(starting) = &mut self.starting else { return };
            starting.asked = true;
            (starting.passes, starting.failures) =
                if passed { (starting.passes + 1, 0) } else { (0, starting.failures + 1) };
            if starting.passes >= plan.success_threshold {
                self.starting = None;
            } else if starting.failures == plan.failure_threshold && !starting.given_up {
                starting.given_up = true;
                self.calls += 1;
            }
            return;
        }
        let decisive = matches!(verdict, Verdict::Fail { kind, .. } if plan.is_immediate(*kind));
        match (self.dead, passed) {
            (None, true) => self.left = (self.left + 1).min(plan.failure_threshold),
            (None, false) if self.left > 1 && !decisive => self.left -= 1,
            (None, false) => {
                self.dead = Some(0);
                self.calls += 1;
            }
            (Some(passes), true) if passes + 1 >= plan.success_threshold => {
                (self.left, self.dead) = (plan.failure_threshold, None);
            }
            (Some(passes), true) => self.dead = Some(passes + 1),
            (Some(_), false) => self.dead = Some(0),
        }
    }

    /// The standing that they decide, whatever readiness says.
    pub fn holds(&self) -> Option<Cause> {
        match &self.starting {
            Some(Starting { given_up: true, .. }) => Some(Cause::Down),
            Some(Starting { asked: false, .. }) => Some(Cause::Unchecked),
            Some(_) => Some(Cause::Starting),
            None => self.dead.map(|_| Cause::NotAlive),
        }
    }

    /// What the report shows of liveness.
    pub fn agrees(&self, report: &BackendReport) {
        for other in &report.other_probes {
            let passes = match other.kind {
                ProbeKind::Startup => self.starting.is_none(),
                ProbeKind::Readiness | ProbeKind::Liveness => self.dead.is_none(),
            };
            assert_eq!(other.passes, passes, "{}: {}", report.id, other.kind);
            if other.kind == ProbeKind::Liveness {
                assert_eq!(other.counter.0, self.dead.unwrap_or(self.left), "{}: liveness", report.id);
            }
        }
        assert_eq!(report.other_probes.len(), self.plans.len(), "{}", report.id);
    }

    /// How the sentence begins where they decide.
    pub fn begins(&self) -> &'static [&'static str] {
        match self.holds() {
            Some(Cause::Unchecked) => &["waits for its first probe"],
            Some(Cause::Down) => &["it did not start within "],
            Some(Cause::NotAlive) => &["its liveness probe fail"],
            _ => &["it has not passed its startup probe yet: ", "another instance answers at its address, and has"],
        }
    }
}
