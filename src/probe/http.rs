//! What does the backend answer? One HTTP/1.1 exchange, read no further than needed.
//!
//! Redirects are reported and never followed; 1xx heads are skipped; the body counts, its content does not. The head's limits are
//! hyper's. The deadline is the caller's: dropping the exchange ends the connection.

use super::connect::{Stream, words};
use super::steps::Watch;
use crate::domain::reading::{HttpAnswer, ReadingResult};
use ::http::header::LOCATION;
use ::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::pin::pin;

/// The response head, bytes: what a listener allows a request by default.
const HEAD_CAP: usize = 32 * 1024;
/// A Location beyond this many characters is cut: it is shown to people.
const LOCATION_CAP: usize = 300;

/// Sends `request` and reads the answer, at most `body_cap` bytes of its body.
pub(super) async fn exchange(
    stream: Stream,
    request: Request<Empty<Bytes>>,
    body_cap: usize,
    watch: &Watch,
) -> ReadingResult {
    converse(stream, request, body_cap, watch).await.unwrap_or_else(|error| match tls_cause(&error) {
        // In TLS 1.3 a backend that refuses our certificate, or misses one, says so after the handshake.
        Some(cause) => ReadingResult::TlsFailed(format!("the backend ended the TLS connection: {cause}")),
        None => ReadingResult::BrokenAnswer(broken_words(&error)),
    })
}

/// Drives the connection and the answer in one task: when the probe is dropped, so is the socket.
async fn converse(
    stream: Stream,
    request: Request<Empty<Bytes>>,
    body_cap: usize,
    watch: &Watch,
) -> Result<ReadingResult, hyper::Error> {
    let (sender, connection) = Builder::new().max_header_size(HEAD_CAP).handshake(TokioIo::new(stream)).await?;
    let mut answer = pin!(read_answer(sender, request, body_cap, watch));
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
    body_cap: usize,
    watch: &Watch,
) -> Result<ReadingResult, hyper::Error> {
    let (head, body) = sender.send_request(request).await?.into_parts();
    watch.heard();
    let status = head.status.as_u16();
    if !body_fits(body, body_cap).await? {
        return Ok(ReadingResult::BodyTooLarge { status, cap: body_cap });
    }
    let location = location(head.status, &head.headers);
    Ok(ReadingResult::Http(HttpAnswer { status, location, document: None }))
}

/// Reads to the end, or until more than `cap` bytes have come.
async fn body_fits(mut body: Incoming, cap: usize) -> Result<bool, hyper::Error> {
    let mut read = 0_usize;
    while let Some(frame) = body.frame().await {
        read = read.saturating_add(frame?.data_ref().map_or(0, Bytes::len));
        if read > cap {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn location(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let value = headers.get(LOCATION).filter(|_| status.is_redirection())?;
    Some(String::from_utf8_lossy(value.as_bytes()).chars().take(LOCATION_CAP).collect())
}

fn broken_words(error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        return format!("the response head is beyond the limits ({} KiB, 100 headers)", HEAD_CAP / 1024);
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
