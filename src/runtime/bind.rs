//! Which sockets does a plan need? All of them, bound before anything starts, so that a busy port is a sentence and not a surprise.

use super::upgrade::Sockets;
use crate::admin::{Callers, Secure};
use crate::front::Terms;
use crate::telemetry::webhook;
use crate::telemetry::{check_access_file, check_collector};
use crate::tls::Certificates;
use pulsegate_core::plan::{ListenerPlan, Plan};
use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

/// Connections that the kernel holds before we accept them. The kernel's own limit (somaxconn) applies too.
const BACKLOG: i32 = 4096;

/// The sockets of one plan, with the certificates of those for traffic.
pub(super) struct Open {
    pub traffic: Vec<(TcpListener, Terms)>,
    pub admin: Option<TcpListener>,
    pub health: Option<TcpListener>,
}

/// They, and what was read of files beside them.
pub(super) struct Bound {
    pub open: Open,
    pub callers: Callers,
    pub secure: Option<Secure>,
    pub webhooks: Vec<webhook::Ready>,
}

/// What is read from files and variables: tokens, and what receivers of events are reached with.
pub fn secrets(plan: &Plan) -> Result<(Callers, Vec<webhook::Ready>), Vec<String>> {
    match (Callers::read(&plan.admin), webhook::prepare(&plan.webhooks, &plan.smtp)) {
        (Ok(callers), Ok(webhooks)) => Ok((callers, webhooks)),
        (callers, webhooks) => Err(callers.err().into_iter().chain(webhooks.err()).flatten().collect()),
    }
}

impl Bound {
    /// Those that were handed over are taken as they are.
    ///
    /// # Errors
    /// A sentence for each socket and certificate that cannot be had; nothing stays bound then.
    pub(super) fn all(plan: &Plan, mut handed_over: Sockets) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut traffic = Vec::new();
        for listener in &plan.listeners {
            let bound = match handed_over.take(listener.address) {
                Some(socket) => terms(listener).map(|terms| (socket, terms)),
                None => listen(listener),
            };
            match bound {
                Ok(bound) => traffic.push(bound),
                Err(problem) => problems.push(problem),
            }
        }
        let mut own = |key: &str, address: Option<SocketAddr>| {
            let bound = address.map(|address| {
                let socket = handed_over.take(address).map_or_else(|| bind(address), Ok);
                socket.map_err(|error| format!("{key} {address}: {error}"))
            });
            bound.transpose().map_err(|problem| problems.push(problem)).unwrap_or_default()
        };
        let admin = own("admin.address", plan.admin.address);
        let health = own("admin.health_address", plan.admin.health_address);
        let access_file = plan.logging.access.as_ref().and_then(|access| access.file.as_ref());
        problems.extend(access_file.and_then(|file| check_access_file(file).err()));
        problems.extend(plan.tracing.as_ref().and_then(|tracing| check_collector(&tracing.otlp).err()));
        let secure = secure(plan).map_err(|problem| problems.push(problem)).unwrap_or_default();
        match secrets(plan) {
            Ok((callers, webhooks)) if problems.is_empty() => {
                return Ok(Self { open: Open { traffic, admin, health }, callers, secure, webhooks });
            }
            Ok(_) => {}
            Err(unusable) => problems.extend(unusable),
        }
        Err(problems)
    }
}

/// What the admin listener speaks TLS with; `None`: plain HTTP.
///
/// # Errors
/// What is wrong with its certificate, as a sentence.
pub(super) fn secure(plan: &Plan) -> Result<Option<Secure>, String> {
    plan.admin.tls.as_ref().map(Secure::read).transpose()
}

/// Binds one traffic listener and reads its certificate.
///
/// # Errors
/// What cannot be had, as a sentence.
pub(super) fn listen(plan: &Arc<ListenerPlan>) -> Result<(TcpListener, Terms), String> {
    let terms = terms(plan)?;
    let socket = bind(plan.address).map_err(|error| format!("listener {} ({}): {error}", plan.name, plan.address))?;
    Ok((socket, terms))
}

/// What a listener is allowed, with its certificate read.
///
/// # Errors
/// What is wrong with the certificate, as a sentence.
pub(super) fn terms(plan: &Arc<ListenerPlan>) -> Result<Terms, String> {
    let tls = plan.tls.as_ref().map(|files| Certificates::read(files, plan.http2)).transpose();
    let tls = tls.map_err(|error| format!("listener {} ({}): {error}", plan.name, plan.address))?;
    Ok(Terms { plan: plan.clone(), tls })
}

fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let bound = || -> std::io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // One listener, one family: `[::]` does not take the port of `0.0.0.0` away.
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    bound().map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "the address is in use by another process, or by another listener of this file; stop it or choose another port".to_owned()
        }
        std::io::ErrorKind::PermissionDenied => {
            "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE (or choose a higher port)".to_owned()
        }
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    })
}
