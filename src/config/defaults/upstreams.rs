//! What is in force of a pool: how its backends are found, probed, judged, chosen and spared?

use super::written::{
    hash_by, millis, none_eligible, on_down, on_malformed, policy, protocol, secs, share, size, unknown_word,
};
use super::{Defaults, values};
use pulsegate_core::plan::{
    Assertion, Condition, Detector, DnsQuery, DnsSource, DocumentPlan, HashBy, HttpCheck, PassivePlan, ProbeKind,
    ProbePlan, StickyPlan, UpstreamPlan, UpstreamTls,
};

pub(super) fn all() -> Vec<Defaults> {
    let plan = UpstreamPlan::named("");
    let parts = [whole(&plan), sources(), probes(), documents(), passive(&plan.passive), chosen(&plan), spared(&plan)];
    parts.into_iter().flatten().collect()
}

fn whole(plan: &UpstreamPlan) -> Vec<Defaults> {
    vec![
        values(
            "UpstreamSpec",
            [
                ("protocol", protocol(plan.protocol).to_owned()),
                ("hold", secs(plan.limits.hold)),
                ("when_none_eligible", none_eligible(plan.when_none_eligible).to_owned()),
                ("panic_threshold", share(plan.panic_threshold)),
                ("hold_correlated_failures", secs(plan.hold_correlated_failures)),
                ("idle_timeout", secs(plan.idle_timeout)),
                ("on_down", on_down(plan.on_down).to_owned()),
            ],
        ),
        Defaults { of: "UpstreamSpec", told: vec![("startup", other_thresholds(ProbeKind::Startup))] },
        Defaults { of: "UpstreamSpec", told: vec![("liveness", other_thresholds(ProbeKind::Liveness))] },
        values("UpstreamTlsSpec", [("verify", UpstreamTls::to("").verify.to_string())]),
    ]
}

fn sources() -> Vec<Defaults> {
    let dns = DnsSource::of(DnsQuery::Srv { name: String::new() });
    vec![values(
        "SourceSpec",
        [
            ("weight", dns.weight.to_string()),
            ("min_interval", secs(dns.min_interval)),
            ("max_interval", secs(dns.max_interval)),
        ],
    )]
}

fn probes() -> Vec<Defaults> {
    let (probe, http) = (ProbePlan::default(), HttpCheck::of(ProbeKind::Readiness, "/"));
    vec![values(
        "ProbeSpec",
        [
            ("method", http.method),
            ("body_bytes", size(http.body_bytes as u64)),
            ("document", read(ProbeKind::Readiness).to_owned()),
            ("period", secs(probe.period)),
            ("fast_period", millis(probe.fast_period)),
            ("stretch_to", secs(probe.stretch_to)),
            ("jitter", share(probe.jitter)),
            ("timeout", secs(probe.timeout)),
            ("success_threshold", probe.success_threshold.to_string()),
            ("failure_threshold", probe.failure_threshold.to_string()),
            ("initial_delay", secs(probe.initial_delay)),
            ("startup_grace", secs(probe.startup_grace)),
        ],
    )]
}

const fn read(kind: ProbeKind) -> &'static str {
    if kind.reads_documents() { "auto" } else { "off" }
}

/// The keys of a probe that have another default under `startup` or `liveness` than the type says, which serves all three.
pub(in crate::config) fn of_other_probes() -> Vec<(String, String)> {
    let usual = of_kind(ProbeKind::Readiness);
    let others = [ProbeKind::Startup, ProbeKind::Liveness].into_iter().flat_map(|kind| {
        let other = of_kind(kind).into_iter().zip(usual.clone()).filter(|(own, usual)| own != usual);
        other.map(move |((key, value), _)| (format!("upstreams.NAME.{}.{key}", kind.word()), format!("`{value}`")))
    });
    others.collect()
}

