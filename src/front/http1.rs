//! What happens on an HTTP/1 connection? Head after head, each bounded and read strictly, then handed to the proxy.
//!
//! Whatever follows the head stays with its connection and is never lost or read twice.

use super::connection::Connection;
use super::head::{HeadBounds, HeadEnd, first_bytes, poll_first_bytes, read_head};
use super::refuse::refuse;
use super::{Stage, http2};
use crate::proxy::Served;
use crate::proxy::downstream::{ClientSide, H1Client};
use crate::proxy::message::{Places, RequestHead};
use crate::proxy::wire::{Socket, Wire};
use crate::tls::HTTP2;
use pulsegate_core::http::chunks::MalformedBody;
use pulsegate_core::http::http1::body;
use pulsegate_core::http::http1::request;
use pulsegate_core::http::problem::Problem;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::ReusableBoxFuture;

/// A client that has just connected when the process leaves gets this long to send its request.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// How long the goodbye of TLS may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves the connection to its end; to HTTP/2, where that is what the client speaks.
pub(super) async fn serve(mut connection: Box<Connection>, socket: Socket) {
    let agreed = socket.agreed() == Some(HTTP2);
    let mut wire = Wire::new(socket);
    if agreed {
        return Box::pin(http2::serve(connection, wire)).await;
    }
    let clock = connection.front.proxy.clock();
    // Asked for once, and not for every request.
    let mut goes = pin!(told_to_go(connection.stage.clone(), connection.listener.closed.subscribe()));
    let (mut served, mut is_told) = (0, false);
    loop {
        let limits = &connection.look().limits;
        let patience = if served == 0 { limits.head_timeout } else { limits.keepalive_timeout };
        let until = clock.instant(clock.now() + patience);
        let begun = poll_fn(|cx| match poll_first_bytes(&mut wire, until, cx) {
            Poll::Pending if !is_told => {
                is_told = goes.as_mut().poll(cx).is_ready();
                if is_told { Poll::Ready(None) } else { Poll::Pending }
            }
            begun => begun.map(Some),
        });
        let begun = match begun.await {
            Some(begun) => begun,
            None => {
                let last_chance = if served == 0 { LAST_CHANCE } else { Duration::ZERO };
                first_bytes(&mut wire, clock.instant(clock.now() + last_chance)).await
            }
        };
        if !begun {
            return goodbye(&mut wire).await;
        }
        let plan = connection.look();
        let until = clock.instant(clock.now() + plan.limits.head_timeout);
        let bounds = HeadBounds { bytes: plan.limits.head_bytes, until };
        let may_be_http2 = served == 0 && plan.http2;
        let read = read_head(&mut wire, bounds).await;
        if may_be_http2 && is_preface(wire.inbox(), &read) {
            return Box::pin(http2::serve(connection, wire)).await;
        }
        let rested = in_room(Busy { connection, wire, served }, read).await;
        let Some(rested) = rested else { return };
        Busy { connection, wire, served } = rested;
    }
}

/// A connection that carries requests.
struct Busy {
    connection: Box<Connection>,
    wire: Box<Wire>,
    /// So many requests.
    served: u32,
}

type Room = ReusableBoxFuture<'static, Option<Busy>>;

thread_local! {
    /// Where requests of this thread were served, for the next ones.
    static ROOMS: RefCell<Vec<Room>> = const { RefCell::new(Vec::new()) };
}

/// What a thread keeps at most.
const ROOMS_KEPT: usize = 64;
/// How long a connection keeps its room for a next request: to get it is to move some kilobytes.
const SOON: Duration = Duration::from_millis(250);

/// Serves requests in room of their own, so that a connection that rests has none of it, and one that is busy asks nobody for it.
async fn in_room(busy: Busy, read: HeadEnd) -> Option<Busy> {
    let requests = requests(busy, read);
    let mut room = match ROOMS.with_borrow_mut(Vec::pop) {
        Some(mut room) => {
            room.set(requests);
            room
        }
        None => ReusableBoxFuture::new(requests),
    };
    let rests = (&mut room).await;
    ROOMS.with_borrow_mut(|rooms| {
        if rooms.len() < ROOMS_KEPT {
            rooms.push(room);
        }
    });
    rests
}

