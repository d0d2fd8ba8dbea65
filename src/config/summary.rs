//! What does a plan come to? Computed integers and times that are worth knowing before it runs.

use crate::tls::Identity;
use pulsegate_core::plan::{
    AdmissionPlan, Detector, GrpcCheck, HttpCheck, KeyPair, LimitBy, Plan, ProbeCheck, ProbeFailure, ProbeKind,
    ProbePlan, RateLimitPlan, RouteAction, SourcePlan, UpstreamPlan,
};
use pulsegate_core::timings::probing;
use std::fmt::Write;
use std::time::Duration;

/// What `check` prints of a plan.
pub fn summary(plan: &Plan) -> String {
    let mut out = String::new();
    for listener in &plan.listeners {
        let tls = if listener.tls.is_some() { " with TLS" } else { "" };
        let address = listener.address.to_string();
        let name = if *listener.name == *address { String::new() } else { format!("{}: ", listener.name) };
        let _ = writeln!(out, "listener {name}{address}{tls}");
        for pair in listener.tls.iter().flat_map(|tls| &tls.certificates) {
            certificate_line(pair, &mut out);
        }
    }
    if let (Some(address), Some(tls)) = (plan.admin.address, &plan.admin.tls) {
        let _ = writeln!(out, "admin listener {address} with TLS");
        for pair in &tls.certificates {
            certificate_line(pair, &mut out);
        }
    }
    for route in &plan.routes {
        let _ = writeln!(out, "route {}: {}", route.name, action(&route.action, plan));
        route.admission.iter().for_each(|admission| admission_lines(admission, &mut out));
    }
    for upstream in &plan.upstreams {
        upstream_lines(upstream, &mut out);
    }
    out
}

fn certificate_line(pair: &KeyPair, out: &mut String) {
    if let Ok(read) = Identity::read(pair) {
        let _ = writeln!(out, "  certificate {}: {}", pair.certificate.display(), read.facts.summary());
    }
}

fn admission_lines(admission: &AdmissionPlan, out: &mut String) {
    match (&admission.allow, admission.deny.is_empty()) {
        (None, true) => {}
        (None, false) => drop(writeln!(out, "  everybody comes in but the networks of `deny`")),
        (Some(_), true) => drop(writeln!(out, "  only the networks of `allow` come in")),
        (Some(_), false) => drop(writeln!(out, "  only the networks of `allow` come in, without those of `deny`")),
    }
    if let Some(limit) = &admission.rate_limit {
        let by = match &limit.by {
            LimitBy::Client => "client".to_owned(),
            LimitBy::Header(name) => format!("header {name}"),
            LimitBy::Route => "route".to_owned(),
        };
        let watching = if limit.enforce { "" } else { " (it denies nobody and only tells)" };
        let RateLimitPlan { requests, per, burst, .. } = limit;
        let _ = writeln!(out, "  at most {requests} requests per {per:?} and {burst} at once, by {by}{watching}");
    }
    if !admission.shield.is_empty() {
        let _ = writeln!(out, "  hidden: {}", admission.shield);
    }
}

fn upstream_lines(upstream: &UpstreamPlan, out: &mut String) {
    let fixed: usize = upstream
        .sources
        .iter()
        .map(|source| match source {
            SourcePlan::Static(backends) => backends.len(),
            _ => 0,
        })
        .sum();
    let watched = upstream.sources.iter().filter(|source| !matches!(source, SourcePlan::Static(_))).count();
    let (fixed_backends, watched_sources) = (count(fixed, "fixed backend"), count(watched, "watched source"));
    let _ = writeln!(out, "upstream {}: {fixed_backends}, {watched_sources}", upstream.name);
    match &upstream.readiness {
        None => drop(writeln!(out, "  up (unprobed): passive evidence only")),
        Some(probe) => probe_lines(probe, out),
    }
    for (kind, probe) in [(ProbeKind::Startup, &upstream.startup), (ProbeKind::Liveness, &upstream.liveness)] {
        if let Some(probe) = probe {
            let _ = writeln!(out, "  {}", probe_line(kind, probe));
        }
    }
    let watches = |detector: &Detector| upstream.passive.detects(*detector) && !upstream.enforces(*detector);
    let watching: Vec<&str> = Detector::ALL.into_iter().filter(watches).map(Detector::word).collect();
    if !watching.is_empty() {
        let _ = writeln!(out, "  these detectors eject nobody and only tell: {}", watching.join(", "));
    }
    if fixed > 0 && watched == 0 && upstream.passive.enabled {
        let floor = upstream.passive.must_stay_fit(fixed as u32) as usize;
        let _ = writeln!(
            out,
            "  at most {} of {fixed} can be ejected ({floor} must stay fit)",
            fixed.saturating_sub(floor)
        );
    }
}

