//! What happens on an HTTP/1 connection? Head after head, each bounded and read strictly, then handed to the proxy.
//!
//! Whatever follows the head stays with its connection and is never lost or read twice.

use super::connection::Connection;
use super::head::{HeadBounds, HeadEnd, poll_first_bytes, read_head};
use super::refuse::refuse;
use super::rooms::{Rooms, visit};
use super::{Stage, http2};
use crate::proxy::Served;
use crate::proxy::downstream::{ClientSide, H1Client};
use crate::proxy::message::{Places, RequestHead};
use crate::proxy::wire::Wire;
use crate::tls::HTTP2;
use pulsegate_core::http::chunks::MalformedBody;
use pulsegate_core::http::http1::body;
use pulsegate_core::http::http1::request;
use pulsegate_core::http::problem::Problem;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

/// A client that has just connected when the process leaves gets this long to send its request.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// One that has just had an answer gets this long from then on.
const NEXT_CHANCE: Duration = Duration::from_millis(250);
/// How long the goodbye of TLS may take.
const GOODBYE: Duration = Duration::from_secs(1);

thread_local! {
    static ROOMS: Rooms<Guest, Left> = const { Rooms::new() };
}

/// Serves the connection to its end; to HTTP/2, where that is what the client speaks.
pub(super) async fn serve(connection: Box<Connection>, wire: Box<Wire>) {
    if wire.socket().agreed() == Some(HTTP2) {
        return Box::pin(http2::serve(connection, wire)).await;
    }
    let (mut busy, mut read) = (Busy { connection, wire, served: 0 }, None);
    loop {
        if read.is_none() && !busy.is_asked().await {
            return Box::pin(goodbye(busy.wire)).await;
        }
        let Some((left, next)) = visit(&ROOMS, requests, Guest { busy, read: read.take() }).await else { return };
        busy = left;
        match next {
            Next::Rests => {}
            Next::Refused(problem) => return Box::pin(busy.refuse(problem)).await,
            Next::Reads => match busy.read().await {
                HeadEnd::Complete(end) if busy.asks_for_http2(end) => {
                    return Box::pin(http2::serve(busy.connection, busy.wire)).await;
                }
                HeadEnd::Complete(end) => read = Some(end),
                HeadEnd::Idle => return,
                HeadEnd::Truncated => return busy.connection.count_refusal("head_truncated"),
                HeadEnd::TooSlow => return Box::pin(busy.refuse(Problem::RequestTimeout)).await,
                HeadEnd::TooLarge(problem) => return Box::pin(busy.refuse(problem)).await,
            },
        }
    }
}

/// A connection that carries requests.
struct Busy {
    connection: Box<Connection>,
    wire: Box<Wire>,
    /// So many requests.
    served: u32,
}

/// A connection of which something has come.
struct Guest {
    busy: Busy,
    /// The length of its head, where it took more than a look to find it.
    read: Option<usize>,
}

/// What a connection does when it has been served.
enum Next {
    /// Nothing of another request is there.
    Rests,
    /// Something is, and it is not plainly a head.
    Reads,
    /// What was read is no head that could be served.
    Refused(Problem),
}

/// `None`: it has ended.
type Left = Option<(Busy, Next)>;

impl Busy {
    /// Waits for the next request's first bytes. False: there will be none.
    async fn is_asked(&mut self) -> bool {
        let Self { connection, wire, served } = self;
        let limits = &connection.look().limits;
        let patience = if *served == 0 { limits.head_timeout } else { limits.keepalive_timeout };
        let rests = connection.now();
        let (mut until, mut is_told) = (connection.instant(rests + patience), false);
        poll_fn(|cx| {
            loop {
                match poll_first_bytes(wire, until, cx) {
                    Poll::Pending if !is_told && connection.ear.poll(Stage::Closing, cx).is_ready() => {
                        is_told = true;
                        let has_come = *served == 0;
                        until = if has_come {
                            connection.after(LAST_CHANCE)
                        } else {
                            connection.instant(rests + NEXT_CHANCE)
                        };
                    }
                    asked => return asked,
                }
            }
        })
        .await
    }

    async fn read(&mut self) -> HeadEnd {
        let limits = &self.connection.facts.listener.limits;
        let bounds = HeadBounds { bytes: limits.head_bytes, until: self.connection.after(limits.head_timeout) };
        read_head(&mut self.wire, bounds).await
    }

    /// The first line of HTTP/2's preface looks like a head (RFC 9113 §3.4), so nobody waits for a byte more than a head needs.
    fn asks_for_http2(&self, end: usize) -> bool {
        let may_ask = self.served == 0 && self.connection.facts.listener.http2;
        may_ask && self.wire.inbox().get(..end) == Some(b"PRI * HTTP/2.0\r\n\r\n")
    }

    async fn refuse(self, problem: Problem) {
        self.connection.count_refusal(problem.reason());
        let to_head = self.wire.inbox().starts_with(b"HEAD ");
        refuse(self.wire.into_parts().0, problem, to_head).await;
    }
}

