//! The timings of a plan for programs. Times are seconds; `null` is never, or without end.

use pulsegate_core::timings::{Bounds, Detection, First, Load, Return, Timings, Way};
use serde_json::{Value, json};

pub(super) fn of(timings: &[Timings], load: Load) -> Value {
    json!({
        "rate": load.rate,
        "replicas": load.replicas,
        "upstreams": timings.iter().map(upstream).collect::<Vec<_>>(),
    })
}

fn upstream(timings: &Timings) -> Value {
    json!({
        "name": &*timings.upstream,
        "backends": { "count": timings.pool.all, "assumed": timings.pool.watched },
        "detection": timings.detections.iter().map(detection).collect::<Vec<_>>(),
        "return": timings.returns.iter().map(returning).collect::<Vec<_>>(),
        "ramp_seconds": timings.ramp.as_secs_f64(),
        "probes_per_second": timings.probes.map(|probes| json!({
            "per_backend": probes.per_backend,
            "in_all": probes.in_all,
            "per_backend_while_changing": probes.hurried,
        })),
        "ejectable": timings.ejectable.as_ref().map(|sizes| {
            sizes.iter().map(|(pool, most)| json!({ "pool": pool, "at_most": most })).collect::<Vec<_>>()
        }),
        "contradictions": timings.contradictions.iter().map(|one| json!({
            "key": one.key,
            "found": one.found,
            "consequence": one.consequence,
        })).collect::<Vec<_>>(),
    })
}

fn detection(detection: &Detection) -> Value {
    let first = match detection.first() {
        First::Probes => Some("probes"),
        First::Traffic => Some("traffic"),
        First::Either => Some("either"),
        First::Nobody => None,
    };
    let failing = detection.failing;
    json!({
        "fault": detection.fault.word(),
        "by_probes": detection.by_probes.map(bounds),
        "by_traffic": detection.by_traffic.map(bounds),
        "out": detection.out.map(bounds),
        "first": first,
        "failing": { "idempotent": failing.idempotent, "others": failing.others, "attempts": failing.attempts },
    })
}

fn returning(one: &Return) -> Value {
    let nth = match one.way {
        Way::Ejected => Some(1),
        Way::EjectedAgain(nth) => Some(nth),
        Way::Down | Way::Silent | Way::Outage | Way::SilentOutage => None,
    };
    json!({ "from": one.way.word(), "nth": nth, "after": bounds(one.after) })
}

fn bounds(bounds: Bounds) -> Value {
    json!({ "best_seconds": bounds.best.as_secs_f64(), "worst_seconds": bounds.worst.map(|worst| worst.as_secs_f64()) })
}
