//! What may each listener accept? Addresses, certificates, limits.

use super::clashes::same_socket;
use super::headers::header_name;
use super::tls::{self, Files};
use super::{Item, size, span};
use crate::config::addresses;
use crate::config::files::{Findings, Place};
use crate::config::schema::{HalfClosedClientsSpec, HeadersSpec, LimitsSpec, ListenerSpec};
use pulsegate_core::http::forwarding::{Passing, passing};
use pulsegate_core::http::networks::Network;
use pulsegate_core::plan::{HeadersPlan, ListenerLimits, ListenerPlan};
use std::sync::Arc;

pub(super) fn compile(
    items: &[Item<ListenerSpec>],
    files: Files<'_>,
    root: &Place,
    findings: &mut Findings,
) -> Vec<Arc<ListenerPlan>> {
    if items.is_empty() {
        findings.error(&root.at("listeners"), "no listener", "at least one, such as { address: \"0.0.0.0:8080\" }");
    }
    let mut plans: Vec<Arc<ListenerPlan>> = Vec::new();
    for item in items {
        let Some(plan) = listener(item, files, findings) else { continue };
        if let Some(other) = plans.iter().find(|other| same_socket(other.address, plan.address)) {
            findings.error(
                &item.place.at("address"),
                format!("{}, which another listener has already ({})", plan.address, other.address),
                "each address and port once; 0.0.0.0 and [::] are all addresses of a family",
            );
        }
        plans.push(Arc::new(plan));
    }
    plans
}

fn listener(item: &Item<ListenerSpec>, files: Files<'_>, findings: &mut Findings) -> Option<ListenerPlan> {
    let (spec, place) = (&item.spec, &item.place);
    let address = addresses::socket(&spec.address)
        .map_err(|allowed| findings.error(&place.at("address"), format!("{:?}", spec.address), allowed))
        .ok();
    let trusted_proxies = networks(&spec.trusted_proxies, &place.at("trusted_proxies"), findings);
    let proxied_by = spec.proxy_protocol.as_ref().map_or_else(Vec::new, |proxy| {
        let place = place.at("proxy_protocol.from");
        if proxy.from.is_empty() {
            findings.error(&place, "nobody", "the networks of the proxies in front, such as [\"10.0.0.0/8\"]");
        }
        networks(&proxy.from, &place, findings)
    });
    let tls = spec.tls.as_ref().and_then(|tls| tls::listener(tls, files, &place.at("tls"), findings));
    let default = ListenerPlan::at(address?);
    Some(ListenerPlan {
        name: spec.name.as_deref().map_or(default.name, Into::into),
        address: default.address,
        tls,
        trusted_proxies,
        proxied_by,
        http2: spec.http2.unwrap_or(default.http2),
        limits: limits(&spec.limits, &place.at("limits"), findings),
        underscores_in_headers: spec.underscores_in_headers,
        headers: headers(&spec.headers, &place.at("headers.pass"), findings),
        half_closed_clients: spec.half_closed_clients.map_or(default.half_closed_clients, HalfClosedClientsSpec::plan),
    })
}

fn headers(spec: &HeadersSpec, place: &Place, findings: &mut Findings) -> HeadersPlan {
    let mut pass = Vec::new();
    for (index, name) in spec.pass.iter().enumerate() {
        let place = place.at(&index.to_string());
        let lower = header_name(name, &place, findings);
        match passing(&lower) {
            Passing::Possible => pass.push(lower),
            Passing::Needless => findings.warning(&place, format!("{name:?}"), "it does nothing: the name travels anyway"),
            Passing::Never => findings.error(
                &place,
                format!("{name:?}"),
                "a name by which another gateway tells who asks, such as CF-Connecting-IP; what frames a message or is written here never passes",
            ),
        }
    }
    HeadersPlan { pass, via: spec.via }
}

pub(super) fn networks(texts: &[String], place: &Place, findings: &mut Findings) -> Vec<Network> {
    let mut network = |(index, text): (usize, &String)| {
        let place = place.at(&index.to_string());
        addresses::network(text).map_err(|allowed| findings.error(&place, format!("{text:?}"), allowed)).ok()
    };
    texts.iter().enumerate().filter_map(&mut network).collect()
}

fn limits(spec: &LimitsSpec, place: &Place, findings: &mut Findings) -> ListenerLimits {
    let default = ListenerLimits::default();
    let head_bytes = size(spec.head_bytes, default.head_bytes as u64);
    if !(1024..=1 << 20).contains(&head_bytes) {
        findings.error(&place.at("head_bytes"), format!("{head_bytes} bytes"), "1KiB to 1MiB");
    }
    let connections = spec.connections.unwrap_or(default.connections);
    if connections == 0 {
        findings.error(&place.at("connections"), "0", "at least 1");
    }
    let streams = spec.streams.unwrap_or(default.streams);
    if streams == 0 {
        findings.error(&place.at("streams"), "0", "at least 1 (`http2: false` on the listener turns HTTP/2 off)");
    }
    for (key, written) in [
        ("head_timeout", spec.head_timeout),
        ("body_idle_timeout", spec.body_idle_timeout),
        ("keepalive_timeout", spec.keepalive_timeout),
    ] {
        if written.is_some_and(|span| span.0.is_zero()) {
            findings.error(&place.at(key), "0s", "more than 0s: without it a silent client is never cut");
        }
    }
    ListenerLimits {
        head_bytes: head_bytes as usize,
        head_timeout: span(spec.head_timeout, default.head_timeout),
        body_idle_timeout: span(spec.body_idle_timeout, default.body_idle_timeout),
        keepalive_timeout: span(spec.keepalive_timeout, default.keepalive_timeout),
        keepalive_requests: spec.keepalive_requests.unwrap_or(default.keepalive_requests),
        body_bytes: size(spec.body_bytes, default.body_bytes),
        connections,
        connections_per_client: spec.connections_per_client.unwrap_or(default.connections_per_client),
        streams,
        loops: spec.loops.unwrap_or(default.loops),
    }
}
