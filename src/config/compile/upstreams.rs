//! What is each pool like? Its sources, probes, passive health, balancing and limits, put together.

mod balance;
mod passive;
mod sources;

use super::headers::header;
use super::probe::{self, ProbeContext};
use super::tls::{self, Files};
use super::{Item, share, size, span};
use crate::config::files::{Findings, Place};
use crate::config::schema::{
    BudgetSpec, NoneEligibleSpec, OnDownSpec, ProbeSpec, ProtocolSpec, ProxyVersionSpec, SlowStartSpec, UpstreamSpec,
};
use pulsegate_core::http::response_head;
use pulsegate_core::plan::{
    BudgetPlan, PassivePlan, ProbeKind, ProbePlan, Protocol, SlowStartPlan, SourcePlan, UpstreamLimits, UpstreamPlan,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn compile(
    items: &[(String, Item<UpstreamSpec>)],
    hosts: &BTreeMap<String, String>,
    (files, webhooks): (Files<'_>, &[&str]),
    findings: &mut Findings,
) -> Vec<Arc<UpstreamPlan>> {
    items
        .iter()
        .map(|(name, item)| Arc::new(upstream(name, item, hosts.get(name), (files, webhooks), findings)))
        .collect()
}

fn upstream(
    name: &str,
    item: &Item<UpstreamSpec>,
    host: Option<&String>,
    (files, webhooks): (Files<'_>, &[&str]),
    findings: &mut Findings,
) -> UpstreamPlan {
    let (spec, place) = (&item.spec, &item.place);
    let sources = sources::compile(&spec.backends, files.base, place, findings);
    let tls = spec
        .tls
        .as_ref()
        .and_then(|tls| tls::upstream(tls, sources::default_sni(&sources), files, &place.at("tls"), findings));
    let protocol = spec.protocol.map_or_else(Protocol::default, ProtocolSpec::plan);
    if let (Some(_), Protocol::Http2) = (spec.send_proxy_protocol, protocol) {
        findings.error(
            &place.at("send_proxy_protocol"),
            "a PROXY header with `protocol: http2`",
            "`protocol: http1`: connections of HTTP/2 are shared by all clients, and a header names one",
        );
    }
    let context = ProbeContext { host, protocol, tls: tls.as_ref(), files, webhooks };
    let [startup, readiness, liveness] = probes(spec, &context, &sources, place, findings);
    let passive = passive::compile(&spec.passive, &place.at("passive"), findings);
    proven_by_traffic(readiness.as_ref(), &passive, place, findings);
    if readiness.is_none() {
        let consequence = if passive.enabled {
            "its backends are up (unprobed): only failures of live traffic take one out"
        } else {
            "nothing ever takes a backend out, since passive health is off too"
        };
        findings.warning(place, format!("{name} without a readiness probe"), consequence);
    }
    let default = UpstreamPlan::named(name);
    UpstreamPlan {
        name: default.name,
        sources,
        protocol,
        send_proxy_protocol: spec.send_proxy_protocol.map(ProxyVersionSpec::plan),
        tls,
        startup,
        readiness,
        liveness,
        passive,
        slow_start: slow_start(&spec.slow_start),
        balance: balance::compile(&spec.balance, &place.at("balance"), findings),
        limits: limits(spec, place, findings),
        budget: budget(&spec.retry_budget),
        when_none_eligible: spec.when_none_eligible.map_or(default.when_none_eligible, NoneEligibleSpec::plan),
        hold_correlated_failures: span(spec.hold_correlated_failures, default.hold_correlated_failures),
        panic_threshold: share(spec.panic_threshold, default.panic_threshold),
        idle_timeout: span(spec.idle_timeout, default.idle_timeout),
        drain_header: spec
            .drain_header
            .as_ref()
            .map(|spec| header(&spec.name, &spec.value, &place.at("drain_header"), findings)),
        drain_keeps_sessions: spec.drain_keeps_sessions,
        on_down: spec.on_down.map_or(default.on_down, OnDownSpec::plan),
    }
}

/// Of each kind, as far as it is written.
fn probes(
    spec: &UpstreamSpec,
    context: &ProbeContext<'_>,
    sources: &[SourcePlan],
    place: &Place,
    findings: &mut Findings,
) -> [Option<ProbePlan>; 3] {
    let mut compiled = |kind, written: &Option<ProbeSpec>| {
        let probe = probe::compile(kind, written.as_ref()?, context, place, findings);
        if let Some(port) = probe.port {
            sources::shared_port(port, sources, &place.at(kind.word()).at("port"), findings);
        }
        Some(probe)
    };
    let startup = compiled(ProbeKind::Startup, &spec.startup);
    let readiness = compiled(ProbeKind::Readiness, &spec.readiness);
    let liveness = compiled(ProbeKind::Liveness, &spec.liveness);
    probe::check_together(readiness.as_ref(), liveness.as_ref(), &place.at("liveness"), findings);
    [startup, readiness, liveness]
}

fn proven_by_traffic(readiness: Option<&ProbePlan>, passive: &PassivePlan, place: &Place, findings: &mut Findings) {
    if !passive.enabled && readiness.is_some_and(|probe| !probe.stretch_to.is_zero()) {
        findings.error(
            &place.at("readiness.stretch_to"),
            "stretch_to with `passive: { enabled: false }`",
            "one of them: what stretches probes is live traffic that is watched",
        );
    }
}

fn slow_start(spec: &SlowStartSpec) -> SlowStartPlan {
    let default = SlowStartPlan::default();
    SlowStartPlan {
        duration: span(spec.duration, default.duration),
        initial_share: share(spec.initial_share, default.initial_share).max(0.001),
    }
}

fn limits(spec: &UpstreamSpec, place: &Place, findings: &mut Findings) -> UpstreamLimits {
    let written = &spec.limits;
    let default = UpstreamLimits::default();
    let limits = UpstreamLimits {
        requests: written.requests.unwrap_or(default.requests),
        requests_per_backend: written.requests_per_backend.unwrap_or(default.requests_per_backend),
        connections_per_backend: written.connections_per_backend.unwrap_or(default.connections_per_backend),
        queue: written.queue.unwrap_or(default.queue),
        queue_timeout: span(written.queue_timeout, default.queue_timeout),
        response_head_bytes: size(written.response_head_bytes, default.response_head_bytes as u64) as usize,
        hold: span(spec.hold, default.hold),
    };
    let heads = response_head::LEAST..=response_head::MOST;
    if !heads.contains(&limits.response_head_bytes) {
        let found = format!("{} bytes", limits.response_head_bytes);
        findings.error(&place.at("limits.response_head_bytes"), found, "1KiB to 1MiB");
    }
    let limited = limits.requests > 0 || limits.requests_per_backend > 0 || limits.connections_per_backend > 0;
    if limits.queue > 0 && !limited {
        findings.warning(
            &place.at("limits.queue"),
            limits.queue.to_string(),
            "nobody ever waits, since nothing is limited",
        );
    }
    if limits.queue > 0 && limits.queue_timeout.is_zero() {
        findings.error(&place.at("limits.queue_timeout"), "0s", "more than 0s, or no queue");
    }
    limits
}

fn budget(spec: &BudgetSpec) -> BudgetPlan {
    let default = BudgetPlan::default();
    BudgetPlan {
        ratio: share(spec.ratio, default.ratio),
        ttl: span(spec.ttl, default.ttl).max(Duration::from_millis(100)),
        min_per_second: spec.min_per_second.unwrap_or(default.min_per_second),
    }
}
