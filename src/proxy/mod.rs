//! How does a request get its answer? One exchange: route, pick, attempt, retry, answer.
//!
//! The per-try timer to the head, the total deadline, client aborts and retries are timed here. Every decision is the core's.

mod admission;
mod answer;
mod asked;
mod backend;
mod connection_pool;
pub mod date;
mod dialogue;
pub mod downstream;
mod ends;
mod exchange;
mod forward;
mod heads;
pub mod linger;
pub mod message;
mod outbox;
mod passage;
mod rate_limit;
mod relay;
mod replay;
mod request_id;
mod rewrite;
mod spare;
mod story;
mod target;
mod text;
mod websocket;
pub mod wire;
mod worker;

pub use crate::proxy::connection_pool::idle::Places;
pub use crate::proxy::connection_pool::private::Private;
pub use request_id::RequestId;
pub use worker::Worker;

use crate::clock::Clock;
use crate::control::Handle;
use crate::proxy::connection_pool::idle::Common;
use crate::proxy::downstream::{BrokenStream, ClientSide, Fate};
use crate::telemetry::Traffic;
use crate::tls::{ClientCertificate, ClientConfigs};
use backend::Shared;
use exchange::Exchange;
use pulsegate_core::base::ip_text::WrittenIp;
use pulsegate_core::base::own::Own;
use pulsegate_core::http::proxy_protocol::Ends;
use pulsegate_core::plan::ListenerPlan;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle as Runtime;
use tokio::time::sleep;
use wire::Wire;

/// What the front knows of the connection that carries a request.
#[derive(Clone, Debug)]
pub struct ConnectionFacts {
    pub client: WrittenIp,
    /// From the client to us.
    pub ends: Ends,
    /// On which all of it happens.
    pub worker: Arc<Worker>,
    /// Connections to backends that nobody else may use.
    pub private: Arc<Private>,
    pub listener: Own<ListenerPlan>,
    pub tls: bool,
    /// The client's, verified; `None` where it showed none or was not asked.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// The process is leaving: answer with `Connection: close`.
    pub closing: bool,
}

impl ConnectionFacts {
    /// The listener asks for certificates itself: nobody else speaks of them.
    fn asks_for_certificates(&self) -> bool {
        self.listener.tls.as_ref().is_some_and(|tls| tls.client_auth.is_some())
    }
}

/// How often idle connections are looked at.
const SWEEP: Duration = Duration::from_secs(5);

/// What became of the client's connection.
#[derive(Debug)]
pub enum Served {
    /// It can carry another request.
    Again(Box<Wire>),
    Closed,
    /// The client took its request back (HTTP/2).
    Left,
    /// The answer of a stream broke off (HTTP/2), and that must be told behind what was written of it.
    Broken(BrokenStream),
    /// Its other streams go on, and no new one should come (HTTP/2): the client owes the rest of a request.
    Leaves,
}

/// The data path, shared by all listeners.
pub struct Proxy {
    handle: Handle,
    telemetry: Arc<Traffic>,
    /// Of upstreams whose connections are limited; those of all others rest with the workers.
    common: Arc<Common>,
    shared: Arc<Shared>,
    queues: forward::Queues,
    limits: Arc<crate::proxy::rate_limit::Limits>,
    copies: forward::Copies,
    clients: Arc<ClientConfigs>,
    /// The key of sticky cookies where the configuration names none.
    sticky_key: [u8; 16],
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").finish_non_exhaustive()
    }
}

impl Proxy {
    /// `caretaker`: where the tasks live that look after what workers share; they end with the proxy. `places`: for what
    /// rests here and with them. `sticky_key` signs the cookies of upstreams that have no secret of their own.
    /// `clients`: how backends are spoken to by TLS.
    pub fn new(
        handle: Handle,
        telemetry: Arc<Traffic>,
        clients: Arc<ClientConfigs>,
        sticky_key: [u8; 16],
        (places, caretaker): (&Arc<Places>, &Runtime),
    ) -> Self {
        let (common, shared) = (Arc::new(Common::new(places)), Arc::new(Shared::default()));
        let limits = Arc::new(crate::proxy::rate_limit::Limits::new(handle.clock()));
        caretaker.spawn(sweep(Arc::downgrade(&common), Arc::downgrade(&shared), handle.clock()));
        caretaker.spawn(crate::proxy::rate_limit::sweep(Arc::downgrade(&limits), handle.clone()));
        Self {
            handle,
            telemetry,
            common,
            shared,
            queues: forward::Queues::default(),
            limits,
            copies: forward::Copies::default(),
            clients,
            sticky_key,
        }
    }

    /// Known to whoever is to honour the cookies of this process.
    pub fn sticky_key(&self) -> [u8; 16] {
        self.sticky_key
    }

    pub fn clock(&self) -> Clock {
        self.handle.clock()
    }

    /// Serves one request whose head is read and checked. Returns how its client's part is to end.
    pub fn serve<'a>(
        self: &'a Arc<Self>,
        client: &'a mut ClientSide,
        facts: &'a ConnectionFacts,
    ) -> impl Future<Output = Fate> + Send + 'a {
        Exchange::serve(self, client, facts)
    }
}

async fn sweep(common: Weak<Common>, shared: Weak<Shared>, clock: Clock) {
    while let (Some(common), Some(shared)) = (common.upgrade(), shared.upgrade()) {
        common.sweep(clock.now());
        shared.sweep(clock.now());
        drop((common, shared));
        sleep(SWEEP).await;
    }
}
