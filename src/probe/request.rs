//! What does a probe say? The request of an HTTP check.
//!
//! Each header that the check names replaces ours of that name, so that every part can be overridden.

use ::http::header::{ACCEPT, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use ::http::uri::PathAndQuery;
use ::http::{Method, Request, Uri};
use bytes::Bytes;
use http_body_util::Empty;
use pulsegate_core::base::identity::Address;
use pulsegate_core::http::trace::TraceParent;
use pulsegate_core::plan::HttpCheck;

pub(super) const AGENT: &str = concat!("pulsegate-probe/", env!("CARGO_PKG_VERSION"));
/// Health documents are JSON or a word; some answer a page for browsers unless they are asked for something else.
const DOCUMENTS: &str = "application/json, application/health+json;q=0.9, text/plain;q=0.8, */*;q=0.1";

/// Whom a probe is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct To<'a> {
    /// The Host where the check names none.
    pub address: &'a Address,
    /// The trace that it is told, where the probe is traced.
    pub told: Option<TraceParent>,
}

impl To<'_> {
    /// The header of the trace.
    pub(super) fn trace(&self) -> Option<(HeaderName, String)> {
        let told = self.told?.written();
        Some((HeaderName::from_static("traceparent"), String::from_utf8_lossy(&told).into_owned()))
    }
}

/// The request for `check`.
///
/// # Errors
/// A sentence naming the part that HTTP does not allow. The configuration refuses such parts, so this is a second fence.
pub(super) fn build(check: &HttpCheck, to: &To<'_>) -> Result<Request<Empty<Bytes>>, String> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::from_bytes(check.method.as_bytes())
        .map_err(|_| format!("the probe was not sent: {:?} is not an HTTP method", check.method))?;
    let target = check
        .path
        .parse::<PathAndQuery>()
        .map_err(|error| format!("the probe was not sent: {:?} is not a path: {error}", check.path))?;
    *request.uri_mut() = Uri::from(target);
    *request.headers_mut() = headers(check, to)?;
    Ok(request)
}

fn headers(check: &HttpCheck, to: &To<'_>) -> Result<HeaderMap, String> {
    let mut given = HeaderMap::new();
    for (name, text) in &check.headers {
        let name =
            name.parse::<HeaderName>().map_err(|_| format!("the probe was not sent: {name:?} is not a header name"))?;
        given.append(&name, value(name.as_str(), text)?);
    }
    let mut headers = HeaderMap::new();
    for (name, text) in defaults(check, to.address).into_iter().chain(to.trace()) {
        if !given.contains_key(&name) {
            headers.insert(&name, value(name.as_str(), &text)?);
        }
    }
    headers.extend(given);
    Ok(headers)
}

/// Host first, as RFC 9110 §7.2 recommends.
fn defaults(check: &HttpCheck, address: &Address) -> [(HeaderName, String); 5] {
    let scheme = if check.tls.is_some() { "https" } else { "http" };
    [
        (HOST, check.host.clone().unwrap_or_else(|| authority(address))),
        (USER_AGENT, AGENT.to_owned()),
        (ACCEPT, DOCUMENTS.to_owned()),
        (HeaderName::from_static("x-forwarded-proto"), scheme.to_owned()),
        (CONNECTION, "close".to_owned()),
    ]
}

/// A path is no host name: what listens on a Unix socket is asked for by the name of its machine.
pub(super) fn authority(address: &Address) -> String {
    match address {
        Address::Socket(socket) => socket.to_string(),
        Address::Unix(_) => "localhost".to_owned(),
    }
}

pub(super) fn value(name: &str, text: &str) -> Result<HeaderValue, String> {
    // The value is not repeated in the sentence: probes carry credentials.
    HeaderValue::from_str(text)
        .map_err(|_| format!("the probe was not sent: the value of {name} holds characters that a header must not"))
}
