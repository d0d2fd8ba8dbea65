//! How do the rooms become one running gateway? Built in one order, changed by one reload path, left in one order.
//!
//! Start: every socket is bound and every certificate read before anything runs; then the control task, discovery and the admin
//! listener; the traffic listeners accept after the first probe round (or the start wait). This room decides nothing
//! about health.

mod bind;
mod certificates;
mod leave;
mod reload;
mod run;
mod signals;
mod upgrade;
mod watcher;

pub use run::run;

use crate::admin::{self, AdminState, Callers, Phase, ReloadState, Secure};
use crate::clock::{Clock, when};
use crate::control::{self, Handle, Reloader, Reporter};
use crate::discovery::Discovery;
use crate::front::{self, Front, Listener, Stage, Terms};
use crate::probe::ProbeRunner;
use crate::proxy::Proxy;
use crate::record;
use crate::telemetry::webhook::Ready;
use crate::telemetry::{BoardEvents, Telemetry, init_logging};
use arc_swap::{ArcSwap, ArcSwapOption};
use bind::Bound;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Handover, Input, ProbeJob};
use pulsegate_core::health::event::Event;
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::{Plan, ProbeKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use upgrade::{Estate, Sockets, Succession};

/// A first round that takes longer than this is worth a line.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// A gateway that runs on the current runtime.
#[derive(Debug)]
pub struct Gateway {
    plan: Arc<Plan>,
    handle: Handle,
    front: Arc<Front>,
    telemetry: Telemetry,
    listeners: Vec<Listener>,
    /// Removed by a reload; their last connections may still be open.
    closed_listeners: Vec<Listener>,
    discovery: Discovery,
    phase: watch::Sender<Phase>,
    stage: watch::Sender<Stage>,
    reload_state: watch::Sender<ReloadState>,
    admin_stop: watch::Sender<bool>,
    /// Second handles of the admin and the health listener, for a successor.
    own_sockets: Vec<std::net::TcpListener>,
    admin_address: Option<SocketAddr>,
    admin_callers: Arc<ArcSwap<Callers>>,
    admin_secure: Arc<ArcSwapOption<Secure>>,
}

impl Gateway {
    /// Binds, builds and starts everything; returns when the traffic listeners accept.
    ///
    /// # Errors
    /// Every socket that cannot be bound and every certificate that cannot be used, a sentence each. Nothing runs then.
    pub async fn start(plan: Plan) -> Result<Self, Vec<String>> {
        Self::start_with(plan, None).await
    }

    /// As [`Self::start`], with somebody else who is told every event.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(plan: Plan, listener_in: Option<Arc<dyn Reporter>>) -> Result<Self, Vec<String>> {
        Self::start_for(plan, listener_in, None).await
    }

    /// `reloads`: who reads the configuration again when the admin API asks for it.
    async fn start_for(
        plan: Plan,
        listener_in: Option<Arc<dyn Reporter>>,
        reloads: Option<Reloader>,
    ) -> Result<Self, Vec<String>> {
        let bound = Bound::all(&plan, Sockets::default())?;
        let mut gateway = Self::build(
            Arc::new(plan),
            listener_in,
            ((bound.callers, bound.secure), bound.webhooks),
            Heritage::default(),
        );
        gateway.discovery.apply(&gateway.plan);
        gateway.start_admin(bound.admin, reloads);
        gateway.start_health(bound.health);
        gateway.first_round().await;
        gateway.telemetry.alerts.begin(&gateway.plan, gateway.handle.clone(), Vec::new());
        for (socket, terms) in bound.traffic {
            gateway.listen(socket, terms)?;
        }
        gateway.show_certificates();
        gateway.phase.send_replace(Phase::Serving);
        Ok(gateway)
    }

    /// As [`Self::start_for`], on the sockets and with the knowledge of the process before. That one goes on accepting until the first
    /// round is done here; only then does anything answer to clients or to whoever asks the admin and health listeners.
    async fn succeed(plan: Plan, mut before: Succession, reloads: Reloader) -> Result<Self, Vec<String>> {
        let bound = Bound::all(&plan, std::mem::take(&mut before.sockets))?;
        let heritage = Heritage { health: std::mem::take(&mut before.health), sticky_key: before.sticky_key };
        let mut gateway = Self::build(Arc::new(plan), None, ((bound.callers, bound.secure), bound.webhooks), heritage);
        gateway.discovery.apply(&gateway.plan);
        tokio::select! {
            () = gateway.first_round() => {}
            given_up = before.given_up() => return Err(vec![given_up]),
        }
        let (latest, told) = before.ready().await.map_err(|why| vec![why])?;
        gateway.handle.send(Input::TakeOver(Arc::new(latest)));
        gateway.telemetry.alerts.begin(&gateway.plan, gateway.handle.clone(), told);
        gateway.start_admin(bound.admin, Some(reloads));
        gateway.start_health(bound.health);
        for (socket, terms) in bound.traffic {
            gateway.listen(socket, terms)?;
        }
        gateway.show_certificates();
        gateway.phase.send_replace(Phase::Serving);
        before.accepting().await;
        Ok(gateway)
    }

    /// What a successor needs to serve as we do.
    fn estate(&self) -> Estate {
        let listening = self.listeners.iter().filter_map(|listener| Some((listener.address, listener.duplicate()?)));
        let own = self.own_sockets.iter().filter_map(|socket| {
            Some((socket.local_addr().ok()?, std::os::fd::OwnedFd::from(socket.try_clone().ok()?)))
        });
        Estate {
            sockets: listening.chain(own).collect(),
            sticky_key: self.front.proxy.sticky_key(),
            handle: self.handle.clone(),
            alerts: self.telemetry.alerts.clone(),
        }
    }

    fn build(
        plan: Arc<Plan>,
        listener_in: Option<Arc<dyn Reporter>>,
        ((callers, secure), webhooks): ((Callers, Option<Secure>), Vec<Ready>),
        heritage: Heritage,
    ) -> Self {
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
        let prober = ProbeRunner::new(telemetry.probes.clone());
        let seed = fastrand::u64(..);
        let handle = control::spawn_heir(heritage.health, plan.clone(), seed, clock, prober, reporter);
        Self {
            front: Arc::new(Front {
                proxy: Arc::new(Proxy::new(handle.clone(), telemetry.traffic.clone(), heritage.sticky_key)),
                telemetry: telemetry.traffic.clone(),
            }),
            discovery: Discovery::new(handle.clone()),
            listeners: Vec::new(),
            closed_listeners: Vec::new(),
            phase: watch::Sender::new(Phase::Starting),
            stage: watch::Sender::new(Stage::Serving),
            reload_state: watch::Sender::new(ReloadState::default()),
            admin_stop: watch::Sender::new(false),
            own_sockets: Vec::new(),
            admin_address: None,
            admin_callers: Arc::new(ArcSwap::from_pointee(callers)),
            admin_secure: Arc::new(ArcSwapOption::from_pointee(secure)),
            plan,
            handle,
            telemetry,
        }
    }

    fn start_admin(&mut self, socket: Option<std::net::TcpListener>, reloads: Option<Reloader>) {
        let Some(socket) = socket else { return };
        self.admin_address = socket.local_addr().ok();
        self.own_sockets.extend(socket.try_clone().ok());
        let state = AdminState {
            handle: self.handle.clone(),
            telemetry: self.telemetry.operators.clone(),
            phase: self.phase.subscribe(),
            reload: self.reload_state.subscribe(),
            callers: self.admin_callers.clone(),
            secure: self.admin_secure.clone(),
            reloads,
        };
        let stop = self.admin_stop.subscribe();
        tokio::spawn(async move {
            if let Err(error) = admin::serve(socket, state, stop).await {
                log::error!("the admin listener ended: {error}; traffic goes on, /readyz and /metrics do not answer");
            }
        });
    }

    fn start_health(&mut self, socket: Option<std::net::TcpListener>) {
        let Some(socket) = socket else { return };
        self.own_sockets.extend(socket.try_clone().ok());
        let (phase, stop) = (self.phase.subscribe(), self.admin_stop.subscribe());
        tokio::spawn(async move {
            if let Err(error) = admin::serve_health(socket, phase, stop).await {
                log::error!(
                    "the health listener ended: {error}; traffic goes on, admin.health_address does not answer"
                );
            }
        });
    }

    /// Waits until every backend has had its first verdict, or the start wait is over.
    async fn first_round(&self) {
        let mut generation = self.handle.generation();
        let done = async {
            while !self.handle.snapshot().first_round_done {
                if generation.changed().await.is_err() {
                    return;
                }
            }
        };
        let wait = self.plan.start.wait;
        let patience = wait.min(SAY_AFTER);
        tokio::pin!(done);
        if timeout(patience, &mut done).await.is_ok() {
            return;
        }
        if wait > patience {
            log::info!(
                "waiting for the first probes of {}, at most {} more",
                self.unchecked(),
                when::span(wait - patience)
            );
            if timeout(wait - patience, &mut done).await.is_ok() {
                return;
            }
        }
        log::warn!(
            "not every backend had its first verdict within start.wait ({wait:?}): accepting traffic now, requests wait \
             while a whole upstream is unchecked; still awaited: {}",
            self.unchecked()
        );
    }

    /// The backends without a verdict, by address; of many, the first few.
    fn unchecked(&self) -> String {
        const NAMED: usize = 5;
        let snapshot = self.handle.snapshot();
        let members = snapshot.pools.iter().flat_map(|pool| pool.members.iter());
        let awaited: Vec<String> = members
            .filter(|member| member.standing.cause == Cause::Unchecked)
            .map(|member| member.id.address.to_string())
            .collect();
        match awaited.len() {
            0 => "names and files that have not answered".to_owned(),
            1..=NAMED => awaited.join(", "),
            more => format!("{} and {} more", awaited[..NAMED].join(", "), more - NAMED),
        }
    }

    fn listen(&mut self, socket: std::net::TcpListener, terms: Terms) -> Result<(), Vec<String>> {
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
        self.admin_address
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
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

/// Tells two reporters.
struct Both(Arc<BoardEvents>, Arc<dyn Reporter>);

impl Reporter for Both {
    fn report(&self, event: &Event) {
        self.0.report(event);
        self.1.report(event);
    }

    fn probe_started(&self, late: Duration) {
        self.0.probe_started(late);
        self.1.probe_started(late);
    }

    fn probe_begins(&self, job: &ProbeJob) {
        self.0.probe_begins(job);
        self.1.probe_begins(job);
    }

    fn probed(&self, upstream: &str, kind: ProbeKind, result: &'static str, took: Duration) {
        self.0.probed(upstream, kind, result, took);
        self.1.probed(upstream, kind, result, took);
    }

    fn heard(&self, input: &Input, now: Timestamp) {
        self.0.heard(input, now);
        self.1.heard(input, now);
    }
}
