//! What happens on an HTTP/1 connection? Head after head, each bounded and checked, then handed to the proxy.
//!
//! The invariant: pingora only ever sees a head that the strict check accepted, and sees it whole, so it never waits for
//! one. Whatever follows the head in the buffer travels with it and is never lost or read twice; a chunked body is watched to
//! its end.

use super::connection::Connection;
use super::head::{HeadBounds, HeadEnd, first_bytes, read_head};
use super::refuse::refuse;
use super::{Stage, http2};
use crate::proxy::Served;
use crate::proxy::downstream::{ClientSide, ClientSocket, H1Client};
use bytes::BytesMut;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pulsegate_core::base::own::Own;
use pulsegate_core::http::chunks::Chunks;
use pulsegate_core::http::head::{self, Framing};
use pulsegate_core::http::problem::Problem;
use pulsegate_core::plan::ListenerPlan;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// A client that has just connected when the process leaves gets this long to send its request.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// How long the goodbye of TLS may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves the connection to its end; to HTTP/2, where that is what the client speaks.
pub(super) async fn serve(mut connection: Connection, socket: ClientSocket) {
    let mut socket = Box::new(socket);
    let mut buf = BytesMut::new();
    if socket.speaks_http2() {
        return http2::serve(connection, socket, buf).await;
    }
    let mut served = 0;
    loop {
        let plan = connection.plan();
        if !next_request_begins(&mut connection, &mut socket, &mut buf, &plan, served).await {
            return goodbye(&mut socket).await;
        }
        let bounds = HeadBounds { bytes: plan.limits.head_bytes, time: plan.limits.head_timeout };
        let read = read_head(socket.as_mut(), &mut buf, bounds).await;
        if served == 0 && plan.http2 && is_preface(&buf, &read) {
            return http2::serve(connection, socket, buf).await;
        }
        let (stream, pipelined) = match one_request(&connection, socket, buf, read, &plan, served).await {
            Served::Again(reusable) => reusable.into_parts(),
            Served::Reset(stream) => return reset(stream),
            Served::Closed | Served::Left | Served::Leaves | Served::Broken(_) => return,
        };
        let Ok(same) = stream.into_any().downcast::<ClientSocket>() else { return };
        (socket, buf) = (same, pipelined.unwrap_or_default());
        served += 1;
    }
}

/// Waits for the first byte of a request: as long as keep-alive allows, and only briefly once the process leaves.
async fn next_request_begins(
    connection: &mut Connection,
    socket: &mut ClientSocket,
    buf: &mut BytesMut,
    plan: &ListenerPlan,
    served: u32,
) -> bool {
    let patience = if served == 0 { plan.limits.head_timeout } else { plan.limits.keepalive_timeout };
    let mut closed = connection.listener.closed.subscribe();
    tokio::select! {
        biased;
        begun = first_bytes(socket, buf, patience) => return begun,
        _ = connection.stage.wait_for(|stage| *stage >= Stage::Closing) => {}
        _ = closed.wait_for(|closed| *closed) => {}
    }
    let last_chance = if served == 0 { LAST_CHANCE } else { Duration::ZERO };
    first_bytes(socket, buf, last_chance).await
}

/// A client that reads to the end is told in TLS that this is it; without, the answers could be taken for cut.
async fn goodbye(socket: &mut ClientSocket) {
    if socket.is_tls() {
        let _ = timeout(GOODBYE, socket.shutdown()).await;
    }
}

async fn one_request(
    connection: &Connection,
    mut socket: Box<ClientSocket>,
    mut buf: BytesMut,
    read: HeadEnd,
    plan: &Own<ListenerPlan>,
    served: u32,
) -> Served {
    let to_head = buf.starts_with(b"HEAD ");
    let checked = match read {
        HeadEnd::Complete(end) => check(&buf, end),
        HeadEnd::Idle => return Served::Closed,
        HeadEnd::Truncated => {
            connection.count_refusal(plan, "head_truncated");
            return Served::Closed;
        }
        HeadEnd::TooSlow => Err(Problem::RequestTimeout),
        HeadEnd::TooLarge(problem) => Err(problem),
    };
    match checked {
        Ok(body) => socket.watch(body),
        Err(problem) => {
            connection.count_refusal(plan, problem.reason());
            refuse(socket, problem, to_head).await;
            return Served::Closed;
        }
    }

    let mut session = ServerSession::new_http1(socket);
    session.set_pipelining_enabled(true);
    // The relay and the drain have bounds of their own; pingora's would cut quiet tunnels and uploads after a minute.
    session.set_read_timeout(None);
    if let HeadEnd::Complete(end) = read {
        in_one_form(&mut buf, end);
    }
    session.set_pipelined_prefix(buf);
    match session.read_request().await {
        Ok(true) => {
            let client = ClientSide::H1(Box::new(H1Client::new(session, plan.half_closed_clients)));
            connection.front.proxy.serve(client, &connection.facts(plan, served)).await
        }
        _ => {
            // Our check is stricter than pingora's parser; should they ever disagree, nobody is asked on behalf of this client.
            connection.count_refusal(plan, "bad_request");
            if let ServerSession::H1(session) = session {
                refuse(session.into_inner(), Problem::MalformedRequest, to_head).await;
            }
            Served::Closed
        }
    }
}

fn reset(stream: Stream) {
    if let Ok(socket) = stream.into_any().downcast::<ClientSocket>() {
        socket.reset();
    }
}

/// The first line of HTTP/2's preface looks like a head (RFC 9113 §3.4), so nobody waits for a byte more than a head needs.
fn is_preface(buf: &[u8], read: &HeadEnd) -> bool {
    matches!(read, HeadEnd::Complete(end) if buf.get(..*end) == Some(b"PRI * HTTP/2.0\r\n\r\n"))
}

/// Brings a head that has passed into the form in which it goes on.
fn in_one_form(buf: &mut BytesMut, head_end: usize) {
    if let Some(mut anew) = head::in_origin_form(buf.get(..head_end).unwrap_or_default()) {
        anew.extend_from_slice(buf.get(head_end..).unwrap_or_default());
        *buf = BytesMut::from(anew.as_slice());
    }
}

/// Checks the head, and what has come of a chunked body; gives the body that is to be watched.
fn check(buf: &[u8], head_end: usize) -> Result<Option<Chunks>, Problem> {
    let (head, behind) = buf.split_at_checked(head_end).unwrap_or_default();
    match head::check(head)? {
        Framing::Plain => Ok(None),
        Framing::Chunked => {
            let mut body = Chunks::default();
            body.take(behind).map_err(|_| Problem::MalformedRequest)?;
            Ok(Some(body))
        }
    }
}
