//! What does a reload change? Either everything that the new file says, or nothing.
//!
//! Read, compile, compare, bind what is new, on a thread that serves nobody: a file that hangs holds up nothing but itself. Only when all of that
//! has worked is anything touched. Health state, ejections and
//! in-flight counts live in the board and the cells, by identity, and are not touched here at all.

use super::{Gateway, bind, upgrade};
use crate::admin::{Callers, ReloadState, Secure};
use crate::clock::{Clock, when};
use crate::config;
use crate::front::{Listener, Terms};
use crate::telemetry::webhook::Ready;
use crate::telemetry::{Change, Life, apply_logging};
use crate::tls::ClientConfigs;
use pulsegate_core::board::Input;
use pulsegate_core::plan::{Plan, RecordPlan, UpgradePlan};
use std::fmt::Display;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

/// What is in force, as far as a new configuration is compared with it.
pub(super) struct Draft {
    plan: Arc<Plan>,
    /// Where traffic listeners run.
    running: Vec<SocketAddr>,
    life: Arc<Life>,
    clients: Arc<ClientConfigs>,
}

/// A new configuration with everything that it needs, read, opened and bound. Nothing of it is in force.
pub(super) struct Prepared {
    plan: Arc<Plan>,
    listeners: Vec<PreparedListener>,
    callers: Callers,
    webhooks: Vec<Ready>,
    secure: Option<Secure>,
    logs: Change,
}

impl Draft {
    /// Reads the configuration and all files that it names. It blocks for as long as they do: on a thread that serves nobody.
    ///
    /// # Errors
    /// The diagnostics, one sentence each.
    pub(super) fn read(self, config: &Path) -> Result<Prepared, Vec<String>> {
        let loaded = config::load(config).map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let plan = Arc::new(loaded.plan);
        let refused = needs_restart(&self.plan, &plan);
        if !refused.is_empty() {
            return Err(refused);
        }
        let listeners = self.listeners(&plan)?;
        let (callers, webhooks) = bind::secrets(&plan)?;
        let secure = bind::secure(&plan).map_err(|problem| vec![problem])?;
        let logs = self.life.prepare(&plan).map_err(|problem| vec![problem])?;
        self.clients.prepare(&plan);
        Ok(Prepared { plan, listeners, callers, webhooks, secure, logs })
    }

    /// Reads every certificate and binds every new address.
    fn listeners(&self, plan: &Plan) -> Result<Vec<PreparedListener>, Vec<String>> {
        let mut prepared = Vec::new();
        let mut problems = Vec::new();
        for listener in &plan.listeners {
            let result = if self.running.contains(&listener.address) {
                bind::terms(listener).map(|terms| PreparedListener::Kept(listener.address, terms))
            } else {
                bind::listen(listener).map(|(socket, terms)| PreparedListener::New(socket, terms))
            };
            match result {
                Ok(one) => prepared.push(one),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(prepared) } else { Err(problems) }
    }
}

impl Gateway {
    pub(super) fn draft(&self) -> Draft {
        Draft {
            plan: self.plan.clone(),
            running: self.addresses(),
            life: self.telemetry.life.clone(),
            clients: self.clients.clone(),
        }
    }

    /// Puts a new configuration in force, or says why it is not. When this returns, requests see it.
    ///
    /// # Errors
    /// The diagnostics, one sentence each; the admin API shows them too.
    pub(super) async fn conclude(&mut self, prepared: Result<Prepared, Vec<String>>) -> Result<(), Vec<String>> {
        let outcome = prepared.and_then(|prepared| self.apply(prepared));
        self.handle.settled().await;
        self.telemetry.life.reload(outcome.as_ref().err().map(|sentences| sentences.join("; ")).as_deref());
        self.own_listeners.reload_state.send_replace(ReloadState {
            at: Some(when::rfc3339(Clock::date())),
            error: outcome.as_ref().err().map(|sentences| sentences.join("\n")),
        });
        outcome
    }

    fn apply(&mut self, prepared: Prepared) -> Result<(), Vec<String>> {
        let Prepared { plan, listeners, callers, webhooks, secure, logs } = prepared;
        // Before the plan that names them.
        self.telemetry.life.announce(&plan, webhooks);
        self.telemetry.alerts.reconfigure(&plan);
        self.handle.send(Input::Reconfigure(plan.clone()));
        self.discovery.apply(&plan);
        self.change_listeners(&plan, listeners)?;
        self.own_listeners.callers.store(Arc::new(callers));
        self.own_listeners.secure.store(secure.map(Arc::new));
        self.show_certificates();
        apply_logging(&plan.logging);
        self.telemetry.life.change(&plan, logs);
        self.plan = plan;
        Ok(())
    }

    fn change_listeners(&mut self, plan: &Plan, prepared: Vec<PreparedListener>) -> Result<(), Vec<String>> {
        let kept = |listener: &Listener| plan.listeners.iter().any(|planned| planned.address == listener.address);
        self.closed_listeners.retain(|listener| listener.clients.total() > 0);
        for listener in self.listeners.extract_if(.., |listener| !kept(listener)) {
            log::info!("listener {}: removed from the configuration, no longer accepting", listener.address);
            listener.close();
            self.closed_listeners.push(listener);
        }
        for one in prepared {
            match one {
                PreparedListener::Kept(address, terms) => {
                    if let Some(listener) = self.running_at(address) {
                        listener.terms.store(Arc::new(terms));
                    }
                }
                PreparedListener::New(socket, terms) => self.listen(socket, terms)?,
            }
        }
        Ok(())
    }

    fn running_at(&self, address: SocketAddr) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.address == address)
    }
}

enum PreparedListener {
    /// It runs already: its terms are swapped.
    Kept(SocketAddr, Terms),
    New(TcpListener, Terms),
}

/// What cannot change while the process lives, by name.
fn needs_restart(old: &Plan, new: &Plan) -> Vec<String> {
    let mut refused = Vec::new();
    let mut compare = |key: &str, old: String, new: String| {
        if old != new {
            refused.push(refusal(key, &old, &new));
        }
    };
    compare("admin.address", shown(old.admin.address), shown(new.admin.address));
    compare("admin.health_address", shown(old.admin.health_address), shown(new.admin.health_address));
    compare("threads", old.threads.to_string(), new.threads.to_string());
    compare("upgrade.directory", folder(&old.upgrade), folder(&new.upgrade));
    compare("record", recorded(old.record.as_ref()), recorded(new.record.as_ref()));
    refused
}

fn folder(plan: &UpgradePlan) -> String {
    upgrade::folder(plan).map_or_else(|| "none".to_owned(), |folder| folder.display().to_string())
}

fn recorded(plan: Option<&RecordPlan>) -> String {
    plan.map_or_else(
        || "none".to_owned(),
        |plan| format!("{} (max_size {} bytes, keep {})", plan.file.display(), plan.max_size, plan.keep),
    )
}

fn refusal(key: &str, old: impl Display, new: impl Display) -> String {
    format!("{key}: changed from {old} to {new}, which needs a restart; the old configuration stays in force")
}

fn shown(address: Option<SocketAddr>) -> String {
    address.map_or_else(|| "off".to_owned(), |address| address.to_string())
}
