//! What does a backend answer that speaks HTTP/2? One exchange on one stream, driven in the probe's own task, so that dropping the probe ends
//! the connection.

use super::answer::{Body, answer};
use super::connect::Stream;
use super::witness::Witness;
use ::http::header::{CONNECTION, HOST};
use ::http::uri::{Scheme, Uri};
use ::http::{Request, Version};
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Error, RecvStream};
use http_body_util::Empty;
use pulsegate_core::health::reading::ReadingResult;
use pulsegate_core::plan::HttpCheck;
use std::pin::pin;

/// Sends the request of `check` and reads the answer, of its body no more than the check allows.
pub(super) async fn exchange(
    stream: Stream,
    request: Request<Empty<Bytes>>,
    check: &HttpCheck,
    witness: &Witness<'_>,
) -> ReadingResult {
    let Some(request) = in_form(request, check.tls.is_some()) else {
        return ReadingResult::BrokenAnswer("the probe was not sent: its Host is no authority".to_owned());
    };
    let result = converse(stream, request, check, witness).await;
    result.unwrap_or_else(|error| ReadingResult::BrokenAnswer(words(&error)))
}

async fn converse(
    stream: Stream,
    request: Request<()>,
    check: &HttpCheck,
    witness: &Witness<'_>,
) -> Result<ReadingResult, Error> {
    let (sender, connection) = Builder::new()
        .max_header_list_size(witness.head_list_limit())
        .enable_push(false)
        .handshake::<_, Bytes>(stream)
        .await?;
    let mut answer = pin!(read_answer(sender, request, check, witness));
    tokio::select! {
        biased;
        result = &mut answer => result,
        // The connection may end first, with the answer (or the error) already there.
        _ended = connection => answer.await,
    }
}

async fn read_answer(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    check: &HttpCheck,
    witness: &Witness<'_>,
) -> Result<ReadingResult, Error> {
    let (response, _) = sender.ready().await?.send_request(request, true)?;
    let (head, incoming) = response.await?.into_parts();
    witness.head(head.status);
    let body = read_body(incoming, Body::new(check)).await?;
    Ok(answer(check, (head.status, &head.headers), body, &witness.recogniser))
}

/// Reads to the end, or until the cap is passed.
async fn read_body(mut incoming: RecvStream, mut body: Body) -> Result<Body, Error> {
    while let Some(chunk) = incoming.data().await {
        let chunk = chunk?;
        incoming.flow_control().release_capacity(chunk.len())?;
        if !body.take(&chunk) {
            break;
        }
    }
    Ok(body)
}

/// The Host becomes `:authority`; what belongs to an HTTP/1 connection stays away.
fn in_form(request: Request<Empty<Bytes>>, tls: bool) -> Option<Request<()>> {
    let (mut parts, _) = request.into_parts();
    parts.headers.remove(CONNECTION);
    let host = parts.headers.remove(HOST)?;
    let scheme = if tls { Scheme::HTTPS } else { Scheme::HTTP };
    let path = parts.uri.path_and_query()?.clone();
    parts.uri = Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(path).build().ok()?;
    parts.version = Version::HTTP_2;
    Some(Request::from_parts(parts, ()))
}

pub(super) fn words(error: &Error) -> String {
    if error.is_io() {
        return format!("the connection broke before the answer was complete: {error}; does this port speak HTTP/2?");
    }
    format!("the exchange over HTTP/2 failed: {error}")
}
