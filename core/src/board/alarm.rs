//! Do probes and traffic contradict each other? Both cannot be right, and whoever owns the backend should know which one lies.
//!
//! *Lying readiness*: probes pass while traffic fails. *Failing readiness*: probes fail while traffic succeeds. Told once per episode, and
//! once when it is over; an episode needs evidence to begin and evidence to end, so that a quiet moment ends none. It changes nothing.

use super::desk::Desk;
use super::member::Member;
use super::upstream::Upstream;
use crate::base::time::{Timestamp, brief};
use crate::health::event::{Disagreement, EventKind};
use crate::health::outlier::EjectionState;
use crate::plan::PassivePlan;

/// So much of the traffic must fail for an episode; half of it, or less, for its end.
const FAILS: f64 = 0.5;

/// Of one backend.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarm {
    raised: Option<(Disagreement, String)>,
    /// When the first probe started of those that fail now.
    failing_since: Option<Timestamp>,
}

impl Alarm {
    /// For people, as long as it lasts.
    pub(super) fn note(&self) -> Option<String> {
        self.raised.as_ref().map(|(what, why)| format!("{}: {why}", what.word()))
    }
}

impl Upstream {
    /// Looks at every backend with both kinds of evidence.
    pub(super) fn look_for_disagreement(&mut self, desk: &mut Desk, now: Timestamp) {
        for member in &mut self.members {
            let change = changes(member, &self.plan.passive, now);
            if let Some((what, over, why)) = change {
                member.alarm.raised = (!over).then(|| (what, why.clone()));
                member.report(EventKind::Disagreement { backend: member.id.clone(), what, over, why }, desk, now);
            }
        }
    }
}

/// What begins or ends, and why.
fn changes(member: &mut Member, plan: &PassivePlan, now: Timestamp) -> Option<(Disagreement, bool, String)> {
    use Disagreement::{FailingReadiness, LyingReadiness};
    let last = member.check.as_ref().and_then(|check| check.last.as_ref());
    let Some(last) = last else {
        let (what, _) = member.alarm.raised.clone()?;
        return Some((what, true, "it has no readiness probe any more".to_owned()));
    };
    if last.passed {
        member.alarm.failing_since = None;
    }
    let since = *member.alarm.failing_since.get_or_insert(last.at);
    match member.alarm.raised.as_ref().map(|(what, _)| *what) {
        None => lies(member, last.passed, plan, now)
            .map(|why| (LyingReadiness, false, why))
            .or_else(|| needless(member, last.passed, since, last.at).map(|why| (FailingReadiness, false, why))),
        Some(LyingReadiness) => truth(member, last.passed, plan, now).map(|why| (LyingReadiness, true, why.to_owned())),
        Some(FailingReadiness) if last.passed => Some((FailingReadiness, true, "its probes pass again".to_owned())),
        Some(FailingReadiness) => {
            let fails = member.cell.failed_after(since);
            fails.then(|| (FailingReadiness, true, "its traffic fails, too".to_owned()))
        }
    }
}

/// Live traffic failed and took it out. Who is only slow does not lie.
fn out_by_failures(member: &Member) -> bool {
    member.outlier.state != EjectionState::Clear && !member.out_for_slowness()
}

fn lies(member: &Member, passed: bool, plan: &PassivePlan, now: Timestamp) -> Option<String> {
    let up = member.check.as_ref().is_some_and(super::check::Check::up);
    if !passed || !up {
        return None;
    }
    if out_by_failures(member) {
        return Some(format!("its probes pass, and live traffic had it ejected: {}", member.ejected_for));
    }
    let window = member.cell.evidence(now, plan).window;
    let fails = window.total() >= plan.minimum_outcomes.max(1) && window.failed_share() >= FAILS;
    let within = brief(plan.window);
    fails.then(|| {
        format!("its probes pass, and {} of {} outcomes failed within {within}", window.failures, window.total())
    })
}

/// What ends lying readiness.
fn truth(member: &Member, passed: bool, plan: &PassivePlan, now: Timestamp) -> Option<&'static str> {
    if !passed {
        return Some("its probes fail, too");
    }
    let window = member.cell.evidence(now, plan).window;
    let succeeds = window.total() >= plan.minimum_outcomes.max(1) && window.failed_share() < FAILS / 2.0;
    (succeeds && !out_by_failures(member)).then_some("its traffic succeeds again")
}

/// Two probes failed, and answers came after the second had begun: who was frozen or died between two has none.
fn needless(member: &Member, passed: bool, since: Timestamp, last: Timestamp) -> Option<String> {
    let serves = member.cell.succeeded_after(last) && !member.cell.failed_after(since);
    let text = member.check.as_ref().and_then(|check| check.last.as_ref()).map_or("", |last| last.text.as_str());
    (!passed && since < last && serves).then(|| format!("its traffic succeeds, and its probes fail: {text}"))
}
