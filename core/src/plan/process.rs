//! What is in force for the process as a whole: its admin side, its start and its end.

use super::admin::{AdminClient, AdminLimits, Scopes};
use super::listener::ListenerTls;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminPlan {
    /// `None` = no admin listener.
    pub address: Option<SocketAddr>,
    /// A listener of its own for `/livez` and `/readyz`.
    pub health_address: Option<SocketAddr>,
    /// Who may ask. Empty: everybody who reaches it, which only a loopback address allows.
    pub tokens: Vec<TokenPlan>,
    /// `None` = plain HTTP.
    pub tls: Option<ListenerTls>,
    /// Whose certificates stand in for a token. Empty: whoever has a verified one may do everything.
    pub clients: Vec<AdminClient>,
    pub limits: AdminLimits,
}

impl AdminPlan {
    /// Nobody can ask.
    pub fn off() -> Self {
        Self { address: None, ..Self::default() }
    }
}

impl Default for AdminPlan {
    fn default() -> Self {
        Self {
            address: Some((Ipv4Addr::LOCALHOST, 9090).into()),
            health_address: None,
            tokens: Vec::new(),
            tls: None,
            clients: Vec::new(),
            limits: AdminLimits::default(),
        }
    }
}

/// A bearer token of the admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPlan {
    /// Who presents it: for the audit log.
    pub name: Arc<str>,
    pub source: TokenSource,
    pub scopes: Scopes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownPlan {
    /// How long `/readyz` fails while listeners still accept.
    pub delay: Duration,
    /// How long requests in flight may take after that.
    pub grace: Duration,
}

impl Default for ShutdownPlan {
    fn default() -> Self {
        Self { delay: Duration::ZERO, grace: Duration::from_secs(30) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbingPlan {
    /// Probes in flight at once, all upstreams together.
    pub concurrency: usize,
}

impl Default for ProbingPlan {
    fn default() -> Self {
        Self { concurrency: 1024 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartPlan {
    /// Listeners accept after the first probe round or this, whichever is first; also how long a request waits while all are unchecked.
    pub wait: Duration,
}

impl Default for StartPlan {
    fn default() -> Self {
        Self { wait: Duration::from_secs(5) }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReloadPlan {
    /// Reload when a file of the configuration changes.
    pub watch: bool,
}

/// What happens is written down, for a later replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlan {
    pub file: PathBuf,
    /// Bytes of one file; then the next is begun.
    pub max_size: u64,
    /// Older files that are kept beside it.
    pub keep: u32,
}

impl RecordPlan {
    pub fn to(file: PathBuf) -> Self {
        Self { file, max_size: 64 << 20, keep: 5 }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradePlan {
    /// Where the hand-over socket is; `None` = where the service manager says, else nowhere.
    pub directory: Option<PathBuf>,
    /// How long a new process may take to become ready.
    pub timeout: Duration,
}

impl Default for UpgradePlan {
    fn default() -> Self {
        Self { directory: None, timeout: Duration::from_secs(30) }
    }
}