/// One request after the other, as long as they are there.
async fn requests(guest: Guest) -> Left {
    let Guest { busy: Busy { mut connection, mut wire, mut served }, mut read } = guest;
    loop {
        let head = match read.take() {
            Some(end) => match take_head(&mut wire, end) {
                Ok(head) => head,
                Err(problem) => return Some((Busy { connection, wire, served }, Next::Refused(problem))),
            },
            None => match take_plain_head(&mut wire, connection.look().limits.head_bytes) {
                Some(head) => head,
                None => return Some((Busy { connection, wire, served }, Next::Reads)),
            },
        };
        connection.begin(served);
        let facts = &connection.facts;
        let mut client = ClientSide::H1(H1Client::new(wire, head, facts.listener.half_closed_clients));
        let fate = connection.front.proxy.serve(&mut client, facts).await;
        let served_so = match client.end_at_once(fate) {
            Ok(served_so) => served_so,
            // Rare, and as large as the client: room for it is not kept with every room.
            Err(client) => Box::pin(client.end(fate)).await,
        };
        wire = match served_so {
            Served::Again(same) => same,
            Served::Closed | Served::Left | Served::Leaves | Served::Broken(_) => return None,
        };
        served += 1;
        if wire.inbox().is_empty() {
            return Some((Busy { connection, wire, served }, Next::Rests));
        }
    }
}

/// The head at the start of what has come, in the form in which it goes on; read in one walk, as nearly all can be that came in one piece. `None`: it is
/// not whole, or to be refused, and nothing is taken.
fn take_plain_head(wire: &mut Wire, limit: usize) -> Option<RequestHead> {
    let mut spans = Places::default();
    let read = request::read_start(wire.inbox(), &mut spans).filter(|read| read.length <= limit)?;
    let (head, behind) = wire.inbox().split_at_checked(read.length)?;
    body::look(read.head.framing, behind).ok()?;
    let head = RequestHead::written(read.anew.as_deref().unwrap_or(head), spans, read.head);
    wire.skip(read.length);
    Some(head)
}

/// The head of so many bytes, as it was found by looking for its end. What of its body is there already must be one: nobody is asked for the sake of
/// a client that cannot say where it ends.
fn take_head(wire: &mut Wire, end: usize) -> Result<RequestHead, Problem> {
    let mut spans = Places::default();
    let (head, behind) = wire.inbox().split_at_checked(end).ok_or(Problem::MalformedRequest)?;
    let read = request::read(head, &mut spans)?;
    body::look(read.head.framing, behind).map_err(|MalformedBody| Problem::MalformedRequest)?;
    let head = RequestHead::written(read.anew.as_deref().unwrap_or(head), spans, read.head);
    wire.skip(end);
    Ok(head)
}

/// A client that reads to the end is told in TLS that this is it; without, the answers could be taken for cut.
async fn goodbye(mut wire: Box<Wire>) {
    if wire.socket().is_tls() {
        let _ = timeout(GOODBYE, poll_fn(|cx| wire.poll_end(cx))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::wire::{Socket, Transport};
    use pulsegate_core::http::fields::Fields;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    async fn wire(text: &str) -> (Box<Wire>, UnixStream) {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut wire = Wire::new(Socket::Plain(Transport::Unix(near)));
        far.write_all(text.as_bytes()).await.unwrap();
        assert_eq!(poll_fn(|cx| wire.poll_fill(cx)).await.unwrap(), text.len());
        (wire, far)
    }

    fn told(head: &RequestHead) -> (String, Vec<Vec<u8>>) {
        (format!("{} {:?}", head.method(), head.target()), head.lines("x").map(Vec::from).collect())
    }

    #[tokio::test]
    async fn a_head_that_is_plainly_one_is_taken_as_behind_a_look_for_its_end() {
        for (head, behind) in [
            ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nx:2\r\n\r\n", "GET"),
            ("GET http://a/{} HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", ""),
            ("POST /?a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\n"),
        ] {
            let text = format!("{head}{behind}");
            let ((mut one, _one), (mut other, _other)) = (wire(&text).await, wire(&text).await);
            let plain = take_plain_head(&mut one, head.len()).unwrap();
            let found = take_head(&mut other, head.len()).unwrap();
            assert_eq!((told(&plain), plain.read()), (told(&found), found.read()));
            assert_eq!((one.inbox(), other.inbox()), (behind.as_bytes(), behind.as_bytes()));
        }
    }

    #[tokio::test]
    async fn any_other_is_left_where_it_is() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nX\r\n";
        for (text, limit) in [
            (head, head.len() - 1),
            (head.strip_suffix("\n").unwrap(), 1000),
            (&format!("\r\n{head}"), 1000),
            ("GET / HTTP/1.1\r\n\r\n", 1000),
            ("PRI * HTTP/2.0\r\n\r\n", 1000),
            (chunked, 1000),
        ] {
            let (mut wire, _far) = wire(text).await;
            assert!(take_plain_head(&mut wire, limit).is_none(), "{text:?}");
            assert_eq!(wire.inbox(), text.as_bytes());
        }
    }
}
