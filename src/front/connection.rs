//! What does a connection know that serves requests? Who it is from, what its listener allows, and where the process is in leaving.

use super::listener::Listener;
use super::{Front, Stage};
use crate::proxy::{ConnectionFacts, Private, Worker};
use crate::tls::ClientCertificate;
use pulsegate_core::base::own::Own;
use pulsegate_core::http::proxy_protocol::Ends;
use pulsegate_core::plan::ListenerPlan;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

pub(super) struct Connection {
    pub front: Arc<Front>,
    /// On which all of it happens.
    pub worker: Arc<Worker>,
    pub listener: Arc<Listener>,
    /// What its listener allowed when that was last looked at.
    pub allowed: Own<ListenerPlan>,
    /// From the client to us, as the sockets have it or the proxy in front says.
    pub ends: Ends,
    pub tls: bool,
    pub certificate: Option<Arc<ClientCertificate>>,
    pub stage: watch::Receiver<Stage>,
    pub private: Arc<Private>,
}

impl Connection {
    /// What its listener allows now.
    pub(super) fn plan(&mut self) -> Own<ListenerPlan> {
        let terms = self.listener.terms.load();
        if !self.allowed.is(&terms.plan) {
            self.allowed = Arc::clone(&terms.plan).into();
        }
        self.allowed.clone()
    }

    pub(super) fn facts(&self, plan: &Own<ListenerPlan>, served: u32) -> ConnectionFacts {
        let limit = plan.limits.keepalive_requests;
        let last_of_connection = limit > 0 && served + 1 >= limit;
        ConnectionFacts {
            client: self.client(),
            ends: self.ends,
            worker: Arc::clone(&self.worker),
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
