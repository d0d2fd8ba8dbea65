//! How do the rooms become one running gateway? Built in one order, changed by one reload path, left in one order.
//!
//! Start: every socket is bound and every certificate read before anything runs; then the control task, discovery and the admin
//! listener; the traffic listeners accept after the first probe round (or the start wait). This room decides nothing
//! about health.

mod bind;
mod both;
mod certificates;
mod first_round;
mod leave;
mod own_listeners;
mod reload;
mod run;
mod signals;
mod upgrade;
mod watcher;
mod workers;

pub use run::run;

use self::bind::{Bound, Open};
use self::both::Both;
use self::first_round::first_round;
use self::own_listeners::OwnListeners;
use self::upgrade::{Estate, Sockets, Succession};
use self::workers::Crew;
use crate::admin::{Callers, Phase, Secure};
use crate::clock::Clock;
use crate::control::{self, Handle, Reloader, Reporter};
use crate::discovery::Discovery;
use crate::front::{self, Front, Listener, Stage, Terms};
use crate::probe::ProbeRunner;
use crate::proxy::Proxy;
use crate::record;
use crate::telemetry::webhook::Ready;
use crate::telemetry::{Telemetry, init_logging};
use crate::tls::ClientConfigs;
use pulsegate_core::board::{Handover, Input};
use pulsegate_core::plan::Plan;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::runtime::Handle as Runtime;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

/// A gateway that runs: its connections on workers of its own, everything else on the runtime that it was started on.
#[derive(Debug)]
pub struct Gateway {
    plan: Arc<Plan>,
    handle: Handle,
    front: Arc<Front>,
    telemetry: Telemetry,
    /// How backends are spoken to by TLS.
    clients: Arc<ClientConfigs>,
    listeners: Vec<Listener>,
    /// Removed by a reload; their last connections may still be open.
    closed_listeners: Vec<Listener>,
    discovery: Discovery,
    stage: watch::Sender<Stage>,
    own_listeners: OwnListeners,
    /// Where connections are served. The last to go.
    crew: Crew,
}

impl Gateway {
    /// Binds, builds and starts everything; returns when the traffic listeners accept. `listener_in`: somebody else who is told every event;
    /// `reloads`: who reads the configuration again when the admin API asks for it.
    ///
    /// # Errors
    /// Every socket that cannot be bound and every certificate that cannot be used, a sentence each. Nothing runs then.
    pub async fn start(
        plan: Plan,
        listener_in: Option<Arc<dyn Reporter>>,
        reloads: Option<Reloader>,
    ) -> Result<Self, Vec<String>> {
        let (mut gateway, open) = Self::make(plan, Sockets::default(), listener_in, Heritage::default()).await?;
        gateway.discovery.apply(&gateway.plan);
        gateway.listen_to_operators((open.admin, open.health), reloads);
        first_round(&gateway.handle, gateway.plan.start.wait).await;
        gateway.telemetry.alerts.begin(&gateway.plan, gateway.handle.clone(), Vec::new());
        for (socket, terms) in open.traffic {
            gateway.listen(socket, terms)?;
        }
        gateway.show_certificates();
        gateway.own_listeners.phase.send_replace(Phase::Serving);
        Ok(gateway)
    }

    /// As [`Self::start`], on the sockets and with the knowledge of the process before. That one goes on accepting until the first
    /// round is done here; only then does anything answer to clients or to whoever asks the admin and health listeners.
    async fn succeed(plan: Plan, mut before: Succession, reloads: Reloader) -> Result<Self, Vec<String>> {
        let heritage = Heritage { health: std::mem::take(&mut before.health), sticky_key: before.sticky_key };
        let sockets = std::mem::take(&mut before.sockets);
        let (mut gateway, open) = Self::make(plan, sockets, None, heritage).await?;
        gateway.discovery.apply(&gateway.plan);
        tokio::select! {
            () = first_round(&gateway.handle, gateway.plan.start.wait) => {}
            given_up = before.given_up() => return Err(vec![given_up]),
        }
        let (latest, told) = before.ready().await.map_err(|why| vec![why])?;
        gateway.handle.send(Input::TakeOver(Arc::new(latest)));
        gateway.telemetry.alerts.begin(&gateway.plan, gateway.handle.clone(), told);
        gateway.listen_to_operators((open.admin, open.health), Some(reloads));
        for (socket, terms) in open.traffic {
            gateway.listen(socket, terms)?;
        }
        gateway.show_certificates();
        gateway.own_listeners.phase.send_replace(Phase::Serving);
        before.accepting().await;
        Ok(gateway)
    }

