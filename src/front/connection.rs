//! What happens on one connection? Head after head, each bounded and checked, then handed to the proxy.
//!
//! The invariant: pingora only ever sees a head that the strict check accepted, and sees it whole, so it never waits for
//! one. Whatever follows the head in the buffer travels with it and is never lost or read twice; a chunked body is watched to
//! its end.

use super::head::{HeadBounds, HeadEnd, first_bytes, read_head};
use super::listener::Listener;
use super::refuse::refuse;
use super::socket::ClientSocket;
use super::{Front, Stage, http2};
use crate::proxy::downstream::{ClientSide, H1Client};
use crate::proxy::{ConnectionFacts, Private, Served};
use crate::tls::ClientCertificate;
use bytes::BytesMut;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pulsegate_core::http::chunks::Chunks;
use pulsegate_core::http::head::{self, Framing};
use pulsegate_core::http::problem::Problem;
use pulsegate_core::http::proxy_protocol::Ends;
use pulsegate_core::plan::ListenerPlan;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A client that has just connected when the process leaves gets this long to send its request.
const LAST_CHANCE: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    pub front: Arc<Front>,
    pub listener: Listener,
    /// From the client to us, as the sockets have it or the proxy in front says.
    pub ends: Ends,
    pub tls: bool,
    pub certificate: Option<Arc<ClientCertificate>>,
    pub stage: watch::Receiver<Stage>,
    pub private: Arc<Private>,
}

impl Connection {
    pub(super) async fn serve(mut self, socket: ClientSocket) {
        let mut socket = Box::new(socket);
        let mut buf = BytesMut::new();
        if socket.speaks_http2() {
            return http2::serve(self, socket, buf).await;
        }
        let mut served = 0;
        loop {
            let plan = self.listener.terms.load().plan.clone();
            if !self.next_request_begins(&mut socket, &mut buf, &plan, served).await {
                return;
            }
            let bounds = HeadBounds { bytes: plan.limits.head_bytes, time: plan.limits.head_timeout };
            let read = read_head(socket.as_mut(), &mut buf, bounds).await;
            if served == 0 && plan.http2 && is_preface(&buf, &read) {
                return http2::serve(self, socket, buf).await;
            }
            let (stream, pipelined) = match self.one_request(socket, buf, read, &plan, served).await {
                Served::Again(reusable) => reusable.into_parts(),
                Served::Reset(stream) => return reset(stream),
                Served::Closed | Served::Left => return,
            };
            let Ok(same) = stream.into_any().downcast::<ClientSocket>() else { return };
            (socket, buf) = (same, pipelined.unwrap_or_default());
            served += 1;
        }
    }

    /// Waits for the first byte of a request: as long as keep-alive allows, and only briefly once the process leaves.
    async fn next_request_begins(
        &mut self,
        socket: &mut ClientSocket,
        buf: &mut BytesMut,
        plan: &ListenerPlan,
        served: u32,
    ) -> bool {
        let patience = if served == 0 { plan.limits.head_timeout } else { plan.limits.keepalive_timeout };
        let mut closed = self.listener.closed.subscribe();
        tokio::select! {
            biased;
            begun = first_bytes(socket, buf, patience) => return begun,
            _ = self.stage.wait_for(|stage| *stage >= Stage::Closing) => {}
            _ = closed.wait_for(|closed| *closed) => {}
        }
        let last_chance = if served == 0 { LAST_CHANCE } else { Duration::ZERO };
        first_bytes(socket, buf, last_chance).await
    }

    async fn one_request(
        &self,
        mut socket: Box<ClientSocket>,
        buf: BytesMut,
        read: HeadEnd,
        plan: &Arc<ListenerPlan>,
        served: u32,
    ) -> Served {
        let checked = match read {
            HeadEnd::Complete(end) => check(&buf, end),
            HeadEnd::Idle => return Served::Closed,
            HeadEnd::Truncated => {
                self.count_refusal(plan, "head_truncated");
                return Served::Closed;
            }
            HeadEnd::TooSlow => Err(Problem::RequestTimeout),
            HeadEnd::TooLarge { in_request_line: true } => Err(Problem::TargetTooLong),
            HeadEnd::TooLarge { in_request_line: false } => Err(Problem::HeadTooLarge),
        };
        match checked {
            Ok(body) => socket.watch(body),
            Err(problem) => {
                self.count_refusal(plan, problem.reason());
                refuse(socket, problem).await;
                return Served::Closed;
            }
        }

        let mut session = ServerSession::new_http1(socket);
        session.set_pipelining_enabled(true);
        // The relay and the drain have bounds of their own; pingora's would cut quiet tunnels and uploads after a minute.
        session.set_read_timeout(None);
        session.set_pipelined_prefix(buf);
        match session.read_request().await {
            Ok(true) => {
                let client = ClientSide::H1(Box::new(H1Client::new(session)));
                self.front.proxy.serve(client, &self.facts(plan, served)).await
            }
            _ => {
                // Our check is stricter than pingora's parser; should they ever disagree, nobody is asked on behalf of this client.
                self.count_refusal(plan, "bad_request");
                if let ServerSession::H1(session) = session {
                    refuse(session.into_inner(), Problem::MalformedRequest).await;
                }
                Served::Closed
            }
        }
    }

    pub(super) fn facts(&self, plan: &Arc<ListenerPlan>, served: u32) -> ConnectionFacts {
        let limit = plan.limits.keepalive_requests;
        let last_of_connection = limit > 0 && served + 1 >= limit;
        ConnectionFacts {
            client: self.client(),
            ends: self.ends,
            private: self.private.clone(),
            listener: plan.clone(),
            tls: self.tls,
            certificate: self.certificate.clone(),
            closing: last_of_connection || *self.stage.borrow() > Stage::Serving || *self.listener.closed.borrow(),
        }
    }

    pub(super) fn count_refusal(&self, plan: &ListenerPlan, reason: &'static str) {
        self.front.telemetry.refused(&plan.name, self.client(), reason);
    }

    fn client(&self) -> IpAddr {
        self.ends.source.ip().to_canonical()
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
