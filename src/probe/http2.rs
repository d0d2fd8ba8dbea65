//! What does a backend answer that speaks HTTP/2? One exchange on one stream, driven in the probe's own task, so that dropping the probe ends
//! the connection.

use super::connect::Stream;
use super::http::location;
use super::steps::Watch;
use crate::domain::reading::{HttpAnswer, ReadingResult};
use ::http::header::{CONNECTION, HOST};
use ::http::uri::{Scheme, Uri};
use ::http::{Request, Version};
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Error, RecvStream};
use http_body_util::Empty;
use std::pin::pin;

/// The response head, decoded, bytes: as over HTTP/1.
const HEAD_CAP: u32 = 32 * 1024;

/// Sends `request` and reads the answer, at most `body_cap` bytes of its body.
pub(super) async fn exchange(
    stream: Stream,
    request: Request<Empty<Bytes>>,
    tls: bool,
    body_cap: usize,
    watch: &Watch,
) -> ReadingResult {
    let Some(request) = in_form(request, tls) else {
        return ReadingResult::BrokenAnswer("the probe was not sent: its Host is no authority".to_owned());
    };
    converse(stream, request, body_cap, watch).await.unwrap_or_else(|error| ReadingResult::BrokenAnswer(words(&error)))
}

async fn converse(
    stream: Stream,
    request: Request<()>,
    body_cap: usize,
    watch: &Watch,
) -> Result<ReadingResult, Error> {
    let (sender, connection) =
        Builder::new().max_header_list_size(HEAD_CAP).enable_push(false).handshake::<_, Bytes>(stream).await?;
    let mut answer = pin!(read_answer(sender, request, body_cap, watch));
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
    cap: usize,
    watch: &Watch,
) -> Result<ReadingResult, Error> {
    let (response, _) = sender.ready().await?.send_request(request, true)?;
    let (head, body) = response.await?.into_parts();
    watch.heard();
    let status = head.status.as_u16();
    if !body_fits(body, cap).await? {
        return Ok(ReadingResult::BodyTooLarge { status, cap });
    }
    let location = location(head.status, &head.headers);
    Ok(ReadingResult::Http(HttpAnswer { status, location, document: None }))
}

/// Reads to the end, or until more than `cap` bytes have come.
async fn body_fits(mut body: RecvStream, cap: usize) -> Result<bool, Error> {
    let mut read = 0_usize;
    while let Some(chunk) = body.data().await {
        let length = chunk?.len();
        body.flow_control().release_capacity(length)?;
        read = read.saturating_add(length);
        if read > cap {
            return Ok(false);
        }
    }
    Ok(true)
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

fn words(error: &Error) -> String {
    if error.is_io() {
        return format!("the connection broke before the answer was complete: {error}; does this port speak HTTP/2?");
    }
    format!("the exchange over HTTP/2 failed: {error}")
}
