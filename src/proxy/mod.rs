//! How does a request get its answer? One exchange: route, pick, attempt, retry, answer.
//!
//! A direct loop over pingora-core's HTTP sessions (not pingora-proxy's `ProxyHttp`): the per-try timer to the head, the total
//! deadline, client aborts and retries are ours to time, and it costs less. Every decision is a call into the domain.

use crate::control::Handle;
use crate::domain::plan::ListenerPlan;
use crate::telemetry::Telemetry;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::server::ReusableHttpStream;
use std::net::IpAddr;
use std::sync::Arc;

/// What the front knows of the connection that carries a request.
#[derive(Clone, Debug)]
pub struct ConnectionFacts {
    pub client: IpAddr,
    pub client_port: u16,
    pub listener: Arc<ListenerPlan>,
    pub tls: bool,
    /// The process is leaving: answer with `Connection: close`.
    pub closing: bool,
}

/// The data path on pingora-core's sessions, shared by all listeners.
#[derive(Debug)]
pub struct Proxy {}

impl Proxy {
    pub fn new(_handle: Handle, _telemetry: Arc<Telemetry>) -> Self {
        todo!()
    }

    /// Serves one request whose head is already read (`session.read_request()` was true). `Some`: the connection can carry another.
    pub async fn serve(&self, _session: ServerSession, _facts: &ConnectionFacts) -> Option<ReusableHttpStream> {
        todo!()
    }
}
