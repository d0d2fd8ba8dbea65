//! How is a backend asked? The readiness probe with its numbers, and settings that contradict each other.

use super::document;
use super::routes::header;
use super::tls::{self, Files};
use super::{secs, span};
use crate::config::files::{Findings, Place};
use crate::config::spec::{FailureSpec, ProbeSpec, ProbeTlsSpec, ProtocolSpec};
use crate::config::values::Words;
use crate::config::words::not_exactly_one;
use crate::domain::plan::{HttpCheck, ProbeCheck, ProbePlan, Protocol, UpstreamTls};
use crate::domain::reading::ProbeFailure;
use std::time::Duration;

/// What a probe takes from its surroundings.
pub(super) struct ProbeContext<'a> {
    /// The first exact host of a route to this upstream.
    pub host: Option<&'a String>,
    pub protocol: Protocol,
    pub tls: Option<&'a UpstreamTls>,
    pub files: Files<'a>,
}

pub(super) fn compile(
    spec: &ProbeSpec,
    context: &ProbeContext<'_>,
    place: &Place,
    findings: &mut Findings,
) -> ProbePlan {
    let kind = match (&spec.path, spec.tcp) {
        (Some(path), false) => ProbeCheck::Http(http(path, spec, context, place, findings)),
        (None, true) => {
            document::without_http(spec, place, findings);
            ProbeCheck::Tcp
        }
        _ => {
            let choices = [("path", spec.path.is_some()), ("tcp: true", spec.tcp)];
            findings.error(place, not_exactly_one(&choices).unwrap_or_default(), "exactly one of them");
            ProbeCheck::Tcp
        }
    };
    let period = span(spec.period, secs(2));
    let plan = ProbePlan {
        kind,
        period,
        fast_period: span(spec.fast_period, Duration::from_millis(500).min(period)),
        jitter: spec.jitter.map_or(0.1, |share| share.0),
        timeout: span(spec.timeout, secs(1)),
        success_threshold: spec.success_threshold.unwrap_or(2),
        failure_threshold: spec.failure_threshold.unwrap_or(3),
        initial_delay: span(spec.initial_delay, Duration::ZERO),
        startup_grace: span(spec.startup_grace, Duration::ZERO),
        port: spec.port,
        immediate: spec.immediate.iter().map(failure).collect(),
    };
    check(&plan, place, findings);
    plan
}

fn check(plan: &ProbePlan, place: &Place, findings: &mut Findings) {
    const SHORTEST: Duration = Duration::from_millis(10);
    for (key, value) in [("period", plan.period), ("fast_period", plan.fast_period), ("timeout", plan.timeout)] {
        if value < SHORTEST {
            findings.error(&place.at(key), format!("{value:?}"), "at least 10ms");
        }
    }
    for (key, value) in [("success_threshold", plan.success_threshold), ("failure_threshold", plan.failure_threshold)] {
        if !(1..=1000).contains(&value) {
            findings.error(&place.at(key), value.to_string(), "1 to 1000");
        }
    }
    if plan.fast_period > plan.period {
        findings.error(
            &place.at("fast_period"),
            format!("{:?}", plan.fast_period),
            format!("at most the period ({:?})", plan.period),
        );
    }
    if plan.timeout > plan.period {
        findings.warning(
            &place.at("timeout"),
            format!("{:?}, more than the period ({:?})", plan.timeout, plan.period),
            "a silent backend is probed less often than the period says, since probes never overlap",
        );
    }
    if plan.port == Some(0) {
        findings.error(&place.at("port"), "0", "1 to 65535");
    }
}

fn http(path: &str, spec: &ProbeSpec, context: &ProbeContext<'_>, place: &Place, findings: &mut Findings) -> HttpCheck {
    if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
        findings.error(&place.at("path"), format!("{path:?}"), "a path that begins with /, such as /ready");
    }
    let method = spec.method.clone().unwrap_or_else(|| "GET".to_owned()).to_ascii_uppercase();
    if http::Method::from_bytes(method.as_bytes()).is_err() {
        findings.error(&place.at("method"), format!("{method:?}"), "a method, such as GET");
    }
    let host = spec.host.clone().or_else(|| context.host.cloned());
    if let Some(host) = host.as_ref().filter(|host| http::HeaderValue::from_str(host).is_err()) {
        findings.error(&place.at("host"), format!("{host:?}"), "a host name");
    }
    let tls = match &spec.tls {
        None | Some(ProbeTlsSpec::Inherit) => context.tls.cloned(),
        Some(ProbeTlsSpec::Off) => None,
        Some(ProbeTlsSpec::Own(own)) => {
            tls::upstream(own, context.tls.map(|tls| tls.sni.clone()), context.files, &place.at("tls"), findings)
        }
    };
    let document = document::compile(spec, &method, place, findings);
    HttpCheck {
        protocol: spec.protocol.map_or(context.protocol, ProtocolSpec::plan),
        method,
        path: path.to_owned(),
        host,
        headers: spec.headers.iter().map(|(name, value)| header(name, value, &place.at("headers"), findings)).collect(),
        expected_statuses: spec
            .expected_statuses
            .as_ref()
            .map(|words| ranges(words, place, findings))
            .unwrap_or_default(),
        body_bytes: spec.body_bytes.map_or(64 * 1024, |size| size.0 as usize),
        document: document.map(Box::new),
        tls,
    }
}

fn ranges(words: &Words, place: &Place, findings: &mut Findings) -> Vec<(u16, u16)> {
    let mut ranges = Vec::new();
    for word in &words.0 {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if (100..=599).contains(&first) && first <= last && last <= 599 => {
                ranges.push((first, last))
            }
            _ => findings.error(
                &place.at("expected_statuses"),
                format!("{word:?}"),
                "a status or a range, such as 200 or \"200-299\"",
            ),
        }
    }
    ranges
}

fn failure(kind: &FailureSpec) -> ProbeFailure {
    match kind {
        FailureSpec::Refused => ProbeFailure::Refused,
        FailureSpec::Timeout => ProbeFailure::Timeout,
        FailureSpec::Tls => ProbeFailure::Tls,
        FailureSpec::Status => ProbeFailure::Status,
        FailureSpec::Body => ProbeFailure::Body,
        FailureSpec::Document => ProbeFailure::Document,
    }
}
