//! How does an HTTP/1 backend take part? Over a connection for one exchange at a time, whose answer is read as strictly as a request is.

use super::{Deaf, FromBackend};
use crate::proxy::connection_pool::idle::Kept;
use crate::proxy::connection_pool::mark::Mark;
use crate::proxy::heads::Body;
use crate::proxy::message::{AnswerHead, Places};
use crate::proxy::rewrite::Onward;
use crate::proxy::wire::{Framer, Refused, Wire};
use bytes::Bytes;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::head::AnswerFlaw;
use pulsegate_core::http::http1::answer;
use pulsegate_core::http::http1::body::Decoder;
use pulsegate_core::http::http1::flaw::Malformed;
use pulsegate_core::http::http1::framing::Framing;
use pulsegate_core::http::http1::{upgrade, write};
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::task::{Context, Poll, ready};

/// A connection for one exchange at a time.
#[derive(Debug)]
pub(in crate::proxy) struct H1Backend {
    wire: Box<Wire>,
    mark: Mark,
    /// It has carried an exchange before.
    reused: bool,
    /// Its client has authenticated itself over it.
    bound: bool,
    /// The request is a HEAD.
    to_head: bool,
    /// What it asks for by way of an upgrade.
    upgrade: Option<Box<str>>,
    /// Of the head of its answer, in bytes.
    limit: usize,
    /// It takes no more of the request.
    deaf: bool,
    answer: Answer,
    /// It says that this was the last one on its connection.
    closes: bool,
    flaw: Option<Malformed>,
}

/// How far the answer is.
#[derive(Debug)]
enum Answer {
    /// Of its head, so many bytes hold no end.
    Head {
        searched: usize,
    },
    Body(Decoder),
    /// What comes is another protocol's.
    Tunnel,
}

impl H1Backend {
    /// A new one. `limit`: of the head of its answer, in bytes.
    pub(in crate::proxy) fn new(wire: Box<Wire>, limit: usize, mark: Mark) -> Self {
        Self {
            wire,
            mark,
            reused: false,
            bound: false,
            to_head: false,
            upgrade: None,
            limit,
            deaf: false,
            answer: Answer::Head { searched: 0 },
            closes: false,
            flaw: None,
        }
    }

    /// One that has carried an exchange before; `bound`: its client has authenticated itself over it.
    pub(in crate::proxy) fn again(wire: Box<Wire>, limit: usize, bound: bool, mark: Mark) -> Self {
        Self { reused: true, bound, ..Self::new(wire, limit, mark) }
    }

    pub(super) fn is_bound(&self) -> bool {
        self.bound
    }

    pub(super) fn is_clear(&self) -> bool {
        self.deaf || self.wire.is_clear()
    }

    pub(super) fn flaw(&self) -> Option<Malformed> {
        self.flaw
    }

    // ---------------------------------------------------------- what it is told

    /// The head waits for the first bytes of the body, and leaves with them. `end`: there is no body.
    pub(super) fn send_head(&mut self, onward: &Onward<'_>, end: bool) -> Result<(), AttemptEnd> {
        self.to_head = onward.head.is_head();
        self.upgrade = onward.upgrade().map(Box::from);
        self.wire.frame(match onward.body {
            Body::None => Framer::Nothing,
            Body::Length(length) => Framer::Length(length),
            Body::Unsized => Framer::Chunked,
        });
        write_head(onward, self.wire.out());
        if end {
            self.wire.pass().map_err(|Refused| AttemptEnd::ResetBeforeHead { reused: self.reused })
        } else {
            Ok(())
        }
    }

    pub(super) fn offer(&mut self, chunk: Bytes) -> Result<(), Deaf> {
        Ok(self.wire.offer(chunk, false)?)
    }

    pub(super) fn finish(&mut self) -> Result<(), Deaf> {
        Ok(self.wire.offer(Bytes::new(), true)?)
    }

    /// From now on bytes travel as they come.
    pub(super) fn upgrade(&mut self) {
        self.wire.frame(Framer::ToTheEnd);
    }

    pub(super) fn end_direction(&mut self) -> Result<(), Deaf> {
        self.upgrade();
        Ok(self.wire.end_direction()?)
    }

    // ---------------------------------------------------------- what comes of it

