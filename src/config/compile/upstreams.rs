//! What is each pool like? Sources, TLS, passive health, balancing, timeouts, retries.

use super::headers::header;
use super::probe::{self, ProbeContext};
use super::tls::{self, Files};
use super::{Item, secs, share, span};
use crate::config::addresses;
use crate::config::files::{Findings, Place};
use crate::config::schema::{
    BackendSpec, BalanceSpec, BudgetSpec, DeadlineSpec, LatencyOutlierSpec, NoneEligibleSpec, OnDownSpec, PassiveSpec,
    PolicySpec, ProbeSpec, ProtocolSpec, ProxyVersionSpec, RetriesSpec, SlowStartSpec, SourceSpec, StickySpec,
    TimeoutsSpec, UpstreamSpec,
};
use crate::config::values::Words;
use crate::config::words::not_exactly_one;
use pulsegate_core::base::identity::Address;
use pulsegate_core::plan::{
    BalancePlan, BudgetPlan, DnsQuery, DnsSource, Enforcement, HashBy, LatencyOutlierPlan, PassivePlan, Policy,
    ProbeKind, ProbePlan, Protocol, RetryOn, RetryPlan, SlowStartPlan, SourcePlan, StaticBackend, StickyPlan, Timeouts,
    UpstreamLimits, UpstreamPlan,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
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
    let sources = sources(&spec.backends, files.base, place, findings);
    let tls =
        spec.tls.as_ref().and_then(|tls| tls::upstream(tls, default_sni(&sources), files, &place.at("tls"), findings));
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
    let passive = passive(&spec.passive, &place.at("passive"), findings);
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
        balance: balance(&spec.balance, &place.at("balance"), findings),
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
            shared_port(port, sources, &place.at(kind.word()).at("port"), findings);
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

/// One port for all is one endpoint for all that share an address, and a slip where it is the port of some.
fn shared_port(port: u16, sources: &[SourcePlan], place: &Place, findings: &mut Findings) {
    let fixed = sources.iter().flat_map(|source| match source {
        SourcePlan::Static(backends) => backends.as_slice(),
        SourcePlan::Dns(_) | SourcePlan::File { .. } => &[],
    });
    let mut sockets = fixed.filter_map(|backend| match &backend.address {
        Address::Socket(address) => Some(*address),
        Address::Unix(_) => None,
    });
    let all: Vec<SocketAddr> = sockets.by_ref().collect();
    let one_asked_for_several =
        all.iter().enumerate().any(|(index, one)| all.iter().take(index).any(|other| other.ip() == one.ip()));
    let port_of_some = all.iter().any(|one| one.port() == port) && all.iter().any(|one| one.port() != port);
    if one_asked_for_several || port_of_some {
        findings.warning(
            place,
            format!("port {port}, which is not the port of every backend"),
            &format!("port {port} is asked at every backend; leave it out to ask each at its own"),
        );
    }
}

// ------------------------------------------------------------------ sources

fn sources(specs: &[BackendSpec], base: &Path, place: &Place, findings: &mut Findings) -> Vec<SourcePlan> {
    if specs.is_empty() {
        findings.error(&place.at("backends"), "no backend", "at least one address, dns, srv or file");
    }
    let mut fixed: Vec<StaticBackend> = Vec::new();
    let mut watched = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let place = place.at(&format!("backends.{index}"));
        match spec {
            BackendSpec::Short(address) => fixed.extend(fixed_backend(address, &place, findings)),
            BackendSpec::Long(source) => match (&source.address, &source.dns, &source.srv, &source.file) {
                (Some(address), None, None, None) => {
                    let backend = fixed_backend(address, &place.at("address"), findings);
                    let weight = weight(source, &place, findings);
                    let written = |backend: StaticBackend| StaticBackend {
                        weight: weight.unwrap_or(backend.weight),
                        backup: source.backup,
                        ..backend
                    };
                    fixed.extend(backend.map(written));
                }
                (None, Some(name), None, None) => {
                    watched.extend(dns(host_query(name), source, &place.at("dns"), findings))
                }
                (None, None, Some(name), None) => {
                    watched.extend(dns(Ok(DnsQuery::Srv { name: name.clone() }), source, &place.at("srv"), findings));
                }
                (None, None, None, Some(path)) => {
                    watched.push(SourcePlan::File { path: base.join(path), backup: source.backup });
                }
                (address, dns, srv, file) => {
                    let choices = [
                        ("address", address.is_some()),
                        ("dns", dns.is_some()),
                        ("srv", srv.is_some()),
                        ("file", file.is_some()),
                    ];
                    findings.error(&place, not_exactly_one(&choices).unwrap_or_default(), "exactly one of them");
                }
            },
        }
    }
    reject_duplicates(&fixed, place, findings);
    if !fixed.is_empty() && watched.is_empty() && fixed.iter().all(|backend| backend.weight == 0) {
        findings.error(&place.at("backends"), "weight 0 for every backend", "at least one weight above 0");
    }
    let fixed = (!fixed.is_empty()).then_some(SourcePlan::Static(fixed));
    fixed.into_iter().chain(watched).collect()
}