fn of_kind(kind: ProbeKind) -> [(&'static str, String); 3] {
    let probe = ProbePlan::of(kind);
    [
        ("document", read(kind).to_owned()),
        ("success_threshold", probe.success_threshold.to_string()),
        ("failure_threshold", probe.failure_threshold.to_string()),
    ]
}

fn other_thresholds(kind: ProbeKind) -> String {
    let (own, usual) = (ProbePlan::of(kind), ProbePlan::default());
    let mut other = Vec::new();
    if own.success_threshold != usual.success_threshold {
        other.push(counted(own.success_threshold, ["pass", "passes"]));
    }
    if own.failure_threshold != usual.failure_threshold {
        other.push(counted(own.failure_threshold, ["failure", "failures"]));
    }
    let plural = if other.len() > 1 { "s" } else { "" };
    format!("Other default{plural}: {}. Default: none.", other.join(", "))
}

fn counted(number: u32, [one, more]: [&str; 2]) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

fn documents() -> Vec<Defaults> {
    let plan = DocumentPlan::default();
    let assertion = Assertion::of("", Condition::Present);
    vec![
        values("DegradedSpec", [("weight", share(plan.degraded_share))]),
        values(
            "DocumentRulesSpec",
            [
                ("unknown_word", unknown_word(plan.unknown_word).to_owned()),
                ("on_malformed", on_malformed(plan.on_malformed).to_owned()),
            ],
        ),
        values("AssertSpec", [("otherwise", if assertion.degrades { "degraded" } else { "fail" }.to_owned())]),
    ]
}

fn passive(plan: &PassivePlan) -> Vec<Defaults> {
    let enforced = |detector| ("enforce", plan.enforce.of(detector).to_string());
    vec![
        values(
            "PassiveSpec",
            [
                ("enabled", plan.enabled.to_string()),
                ("consecutive_failures", plan.consecutive_failures.to_string()),
                ("failure_ratio", share(plan.failure_ratio)),
                ("minimum_outcomes", plan.minimum_outcomes.to_string()),
                ("window", secs(plan.window)),
                ("base_ejection", secs(plan.base_ejection)),
                ("max_ejection", secs(plan.max_ejection)),
                ("ejection_jitter", share(plan.ejection_jitter)),
                ("minimum_fit", share(plan.minimum_fit)),
            ],
        ),
        // The long forms, in the order in which the keys above name them.
        values("LimitSpec", [enforced(Detector::ConsecutiveFailures)]),
        values("LimitSpec2", [enforced(Detector::FailureRatio)]),
        values("FailureOutlierSpec", [("gap", share(plan.failure_outlier)), enforced(Detector::FailureOutlier)]),
        values(
            "LatencyOutlierSpec",
            [
                ("factor", plan.latency_outlier.factor.to_string()),
                ("gap", millis(plan.latency_outlier.gap)),
                enforced(Detector::LatencyOutlier),
            ],
        ),
    ]
}

fn chosen(plan: &UpstreamPlan) -> Vec<Defaults> {
    vec![
        values(
            "SlowStartSpec",
            [("duration", secs(plan.slow_start.duration)), ("initial_share", share(plan.slow_start.initial_share))],
        ),
        values(
            "BalanceSpec",
            [("policy", policy(&plan.balance.policy).to_owned()), ("hash_by", hash_by(&HashBy::default()))],
        ),
        values("StickySpec", [("cookie", StickyPlan::default().cookie)]),
    ]
}

fn spared(plan: &UpstreamPlan) -> Vec<Defaults> {
    let (limits, budget) = (plan.limits, plan.budget);
    vec![
        values(
            "UpstreamLimitsSpec",
            [
                ("requests", limits.requests.to_string()),
                ("requests_per_backend", limits.requests_per_backend.to_string()),
                ("connections_per_backend", limits.connections_per_backend.to_string()),
                ("queue", limits.queue.to_string()),
                ("queue_timeout", secs(limits.queue_timeout)),
                ("response_head_bytes", size(limits.response_head_bytes as u64)),
            ],
        ),
        values(
            "BudgetSpec",
            [
                ("ratio", share(budget.ratio)),
                ("ttl", secs(budget.ttl)),
                ("min_per_second", budget.min_per_second.to_string()),
            ],
        ),
    ]
}
