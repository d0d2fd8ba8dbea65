//! Where are a pool's backends? Addresses, names that are looked up, files that are read again.

use crate::config::addresses;
use crate::config::compile::{secs, span};
use crate::config::files::{Findings, Place};
use crate::config::schema::{BackendSpec, SourceSpec};
use crate::config::words::not_exactly_one;
use pulsegate_core::base::identity::Address;
use pulsegate_core::plan::{DnsQuery, DnsSource, SourcePlan, StaticBackend};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

pub fn compile(specs: &[BackendSpec], base: &Path, place: &Place, findings: &mut Findings) -> Vec<SourcePlan> {
    if specs.is_empty() {
        findings.error(&place.at("backends"), "no backend", "at least one address, dns, srv or file");
    }
    let mut fixed: Vec<StaticBackend> = Vec::new();
    let mut watched = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let place = place.at(&format!("backends.{index}"));
        match spec {
            BackendSpec::Short(address) => fixed.extend(fixed_backend(address, &place, findings)),
            BackendSpec::Long(source) => match (&source.address, &source.dns, &source.srv, &source.file) {
                (Some(address), None, None, None) => {
                    let backend = fixed_backend(address, &place.at("address"), findings);
                    let weight = weight(source, &place, findings);
                    let written = |backend: StaticBackend| StaticBackend {
                        weight: weight.unwrap_or(backend.weight),
                        backup: source.backup,
                        ..backend
                    };
                    fixed.extend(backend.map(written));
                }
                (None, Some(name), None, None) => {
                    watched.extend(dns(host_query(name), source, &place.at("dns"), findings))
                }
                (None, None, Some(name), None) => {
                    watched.extend(dns(Ok(DnsQuery::Srv { name: name.clone() }), source, &place.at("srv"), findings));
                }
                (None, None, None, Some(path)) => {
                    watched.push(SourcePlan::File { path: base.join(path), backup: source.backup });
                }
                (address, dns, srv, file) => {
                    let choices = [
                        ("address", address.is_some()),
                        ("dns", dns.is_some()),
                        ("srv", srv.is_some()),
                        ("file", file.is_some()),
                    ];
                    findings.error(&place, not_exactly_one(&choices).unwrap_or_default(), "exactly one of them");
                }
            },
        }
    }
    reject_duplicates(&fixed, place, findings);
    if !fixed.is_empty() && watched.is_empty() && fixed.iter().all(|backend| backend.weight == 0) {
        findings.error(&place.at("backends"), "weight 0 for every backend", "at least one weight above 0");
    }
    let fixed = (!fixed.is_empty()).then_some(SourcePlan::Static(fixed));
    fixed.into_iter().chain(watched).collect()
}

fn fixed_backend(text: &str, place: &Place, findings: &mut Findings) -> Option<StaticBackend> {
    match addresses::backend(text) {
        Ok(address) => Some(StaticBackend::at(address)),
        Err(allowed) => {
            findings.error(place, format!("{text:?}"), allowed);
            None
        }
    }
}

fn weight(source: &SourceSpec, place: &Place, findings: &mut Findings) -> Option<u32> {
    if let Some(weight) = source.weight.filter(|weight| *weight > 65_535) {
        findings.error(&place.at("weight"), weight.to_string(), "0 to 65535");
    }
    source.weight
}

fn host_query(text: &str) -> Result<DnsQuery, String> {
    let allowed = || "a name and a port, such as orders.internal:8000".to_owned();
    let (name, port) = text.rsplit_once(':').ok_or_else(allowed)?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(allowed)?;
    if name.is_empty() { Err(allowed()) } else { Ok(DnsQuery::Host { name: name.to_owned(), port }) }
}

fn dns(
    query: Result<DnsQuery, String>,
    source: &SourceSpec,
    place: &Place,
    findings: &mut Findings,
) -> Option<SourcePlan> {
    let min_interval = span(source.min_interval, DnsSource::MIN_INTERVAL);
    if min_interval < secs(5) {
        findings.error(&place.at("min_interval"), format!("{min_interval:?}"), "at least 5s: name servers are shared");
    }
    let max_interval = span(source.max_interval, DnsSource::MAX_INTERVAL);
    if max_interval < min_interval {
        findings.error(&place.at("max_interval"), format!("{max_interval:?}"), "at least min_interval");
    }
    let servers = servers(source, place, findings);
    let query = query.map_err(|allowed| {
        let found = source.dns.as_deref().unwrap_or_default();
        findings.error(place, format!("{found:?}"), allowed);
    });
    let default = DnsSource::of(query.ok()?);
    let weight = weight(source, place, findings).unwrap_or(default.weight);
    let backup = source.backup;
    Some(SourcePlan::Dns(DnsSource { weight, backup, min_interval, max_interval, servers, ..default }))
}

fn servers(source: &SourceSpec, place: &Place, findings: &mut Findings) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for text in &source.servers {
        let on_port_53 = |allowed| text.parse::<IpAddr>().map(|ip| SocketAddr::from((ip, 53))).map_err(|_| allowed);
        match addresses::socket(text).or_else(on_port_53) {
            Ok(server) => servers.push(server),
            Err(allowed) => findings.error(&place.at("servers"), format!("{text:?}"), allowed),
        }
    }
    servers
}

fn reject_duplicates(fixed: &[StaticBackend], place: &Place, findings: &mut Findings) {
    for (index, backend) in fixed.iter().enumerate() {
        if fixed.iter().take(index).any(|other| other.address == backend.address) {
            findings.error(
                &place.at("backends"),
                format!("{} twice", backend.address),
                "each address once (use weight)",
            );
        }
    }
}

pub fn default_sni(sources: &[SourcePlan]) -> Option<String> {
    sources.iter().find_map(|source| match source {
        SourcePlan::Dns(DnsSource { query: DnsQuery::Host { name, .. }, .. }) => Some(name.clone()),
        _ => None,
    })
}

/// One port for all is one endpoint for all that share an address, and a slip where it is the port of some.
pub fn shared_port(port: u16, sources: &[SourcePlan], place: &Place, findings: &mut Findings) {
    let fixed = sources.iter().flat_map(|source| match source {
        SourcePlan::Static(backends) => backends.as_slice(),
        SourcePlan::Dns(_) | SourcePlan::File { .. } => &[],
    });
    let mut sockets = fixed.filter_map(|backend| match &backend.address {
        Address::Socket(address) => Some(*address),
        Address::Unix(_) => None,
    });
    let all: Vec<SocketAddr> = sockets.by_ref().collect();
    let one_asked_for_several =
        all.iter().enumerate().any(|(index, one)| all.iter().take(index).any(|other| other.ip() == one.ip()));
    let port_of_some = all.iter().any(|one| one.port() == port) && all.iter().any(|one| one.port() != port);
    if one_asked_for_several || port_of_some {
        findings.warning(
            place,
            format!("port {port}, which is not the port of every backend"),
            &format!("port {port} is asked at every backend; leave it out to ask each at its own"),
        );
    }
}
