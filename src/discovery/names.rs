//! What does DNS say? Addresses and service records of a name, with the time they may be believed.
//!
//! The resolver is made anew for every look (at most one per source in five seconds): so resolv.conf and /etc/hosts are never stale, and
//! no cache stands between the name server's TTL and us. "No such name" and "no answer" stay apart: the first is knowledge.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{RData, RecordType};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Per try, for servers of our own choice; the system's have their own in resolv.conf.
const SERVER_TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NameAnswer {
    pub(super) addresses: Vec<IpAddr>,
    /// The least of all records used.
    pub(super) ttl: Duration,
}

/// One SRV record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceRecord {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: String,
}

/// Why a name gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NameFailure {
    /// DNS is sure that there is no such name.
    pub(super) gone: bool,
    pub(super) why: String,
}

/// The address families in which a source has answered so far. Where one family fails, the answer of the other is complete only if
/// the failing one never had any: some resolvers never answer for AAAA, but a family that had backends must not vanish by a timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Families {
    v4: bool,
    v6: bool,
}

/// A resolver for one look: of `servers`, or of the system where there are none.
///
/// # Errors
/// A sentence when the system's configuration cannot be used.
pub(super) fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, String> {
    resolver_waiting(servers, SERVER_TIMEOUT)
}

/// As [`resolver`]; `per_try` is how long each of `servers` may take.
pub(super) fn resolver_waiting(servers: &[SocketAddr], per_try: Duration) -> Result<TokioResolver, String> {
    let unusable = |error: NetError| format!("the system's DNS configuration cannot be used: {error}");
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(unusable)?
    } else {
        let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().timeout = per_try;
        builder
    };
    builder.options_mut().use_hosts_file = ResolveHosts::Always;
    builder.build().map_err(unusable)
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// The A and AAAA records of `name`.
pub(super) async fn addresses(
    resolver: &TokioResolver,
    name: &str,
    families: &mut Families,
) -> Result<NameAnswer, NameFailure> {
    let v4 = lookup(resolver, name, RecordType::A).await;
    // The search list found the name once: the second family belongs to that same name.
    let full = match &v4 {
        Ok(Some(found)) => found.query().name().to_string(),
        _ => name.to_owned(),
    };
    let v6 = lookup(resolver, &full, RecordType::AAAA).await;
    merge(v4.map(answer), v6.map(answer), families)
}

type Family = Result<NameAnswer, NameFailure>;

fn merge(v4: Family, v6: Family, seen: &mut Families) -> Family {
    let before = *seen;
    seen.v4 |= has_some(&v4);
    seen.v6 |= has_some(&v6);
    match (v4, v6) {
        (Ok(v4), Ok(v6)) => Ok(join(v4, v6)),
        (Ok(v4), Err(failure)) => alone(v4, failure, before.v6),
        (Err(failure), Ok(v6)) => alone(v6, failure, before.v4),
        (Err(v4), Err(v6)) => Err(if v4.gone { v6 } else { v4 }),
    }
}

fn has_some(family: &Family) -> bool {
    family.as_ref().is_ok_and(|answer| !answer.addresses.is_empty())
}

fn alone(answer: NameAnswer, other: NameFailure, other_seen: bool) -> Family {
    if answer.addresses.is_empty() || (other_seen && !other.gone) { Err(other) } else { Ok(answer) }
}

fn join(mut v4: NameAnswer, v6: NameAnswer) -> NameAnswer {
    if v4.addresses.is_empty() {
        return v6;
    }
    if !v6.addresses.is_empty() {
        v4.ttl = v4.ttl.min(v6.ttl);
        v4.addresses.extend(v6.addresses);
    }
    v4
}

fn answer(found: Option<Lookup>) -> NameAnswer {
    let Some(found) = found else { return NameAnswer::default() };
    let addresses = found.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
    NameAnswer { addresses, ttl: least_ttl(&found) }
}

