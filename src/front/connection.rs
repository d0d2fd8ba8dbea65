//! What does a connection know that serves requests? Who it is from, what its listener allows, and where the process is in leaving.

use super::leaving::Ear;
use super::listener::Listener;
use super::{Front, Stage};
use crate::proxy::{ConnectionFacts, Worker};
use pulsegate_core::base::own::Own;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::ListenerPlan;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

pub(super) struct Connection {
    pub front: Arc<Front>,
    pub listener: Arc<Listener>,
    pub ear: Ear,
    /// What its requests know of it, with what its listener allowed when that was last looked at.
    pub facts: ConnectionFacts,
}

impl Connection {
    /// What its listener allows now.
    pub(super) fn look(&mut self) -> &Own<ListenerPlan> {
        let terms = self.listener.terms.load();
        if !self.facts.listener.is(&terms.plan) {
            self.facts.listener = Arc::clone(&terms.plan).into();
        }
        &self.facts.listener
    }

    /// Another request comes over it, the last one where it is leaving.
    pub(super) fn begin(&mut self, served: u32) {
        let limit = self.facts.listener.limits.keepalive_requests;
        let last_of_connection = limit > 0 && served + 1 >= limit;
        self.facts.closing = last_of_connection || self.ear.heard(Stage::Announcing);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.front.proxy.clock().now()
    }

    /// As the runtime has it.
    pub(super) fn instant(&self, at: Timestamp) -> Instant {
        self.front.proxy.clock().instant(at)
    }

    /// So long from now.
    pub(super) fn after(&self, span: Duration) -> Instant {
        self.instant(self.now() + span)
    }

    /// On which all of it happens.
    pub(super) fn worker(&self) -> &Arc<Worker> {
        &self.facts.worker
    }

    pub(super) fn count_refusal(&self, reason: &'static str) {
        self.front.telemetry.refused(&self.facts.listener.name, self.client(), reason);
    }

    fn client(&self) -> IpAddr {
        self.facts.client.ip()
    }
}
