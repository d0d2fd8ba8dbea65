//! What may each listener accept? Addresses, certificates, limits.

use super::clashes::same_socket;
use super::tls::{self, Files};
use super::{Item, secs, span};
use crate::config::addresses;
use crate::config::files::{Findings, Place};
use crate::config::schema::{LimitsSpec, ListenerSpec};
use pulsegate_core::http::networks::Network;
use pulsegate_core::plan::{ListenerLimits, ListenerPlan};
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
    let address = address?;
    Some(ListenerPlan {
        name: spec.name.clone().unwrap_or_else(|| address.to_string()).into(),
        address,
        tls,
        trusted_proxies,
        proxied_by,
        http2: spec.http2.unwrap_or(true),
        limits: limits(&spec.limits, &place.at("limits"), findings),
        underscores_in_headers: spec.underscores_in_headers,
    })
}

pub(super) fn networks(texts: &[String], place: &Place, findings: &mut Findings) -> Vec<Network> {
    let mut network = |(index, text): (usize, &String)| {
        let place = place.at(&index.to_string());
        addresses::network(text).map_err(|allowed| findings.error(&place, format!("{text:?}"), allowed)).ok()
    };
    texts.iter().enumerate().filter_map(&mut network).collect()
}

fn limits(spec: &LimitsSpec, place: &Place, findings: &mut Findings) -> ListenerLimits {
    let head_bytes = spec.head_bytes.map_or(32 * 1024, |size| size.0);
    if !(1024..=1 << 20).contains(&head_bytes) {
        findings.error(&place.at("head_bytes"), format!("{head_bytes} bytes"), "1KiB to 1MiB");
    }
    let connections = spec.connections.unwrap_or(20_000);
    if connections == 0 {
        findings.error(&place.at("connections"), "0", "at least 1");
    }
    let streams = spec.streams.unwrap_or(100);
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
        head_timeout: span(spec.head_timeout, secs(10)),
        body_idle_timeout: span(spec.body_idle_timeout, secs(30)),
        keepalive_timeout: span(spec.keepalive_timeout, secs(60)),
        keepalive_requests: spec.keepalive_requests.unwrap_or(0),
        body_bytes: spec.body_bytes.map_or(0, |size| size.0),
        connections,
        connections_per_client: spec.connections_per_client.unwrap_or(0),
        streams,
    }
}
