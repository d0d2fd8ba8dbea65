//! What does a backend answer to a gRPC health check? One call on one HTTP/2 stream.
//!
//! The meaning of the answer is `health::grpc_health`'s. Here is its way over the wire, and what is no answer at all: another content type,
//! no status, a body beyond all bounds.

use super::connect::Stream;
use super::http2::words;
use super::request::To;
use super::witness::Witness;
use ::http::header::{CONTENT_TYPE, TE, USER_AGENT};
use ::http::uri::{Scheme, Uri};
use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Error, RecvStream};
use pulsegate_core::health::grpc_health::{ANSWER_CAP, PATH, request, serving_status};
use pulsegate_core::health::reading::{GrpcAnswer, GrpcSaid, ReadingResult, Sighting};
use pulsegate_core::http::grpc;
use pulsegate_core::plan::GrpcCheck;
use std::pin::pin;
use std::time::Duration;

/// What the server says beside its status, characters: it is shown to people.
const MESSAGE_CAP: usize = 300;

/// Asks over `stream` and reads the answer. `patience`: how long the probe waits, which the server is told.
pub(super) async fn exchange(
    stream: Stream,
    check: &GrpcCheck,
    to: &To<'_>,
    patience: Duration,
    witness: &Witness<'_>,
) -> ReadingResult {
    let call = match call(check, to, patience) {
        Ok(call) => call,
        Err(why) => return ReadingResult::BrokenAnswer(format!("the probe was not sent: {why}")),
    };
    let question = Bytes::from(request(&check.service));
    match converse(stream, call, question, witness).await {
        Ok(Ok(answer)) => ReadingResult::Grpc(answer),
        Ok(Err(why)) => ReadingResult::BrokenAnswer(why),
        Err(error) => ReadingResult::BrokenAnswer(words(&error)),
    }
}

type Answered = Result<GrpcAnswer, String>;

/// Drives the connection in the probe's own task: dropping the probe ends it.
async fn converse(
    stream: Stream,
    call: Request<()>,
    question: Bytes,
    witness: &Witness<'_>,
) -> Result<Answered, Error> {
    let (sender, connection) = Builder::new()
        .max_header_list_size(witness.head_list_limit())
        .enable_push(false)
        .handshake::<_, Bytes>(stream)
        .await?;
    let mut answer = pin!(ask(sender, call, question, witness));
    tokio::select! {
        biased;
        result = &mut answer => result,
        // The connection may end first, with the answer (or the error) already there.
        _ended = connection => answer.await,
    }
}

async fn ask(
    sender: SendRequest<Bytes>,
    call: Request<()>,
    question: Bytes,
    witness: &Witness<'_>,
) -> Result<Answered, Error> {
    let (response, mut body) = sender.ready().await?.send_request(call, false)?;
    body.send_data(question, true)?;
    let (head, body) = response.await?.into_parts();
    witness.watch.heard();
    let sighting = witness.recogniser.of_head(&head.headers);
    if head.status.as_u16() != 200 {
        return Ok(Ok(GrpcAnswer { said: GrpcSaid::Http(head.status.as_u16()), sighting }));
    }
    if let Err(why) = is_grpc(&head.headers) {
        return Ok(Err(why));
    }
    // Trailers alone: the head carries the status, and there is no body.
    if let Some(code) = head.headers.get(grpc::STATUS) {
        return Ok(said(code, &head.headers, &[], sighting));
    }
    read(body, sighting).await
}

async fn read(mut body: RecvStream, sighting: Sighting) -> Result<Answered, Error> {
    let mut message = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        if message.len() + chunk.len() > ANSWER_CAP {
            return Ok(Err(format!("the answer is beyond {ANSWER_CAP} bytes, which no health message is")));
        }
        message.extend_from_slice(&chunk);
    }
    let trailers = body.trailers().await?.unwrap_or_default();
    Ok(match trailers.get(grpc::STATUS) {
        Some(code) => said(code, &trailers, &message, sighting),
        None => Err("the answer ends without a grpc-status".to_owned()),
    })
}

fn is_grpc(headers: &HeaderMap) -> Result<(), String> {
    let found = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match found {
        Some(found) if grpc::is_call(&found) => Ok(()),
        Some(found) => {
            let found: String = found.chars().take(MESSAGE_CAP).collect();
            Err(format!("answered {found:?}, which is not application/grpc; does this port speak gRPC?"))
        }
        None => Err("answered without a content type, which gRPC never does".to_owned()),
    }
}

fn said(code: &HeaderValue, fields: &HeaderMap, body: &[u8], sighting: Sighting) -> Answered {
    let code = code.to_str().ok().and_then(|code| code.parse::<u16>().ok());
    let said = match code {
        None => return Err("the answer's grpc-status is no number".to_owned()),
        Some(0) => GrpcSaid::Health(serving_status(body)?),
        Some(code) => GrpcSaid::Status { code, message: message(fields) },
    };
    Ok(GrpcAnswer { said, sighting })
}

fn message(fields: &HeaderMap) -> String {
    let encoded = fields.get(grpc::MESSAGE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    grpc::text(&encoded.unwrap_or_default()).chars().take(MESSAGE_CAP).collect()
}

fn call(check: &GrpcCheck, to: &To<'_>, patience: Duration) -> Result<Request<()>, String> {
    let scheme = if check.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
    let authority = check.authority.clone().unwrap_or_else(|| super::request::authority(to.address));
    let uri = Uri::builder().scheme(scheme).authority(&*authority).path_and_query(PATH).build();
    let mut call = Request::new(());
    *call.uri_mut() = uri.map_err(|_| format!("{authority:?} is no authority"))?;
    (*call.method_mut(), *call.version_mut()) = (Method::POST, Version::HTTP_2);
    let headers = call.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(grpc::CONTENT_TYPE));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(USER_AGENT, HeaderValue::from_static(super::request::AGENT));
    // Eight digits at most.
    let millis = patience.as_millis().clamp(1, 99_999_999);
    headers.insert(grpc::TIMEOUT, super::request::value(grpc::TIMEOUT, &format!("{millis}m"))?);
    if let Some((name, text)) = to.trace() {
        headers.insert(&name, super::request::value(name.as_str(), &text)?);
    }
    for (name, text) in &check.headers {
        let name = name.parse::<HeaderName>().map_err(|_| format!("{name:?} is not a header name"))?;
        headers.insert(&name, super::request::value(name.as_str(), text)?);
    }
    Ok(call)
}
