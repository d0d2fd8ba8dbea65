//! What does a plan come to? Computed integers and times that are worth knowing before it runs.

use crate::domain::plan::{Plan, ProbeCheck, ProbePlan, SourcePlan, UpstreamPlan};
use crate::tls::Identity;
use std::fmt::Write;
use std::time::Duration;

/// What `check` prints of a plan.
pub fn summary(plan: &Plan) -> String {
    let mut out = String::new();
    for listener in &plan.listeners {
        let tls = if listener.tls.is_some() { " with TLS" } else { "" };
        let _ = writeln!(out, "listener {}: {}{tls}", listener.name, listener.address);
        for pair in listener.tls.iter().flat_map(|tls| &tls.certificates) {
            if let Ok(read) = Identity::read(pair) {
                let _ = writeln!(out, "  certificate {}: {}", pair.certificate.display(), read.facts.summary());
            }
        }
    }
    let _ = writeln!(out, "{} route(s)", plan.routes.len());
    for upstream in &plan.upstreams {
        upstream_lines(upstream, &mut out);
    }
    out
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
    let _ = writeln!(out, "upstream {}: {fixed} fixed backend(s), {watched} watched source(s)", upstream.name);
    match &upstream.readiness {
        None => drop(writeln!(out, "  up (unprobed): passive evidence only")),
        Some(probe) => probe_lines(probe, out),
    }
    if fixed > 0 && watched == 0 && upstream.passive.enabled {
        let floor = (fixed as f64 * upstream.passive.minimum_fit - 1e-9).ceil().max(0.0) as usize;
        let _ = writeln!(
            out,
            "  at most {} of {fixed} can be ejected ({floor} must stay fit)",
            fixed.saturating_sub(floor)
        );
    }
}

fn probe_lines(probe: &ProbePlan, out: &mut String) {
    let what = match &probe.kind {
        ProbeCheck::Tcp => "TCP connect".to_owned(),
        ProbeCheck::Http(http) => {
            let host = http.host.as_deref().unwrap_or("the backend's address");
            format!("{} {} (Host: {host})", http.method, http.path)
        }
    };
    let _ = writeln!(
        out,
        "  readiness: {what}, every {:?} (±{:.0} %), timeout {:?}, {} passes in, {} failures out",
        probe.period,
        probe.jitter * 100.0,
        probe.timeout,
        probe.success_threshold,
        probe.failure_threshold
    );
    let _ = writeln!(
        out,
        "  a refusing backend is out after at most {:?}, a silent one after at most {:?}",
        detection(probe, Duration::ZERO),
        detection(probe, probe.timeout)
    );
}

/// The worst case: it fails just after a probe passed. One whole period until the first failure, then one fast period (or one
/// probe, if that takes longer) for each further failure; each probe takes `each`.
fn detection(probe: &ProbePlan, each: Duration) -> Duration {
    let further = probe.failure_threshold.saturating_sub(1);
    let fast = probe.fast_period.min(probe.period).mul_f64(1.0 + probe.jitter);
    probe.period.mul_f64(1.0 + probe.jitter) + each + (fast.max(each)) * further
}
