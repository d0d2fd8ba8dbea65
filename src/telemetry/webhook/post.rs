//! How does one notice get to a webhook? One POST over a connection of its own.

use super::failed::{Failed, for_now};
use super::notice::{Content, Notice};
use super::ready::Http;
use crate::telemetry::escape::one_line;
use crate::tls::{ClientConfigs, server_name};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use pulsegate_core::plan::{Protocol, UpstreamTls, WebhookUrl};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;

const AGENT: &str = concat!("pulsegate/", env!("CARGO_PKG_VERSION"));
/// The head of the answer, bytes. Its body is not read.
const HEAD_CAP: usize = 32 * 1024;

/// What a refusal says of itself is shown so far, characters.
const SAID: usize = 200;
/// A receiver may ask for no longer a pause.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(300);

/// Returns what it answered.
pub(super) async fn send(http: &Http, notice: &Notice, configs: &Arc<ClientConfigs>) -> Result<String, Failed> {
    let request = request(http, notice).map_err(Failed::ForGood)?;
    let (host, port) = (http.target.host.trim_matches(['[', ']']), http.target.port);
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|error| for_now(format!("cannot connect to {host}:{port}: {error}")))?;
    let outcome = if http.target.https {
        let tls = UpstreamTls { ca: http.plan.ca.clone(), ..UpstreamTls::to(host) };
        let (known, wanted) = (Arc::clone(configs), tls.clone());
        let read = spawn_blocking(move || {
            known.look();
            known.get(&wanted, Protocol::Http1)
        });
        let config = read.await.map_err(|error| for_now(error.to_string()))?.map_err(for_now)?.config;
        let name = server_name(&tls).map_err(Failed::ForGood)?;
        let secured = TlsConnector::from(config).connect(name, stream).await;
        let secured = secured.map_err(|error| for_now(format!("the TLS handshake with {host} failed: {error}")))?;
        exchange(secured, request).await
    } else {
        exchange(stream, request).await
    };
    outcome.map_err(|error| for_now(format!("the exchange failed: {error}")))?.judge(http)
}

fn request(http: &Http, notice: &Notice) -> Result<Request<Full<Bytes>>, String> {
    let Content::Json(body) = &notice.content else { return Err("a mail is nothing for a webhook".to_owned()) };
    let mut request = Request::new(Full::new(body.clone()));
    let target = &http.target;
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target.path.parse().map_err(|error| format!("its path is none: {error}"))?;
    let usual = if target.https { 443 } else { 80 };
    let host = match target.port {
        port if port == usual => target.host.clone(),
        port => format!("{}:{port}", target.host),
    };
    let mut fields = vec![
        (HOST, host),
        (USER_AGENT, AGENT.to_owned()),
        (CONTENT_TYPE, "application/json".to_owned()),
        (HeaderName::from_static("webhook-id"), notice.event_id.clone()),
        (HeaderName::from_static("webhook-timestamp"), notice.at.to_string()),
    ];
    if let Some(signer) = &http.signer {
        let signature = signer.sign(&notice.event_id, notice.at, body);
        fields.push((HeaderName::from_static("webhook-signature"), signature));
    }
    for (name, value) in &http.plan.headers {
        fields.push((name.parse().map_err(|_| format!("{name:?} is no header name"))?, value.clone()));
    }
    for (name, value) in fields {
        // A value may be a credential: it is not repeated.
        let value = HeaderValue::from_str(&value).map_err(|_| format!("the value of {name} is none of a header"))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// What came back.
struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// Of a refusal, the beginning of its body.
    said: String,
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answer, hyper::Error> {
    let (mut sender, connection) = Builder::new().max_header_size(HEAD_CAP).handshake(TokioIo::new(stream)).await?;
    let mut talk = std::pin::pin!(async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let retry_after = seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
        let refuses = !status.is_success();
        let said = if refuses { Limited::new(answer.into_body(), 4 * SAID).collect().await.ok() } else { None };
        let said = said.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
        Ok(Answer { status, retry_after, said })
    });
    tokio::select! {
        biased;
        answer = &mut talk => answer,
        // The connection may end first, with the answer (or the error) still on its way through hyper's channel.
        _ended = connection => talk.await,
    }
}

impl Answer {
    /// 2xx is taken; 408, 425, 429 and 5xx may be taken the next time.
    fn judge(self, http: &Http) -> Result<String, Failed> {
        let said = match self.said.trim() {
            "" => String::new(),
            said => format!(": {}", shown(said, http)),
        };
        let answered = format!("it answered {}{said}", self.status.as_u16());
        match self.status.as_u16() {
            200..=299 => Ok(self.status.to_string()),
            408 | 425 | 429 | 500..=599 => Err(Failed::ForNow(answered, self.retry_after)),
            300..=399 => {
                Err(Failed::ForGood(format!("it answered {}; redirects are not followed", self.status.as_u16())))
            }
            _ => Err(Failed::ForGood(answered)),
        }
    }
}

/// One line of what it said, without what is secret: it may repeat what it was sent.
fn shown(said: &str, http: &Http) -> String {
    let line = one_line(said, SAID);
    let key = http.routing_key.iter().map(|key| key.0.as_str());
    let path = matches!(http.plan.url, WebhookUrl::Secret(_)).then_some(http.target.path.as_str());
    let values = http.plan.headers.iter().map(|(_, value)| value.as_str());
    let secrets = key.chain(path).chain(values).filter(|secret| secret.len() > 3);
    secrets.fold(line, |line, secret| line.replace(secret, "REDACTED"))
}