    /// `read`: its answer, too.
    pub(super) fn poll_next(&mut self, read: bool, cx: &mut Context<'_>) -> Poll<FromBackend> {
        if !self.deaf
            && let Poll::Ready(passed) = self.wire.poll_pass(cx)
        {
            self.deaf = passed.is_err();
            return Poll::Ready(if self.deaf { FromBackend::Deaf } else { FromBackend::Taken });
        }
        match &mut self.answer {
            _ if !read => Poll::Pending,
            Answer::Head { .. } => self.poll_head(cx),
            Answer::Body(_) => self.poll_body(cx),
            Answer::Tunnel => self.poll_tunnel(cx),
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<FromBackend> {
        loop {
            if let Some(said) = self.take_head() {
                return Poll::Ready(said);
            }
            match ready!(self.wire.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => {
                    return Poll::Ready(FromBackend::Broke(AttemptEnd::ResetBeforeHead { reused: self.reused }));
                }
            }
        }
    }

    /// The next head, if all of it was read.
    fn take_head(&mut self) -> Option<FromBackend> {
        let Answer::Head { searched } = &mut self.answer else { return None };
        let mut spans = Places::default();
        let read = match answer::read(self.wire.inbox(), *searched, self.to_head, self.limit, &mut spans) {
            Ok(read) => read,
            Err(flaw) => return Some(self.refuse(flaw)),
        };
        let Some((read, end)) = read else {
            *searched = self.wire.inbox().len();
            return None;
        };
        self.answer = Answer::Head { searched: 0 };
        let head = AnswerHead::written(self.wire.take(end), spans, read);
        Some(match read.framing {
            // It is alive, and has our request: what ends now is no rest of an idle connection.
            _ if read.is_interim() => {
                self.reused = false;
                FromBackend::Interim(head)
            }
            Framing::Switched if !self.has_asked_for(&head) => FromBackend::Invalid,
            Framing::Switched => {
                self.answer = Answer::Tunnel;
                self.wire.frame(Framer::ToTheEnd);
                FromBackend::Head { head, end: false }
            }
            framing => {
                let mut body = Decoder::new();
                body.begin(framing);
                let end = body.is_over();
                (self.answer, self.closes) = (Answer::Body(body), !read.persists);
                FromBackend::Head { head, end }
            }
        })
    }

    fn has_asked_for(&self, switch: &AnswerHead) -> bool {
        self.upgrade.as_ref().is_some_and(|asked| upgrade::is_answered_by(asked.as_bytes(), switch.lines("upgrade")))
    }

    fn refuse(&mut self, flaw: AnswerFlaw) -> FromBackend {
        let (flaw, end) = match flaw {
            AnswerFlaw::Malformed => (Malformed::Head, AttemptEnd::InvalidResponse),
            AnswerFlaw::TooLarge => (Malformed::HeadTooLarge, AttemptEnd::HeadTooLarge),
        };
        self.flaw = Some(flaw);
        FromBackend::Broke(end)
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<FromBackend> {
        loop {
            let Answer::Body(body) = &mut self.answer else { return Poll::Pending };
            if !self.wire.inbox().is_empty() && !body.is_over() {
                let Ok(part) = body.take(self.wire.inbox()) else {
                    self.flaw = Some(Malformed::Body);
                    return Poll::Ready(FromBackend::BrokeOff);
                };
                self.wire.skip(part.data.start);
                let piece = self.wire.take(part.data.len());
                self.wire.skip(part.taken - part.data.end);
                if !piece.is_empty() || body.is_over() {
                    return Poll::Ready(FromBackend::Body(piece, body.is_over()));
                }
                continue;
            }
            if body.is_over() {
                return Poll::Ready(FromBackend::Body(Bytes::new(), true));
            }
            match ready!(self.wire.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) if body.is_whole_at_the_end() => {
                    self.closes = true;
                    return Poll::Ready(FromBackend::Body(Bytes::new(), true));
                }
                Ok(0) | Err(_) => return Poll::Ready(FromBackend::BrokeOff),
            }
        }
    }

    fn poll_tunnel(&mut self, cx: &mut Context<'_>) -> Poll<FromBackend> {
        if self.wire.inbox().is_empty() {
            match ready!(self.wire.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) => return Poll::Ready(FromBackend::Body(Bytes::new(), true)),
                Err(_) => return Poll::Ready(FromBackend::BrokeOff),
            }
        }
        let piece = self.wire.take(self.wire.inbox().len());
        Poll::Ready(FromBackend::Body(piece, false))
    }

    /// The connection, where both sides agree to go on and nothing is left on it.
    pub(in crate::proxy) fn rest(self) -> Option<Kept> {
        let over = matches!(&self.answer, Answer::Body(body) if body.is_over());
        if over && !self.closes && !self.deaf && self.wire.is_empty() && self.wire.inbox().is_empty() {
            return Some(Kept { wire: self.wire, mark: self.mark });
        }
        self.wire.say_goodbye();
        None
    }
}

fn write_head(onward: &Onward<'_>, out: &mut Vec<u8>) {
    let (path, query) = onward.target();
    write::request_line(out, onward.head.method().as_bytes(), &[path.as_bytes(), query.as_bytes()]);
    write::field(out, b"Host", &onward.host());
    onward.fields(out);
    if onward.body == Body::Unsized {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    // What is between this connection's ends (RFC 9110 §10.1.4, §7.8).
    if let Some(protocol) = onward.upgrade() {
        write::field(out, b"Upgrade", protocol.as_bytes());
        out.extend_from_slice(b"Connection: Upgrade\r\n");
    }
    if onward.says_te() {
        out.extend_from_slice(b"Connection: TE\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

impl From<Refused> for Deaf {
    fn from(_: Refused) -> Self {
        Self
    }
}
