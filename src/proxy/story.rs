//! What will be told of a request? Gathered while it lives, and handed to telemetry when it is over.

use super::asked::Asked;
use super::dialogue::Dialogue;
use super::{ConnectionFacts, Proxy, heads};
use crate::telemetry::{RequestRecord, Tries};
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::overhead::{Course, overhead};
use std::time::Duration;

/// What the record will say.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub backend: Option<Address>,
    pub status: u16,
    pub reason: Option<&'static str>,
    pub attempts: u32,
    pub tries: Tries,
    pub retry_stopped: Option<&'static str>,
    pub upstream_took: Option<Duration>,
    /// When the response's head was there to be sent.
    pub head_at: Option<Timestamp>,
    /// Spent in waiting for a backend that may be asked.
    pub queued: Duration,
    /// Spent in waiting for backends: to connect, and for the heads of their answers.
    pub upstream_wait: Duration,
    /// What we added ourselves, where a backend answered.
    pub overhead: Option<Duration>,
}

impl Story {
    /// A backend answered, and the client got the head of it.
    pub(super) fn answered(&mut self, status: Option<u16>, began: Timestamp) {
        self.status = status.unwrap_or_default();
        let (queued, upstream) = (self.queued, self.upstream_wait);
        self.overhead = self.head_at.map(|ready| overhead(&Course { began, ready, queued, upstream }));
    }

    pub(super) fn tell(
        &self,
        proxy: &Proxy,
        facts: &ConnectionFacts,
        asked: &Asked,
        dialogue: &Dialogue<'_>,
        began: Timestamp,
        (route, upstream): (Option<&str>, Option<&str>),
    ) {
        let client = &dialogue.client;
        let head = client.head();
        let trace = &asked.asker.trace;
        proxy.telemetry.request(&RequestRecord {
            request_id: asked.asker.request_id.as_bytes(),
            client: asked.asker.client,
            listener: &facts.listener.name,
            method: head.method(),
            host: &asked.target.host,
            path: &asked.target.path,
            query: &asked.target.query,
            headers: Some(head),
            protocol: client.protocol(),
            route,
            upstream,
            backend: self.backend.as_ref(),
            status: self.status,
            grpc_status: asked.call.and_then(|_| client.grpc_status()),
            reason: self.reason,
            attempts: self.attempts,
            tries: &self.tries,
            retry_stopped: self.retry_stopped,
            bytes_in: client.bytes_in(),
            bytes_out: client.bytes_out(),
            tls: facts.tls,
            began,
            took: proxy.clock().now_anew().since(began),
            head_took: self.head_at.map(|at| at.since(began)),
            queued: self.queued,
            upstream_took: self.upstream_took,
            overhead: self.overhead,
            stalled: dialogue.stalled,
            trace_id: match trace {
                Some(trace) => Some(trace.told.trace),
                None => heads::trace_parent(head).map(|parent| parent.trace),
            },
            trace: trace.as_ref().filter(|trace| trace.is_recorded()),
        });
    }
}
