//! How does an HTTP/1 backend take part? Over pingora's session; its socket judges what comes on its bytes.

use super::{Deaf, FromBackend};
use crate::proxy::connection_pool::idle::Kept;
use crate::proxy::connection_pool::mark::Mark;
use crate::proxy::connection_pool::socket::BackendSocket;
use crate::proxy::{ends, heads};
use bytes::Bytes;
use http::header::{CONNECTION, TE, UPGRADE};
use http::{HeaderValue, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::v1::client::HttpSession;
use pulsegate_core::http::http1::persistence::persists;
use pulsegate_core::http::http1::upgrade;
use pulsegate_core::http::response_watch::Malformed;
use pulsegate_core::traffic::outcome::AttemptEnd;

/// A connection for one exchange at a time.
pub(in crate::proxy) struct H1Backend {
    session: HttpSession,
    reused: bool,
    /// The head of its answer has come.
    answers: bool,
    /// Its client has authenticated itself over it.
    bound: bool,
    /// It says that this was the last one on its connection.
    closes: bool,
    /// The protocols that it was asked for.
    upgrade: Option<HeaderValue>,
    mark: Mark,
}

impl H1Backend {
    /// A new one.
    pub(in crate::proxy) fn new(socket: Box<BackendSocket>, mark: Mark) -> Self {
        let session = HttpSession::new(socket);
        Self { session, reused: false, answers: false, bound: false, closes: false, upgrade: None, mark }
    }

    /// One that has carried an exchange before; `bound`: its client has authenticated itself over it.
    pub(in crate::proxy) fn again(socket: Box<BackendSocket>, bound: bool, mark: Mark) -> Self {
        Self { reused: true, bound, ..Self::new(socket, mark) }
    }

    pub(super) fn is_bound(&self) -> bool {
        self.bound
    }

    pub(super) async fn next(&mut self) -> FromBackend {
        match self.session.read_response_task().await {
            Ok(HttpTask::Header(head, end)) => self.judge(head, end),
            Ok(HttpTask::Body(chunk, end) | HttpTask::UpgradedBody(chunk, end)) => {
                FromBackend::Body(chunk.unwrap_or_default(), end)
            }
            Ok(HttpTask::Trailer(_) | HttpTask::Done) => FromBackend::Body(Bytes::new(), true),
            Ok(HttpTask::Failed(_)) | Err(_) if self.answers => FromBackend::BrokeOff,
            Ok(HttpTask::Failed(error)) | Err(error) => FromBackend::Broke(ends::before_head(&error, self.reused)),
        }
    }

    /// The socket has checked the head on its bytes; whether a switch is to a protocol that was asked for shows here.
    fn judge(&mut self, head: Box<ResponseHeader>, end: bool) -> FromBackend {
        let switches = head.status == 101;
        if head.status.is_informational() && !switches {
            // It is alive, and has our request: what ends now is no rest of an idle connection.
            self.reused = false;
            return FromBackend::Interim(head);
        }
        if switches && !self.has_asked_for(&head) {
            return FromBackend::Invalid;
        }
        self.answers = true;
        // pingora reads the first line only.
        self.closes = !persists(heads::lines(&head.headers, CONNECTION), head.version == Version::HTTP_10);
        FromBackend::Head { head, end }
    }

    fn has_asked_for(&self, switch: &ResponseHeader) -> bool {
        let said = heads::lines(&switch.headers, UPGRADE);
        self.upgrade.as_ref().is_some_and(|asked| upgrade::is_answered_by(asked.as_bytes(), said))
    }

    pub(super) async fn send_head(&mut self, mut head: Box<RequestHeader>) -> Result<(), AttemptEnd> {
        // It is between this connection's ends (RFC 9110 §10.1.4).
        if head.headers.contains_key(TE) {
            head.append_header(CONNECTION, "TE").map_err(|_| AttemptEnd::Ours)?;
        }
        self.upgrade = head.headers.get(UPGRADE).cloned();
        let sent = self.session.write_request_header(head).await;
        sent.map(drop).map_err(|error| ends::before_head(&error, self.reused))
    }

    pub(super) async fn offer(&mut self, chunk: &Bytes) -> Result<(), Deaf> {
        self.session.write_body(chunk).await.map(drop).map_err(|_| Deaf)
    }

    pub(super) async fn finish(&mut self) -> Result<(), Deaf> {
        self.session.finish_body().await.map(drop).map_err(|_| Deaf)
    }

    pub(super) fn flaw(&self) -> Option<Malformed> {
        BackendSocket::flaw(self.session.stream())
    }

    pub(super) fn upgrade(&mut self) {
        self.session.maybe_upgrade_body_writer();
    }

    pub(super) async fn end_direction(&mut self) -> Result<(), Deaf> {
        self.upgrade();
        BackendSocket::end_with_next_flush(self.session.stream());
        // Nothing, and a flush.
        self.offer(&Bytes::new()).await
    }

    /// The connection, where both sides agree to go on.
    pub(in crate::proxy) async fn rest(mut self) -> Option<Kept> {
        if self.closes {
            self.session.shutdown().await;
            return None;
        }
        self.session.respect_keepalive();
        let stream = self.session.reuse().await?;
        Some(Kept { stream, mark: self.mark })
    }
}
