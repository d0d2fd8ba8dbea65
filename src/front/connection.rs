//! What happens on one connection? Head after head, each bounded and checked, then handed to the proxy.
//!
//! The invariant: pingora only ever sees a head that the strict check accepted, and sees it whole, so it never waits for
//! one. Whatever follows the head in the buffer travels with it and is never lost or read twice.

use super::head::{HeadBounds, HeadEnd, first_bytes, read_head};
use super::listener::Listener;
use super::refuse::refuse;
use super::socket::ClientSocket;
use super::{Front, Stage};
use crate::domain::head;
use crate::domain::plan::ListenerPlan;
use crate::domain::problem::Problem;
use crate::proxy::ConnectionFacts;
use bytes::BytesMut;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A client that has just connected when the process leaves gets this long to send its request.
const LAST_CHANCE: Duration = Duration::from_secs(1);

pub(super) struct Connection<'a> {
    pub front: &'a Front,
    pub listener: &'a Listener,
    pub peer: SocketAddr,
    pub tls: bool,
    pub stage: watch::Receiver<Stage>,
}

impl Connection<'_> {
    pub(super) async fn serve(mut self, socket: ClientSocket) {
        let mut stream: Stream = Box::new(socket);
        let mut buf = BytesMut::new();
        let mut served = 0;
        loop {
            let plan = self.listener.terms.load().plan.clone();
            if !self.next_request_begins(&mut stream, &mut buf, &plan, served).await {
                return;
            }
            let Some(reusable) = self.one_request(stream, buf, &plan, served).await else { return };
            let (next_stream, pipelined) = reusable.into_parts();
            (stream, buf) = (next_stream, pipelined.unwrap_or_default());
            served += 1;
        }
    }

    /// Waits for the first byte of a request: as long as keep-alive allows, and only briefly once the process leaves.
    async fn next_request_begins(
        &mut self,
        stream: &mut Stream,
        buf: &mut BytesMut,
        plan: &ListenerPlan,
        served: u32,
    ) -> bool {
        let patience = if served == 0 { plan.limits.head_timeout } else { plan.limits.keepalive_timeout };
        tokio::select! {
            biased;
            begun = first_bytes(stream, buf, patience) => return begun,
            _ = self.stage.wait_for(|stage| *stage >= Stage::Closing) => {}
        }
        let last_chance = if served == 0 { LAST_CHANCE } else { Duration::ZERO };
        first_bytes(stream, buf, last_chance).await
    }

    async fn one_request(
        &self,
        mut stream: Stream,
        mut buf: BytesMut,
        plan: &Arc<ListenerPlan>,
        served: u32,
    ) -> Option<pingora::protocols::http::server::ReusableHttpStream> {
        let bounds = HeadBounds { bytes: plan.limits.head_bytes, time: plan.limits.head_timeout };
        let checked = match read_head(&mut stream, &mut buf, bounds).await {
            HeadEnd::Complete(end) => head::check(buf.get(..end).unwrap_or_default()),
            HeadEnd::Idle => return None,
            HeadEnd::Truncated => {
                self.count_refusal(plan, "head_truncated");
                return None;
            }
            HeadEnd::TooSlow => Err(Problem::RequestTimeout),
            HeadEnd::TooLarge { in_request_line: true } => Err(Problem::TargetTooLong),
            HeadEnd::TooLarge { in_request_line: false } => Err(Problem::HeadTooLarge),
        };
        if let Err(problem) = checked {
            self.count_refusal(plan, problem.reason());
            refuse(&mut stream, problem).await;
            return None;
        }

        let mut session = ServerSession::new_http1(stream);
        session.set_pipelining_enabled(true);
        session.set_pipelined_prefix(buf);
        match session.read_request().await {
            Ok(true) => self.front.proxy.serve(session, &self.facts(plan, served)).await,
            _ => {
                // Our check is stricter than pingora's parser; should they ever disagree, nobody is asked on behalf of this client.
                self.count_refusal(plan, "bad_request");
                None
            }
        }
    }

    fn facts(&self, plan: &Arc<ListenerPlan>, served: u32) -> ConnectionFacts {
        let limit = plan.limits.keepalive_requests;
        let last_of_connection = limit > 0 && served + 1 >= limit;
        ConnectionFacts {
            client: self.peer.ip().to_canonical(),
            client_port: self.peer.port(),
            listener: plan.clone(),
            tls: self.tls,
            closing: last_of_connection || *self.stage.borrow() > Stage::Serving,
        }
    }

    fn count_refusal(&self, plan: &ListenerPlan, reason: &'static str) {
        self.front.telemetry.refused(&plan.name, self.peer.ip().to_canonical(), reason);
    }
}