fn fixed_backend(text: &str, place: &Place, findings: &mut Findings) -> Option<StaticBackend> {
    match addresses::backend(text) {
        Ok(address) => Some(StaticBackend::at(address)),
        Err(allowed) => {
            findings.error(place, format!("{text:?}"), allowed);
            None
        }
    }
}

fn weight(source: &SourceSpec, place: &Place, findings: &mut Findings) -> Option<u32> {
    if let Some(weight) = source.weight.filter(|weight| *weight > 65_535) {
        findings.error(&place.at("weight"), weight.to_string(), "0 to 65535");
    }
    source.weight
}

fn host_query(text: &str) -> Result<DnsQuery, String> {
    let allowed = || "a name and a port, such as orders.internal:8000".to_owned();
    let (name, port) = text.rsplit_once(':').ok_or_else(allowed)?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(allowed)?;
    if name.is_empty() { Err(allowed()) } else { Ok(DnsQuery::Host { name: name.to_owned(), port }) }
}

fn dns(
    query: Result<DnsQuery, String>,
    source: &SourceSpec,
    place: &Place,
    findings: &mut Findings,
) -> Option<SourcePlan> {
    let min_interval = span(source.min_interval, DnsSource::MIN_INTERVAL);
    if min_interval < secs(5) {
        findings.error(&place.at("min_interval"), format!("{min_interval:?}"), "at least 5s: name servers are shared");
    }
    let max_interval = span(source.max_interval, DnsSource::MAX_INTERVAL);
    if max_interval < min_interval {
        findings.error(&place.at("max_interval"), format!("{max_interval:?}"), "at least min_interval");
    }
    let servers = servers(source, place, findings);
    let query = query.map_err(|allowed| {
        let found = source.dns.as_deref().unwrap_or_default();
        findings.error(place, format!("{found:?}"), allowed);
    });
    let default = DnsSource::of(query.ok()?);
    let weight = weight(source, place, findings).unwrap_or(default.weight);
    let backup = source.backup;
    Some(SourcePlan::Dns(DnsSource { weight, backup, min_interval, max_interval, servers, ..default }))
}

fn servers(source: &SourceSpec, place: &Place, findings: &mut Findings) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for text in &source.servers {
        let on_port_53 = |allowed| text.parse::<IpAddr>().map(|ip| SocketAddr::from((ip, 53))).map_err(|_| allowed);
        match addresses::socket(text).or_else(on_port_53) {
            Ok(server) => servers.push(server),
            Err(allowed) => findings.error(&place.at("servers"), format!("{text:?}"), allowed),
        }
    }
    servers
}

fn reject_duplicates(fixed: &[StaticBackend], place: &Place, findings: &mut Findings) {
    for (index, backend) in fixed.iter().enumerate() {
        if fixed.iter().take(index).any(|other| other.address == backend.address) {
            findings.error(
                &place.at("backends"),
                format!("{} twice", backend.address),
                "each address once (use weight)",
            );
        }
    }
}

fn default_sni(sources: &[SourcePlan]) -> Option<String> {
    sources.iter().find_map(|source| match source {
        SourcePlan::Dns(DnsSource { query: DnsQuery::Host { name, .. }, .. }) => Some(name.clone()),
        _ => None,
    })
}