/// One request after the other, as long as they come soon. `None`: the connection has ended.
async fn requests(busy: Busy, mut read: HeadEnd) -> Option<Busy> {
    let Busy { mut connection, mut wire, mut served } = busy;
    let clock = connection.front.proxy.clock();
    loop {
        connection.begin(served);
        wire = match one_request(&connection, wire, read).await {
            Served::Again(same) => same,
            Served::Closed | Served::Left | Served::Leaves | Served::Broken(_) => return None,
        };
        served += 1;
        if !first_bytes(&mut wire, clock.instant(clock.now() + SOON)).await {
            return Some(Busy { connection, wire, served });
        }
        let limits = &connection.look().limits;
        let until = clock.instant(clock.now() + limits.head_timeout);
        read = read_head(&mut wire, HeadBounds { bytes: limits.head_bytes, until }).await;
    }
}

/// Returns when connections that rest are to end: the process leaves, or this listener closes.
async fn told_to_go(mut stage: watch::Receiver<Stage>, mut closed: watch::Receiver<bool>) {
    tokio::select! {
        _ = stage.wait_for(|stage| *stage >= Stage::Closing) => {}
        _ = closed.wait_for(|closed| *closed) => {}
    }
}

/// A client that reads to the end is told in TLS that this is it; without, the answers could be taken for cut.
async fn goodbye(wire: &mut Wire) {
    if wire.socket().is_tls() {
        let _ = timeout(GOODBYE, poll_fn(|cx| wire.poll_end(cx))).await;
    }
}

async fn one_request(connection: &Connection, mut wire: Box<Wire>, read: HeadEnd) -> Served {
    let to_head = wire.inbox().starts_with(b"HEAD ");
    let head = match read {
        HeadEnd::Complete(end) => take_head(&mut wire, end),
        HeadEnd::Idle => return Served::Closed,
        HeadEnd::Truncated => {
            connection.count_refusal("head_truncated");
            return Served::Closed;
        }
        HeadEnd::TooSlow => Err(Problem::RequestTimeout),
        HeadEnd::TooLarge(problem) => Err(problem),
    };
    match head {
        Ok(head) => {
            let facts = &connection.facts;
            let mut client = ClientSide::H1(H1Client::new(wire, head, facts.listener.half_closed_clients));
            let fate = connection.front.proxy.serve(&mut client, facts).await;
            match client.end_at_once(fate) {
                Ok(served) => served,
                Err(client) => client.end(fate).await,
            }
        }
        Err(problem) => {
            connection.count_refusal(problem.reason());
            refuse(wire.into_parts().0, problem, to_head).await;
            Served::Closed
        }
    }
}

/// The first line of HTTP/2's preface looks like a head (RFC 9113 §3.4), so nobody waits for a byte more than a head needs.
fn is_preface(buf: &[u8], read: &HeadEnd) -> bool {
    matches!(read, HeadEnd::Complete(end) if buf.get(..*end) == Some(b"PRI * HTTP/2.0\r\n\r\n"))
}

/// Reads the head of so many bytes, in the form in which it goes on. What of its body is there already must be one: nobody is asked for the sake of
/// a client that cannot say where it ends.
fn take_head(wire: &mut Wire, end: usize) -> Result<RequestHead, Problem> {
    let mut spans = Places::default();
    let (head, behind) = wire.inbox().split_at(end);
    let read = request::read(head, &mut spans)?;
    body::look(read.head.framing, behind).map_err(|MalformedBody| Problem::MalformedRequest)?;
    let head = RequestHead::written(read.anew.as_deref().unwrap_or(head), spans, read.head);
    wire.skip(end);
    Ok(head)
}
