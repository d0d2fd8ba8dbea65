//! How is a backend asked? A probe of each kind with its numbers, and settings that contradict each other.

use super::document;
use super::headers::header;
use super::tls::{self, Files};
use super::{share, size, span};
use crate::config::files::{Findings, Place};
use crate::config::schema::{FailureSpec, GrpcSpec, ProbeSpec, ProbeTlsSpec, ProtocolSpec};
use crate::config::values::Words;
use crate::config::vocabulary::nearest;
use crate::config::words::not_exactly_one;
use pulsegate_core::plan::{
    Fact, GrpcCheck, HttpCheck, Identity, ProbeCheck, ProbeFailure, ProbeKind, ProbePlan, Protocol, Recognition,
    UpstreamTls,
};
use pulsegate_document::check_path;
use std::sync::Arc;
use std::time::Duration;

/// What a probe takes from its surroundings.
pub(super) struct ProbeContext<'a> {
    /// The first exact host of a route to this upstream.
    pub host: Option<&'a String>,
    pub protocol: Protocol,
    pub tls: Option<&'a UpstreamTls>,
    pub files: Files<'a>,
    /// The names of those that can be told.
    pub webhooks: &'a [&'a str],
}

/// `place`: of the upstream.
pub(super) fn compile(
    kind: ProbeKind,
    spec: &ProbeSpec,
    context: &ProbeContext<'_>,
    place: &Place,
    findings: &mut Findings,
) -> ProbePlan {
    let place = &place.at(kind.word());
    let asked = match (&spec.path, spec.tcp, &spec.grpc) {
        (Some(path), false, None) => ProbeCheck::Http(http((kind, path), spec, context, place, findings)),
        (None, true, None) => {
            document::without_http(spec, place, findings);
            ProbeCheck::Tcp
        }
        (None, false, Some(call)) => {
            document::without_http(spec, place, findings);
            ProbeCheck::Grpc(grpc(call, spec, context, place, findings))
        }
        _ => {
            let choices = [("path", spec.path.is_some()), ("tcp: true", spec.tcp), ("grpc", spec.grpc.is_some())];
            findings.error(place, not_exactly_one(&choices).unwrap_or_default(), "exactly one of them");
            ProbeCheck::Tcp
        }
    };
    let default = ProbePlan::of(kind);
    let period = span(spec.period, default.period);
    let plan = ProbePlan {
        kind: asked,
        period,
        fast_period: span(spec.fast_period, default.fast_period.min(period)),
        stretch_to: span(spec.stretch_to, default.stretch_to),
        jitter: share(spec.jitter, default.jitter),
        timeout: span(spec.timeout, default.timeout),
        success_threshold: spec.success_threshold.unwrap_or(default.success_threshold),
        failure_threshold: spec.failure_threshold.unwrap_or(default.failure_threshold),
        initial_delay: span(spec.initial_delay, default.initial_delay),
        startup_grace: span(spec.startup_grace, default.startup_grace),
        port: spec.port,
        immediate: spec.immediate.iter().map(failure).collect(),
        recognition: recognition(spec, place, findings),
        on_failure: on_failure(kind, spec, context, place, findings),
    };
    if kind != ProbeKind::Readiness && spec.startup_grace.is_some() {
        let allowed = "`startup_grace` under `readiness`; a startup probe waits `failure_threshold` periods";
        findings.error(&place.at("startup_grace"), format!("a grace for {kind}"), allowed);
    }
    if kind != ProbeKind::Readiness && spec.identity.is_some() {
        let allowed = "`identity` under `readiness`: nobody is to restart a stranger";
        findings.error(&place.at("identity"), format!("the identity of {kind}"), allowed);
    }
    check(&plan, place, findings);
    plan
}

/// Who is told when it fails for good.
fn on_failure(
    kind: ProbeKind,
    spec: &ProbeSpec,
    context: &ProbeContext<'_>,
    place: &Place,
    findings: &mut Findings,
) -> Option<Arc<str>> {
    let webhook = &spec.on_failure.as_ref()?.webhook;
    let place = place.at("on_failure");
    if kind == ProbeKind::Readiness {
        let allowed = "`on_failure` under `startup` or `liveness`: who is not ready needs no restart";
        findings.error(&place, "a webhook for readiness", allowed);
        return None;
    }
    if !context.webhooks.contains(&webhook.as_str()) {
        let known = match context.webhooks {
            [] => "the name of one of `webhooks`, of which there are none".to_owned(),
            names => names.join(", "),
        };
        let hint = nearest(webhook, context.webhooks).map(|name| format!("did you mean `{name}`?"));
        findings.hinted(&place.at("webhook"), format!("{webhook:?}, which is no webhook"), known, hint);
        return None;
    }
    Some(webhook.as_str().into())
}

/// A liveness probe that asks what readiness asks has backends restarted because of their database.
pub(super) fn check_together(
    readiness: Option<&ProbePlan>,
    liveness: Option<&ProbePlan>,
    place: &Place,
    findings: &mut Findings,
) {
    let path = |probe: &ProbePlan| match &probe.kind {
        ProbeCheck::Http(http) => Some((http.path.clone(), probe.port)),
        ProbeCheck::Tcp | ProbeCheck::Grpc(_) => None,
    };
    if let (Some(ready), Some(live)) = (readiness.and_then(path), liveness.and_then(path))
        && ready == live
    {
        findings.warning(
            &place.at("path"),
            format!("{:?}, which readiness asks too", live.0),
            "a backend that is merely not ready is called dead; ask an endpoint that says nothing of dependencies",
        );
    }
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
    if !plan.stretch_to.is_zero() && plan.stretch_to <= plan.period {
        findings.error(
            &place.at("stretch_to"),
            format!("{:?}", plan.stretch_to),
            format!("more than the period ({:?}), or 0s for never", plan.period),
        );
    }
    if plan.port == Some(0) {
        findings.error(&place.at("port"), "0", "1 to 65535");
    }
}

