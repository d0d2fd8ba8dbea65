//! Do the addresses of one configuration get in each other's way? What only the system would refuse later, and loops.

use super::Item;
use crate::config::addresses;
use crate::config::files::{Findings, Place};
use crate::config::schema::{BackendSpec, UpstreamSpec};
use pulsegate_core::base::identity::Address;
use pulsegate_core::plan::ListenerPlan;
use std::net::SocketAddr;
use std::sync::Arc;

/// Can only one of the two be bound? An unspecified address takes the port of every address of its family.
pub(super) fn same_socket(one: SocketAddr, other: SocketAddr) -> bool {
    let wild = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0
        && one.port() == other.port()
        && one.is_ipv4() == other.is_ipv4()
        && (wild || one.ip() == other.ip())
}

/// The admin listener beside the traffic listeners.
pub(super) fn admin(
    admin: Option<SocketAddr>,
    listeners: &[Arc<ListenerPlan>],
    place: &Place,
    findings: &mut Findings,
) {
    let Some(admin) = admin else { return };
    if let Some(listener) = listeners.iter().find(|listener| same_socket(listener.address, admin)) {
        findings.error(
            &place.at("address"),
            format!("{admin}, which the listener {} takes already", listener.address),
            "a port of its own (`admin: { address: … }`), or `admin: off`",
        );
    }
}

/// Backends that are this gateway itself.
pub(super) fn loops(
    upstreams: &[(String, Item<UpstreamSpec>)],
    listeners: &[Arc<ListenerPlan>],
    admin: Option<SocketAddr>,
    findings: &mut Findings,
) {
    for (_, item) in upstreams {
        for (index, spec) in item.spec.backends.iter().enumerate() {
            let Some(address) = socket_of(spec) else { continue };
            let place = item.place.at(&format!("backends.{index}"));
            if listeners.iter().any(|listener| reaches(address, listener.address)) {
                findings.warning(
                    &place,
                    format!("{address}, which is a listener of this configuration"),
                    "requests go round in circles, and it is probed through itself",
                );
            } else if admin.is_some_and(|admin| reaches(address, admin)) {
                findings.warning(
                    &place,
                    format!("{address}, which is the admin listener"),
                    "clients can read the state of every backend",
                );
            }
        }
    }
}

fn socket_of(spec: &BackendSpec) -> Option<SocketAddr> {
    let text = match spec {
        BackendSpec::Short(text) => text,
        BackendSpec::Long(source) => source.address.as_ref()?,
    };
    match addresses::backend(text) {
        Ok(Address::Socket(address)) => Some(address),
        Ok(Address::Unix(_)) | Err(_) => None,
    }
}

/// Does a connection to `backend` arrive at `listener`? Which other addresses this machine has is not known here.
fn reaches(backend: SocketAddr, listener: SocketAddr) -> bool {
    let here = backend.ip() == listener.ip() || (listener.ip().is_unspecified() && backend.ip().is_loopback());
    here && backend.port() == listener.port() && backend.is_ipv4() == listener.is_ipv4()
}
