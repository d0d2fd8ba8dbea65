//! What does the backend answer? One HTTP/1.1 exchange, read no further than needed.
//!
//! Redirects are reported and never followed; 1xx heads are skipped; the body is kept up to its cap, for the reader of documents. The head's
//! limits are hyper's. The deadline is the caller's: dropping the exchange ends the connection.

use super::answer::{Body, answer};
use super::connect::{Stream, words};
use super::witness::Witness;
use ::http::Request;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use pulsegate_core::health::reading::ReadingResult;
use pulsegate_core::http::response_head;
use pulsegate_core::plan::HttpCheck;
use std::error::Error;
use std::io;
use std::pin::pin;

/// Sends the request of `check` and reads the answer, of its body no more than the check allows.
pub(super) async fn exchange(
    stream: Stream,
    request: Request<Empty<Bytes>>,
    check: &HttpCheck,
    witness: &Witness<'_>,
) -> ReadingResult {
    converse(stream, request, check, witness).await.unwrap_or_else(|error| match tls_cause(&error) {
        // In TLS 1.3 a backend that refuses our certificate, or misses one, says so after the handshake.
        Some(cause) => ReadingResult::TlsFailed(format!("the backend ended the TLS connection: {cause}")),
        None => ReadingResult::BrokenAnswer(broken_words(&error, witness.head_limit)),
    })
}

/// Drives the connection and the answer in one task: when the probe is dropped, so is the socket.
async fn converse(
    stream: Stream,
    request: Request<Empty<Bytes>>,
    check: &HttpCheck,
    witness: &Witness<'_>,
) -> Result<ReadingResult, hyper::Error> {
    let mut options = Builder::new();
    options.max_header_size(witness.head_limit).max_headers(response_head::FIELDS);
    let (sender, connection) = options.handshake(TokioIo::new(stream)).await?;
    let mut answer = pin!(read_answer(sender, request, check, witness));
    tokio::select! {
        biased;
        result = &mut answer => result,
        // The connection may end first, with the answer (or the error) still on its way through hyper's channel.
        _ended = connection => answer.await,
    }
}

async fn read_answer(
    mut sender: SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
    check: &HttpCheck,
    witness: &Witness<'_>,
) -> Result<ReadingResult, hyper::Error> {
    let (head, incoming) = sender.send_request(request).await?.into_parts();
    witness.head(head.status);
    let body = read_body(incoming, Body::new(check)).await?;
    Ok(answer(check, (head.status, &head.headers), body, &witness.recogniser))
}

/// Reads to the end, or until the cap is passed.
async fn read_body(mut incoming: Incoming, mut body: Body) -> Result<Body, hyper::Error> {
    while let Some(frame) = incoming.frame().await {
        if !frame?.data_ref().is_none_or(|data| body.take(data)) {
            break;
        }
    }
    Ok(body)
}

fn broken_words(error: &hyper::Error, head_limit: usize) -> String {
    if error.is_parse_too_large() {
        return format!(
            "the response head is beyond limits.response_head_bytes ({head_limit} bytes), or has more than {} fields",
            response_head::FIELDS
        );
    }
    if error.is_parse() {
        return format!("the answer is not HTTP/1.1: {error}");
    }
    match io_cause(error) {
        Some(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => {
            format!("the connection broke before the answer was complete: {}", words(cause))
        }
        Some(_) => closed_early(),
        None if error.is_incomplete_message() => closed_early(),
        None => format!("the exchange failed: {error}"),
    }
}

fn closed_early() -> String {
    "the backend closed the connection before the answer was complete".to_owned()
}

fn tls_cause(error: &hyper::Error) -> Option<&rustls::Error> {
    io_cause(error)?.get_ref()?.downcast_ref()
}

fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref::<io::Error>() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}
