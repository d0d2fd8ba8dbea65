//! Which rule decided a standing? Its stable word, and the rule in words with the thresholds in force.

use super::{View, life};
use crate::base::time::brief;
use crate::board::why::words::count;
use crate::health::combine::Active;
use crate::health::standing::Cause;
use crate::plan::ProbePlan;

/// The rule behind a standing, in the order in which they are asked: the first that applies decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An operator's order.
    Order,
    /// Live traffic took it out.
    Ejection,
    /// Its readiness probes took it out.
    Readiness,
    /// Its startup probe has not passed.
    Startup,
    /// Its liveness probe failed for good.
    Liveness,
    /// It asked for a drain by its response header.
    DrainHeader,
    /// Its readiness document asks for a drain.
    DrainDocument,
    /// Failures within its startup grace.
    StartupGrace,
    /// Nothing is known yet.
    FirstProbe,
    /// One request decides.
    Trial,
    /// It says that it is degraded.
    Degraded,
    /// It has just come back.
    SlowStart,
    /// Nothing speaks against it.
    Passing,
    /// As above, where there is no readiness probe.
    Unprobed,
}

impl Rule {
    pub(super) fn of(view: &View<'_>) -> Self {
        match view.cause {
            Cause::ForcedDown | Cause::Drained | Cause::ForcedUp => Self::Order,
            Cause::Ejected => Self::Ejection,
            Cause::NotAlive => Self::Liveness,
            Cause::Down | Cause::Starting if view.member.probes().life().is_starting() => Self::Startup,
            Cause::Down | Cause::NotReady => Self::Readiness,
            Cause::Draining if view.member.probes().drains().is_some() => Self::DrainDocument,
            Cause::Draining => Self::DrainHeader,
            Cause::Starting => Self::StartupGrace,
            Cause::Unchecked => Self::FirstProbe,
            Cause::Trial => Self::Trial,
            Cause::Degraded => Self::Degraded,
            Cause::Ramping => Self::SlowStart,
            Cause::Up if view.member.probes().active() == Active::Unprobed => Self::Unprobed,
            Cause::Up => Self::Passing,
        }
    }

    /// The stable word for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Ejection => "ejection",
            Self::Readiness => "readiness",
            Self::Startup => "startup",
            Self::Liveness => "liveness",
            Self::DrainHeader => "drain_header",
            Self::DrainDocument => "drain_document",
            Self::StartupGrace => "startup_grace",
            Self::FirstProbe => "first_probe",
            Self::Trial => "trial",
            Self::Degraded => "degraded",
            Self::SlowStart => "slow_start",
            Self::Passing => "passing",
            Self::Unprobed => "unprobed",
        }
    }

    pub(super) fn says(self, view: &View<'_>) -> String {
        let probe = view.member.probes().readiness().map(|check| &*check.plan);
        match self {
            Self::Order => "an operator's order goes before all evidence".to_owned(),
            Self::Ejection => ejection(view),
            Self::Readiness => readiness(probe),
            Self::Startup => life::startup_rule(view),
            Self::Liveness => life::liveness_rule(view),
            Self::DrainHeader => match &view.plan.drain_header {
                Some((header, _)) => format!("an answer with the header {header} asks for no new traffic (drain_header)"),
                None => "an answer of its own asked for no new traffic".to_owned(),
            },
            Self::DrainDocument => "its readiness document asks for no new traffic; what is in flight finishes".to_owned(),
            Self::StartupGrace => match view.member.probes().readiness().and_then(|check| check.grace_until()) {
                Some(until) if until > view.now => format!(
                    "until its first pass, failures within startup_grace are no alarm; it ends in {}",
                    brief(until.since(view.now))
                ),
                _ => "until its first pass, failures within startup_grace are no alarm; it is over, and the next failure counts".to_owned(),
            },
            Self::FirstProbe => "nobody is trusted before the first probe has passed".to_owned(),
            Self::Trial => "after an ejection one request decides, before all the others come".to_owned(),
            Self::Degraded => "who says that it is degraded serves with a part of its weight".to_owned(),
            Self::SlowStart => format!("slow_start: the weight grows for {}", brief(view.plan.slow_start.duration)),
            Self::Passing => "its probes pass and its traffic succeeds".to_owned(),
            Self::Unprobed => "without a readiness probe only live traffic can take it out".to_owned(),
        }
    }
}

fn readiness(probe: Option<&ProbePlan>) -> String {
    let Some(probe) = probe else { return "its probes fail".to_owned() };
    format!(
        "readiness: {} in a row take it out (failure_threshold), {} in a row bring it back (success_threshold); the \
         first probe of all decides at once",
        count(probe.failure_threshold, "failure", "failures"),
        count(probe.success_threshold, "pass", "passes")
    )
}

fn ejection(view: &View<'_>) -> String {
    let passive = &view.plan.passive;
    let nth = view.member.ejections().current().map_or(1, |ejection| ejection.nth);
    format!(
        "passive: live traffic took it out, whatever its probes say; ejection {nth} in a row lasts base_ejection {} × \
         {nth}, at most {}",
        brief(passive.base_ejection),
        brief(passive.max_ejection)
    )
}