/// The SRV records of `name` and their TTL. A target "." says that there is no service (RFC 2782).
pub(super) async fn services(
    resolver: &TokioResolver,
    name: &str,
) -> Result<(Vec<ServiceRecord>, Duration), NameFailure> {
    let Some(found) = lookup(resolver, name, RecordType::SRV).await? else { return Ok((Vec::new(), Duration::ZERO)) };
    let records = found.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(srv) if srv.port != 0 && !srv.target.is_root() => Some(ServiceRecord {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_string(),
        }),
        _ => None,
    });
    Ok((records.collect(), least_ttl(&found)))
}

/// CNAMEs on the way count too.
fn least_ttl(found: &Lookup) -> Duration {
    let seconds = found.answers().iter().map(|record| record.ttl).min();
    Duration::from_secs(u64::from(seconds.unwrap_or(0)))
}

/// `None`: the name exists and has no such record.
async fn lookup(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Option<Lookup>, NameFailure> {
    match resolver.lookup(name, kind).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_no_records_found() && !error.is_nx_domain() => Ok(None),
        Err(error) => Err(NameFailure { gone: error.is_nx_domain(), why: words(name, kind, &error) }),
    }
}

/// Without ids and times, so that the same failure has the same words.
fn words(name: &str, kind: RecordType, error: &NetError) -> String {
    match error {
        _ if error.is_nx_domain() => format!("DNS knows no name {name} (NXDOMAIN)"),
        NetError::Timeout => format!("no DNS server answered for {name} ({kind}) in time"),
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the DNS server answered {code} for {name} ({kind})"),
        other => format!("DNS failed for {name} ({kind}): {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ips: &[&str], ttl: u64) -> Family {
        let addresses = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        Ok(NameAnswer { addresses, ttl: Duration::from_secs(ttl) })
    }

    fn failed(gone: bool) -> Family {
        Err(NameFailure { gone, why: "because".to_owned() })
    }

    #[test]
    fn both_families_make_one_answer_with_the_lesser_ttl() {
        let both = merge(found(&["10.0.0.1"], 30), found(&["::1"], 7), &mut Families::default());
        assert_eq!(both, found(&["10.0.0.1", "::1"], 7));
        assert_eq!(merge(found(&["10.0.0.1"], 30), found(&[], 0), &mut Families::default()), found(&["10.0.0.1"], 30));
        assert_eq!(merge(found(&[], 0), found(&["::1"], 7), &mut Families::default()), found(&["::1"], 7));
        assert_eq!(merge(found(&[], 0), found(&[], 0), &mut Families::default()), found(&[], 0));
    }

    #[test]
    fn a_family_that_never_answered_may_fail() {
        let mut seen = Families::default();
        assert_eq!(merge(found(&["10.0.0.1"], 30), failed(false), &mut seen), found(&["10.0.0.1"], 30));
        assert_eq!(seen, Families { v4: true, v6: false });
    }

    #[test]
    fn a_family_that_had_addresses_may_not() {
        let mut seen = Families::default();
        merge(found(&["10.0.0.1"], 30), found(&["::1"], 30), &mut seen).unwrap();
        assert_eq!(merge(found(&["10.0.0.1"], 30), failed(false), &mut seen), failed(false));
        assert_eq!(merge(failed(false), found(&["::1"], 30), &mut seen), failed(false));
        assert_eq!(
            merge(found(&["10.0.0.1"], 30), failed(true), &mut seen),
            found(&["10.0.0.1"], 30),
            "known to be gone"
        );
    }

    #[test]
    fn nothing_in_one_family_and_a_failure_in_the_other_is_a_failure() {
        assert_eq!(merge(found(&[], 0), failed(false), &mut Families::default()), failed(false));
        assert_eq!(merge(failed(true), failed(false), &mut Families::default()), failed(false));
        assert_eq!(merge(failed(true), failed(true), &mut Families::default()), failed(true));
    }
}
