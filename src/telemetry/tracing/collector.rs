//! How do spans reach a collector? OTLP over HTTP (protobuf) or gRPC, and what its answers mean: taken, refused for good, or to be sent again.

use super::otlp::{ExportRequest, ExportResponse};
use crate::tls::ClientConfigs;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use pulsegate_core::plan::{OtlpPlan, OtlpProtocol, Protocol, UpstreamTls};
use rustls::ClientConfig;
use rustls::crypto::ring;
use std::sync::Arc;

/// What a collector's answer may have.
const ANSWER: usize = 64 * 1024;

/// Statuses of gRPC that say "later": cancelled, deadline exceeded, resource exhausted, aborted, out of range, unavailable, data loss.
const LATER: [u16; 7] = [1, 4, 8, 10, 11, 14, 15];

/// Why spans were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may work in a moment.
    Later(String),
    Never(String),
}

/// The way to one collector.
#[derive(Debug)]
pub struct Collector {
    plan: OtlpPlan,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Collector {
    /// # Errors
    /// Its CA cannot be used, or the system has no roots; a sentence.
    pub fn new(plan: &OtlpPlan) -> Result<Self, String> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let https = HttpsConnectorBuilder::new().with_tls_config(tls(plan)?).https_or_http();
        let grpc = plan.protocol == OtlpProtocol::Grpc;
        let connector =
            if grpc { https.enable_http2().wrap_connector(tcp) } else { https.enable_http1().wrap_connector(tcp) };
        let client = Client::builder(TokioExecutor::new()).http2_only(grpc).build(connector);
        Ok(Self { plan: plan.clone(), client })
    }

    /// Sends spans; the number of those that the collector did not want.
    ///
    /// # Errors
    /// Nothing was taken.
    pub async fn send(&self, spans: &ExportRequest) -> Result<u64, Failure> {
        let grpc = self.plan.protocol == OtlpProtocol::Grpc;
        let body = if grpc { framed(spans) } else { spans.encode_to_vec().into() };
        let mut request = Request::post(&self.plan.endpoint)
            .header("content-type", if grpc { "application/grpc" } else { "application/x-protobuf" })
            .header("user-agent", concat!("pulsegate/", env!("CARGO_PKG_VERSION")));
        if grpc {
            request = request.version(Version::HTTP_2).header("te", "trailers");
        }
        for (name, value) in &self.plan.headers {
            request = request.header(name, &value.0);
        }
        let request = request.body(Full::new(body)).map_err(|error| Failure::Never(error.to_string()))?;
        let answer = self.client.request(request).await.map_err(|error| Failure::Later(causes(&error)))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER).collect().await.map_err(|error| Failure::Later(error.to_string()))?;
        if !head.status.is_success() {
            return Err(refused(head.status));
        }
        let trailers = body.trailers().cloned();
        let bytes = body.to_bytes();
        if !grpc {
            return Ok(rejected(&bytes));
        }
        grpc_status(&head.headers, trailers.as_ref())?;
        Ok(rejected(bytes.get(5..).unwrap_or_default()))
    }
}

/// Length-prefixed, not compressed.
fn framed(spans: &ExportRequest) -> Bytes {
    let length = spans.encoded_len();
    let mut body = BytesMut::with_capacity(length + 5);
    body.put_u8(0);
    body.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // There is room for it.
    let _ = spans.encode(&mut body);
    body.freeze()
}

fn refused(status: StatusCode) -> Failure {
    let told = format!("it answered {status}");
    if matches!(status.as_u16(), 429 | 502..=504) { Failure::Later(told) } else { Failure::Never(told) }
}

/// In the head where there is nothing else, else in the trailers.
fn grpc_status(head: &HeaderMap, trailers: Option<&HeaderMap>) -> Result<(), Failure> {
    let field = |name: &str| trailers.and_then(|trailers| trailers.get(name)).or_else(|| head.get(name));
    let status = field("grpc-status").and_then(|status| status.to_str().ok()).and_then(|status| status.parse().ok());
    let message = field("grpc-message").and_then(|message| message.to_str().ok()).unwrap_or_default();
    match status {
        Some(0) => Ok(()),
        Some(status) if LATER.contains(&status) => Err(Failure::Later(format!("grpc-status {status} {message}"))),
        Some(status) => Err(Failure::Never(format!("grpc-status {status} {message}"))),
        None => Err(Failure::Never("its answer has no grpc-status".to_owned())),
    }
}

/// What was not wanted of spans that were taken.
fn rejected(answer: &[u8]) -> u64 {
    let partial = ExportResponse::decode(answer).ok().and_then(|answer| answer.partial_success);
    partial.and_then(|partial| u64::try_from(partial.rejected_spans).ok()).unwrap_or_default()
}

/// Where nothing is encrypted, no roots are looked for.
fn tls(plan: &OtlpPlan) -> Result<ClientConfig, String> {
    if !plan.is_tls() {
        let none = rustls::RootCertStore::empty();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        return Ok(builder.with_root_certificates(none).with_no_client_auth());
    }
    // The name is the connection's, from the address.
    let wanted = UpstreamTls { ca: plan.ca.clone(), ..UpstreamTls::to("") };
    let known = ClientConfigs::default().get(&wanted, Protocol::Http1).map_err(|why| format!("tracing.otlp: {why}"))?;
    let mut config = ClientConfig::clone(&known.config);
    // The connector says what is spoken.
    config.alpn_protocols.clear();
    Ok(config)
}

/// An error with what is behind it: "client error (Connect): tcp connect error: Connection refused".
fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut behind = error.source();
    while let Some(cause) = behind {
        told.push_str(": ");
        told.push_str(&cause.to_string());
        behind = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_what_to_do_next() {
        assert!(matches!(refused(StatusCode::SERVICE_UNAVAILABLE), Failure::Later(_)));
        assert!(matches!(refused(StatusCode::TOO_MANY_REQUESTS), Failure::Later(_)));
        assert!(matches!(refused(StatusCode::BAD_REQUEST), Failure::Never(_)));
        let told = |status: &str| {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            grpc_status(&HeaderMap::new(), Some(&trailers))
        };
        assert_eq!(told("0"), Ok(()));
        assert!(matches!(told("14"), Err(Failure::Later(_))));
        assert!(matches!(told("16"), Err(Failure::Never(_))));
        assert!(matches!(told("x"), Err(Failure::Never(_))));
    }

    #[test]
    fn a_frame_has_its_length_in_front() {
        assert_eq!(&framed(&ExportRequest::default())[..], [0, 0, 0, 0, 0]);
    }
}