// ------------------------------------------------------------ the rest of it

fn passive(spec: &PassiveSpec, place: &Place, findings: &mut Findings) -> PassivePlan {
    let default = PassivePlan::default();
    let window = span(spec.window, default.window);
    if window < secs(1) {
        findings.error(&place.at("window"), format!("{window:?}"), "at least 1s");
    }
    let base_ejection = span(spec.base_ejection, default.base_ejection);
    let max_ejection = span(spec.max_ejection, default.max_ejection);
    if max_ejection < base_ejection {
        findings.error(&place.at("max_ejection"), format!("{max_ejection:?}"), "at least base_ejection");
    }
    if base_ejection.is_zero() {
        findings.error(&place.at("base_ejection"), "0s", "more than 0s (use `enabled: false` to turn ejection off)");
    }
    let streak = spec.consecutive_failures.and_then(|streak| streak.limit());
    PassivePlan {
        enabled: spec.enabled.unwrap_or(default.enabled),
        consecutive_failures: streak.unwrap_or(default.consecutive_failures),
        failure_ratio: share(spec.failure_ratio.and_then(|ratio| ratio.limit()), default.failure_ratio),
        minimum_outcomes: spec.minimum_outcomes.unwrap_or(default.minimum_outcomes).max(1),
        failure_outlier: share(spec.failure_outlier.gap, default.failure_outlier),
        latency_outlier: latency_outlier(&spec.latency_outlier, &place.at("latency_outlier"), findings),
        enforce: enforcement(spec, default.enforce),
        window,
        base_ejection,
        max_ejection,
        ejection_jitter: share(spec.ejection_jitter, default.ejection_jitter),
        minimum_fit: share(spec.minimum_fit, default.minimum_fit),
    }
}

fn enforcement(spec: &PassiveSpec, default: Enforcement) -> Enforcement {
    let streak = spec.consecutive_failures.and_then(|streak| streak.enforce());
    let ratio = spec.failure_ratio.and_then(|ratio| ratio.enforce());
    Enforcement {
        consecutive_failures: streak.unwrap_or(default.consecutive_failures),
        failure_ratio: ratio.unwrap_or(default.failure_ratio),
        failure_outlier: spec.failure_outlier.enforce.unwrap_or(default.failure_outlier),
        latency_outlier: spec.latency_outlier.enforce.unwrap_or(default.latency_outlier),
    }
}

fn latency_outlier(spec: &LatencyOutlierSpec, place: &Place, findings: &mut Findings) -> LatencyOutlierPlan {
    let default = LatencyOutlierPlan::default();
    let factor = spec.factor.unwrap_or(default.factor);
    if factor != 0.0 && !(2.0..=1000.0).contains(&factor) {
        findings.error(&place.at("factor"), factor.to_string(), "0 (off), or 2 to 1000: less is no outlier");
    }
    LatencyOutlierPlan { factor, gap: span(spec.gap, default.gap) }
}

fn slow_start(spec: &SlowStartSpec) -> SlowStartPlan {
    let default = SlowStartPlan::default();
    SlowStartPlan {
        duration: span(spec.duration, default.duration),
        initial_share: share(spec.initial_share, default.initial_share).max(0.001),
    }
}

fn balance(spec: &BalanceSpec, place: &Place, findings: &mut Findings) -> BalancePlan {
    let default = BalancePlan::default();
    let policy = spec.policy.map_or(default.policy, |policy| match policy {
        PolicySpec::LeastRequest => Policy::LeastRequest,
        PolicySpec::RoundRobin => Policy::RoundRobin,
        PolicySpec::PeakEwma => Policy::PeakEwma,
        PolicySpec::Random => Policy::Random,
        PolicySpec::Hash => Policy::Hash(hash_by(spec.hash_by.as_deref(), &place.at("hash_by"), findings)),
    });
    if spec.hash_by.is_some() && !matches!(policy, Policy::Hash(_)) {
        findings.error(&place.at("hash_by"), "hash_by with another policy", "hash_by only with `policy: hash`");
    }
    BalancePlan {
        policy,
        sticky: spec.sticky.as_ref().map(|sticky| sticky_plan(sticky, &place.at("sticky"), findings)),
    }
}