    /// What a successor needs to serve as we do.
    fn estate(&self) -> Estate {
        let listening = self.listeners.iter().filter_map(|listener| Some((listener.address, listener.duplicate()?)));
        Estate {
            sockets: listening.chain(self.own_listeners.duplicates()).collect(),
            sticky_key: self.front.proxy.sticky_key(),
            handle: self.handle.clone(),
            alerts: self.telemetry.alerts.clone(),
        }
    }

    /// Reads, binds and builds, on a thread that may wait for files: whoever waits for this hears signals meanwhile.
    async fn make(
        plan: Plan,
        sockets: Sockets,
        listener_in: Option<Arc<dyn Reporter>>,
        heritage: Heritage,
    ) -> Result<(Self, Open), Vec<String>> {
        let control = Runtime::current();
        let making = spawn_blocking(move || {
            let Bound { open, callers, secure, webhooks } = Bound::all(&plan, sockets)?;
            let clients = Arc::new(ClientConfigs::default());
            clients.prepare(&plan);
            let read = ((callers, secure), webhooks);
            let built = Self::build(&control, Arc::new(plan), listener_in, read, (heritage, clients));
            Ok((built.map_err(|why| vec![why])?, open))
        });
        making.await.unwrap_or_else(|error| Err(vec![format!("the gateway could not be built: {error}")]))
    }

    fn build(
        control: &Runtime,
        plan: Arc<Plan>,
        listener_in: Option<Arc<dyn Reporter>>,
        ((callers, secure), webhooks): ((Callers, Option<Secure>), Vec<Ready>),
        (heritage, clients): (Heritage, Arc<ClientConfigs>),
    ) -> Result<Self, String> {
        let clock = Clock::start();
        // A process that has a logger already (a test, an embedding program) keeps it.
        init_logging(&plan.logging, clock);
        let scribe = record::begin(plan.record.as_ref(), clock);
        let telemetry = Telemetry::new(plan.logging.access.as_ref(), clock, scribe);
        telemetry.life.begin(&plan, webhooks);
        let reporter: Arc<dyn Reporter> = match listener_in {
            Some(other) => Arc::new(Both(telemetry.board.clone(), other)),
            None => telemetry.board.clone(),
        };
        let prober = ProbeRunner::new(telemetry.probes.clone(), clients.clone());
        let seed = fastrand::u64(..);
        let places = Arc::default();
        let (crew, workers) = Crew::start(plan.threads, &telemetry.traffic, &places, clock)?;
        let handle = control::spawn(control, heritage.health, plan.clone(), seed, clock, prober, reporter);
        Ok(Self {
            front: Arc::new(Front {
                proxy: Arc::new(Proxy::new(
                    handle.clone(),
                    telemetry.traffic.clone(),
                    clients.clone(),
                    heritage.sticky_key,
                    (&places, control),
                )),
                telemetry: telemetry.traffic.clone(),
                workers,
            }),
            discovery: Discovery::new(handle.clone()),
            listeners: Vec::new(),
            closed_listeners: Vec::new(),
            stage: watch::Sender::new(Stage::Serving),
            own_listeners: OwnListeners::new(callers, secure),
            plan,
            handle,
            telemetry,
            clients,
            crew,
        })
    }

    fn listen_to_operators(
        &mut self,
        (admin, health): (Option<TcpListener>, Option<TcpListener>),
        reloads: Option<Reloader>,
    ) {
        if let Some(socket) = admin {
            self.own_listeners.start(socket, self.handle.clone(), self.telemetry.operators.clone(), reloads);
        }
        if let Some(socket) = health {
            self.own_listeners.start_health(socket);
        }
    }

    fn listen(&mut self, socket: TcpListener, terms: Terms) -> Result<(), Vec<String>> {
        let name = terms.plan.name.clone();
        let listener = front::listen(self.front.clone(), socket, terms, self.stage.subscribe())
            .map_err(|error| vec![format!("listener {name}: {error}")])?;
        log::info!("listener {name}: accepting on {}", listener.address);
        self.listeners.push(listener);
        Ok(())
    }

    /// The addresses that traffic listeners accept on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }

    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.own_listeners.address()
    }
}

/// What a process may have from the one before.
struct Heritage {
    health: Handover,
    sticky_key: [u8; 16],
}

impl Default for Heritage {
    fn default() -> Self {
        Self { health: Handover::default(), sticky_key: fastrand::u128(..).to_le_bytes() }
    }
}
