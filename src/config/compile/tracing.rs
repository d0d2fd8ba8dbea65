//! Which requests are traced, and who gets the traces? The collector's address is checked here, and that its headers are some.

use super::{share, span};
use crate::config::files::{Findings, Place};
use crate::config::schema::{OtlpProtocolSpec, OtlpSpec, TracingSpec};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};
use pulsegate_core::plan::{Hidden, OtlpPlan, OtlpProtocol, TracingPlan};
use std::path::Path;

/// Where collectors take traces over HTTP.
const HTTP_PATH: &str = "/v1/traces";
/// The method of OTLP's gRPC service.
const GRPC_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

pub(super) fn compile(
    spec: Option<&TracingSpec>,
    base: &Path,
    place: &Place,
    findings: &mut Findings,
) -> Option<TracingPlan> {
    let spec = spec?;
    let default = TracingPlan::to(otlp(&spec.otlp, base, &place.at("otlp"), findings)?);
    Some(TracingPlan {
        ratio: share(spec.ratio, default.ratio),
        probes: share(spec.probes, default.probes),
        follow_parent: spec.follow_parent.unwrap_or(default.follow_parent),
        service: spec.service.clone().unwrap_or(default.service),
        otlp: default.otlp,
    })
}

fn otlp(spec: &OtlpSpec, base: &Path, place: &Place, findings: &mut Findings) -> Option<OtlpPlan> {
    let protocol = spec.protocol.map_or_else(OtlpProtocol::default, OtlpProtocolSpec::plan);
    if spec.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
        findings.error(&place.at("timeout"), "0s", "a time in which a collector can answer, such as 10s");
    }
    for (name, value) in &spec.headers {
        if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
            findings.error(&place.at("headers"), format!("{name:?}"), "names and values that HTTP knows as such");
        }
    }
    let Some(endpoint) = endpoint(&spec.endpoint, protocol) else {
        findings.error(
            &place.at("endpoint"),
            format!("{:?}", spec.endpoint),
            "an address such as http://127.0.0.1:4318 (http), http://127.0.0.1:4317 (grpc, without a path), or https://…",
        );
        return None;
    };
    let headers = spec.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), Hidden(value.clone())));
    let default = OtlpPlan::to(&endpoint);
    Some(OtlpPlan {
        protocol,
        headers: headers.collect(),
        ca: spec.ca.as_ref().map(|path| base.join(path)),
        timeout: span(spec.timeout, default.timeout),
        ..default
    })
}

/// The whole address, with the path that is asked.
fn endpoint(text: &str, protocol: OtlpProtocol) -> Option<String> {
    let mut parts = text.parse::<Uri>().ok()?.into_parts();
    let known = matches!(parts.scheme.as_ref().map(http::uri::Scheme::as_str), Some("http" | "https"));
    let named = parts.authority.as_ref().is_some_and(|authority| !authority.host().is_empty());
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    let path = match (protocol, path) {
        (OtlpProtocol::Http, "/") => HTTP_PATH,
        (OtlpProtocol::Http, own) => own,
        (OtlpProtocol::Grpc, "/") => GRPC_PATH,
        (OtlpProtocol::Grpc, _) => return None,
    };
    parts.path_and_query = Some(path.parse().ok()?);
    if known && named { Uri::from_parts(parts).ok().map(|uri| uri.to_string()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;

    fn read(tracing: &str) -> Result<TracingPlan, String> {
        let yaml = format!(
            "listeners: [{{ address: \"127.0.0.1:1\" }}]\nroutes: [{{ respond: {{ body: x }} }}]\ntracing: {tracing}\n"
        );
        let loaded = load_text(&yaml, Path::new("/etc/pulsegate"));
        loaded.map(|loaded| loaded.plan.tracing.unwrap()).map_err(|diagnostics| diagnostics[0].to_string())
    }

    #[test]
    fn an_address_gets_the_path_that_is_asked() {
        for (text, protocol, expected) in [
            ("http://127.0.0.1:4318", OtlpProtocol::Http, Some("http://127.0.0.1:4318/v1/traces")),
            ("https://otel.test/own/path", OtlpProtocol::Http, Some("https://otel.test/own/path")),
            (
                "http://a:4317/",
                OtlpProtocol::Grpc,
                Some("http://a:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
            ),
            ("http://a:4317/x", OtlpProtocol::Grpc, None),
            ("127.0.0.1:4318", OtlpProtocol::Http, None),
            ("grpc://127.0.0.1:4317", OtlpProtocol::Grpc, None),
            ("http://", OtlpProtocol::Http, None),
            ("a b", OtlpProtocol::Http, None),
        ] {
            assert_eq!(endpoint(text, protocol).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_unwritten_key_has_its_default_and_secrets_are_not_shown() {
        let plan = read(r#"{ otlp: { endpoint: "http://a:1", headers: { X-Key: t0p } } }"#).unwrap();
        assert_eq!((plan.ratio, plan.follow_parent, plan.service.as_str()), (0.01, true, "pulsegate"));
        assert_eq!(plan.probes, 0.0, "probes are traced only when asked");
        assert_eq!(plan.otlp.headers, [("x-key".to_owned(), Hidden("t0p".into()))]);
        assert!(!format!("{plan:?}").contains("t0p"));
        let plan = read(r#"{ otlp: { endpoint: "https://a:1", protocol: grpc, ca: ca.pem }, ratio: 50%, probes: 10%, follow_parent: false, service: edge }"#).unwrap();
        assert_eq!((plan.ratio, plan.probes), (0.5, 0.1));
        assert_eq!((plan.follow_parent, plan.service.as_str()), (false, "edge"));
        assert_eq!(plan.otlp.ca.as_deref(), Some(Path::new("/etc/pulsegate/ca.pem")));
    }

    #[test]
    fn a_mistake_has_its_place() {
        for (tracing, told) in [
            ("{ otlp: { endpoint: nowhere } }", "tracing.otlp.endpoint"),
            ("{ otlp: { endpoint: \"http://a\", protocol: thrift } }", "http, grpc"),
            ("{ otlp: { endpoint: \"http://a\", headers: { \"a b\": c } } }", "tracing.otlp.headers"),
            ("{ otlp: { endpoint: \"http://a\", timeout: 0s } }", "tracing.otlp.timeout"),
            ("{ ratio: 1% }", "no `otlp`"),
        ] {
            let error = read(tracing).unwrap_err();
            assert!(error.contains(told), "{tracing}: {error}");
        }
    }
}