fn action(action: &RouteAction, plan: &Plan) -> String {
    match action {
        RouteAction::Forward(forward) => {
            let name = |index: usize| plan.upstreams.get(index).map_or("", |upstream| &upstream.name);
            let mirror = forward.mirror.map(|mirror| format!(", copies to {}", name(mirror.upstream)));
            let targets = match forward.targets.as_slice() {
                [one] => name(one.upstream).to_owned(),
                several => {
                    let weighted = several.iter().map(|target| format!("{} {}", name(target.upstream), target.weight));
                    weighted.collect::<Vec<_>>().join(", ")
                }
            };
            format!("upstream {targets}{}", mirror.unwrap_or_default())
        }
        RouteAction::Redirect { status, location } => format!("redirect {status} to {location}"),
        RouteAction::Respond { status, .. } => format!("answer {status}"),
    }
}

/// "1 pass", "2 backends", "3 passes".
fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ if what.ends_with('s') => format!("{number} {what}es"),
        _ => format!("{number} {what}s"),
    }
}

/// `…` stands for the backend's address.
fn asked(http: &HttpCheck, port: Option<u16>) -> String {
    let scheme = if http.tls.is_some() { "https" } else { "http" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let host = http.host.as_deref().unwrap_or("the backend's address");
    let expected: Vec<String> = http
        .expected_statuses
        .iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    let expected = if expected.is_empty() { String::new() } else { format!(", expects {}", expected.join(", ")) };
    format!("{} {scheme}://…{port}{} (Host: {host}{expected})", http.method, http.path)
}

fn called(grpc: &GrpcCheck, port: Option<u16>) -> String {
    let scheme = if grpc.tls.is_some() { "https" } else { "http" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let service = if grpc.service.is_empty() { "the server as a whole" } else { &grpc.service };
    let authority = grpc.authority.as_deref().unwrap_or("the backend's address");
    format!("gRPC health of {service} at {scheme}://…{port} (authority: {authority})")
}

fn probe_line(kind: ProbeKind, probe: &ProbePlan) -> String {
    let what = match &probe.kind {
        ProbeCheck::Tcp => probe.port.map_or("TCP connect".to_owned(), |port| format!("TCP connect to port {port}")),
        ProbeCheck::Http(http) => asked(http, probe.port),
        ProbeCheck::Grpc(grpc) => called(grpc, probe.port),
    };
    format!(
        "{kind}: {what}, every {:?} (±{:.0} %), timeout {:?}, {} in, {} out",
        probe.period,
        probe.jitter * 100.0,
        probe.timeout,
        count(probe.success_threshold as usize, "pass"),
        count(probe.failure_threshold as usize, "failure")
    )
}

fn probe_lines(probe: &ProbePlan, out: &mut String) {
    let _ = writeln!(out, "  {}", probe_line(ProbeKind::Readiness, probe));
    let _ = writeln!(
        out,
        "  a refusing backend is out after at most {:?}, a silent one after at most {:?}",
        detection(probe, ProbeFailure::Refused, Duration::ZERO),
        detection(probe, ProbeFailure::Timeout, probe.timeout)
    );
}

/// By probes alone, in the worst case.
fn detection(probe: &ProbePlan, kind: ProbeFailure, took: Duration) -> Duration {
    let bounds = probing::detection(probe, probing::Failure { kind, took }, None);
    bounds.worst.unwrap_or(Duration::MAX)
}
