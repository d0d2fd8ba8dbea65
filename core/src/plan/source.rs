//! What is in force for where backends come from: the configuration itself, names, files.

use crate::base::identity::Address;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where backends come from.
#[derive(Clone, Debug, PartialEq)]
pub enum SourcePlan {
    Static(Vec<StaticBackend>),
    Dns(DnsSource),
    File { path: PathBuf, backup: bool },
}

impl SourcePlan {
    pub fn id(&self) -> SourceId {
        match self {
            Self::Static(_) => SourceId::Configuration,
            Self::Dns(dns) => SourceId::Dns(dns.query.clone()),
            Self::File { path, .. } => SourceId::File(path.display().to_string()),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct StaticBackend {
    pub address: Address,
    pub weight: u32,
    pub backup: bool,
}

impl StaticBackend {
    pub fn at(address: Address) -> Self {
        Self { address, weight: WEIGHT, backup: false }
    }
}

/// Of a backend of which nothing else is said, wherever it comes from.
const WEIGHT: u32 = 1;

#[derive(Clone, Debug, PartialEq)]
pub struct DnsSource {
    pub query: DnsQuery,
    pub weight: u32,
    pub backup: bool,
    /// Re-resolved when the TTL ends, but never sooner than this (≥ 5 s).
    pub min_interval: Duration,
    /// Re-resolved at the latest after this.
    pub max_interval: Duration,
    /// DNS servers to ask; empty = the system's.
    pub servers: Vec<SocketAddr>,
}

impl DnsSource {
    pub const MIN_INTERVAL: Duration = Duration::from_secs(5);
    pub const MAX_INTERVAL: Duration = Duration::from_secs(60);

    pub fn of(query: DnsQuery) -> Self {
        Self {
            query,
            weight: WEIGHT,
            backup: false,
            min_interval: Self::MIN_INTERVAL,
            max_interval: Self::MAX_INTERVAL,
            servers: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsQuery {
    /// A and AAAA.
    Host { name: String, port: u16 },
    /// SRV: port and weight come from the record.
    Srv { name: String },
}

/// Which source, whatever else its definition says: a reload may change its interval, and another process may have asked it before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize), serde(from = "String", into = "String"))]
pub enum SourceId {
    Configuration,
    Dns(DnsQuery),
    /// By its path, as it is written.
    File(String),
    /// Of a kind that only another process knows, as that one names it.
    Foreign(String),
}

/// How it is called in events and in what people write about it.
impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration => f.write_str("the configuration"),
            Self::Dns(DnsQuery::Host { name, port }) => write!(f, "dns {name}:{port}"),
            Self::Dns(DnsQuery::Srv { name }) => write!(f, "srv {name}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Foreign(name) => f.write_str(name),
        }
    }
}

impl From<SourceId> for String {
    fn from(id: SourceId) -> Self {
        id.to_string()
    }
}

impl From<String> for SourceId {
    fn from(name: String) -> Self {
        let host = |host: &str| {
            let (name, port) = host.rsplit_once(':')?;
            Some(Self::Dns(DnsQuery::Host { name: name.to_owned(), port: port.parse().ok()? }))
        };
        let known = match name.split_once(' ') {
            Some(("dns", asked)) => host(asked),
            Some(("srv", asked)) => Some(Self::Dns(DnsQuery::Srv { name: asked.to_owned() })),
            Some(("file", path)) => Some(Self::File(path.to_owned())),
            _ if name == "the configuration" => Some(Self::Configuration),
            _ => None,
        };
        known.unwrap_or(Self::Foreign(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_by_its_name() {
        let host = |name: &str, port| SourceId::Dns(DnsQuery::Host { name: name.to_owned(), port });
        for (id, name) in [
            (SourceId::Configuration, "the configuration"),
            (host("app.internal", 80), "dns app.internal:80"),
            (SourceId::Dns(DnsQuery::Srv { name: "_http._tcp.app".to_owned() }), "srv _http._tcp.app"),
            (SourceId::File("/etc/pool of one.txt".to_owned()), "file /etc/pool of one.txt"),
            (SourceId::Foreign("dns app".to_owned()), "dns app"),
            (SourceId::Foreign("dns app:http".to_owned()), "dns app:http"),
            (SourceId::Foreign("consul app".to_owned()), "consul app"),
        ] {
            assert_eq!(id.to_string(), name);
            assert_eq!(SourceId::from(name.to_owned()), id);
        }
    }
}
