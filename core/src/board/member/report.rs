//! What is shown of a backend?

use super::Member;
use crate::base::time::Timestamp;
use crate::board::contract::report::{BackendReport, EjectionReport};
use crate::board::why::standing;
use crate::health::combine::combine;
use crate::health::outlier::Ejection;
use crate::plan::UpstreamPlan;

pub(in crate::board) fn report(member: &Member, plan: &UpstreamPlan, now: Timestamp) -> BackendReport {
    let evidence = member.cell.evidence(now, &plan.passive);
    let (total_successes, total_failures) = member.cell.totals();
    let standing = combine(&member.facts(plan, now));
    let (probes, readiness) = (&member.probes, member.probes.readiness());
    BackendReport {
        id: member.id.clone(),
        weight: member.weight(),
        configured_weight: member.configured_weight,
        backup: member.backup,
        order: member.orders.standing().cloned(),
        weight_order: member.orders.weight().cloned(),
        standing,
        since: member.status.since(),
        why: standing::standing(&member.grounds(standing.cause, now)),
        counter: probes.counter(),
        last_probe: readiness.and_then(|check| check.log.last()).cloned(),
        next_probe: readiness.filter(|_| !probes.life().is_starting()).and_then(|check| check.next_probe()),
        other_probes: probes.life().show(),
        ejection: member.ejections.current().map(shown),
        in_flight: member.cell.in_flight(),
        successes: evidence.window.successes,
        failures: evidence.window.failures,
        streak: evidence.streak,
        total_successes,
        total_failures,
        notes: notes(member, plan, now),
        history: member.history.shown(),
    }
}

fn shown(ejection: Ejection) -> EjectionReport {
    EjectionReport { since: ejection.since, earliest_return: ejection.until, nth: ejection.nth }
}

/// What else is worth knowing of it now.
fn notes(member: &Member, plan: &UpstreamPlan, now: Timestamp) -> Vec<String> {
    let watched = member.ejections.shadows.notes(plan.passive.base_ejection * 2, now);
    member.alarm.note().into_iter().chain(watched).collect()
}