fn http(
    (kind, path): (ProbeKind, &str),
    spec: &ProbeSpec,
    context: &ProbeContext<'_>,
    place: &Place,
    findings: &mut Findings,
) -> HttpCheck {
    if !path.starts_with('/') || path.parse::<http::uri::PathAndQuery>().is_err() {
        findings.error(&place.at("path"), format!("{path:?}"), "a path that begins with /, such as /ready");
    }
    let default = HttpCheck::of(kind, path);
    let method = spec.method.as_deref().map_or(default.method, str::to_ascii_uppercase);
    if http::Method::from_bytes(method.as_bytes()).is_err() {
        findings.error(&place.at("method"), format!("{method:?}"), "a method, such as GET");
    }
    let host = spec.host.clone().or_else(|| context.host.cloned());
    if let Some(host) = host.as_ref().filter(|host| http::HeaderValue::from_str(host).is_err()) {
        findings.error(&place.at("host"), format!("{host:?}"), "a host name");
    }
    let document = document::compile(kind, spec, &method, place, findings).map(Box::new);
    HttpCheck {
        protocol: spec.protocol.map_or(context.protocol, ProtocolSpec::plan),
        method,
        path: default.path,
        host,
        headers: spec.headers.iter().map(|(name, value)| header(name, value, &place.at("headers"), findings)).collect(),
        expected_statuses: spec
            .expected_statuses
            .as_ref()
            .map(|words| ranges(words, place, findings))
            .unwrap_or_default(),
        body_bytes: size(spec.body_bytes, default.body_bytes as u64) as usize,
        document,
        tls: probe_tls(spec, context, place, findings),
    }
}

fn probe_tls(
    spec: &ProbeSpec,
    context: &ProbeContext<'_>,
    place: &Place,
    findings: &mut Findings,
) -> Option<UpstreamTls> {
    match &spec.tls {
        None | Some(ProbeTlsSpec::Inherit) => context.tls.cloned(),
        Some(ProbeTlsSpec::Off) => None,
        Some(ProbeTlsSpec::Own(own)) => {
            tls::upstream(own, context.tls.map(|tls| tls.sni.clone()), context.files, &place.at("tls"), findings)
        }
    }
}

fn grpc(
    call: &GrpcSpec,
    spec: &ProbeSpec,
    context: &ProbeContext<'_>,
    place: &Place,
    findings: &mut Findings,
) -> GrpcCheck {
    let authority = call.authority.clone().or_else(|| context.host.cloned());
    if let Some(authority) = authority.as_ref().filter(|text| text.parse::<http::uri::Authority>().is_err()) {
        findings.error(&place.at("grpc.authority"), format!("{authority:?}"), "a host name, with a port or without");
    }
    for (key, written) in [
        ("method", spec.method.is_some()),
        ("host", spec.host.is_some()),
        ("protocol", spec.protocol.is_some()),
        ("expected_statuses", spec.expected_statuses.is_some()),
    ] {
        if written {
            let allowed = "nothing beside `grpc`: a gRPC check is one call over HTTP/2, to `grpc.authority`";
            findings.error(&place.at(key), format!("`{key}` for a gRPC check"), allowed);
        }
    }
    GrpcCheck {
        service: call.service.clone().unwrap_or_default(),
        authority,
        headers: spec.headers.iter().map(|(name, value)| header(name, value, &place.at("headers"), findings)).collect(),
        tls: probe_tls(spec, context, place, findings),
    }
}

/// Who must answer, and what tells one instance from the next.
fn recognition(spec: &ProbeSpec, place: &Place, findings: &mut Findings) -> Recognition {
    let identity = spec.identity.as_ref().and_then(|identity| {
        let fact = fact((&identity.header, &identity.json), spec, &place.at("identity"), findings)?;
        if identity.equals.is_empty() {
            findings.error(&place.at("identity.equals"), "an empty name", "the name of the service");
        }
        Some(Identity { fact, service: identity.equals.clone() })
    });
    let instance = spec
        .instance
        .as_ref()
        .and_then(|instance| fact((&instance.header, &instance.json), spec, &place.at("instance"), findings));
    Recognition { identity, instance }
}

fn fact(
    (name, path): (&Option<String>, &Option<String>),
    spec: &ProbeSpec,
    place: &Place,
    findings: &mut Findings,
) -> Option<Fact> {
    if spec.tcp {
        findings.error(place, "a TCP probe, which reads no answer", "`path` or `grpc`");
        return None;
    }
    match (name, path) {
        (Some(name), None) => match http::HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => Some(Fact::Header(name.as_str().to_owned())),
            Err(_) => {
                findings.error(&place.at("header"), format!("{name:?}"), "a header name, such as X-Service");
                None
            }
        },
        (None, Some(_)) if spec.grpc.is_some() => {
            findings.error(&place.at("json"), "a gRPC answer, which has no JSON", "`header`: a field of its head");
            None
        }
        (None, Some(path)) => match check_path(path) {
            Ok(()) => Some(Fact::Json(path.clone())),
            Err(error) => {
                findings.error(&place.at("json"), format!("{path:?}: {error}"), "a JSONPath, such as $.service");
                None
            }
        },
        _ => {
            let choices = [("header", name.is_some()), ("json", path.is_some())];
            findings.error(place, not_exactly_one(&choices).unwrap_or_default(), "exactly one of them");
            None
        }
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
        FailureSpec::Identity => ProbeFailure::Identity,
    }
}
