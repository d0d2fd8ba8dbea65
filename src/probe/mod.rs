//! How is a backend asked? The prober runs the board's jobs: HTTP, gRPC and TCP checks with one total deadline each.
//!
//! It reads facts of the wire and judges nothing: `health::judgement::judge` does. Every job that is not cancelled ends in exactly
//! one `ProbeDone`, whatever the backend does. How many run at once is the board's business.

mod answer;
mod check;
mod connect;
mod equivalent;
mod grpc;
mod http;
mod http2;
mod once;
mod recognise;
mod request;
mod steps;
#[cfg(test)]
mod tests;
mod witness;

pub use equivalent::{Equivalent, equivalent};
pub use once::{ask, job};

use crate::clock::Clock;
use crate::control::{Handle, Prober};
use crate::telemetry::Probes;
use crate::tls::ClientConfigs;
use pulsegate_core::board::{Input, ProbeJob, ProbeTicket};
use pulsegate_core::health::reading::Reading;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::{AbortHandle, JoinSet};

/// Runs probes as tasks. Dropping it ends them all.
#[derive(Debug, Default)]
pub struct ProbeRunner {
    configs: Arc<ClientConfigs>,
    /// Who traces them; `None` = nobody.
    telemetry: Option<Arc<Probes>>,
    tasks: JoinSet<ProbeTicket>,
    running: HashMap<ProbeTicket, AbortHandle>,
}

impl ProbeRunner {
    /// `configs`: those of the process, so that probes and traffic cannot disagree.
    pub fn new(telemetry: Arc<Probes>, configs: Arc<ClientConfigs>) -> Self {
        Self { configs, telemetry: Some(telemetry), ..Self::default() }
    }

    /// Runs `job` and hands its reading to `tell`.
    fn run(&mut self, job: ProbeJob, clock: Clock, tell: impl FnOnce(ProbeTicket, Reading) + Send + 'static) {
        self.forget_finished();
        let ticket = job.ticket;
        let (configs, telemetry) = (self.configs.clone(), self.telemetry.clone());
        let task = self.tasks.spawn(async move {
            let traced = telemetry.as_ref().and_then(|telemetry| Some((telemetry, telemetry.trace()?)));
            let began = clock.now();
            let reading = check::check(&job, &configs, clock, traced.map(|(_, trace)| trace.told)).await;
            if let Some((telemetry, trace)) = traced {
                telemetry.traced(&trace, &job, &reading, began);
            }
            tell(ticket, reading);
            ticket
        });
        self.running.insert(ticket, task);
    }

    /// At each start, so that the finished never outnumber what was started since: no sweep, no timer.
    fn forget_finished(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Ok(ticket) = ended {
                self.running.remove(&ticket);
            }
        }
    }
}

impl Prober for ProbeRunner {
    fn start(&mut self, job: ProbeJob, handle: &Handle) {
        let answer = handle.clone();
        self.run(job, handle.clock(), move |ticket, reading| answer.send(Input::ProbeDone { ticket, reading }));
    }

    /// A reading that is already on its way still arrives.
    fn cancel(&mut self, ticket: ProbeTicket) {
        if let Some(task) = self.running.remove(&ticket) {
            task.abort();
        }
    }
}