fn hash_by(text: Option<&str>, place: &Place, findings: &mut Findings) -> HashBy {
    let Some(text) = text else { return HashBy::default() };
    match text.split_once(':').unwrap_or((text, "")) {
        ("client_address", "") => HashBy::ClientAddress,
        ("path", "") => HashBy::Path,
        ("header", name) if http::HeaderName::from_bytes(name.as_bytes()).is_ok() => {
            HashBy::Header(name.to_ascii_lowercase())
        }
        ("cookie", name) if !name.is_empty() => HashBy::Cookie(name.to_owned()),
        _ => {
            let allowed = "client_address, path, header:NAME or cookie:NAME";
            findings.error(place, format!("{text:?}"), allowed);
            HashBy::default()
        }
    }
}

fn sticky_plan(spec: &StickySpec, place: &Place, findings: &mut Findings) -> StickyPlan {
    let default = StickyPlan::default();
    let cookie = spec.cookie.clone().unwrap_or(default.cookie);
    if cookie.is_empty() || !cookie.bytes().all(pulsegate_core::http::head::is_token) {
        findings.error(&place.at("cookie"), format!("{cookie:?}"), "a cookie name: letters, digits, - and _");
    }
    match &spec.secret {
        Some(secret) if secret.len() < 16 => {
            findings.warning(
                &place.at("secret"),
                "fewer than 16 characters",
                "cookies can be forged by trying secrets",
            );
        }
        _ => {}
    }
    StickyPlan { cookie, secret: spec.secret.clone(), ttl: spec.ttl.map(|ttl| ttl.0), secure: spec.secure }
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
        hold: span(spec.hold, default.hold),
    };
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

pub(super) fn timeouts(spec: &TimeoutsSpec, place: &Place, findings: &mut Findings) -> Timeouts {
    let deadline = |written: Option<DeadlineSpec>, default| match written {
        None => default,
        Some(DeadlineSpec::Never) => None,
        Some(DeadlineSpec::After(after)) => Some(after.0),
    };
    let default = Timeouts::default();
    let (per_try, total) = (deadline(spec.per_try, default.per_try), deadline(spec.total, default.total));
    let (connect, idle) = (span(spec.connect, default.connect), span(spec.idle, default.idle));
    let timeouts = Timeouts { connect, per_try, idle, total };
    for (key, value) in [("connect", timeouts.connect), ("idle", timeouts.idle)] {
        if value.is_zero() {
            findings.error(&place.at(key), "0s", "more than 0s");
        }
    }
    if per_try.is_some_and(|per_try| per_try.is_zero()) {
        findings.error(&place.at("per_try"), "0s", "more than 0s, or none");
    }
    match total {
        Some(total) if total.is_zero() => findings.error(&place.at("total"), "0s", "more than 0s, or none"),
        _ => {}
    }
    if let (Some(per_try), Some(total)) = (per_try, total)
        && total <= per_try
    {
        let found = format!("{per_try:?}, no less than total ({total:?})");
        findings.warning(&place.at("per_try"), found, "it never applies");
    }
    timeouts
}

pub(super) fn retries(spec: &RetriesSpec, place: &Place, findings: &mut Findings) -> RetryPlan {
    let default = RetryPlan::default();
    let on = spec.on.as_ref().map_or(default.on, |words| retry_on(words, &place.at("on"), findings));
    RetryPlan { limit: spec.limit.unwrap_or(default.limit), on }
}

fn retry_on(words: &Words, place: &Place, findings: &mut Findings) -> RetryOn {
    let mut on = RetryOn::NOTHING;
    for word in &words.0 {
        match word.as_str() {
            "connect" => on.connect = true,
            "reset" => on.reset = true,
            "timeout" => on.timeout = true,
            status => match status.parse::<u16>().ok().filter(|status| (400..=599).contains(status)) {
                Some(status) => on.statuses.push(status),
                None => {
                    let allowed = "connect, reset, timeout, or a status from 400 to 599";
                    findings.error(place, format!("{word:?}"), allowed);
                }
            },
        }
    }
    on.statuses.sort_unstable();
    on.statuses.dedup();
    on
}
