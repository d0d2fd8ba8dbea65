//! How is a head refused that never became a request? An answer of our own, as every other; on HTTP/1 then a close that the client can read.

use crate::proxy::{RequestId, date, linger};
use bytes::Bytes;
use h2::server::SendResponse;
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use pulsegate_core::http::grpc;
use pulsegate_core::http::own_answer::OwnAnswer;
use pulsegate_core::http::problem::Problem;
use std::fmt::Write;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

const WRITE_TIME: Duration = Duration::from_secs(5);

/// Answers with `problem` and ends the connection. `to_head`: the request is a HEAD.
pub(super) async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin, problem: Problem, to_head: bool) {
    let answer = in_http1(OwnAnswer::to(problem, false, &RequestId::new(), None), to_head);
    let written = timeout(WRITE_TIME, async {
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await
    })
    .await;
    if matches!(written, Ok(Ok(()))) {
        linger::close(stream).await;
    }
}

fn in_http1(answer: OwnAnswer, to_head: bool) -> String {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut out = format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let date = date::now();
    for (name, value) in answer.fields().chain([("Date", std::str::from_utf8(&date).unwrap_or_default())]) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{name}: {value}\r\n");
    }
    out.push_str("Connection: close\r\n\r\n");
    out + &answer.into_body(to_head).unwrap_or_default()
}

/// The same on a stream of HTTP/2. What the stream's window does not hold is lost with it.
pub(super) fn refuse_stream(
    mut respond: SendResponse<Bytes>,
    problem: Problem,
    method: &Method,
    fields: &HeaderMap<HeaderValue>,
) {
    let is_call = fields.get(CONTENT_TYPE).is_some_and(grpc::is_call);
    let answer = OwnAnswer::to(problem, is_call, &RequestId::new(), None);
    let mut response = Response::builder().status(answer.status()).header(DATE, date::now().as_slice());
    for (name, value) in answer.fields() {
        response = response.header(name, value);
    }
    let (Ok(response), body) = (response.body(()), answer.into_body(*method == Method::HEAD)) else { return };
    let sent = respond.send_response(response, body.is_none());
    if let (Ok(mut stream), Some(body)) = (sent, body) {
        let _ = stream.send_data(Bytes::from(body), true);
    }
}
