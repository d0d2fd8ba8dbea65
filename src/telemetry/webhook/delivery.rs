//! How does one notice get to a webhook? One POST over a connection of its own, under one deadline.

use super::notice::Notice;
use super::sign::Signer;
use crate::domain::plan::{Protocol, UpstreamTls, WebhookPlan};
use crate::tls::{ClientConfigs, server_name};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

const AGENT: &str = concat!("pulsegate/", env!("CARGO_PKG_VERSION"));
/// The head of the answer, bytes. Its body is not read.
const HEAD_CAP: usize = 32 * 1024;

/// One webhook as it is reached.
pub(super) struct Endpoint {
    pub(super) plan: Arc<WebhookPlan>,
    pub(super) signer: Option<Signer>,
    pub(super) configs: Arc<ClientConfigs>,
}

/// Why a notice did not arrive, as a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It may be taken the next time.
    ForNow(String),
    /// It will never be.
    ForGood(String),
}

impl Failed {
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::ForGood(_))
    }

    pub(super) fn why(&self) -> &str {
        match self {
            Self::ForNow(why) | Self::ForGood(why) => why,
        }
    }
}

impl Endpoint {
    pub(super) async fn send(&self, notice: &Notice) -> Result<(), Failed> {
        match timeout(self.plan.timeout, self.post(notice)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failed::ForNow(format!("no answer within {:?}", self.plan.timeout))),
        }
    }

    async fn post(&self, notice: &Notice) -> Result<(), Failed> {
        let request = self.request(notice).map_err(Failed::ForGood)?;
        let (host, port) = (self.plan.host.trim_matches(['[', ']']), self.plan.port);
        let stream = TcpStream::connect((host, port))
            .await
            .map_err(|error| Failed::ForNow(format!("cannot connect to {host}:{port}: {error}")))?;
        if !self.plan.https {
            return exchange(stream, request).await;
        }
        let tls = UpstreamTls { sni: host.to_owned(), verify: true, ca: self.plan.ca.clone(), identity: None };
        let config = self.configs.get(&tls, Protocol::Http1).map_err(Failed::ForNow)?.config;
        let name = server_name(&tls).map_err(Failed::ForGood)?;
        let secured = TlsConnector::from(config).connect(name, stream).await;
        exchange(
            secured.map_err(|error| Failed::ForNow(format!("the TLS handshake with {host} failed: {error}")))?,
            request,
        )
        .await
    }

    fn request(&self, notice: &Notice) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::new(Full::new(notice.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.plan.path.parse().map_err(|error| format!("its path is none: {error}"))?;
        let usual = if self.plan.https { 443 } else { 80 };
        let host = match self.plan.port {
            port if port == usual => self.plan.host.clone(),
            port => format!("{}:{port}", self.plan.host),
        };
        let mut fields = vec![
            (HOST, host),
            (USER_AGENT, AGENT.to_owned()),
            (CONTENT_TYPE, "application/json".to_owned()),
            (HeaderName::from_static("webhook-id"), notice.event_id.clone()),
            (HeaderName::from_static("webhook-timestamp"), notice.at.to_string()),
        ];
        if let Some(signer) = &self.signer {
            let signature = signer.sign(&notice.event_id, notice.at, &notice.body);
            fields.push((HeaderName::from_static("webhook-signature"), signature));
        }
        for (name, value) in &self.plan.headers {
            fields.push((name.parse().map_err(|_| format!("{name:?} is no header name"))?, value.clone()));
        }
        for (name, value) in fields {
            // A value may be a credential: it is not repeated.
            let value =
                HeaderValue::from_str(&value).map_err(|_| format!("the value of {name} is none of a header"))?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }
}

/// 2xx is taken; 408, 425, 429 and 5xx may be taken the next time.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(), Failed> {
    let broken = |error: hyper::Error| Failed::ForNow(format!("the exchange failed: {error}"));
    let (mut sender, connection) =
        Builder::new().max_header_size(HEAD_CAP).handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end first, with the answer (or the error) still on its way through hyper's channel.
        _ended = connection => answer.await,
    };
    match answer.map_err(broken)?.status().as_u16() {
        200..=299 => Ok(()),
        status @ (408 | 425 | 429 | 500..=599) => Err(Failed::ForNow(format!("it answered {status}"))),
        status @ 300..=399 => Err(Failed::ForGood(format!("it answered {status}; redirects are not followed"))),
        status => Err(Failed::ForGood(format!("it answered {status}"))),
    }
}
