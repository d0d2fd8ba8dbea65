//! What is in force? The compiled configuration: typed, complete, every default filled in, every reference resolved.
//!
//! The config room compiles YAML into this; everything else reads it. It is immutable: a reload makes a new one.

use super::identity::Address;
use super::proxy_header;
use super::reading::ProbeFailure;
use super::route::RouteTable;
use super::split::Target;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything.
#[derive(Clone, Debug)]
pub struct Plan {
    pub listeners: Vec<Arc<ListenerPlan>>,
    pub routes: Vec<RoutePlan>,
    pub table: RouteTable,
    pub upstreams: Vec<Arc<UpstreamPlan>>,
    pub admin: AdminPlan,
    pub logging: LoggingPlan,
    pub shutdown: ShutdownPlan,
    pub probing: ProbingPlan,
    pub start: StartPlan,
    pub reload: ReloadPlan,
    pub upgrade: UpgradePlan,
    /// Worker threads of the data path; 0 = one per core.
    pub threads: usize,
}

// ---------------------------------------------------------------- listeners

#[derive(Clone, Debug, PartialEq)]
pub struct ListenerPlan {
    pub name: Arc<str>,
    pub address: SocketAddr,
    pub tls: Option<ListenerTls>,
    /// Peers whose `Forwarded`, `X-Forwarded-*` and `X-Real-IP` are believed.
    pub trusted_proxies: Vec<Network>,
    /// Peers that must begin with a PROXY header, and are believed whom it names.
    pub proxied_by: Vec<Network>,
    pub limits: ListenerLimits,
    /// HTTP/2 is served too: offered in the TLS handshake, and recognised by its first bytes.
    pub http2: bool,
    /// Header names with `_` are dropped unless this is true (WSGI folds them into `-`).
    pub underscores_in_headers: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// Never empty; the first answers where no other has the name that is asked for.
    pub certificates: Vec<KeyPair>,
    /// Refuse who asks for no name, or for one that no certificate has.
    pub strict_sni: bool,
    pub minimum_version: TlsVersion,
    /// Set: clients are asked for a certificate.
    pub client_auth: Option<ClientAuth>,
}

/// PEM files of one certificate (its chain) and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// A key that every user of the machine may read is refused.
    pub strict_permissions: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    #[default]
    Tls12,
    Tls13,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuth {
    /// PEM file of the authorities that sign clients' certificates.
    pub ca: PathBuf,
    /// A client without a certificate is refused.
    pub required: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ListenerLimits {
    /// The whole request head, bytes (answered 431; the target alone beyond it 414).
    pub head_bytes: usize,
    /// From the first byte of a head (or the accept) to its end (answered 408).
    pub head_timeout: Duration,
    /// Silence within a request body.
    pub body_idle_timeout: Duration,
    /// Silence between requests of a kept-alive connection.
    pub keepalive_timeout: Duration,
    /// Requests per connection; 0 = no limit.
    pub keepalive_requests: u32,
    /// A request body, bytes (answered 413); 0 = no limit.
    pub body_bytes: u64,
    pub connections: u32,
    pub connections_per_client: u32,
    /// Requests in flight on one HTTP/2 connection.
    pub streams: u32,
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub prefix: u8,
}

impl Network {
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0);
                u32::from(net) & mask == u32::from(ip) & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix.min(128))).unwrap_or(0);
                u128::from(net) & mask == u128::from(ip) & mask
            }
            _ => false,
        }
    }
}

// ------------------------------------------------------------------- routes

#[derive(Clone, Debug, PartialEq)]
pub struct RoutePlan {
    pub name: Arc<str>,
    pub matches: RouteMatch,
    pub action: RouteAction,
    pub allow_encoded_slashes: bool,
    pub request_headers: HeaderEdits,
    pub response_headers: HeaderEdits,
    /// In force for this route: its own, else the upstream's.
    pub timeouts: Timeouts,
    pub retries: RetryPlan,
    /// After how long without an answer another backend is asked too; `None` = never.
    pub hedge: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteMatch {
    pub host: HostMatch,
    pub path: PathMatch,
    /// Upper case; empty = any.
    pub methods: Vec<String>,
    /// All must hold. Names in lower case.
    pub headers: Vec<(String, HeaderCondition)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostMatch {
    #[default]
    Any,
    /// Lower case, without port.
    Exact(String),
    /// `*.example.com` is kept as `.example.com`; it matches one or more labels in front.
    Suffix(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathMatch {
    Exact(String),
    /// By segment: `/orders` matches `/orders` and `/orders/7`, not `/orders2`. Without trailing slash, except "/" itself.
    Prefix(String),
}

impl Default for PathMatch {
    fn default() -> Self {
        Self::Prefix("/".to_owned())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderCondition {
    Present,
    Equals(String),
}

#[derive(Clone, Debug, PartialEq)]
pub enum RouteAction {
    Forward(Forward),
    /// `location` may hold `{host}`, `{path}` and `{query}`(with its `?`).
    Redirect {
        status: u16,
        location: String,
    },
    Respond {
        status: u16,
        content_type: String,
        body: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// One, or several with their weights.
    pub targets: Vec<Target>,
    pub mirror: Option<MirrorPlan>,
    /// What takes the place of the matched path prefix: `None` leaves the path as it is, `Some("")` strips it.
    pub replace_prefix: Option<String>,
    /// `None` keeps the client's Host.
    pub host: Option<String>,
}

/// A share of the requests goes to another upstream too, whose answers nobody waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MirrorPlan {
    /// Index into [`Plan::upstreams`].
    pub upstream: usize,
    /// 0.0..=1.0.
    pub share: f64,
}

/// `set` replaces, `add` appends, `remove` goes first. Names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    pub remove: Vec<String>,
    pub set: Vec<(String, String)>,
    pub add: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request being fully sent to the response head; `None` for long polls.
    pub per_try: Option<Duration>,
    /// Silence between bytes of an exchange.
    pub idle: Duration,
    /// The whole request, retries included; `None` for streams.
    pub total: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RetryPlan {
    /// Tries beyond the first; 0 = none.
    pub limit: u32,
    pub on: RetryOn,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryOn {
    pub connect: bool,
    pub reset: bool,
    pub timeout: bool,
    /// Response statuses, sorted.
    pub statuses: Vec<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetPlan {
    /// Tokens that a request deposits.
    pub ratio: f64,
    /// How long a deposited token lives.
    pub ttl: Duration,
    /// Retries per second that are always allowed.
    pub min_per_second: u32,
}

// ---------------------------------------------------------------- upstreams

#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamPlan {
    pub name: Arc<str>,
    pub sources: Vec<SourcePlan>,
    /// What its backends speak.
    pub protocol: Protocol,
    /// Each connection begins with a PROXY header of this version. Never with HTTP/2, whose connections are shared.
    pub send_proxy_protocol: Option<proxy_header::Version>,
    pub tls: Option<UpstreamTls>,
    pub readiness: Option<ProbePlan>,
    pub passive: PassivePlan,
    pub slow_start: SlowStartPlan,
    pub balance: BalancePlan,
    pub limits: UpstreamLimits,
    pub budget: BudgetPlan,
    pub when_none_eligible: WhenNoneEligible,
    /// 0.0..=1.0: with fewer than this share of the pool eligible, the balancer uses the wider set (see [`WhenNoneEligible`]). 0 = off.
    pub panic_threshold: f64,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// A response header by which a backend asks to be drained (stripped before the client sees it).
    pub drain_header: Option<(String, String)>,
    pub drain_keeps_sessions: bool,
    pub on_down: OnDown,
}

/// What becomes of a backend's connections when it goes down or is forced down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDown {
    /// Nothing: idle ones are used again when it is back.
    Keep,
    /// Idle ones are not used again: whatever listened there is gone or wrong.
    #[default]
    RetireIdle,
    /// Those with a request in flight are cut as well.
    CloseAll,
}

/// What may be under way to an upstream at once. 0 = no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamLimits {
    pub requests: u32,
    pub requests_per_backend: u32,
    /// HTTP/2: more streams share them. HTTP/1: a request has its own, so the smaller of the two limits counts.
    pub connections_per_backend: u32,
    /// Requests that may wait for a turn; 0 = none.
    pub queue: u32,
    /// How long they may.
    pub queue_timeout: Duration,
    /// How long an idempotent request is held while nobody is eligible.
    pub hold: Duration,
}

/// The version of HTTP towards backends. Over TLS it is agreed on by ALPN; without TLS both sides know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Http1,
    Http2,
}

/// Where backends come from.
#[derive(Clone, Debug, PartialEq)]
pub enum SourcePlan {
    Static(Vec<StaticBackend>),
    Dns(DnsSource),
    File { path: PathBuf, backup: bool },
}

#[derive(Clone, Debug, PartialEq)]
pub struct StaticBackend {
    pub address: Address,
    pub weight: u32,
    pub backup: bool,
}

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsQuery {
    /// A and AAAA.
    Host { name: String, port: u16 },
    /// SRV: port and weight come from the record.
    Srv { name: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The name that is sent and verified. Never empty: a config error otherwise, since an empty SNI would switch verification off.
    pub sni: String,
    pub verify: bool,
    /// PEM file of the CA; `None` = the system's roots.
    pub ca: Option<PathBuf>,
    /// What we show to a backend that asks who we are.
    pub identity: Option<Box<KeyPair>>,
}

/// A readiness probe. Field names are those of Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbePlan {
    pub kind: ProbeCheck,
    pub period: Duration,
    /// The period while a change is pending; also the least distance of probes that are pulled forward.
    pub fast_period: Duration,
    /// ± share of the period (0.1 = 10 %).
    pub jitter: f64,
    /// Total: connect, TLS, head and body.
    pub timeout: Duration,
    pub success_threshold: u32,
    pub failure_threshold: u32,
    /// No verdict of failure before this much time since the backend joined.
    pub initial_delay: Duration,
    /// Failures within this time after joining keep it `starting` instead of taking it down.
    pub startup_grace: Duration,
    /// Another port of the same backend.
    pub port: Option<u16>,
    /// Failure kinds that do not wait for the threshold.
    pub immediate: Vec<ProbeFailure>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ProbeCheck {
    Tcp,
    Http(HttpCheck),
}

#[derive(Clone, Debug, PartialEq)]
pub struct HttpCheck {
    pub protocol: Protocol,
    pub method: String,
    /// With query.
    pub path: String,
    /// The Host header; `None` = the backend's address.
    pub host: Option<String>,
    pub headers: Vec<(String, String)>,
    /// Statuses that pass, as inclusive ranges; empty = the design's table (2xx, and 3xx with a warning).
    pub expected_statuses: Vec<(u16, u16)>,
    /// Body cap in bytes.
    pub body_bytes: usize,
    /// TLS towards the probe; follows the upstream unless overridden.
    pub tls: Option<UpstreamTls>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PassivePlan {
    pub enabled: bool,
    /// Failures in a row that eject; 0 = off.
    pub consecutive_failures: u32,
    /// Share of failed outcomes in the window that ejects (0.0..=1.0); 0 = off.
    pub failure_ratio: f64,
    /// Outcomes that the window must hold before the ratio counts.
    pub minimum_outcomes: u32,
    pub window: Duration,
    pub base_ejection: Duration,
    pub max_ejection: Duration,
    /// ± share (0.2 = 20 %).
    pub ejection_jitter: f64,
    /// The least share of the pool that must stay fit (probe-passing and unejected), rounded up.
    pub minimum_fit: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStartPlan {
    /// Zero = off.
    pub duration: Duration,
    /// The share at the beginning (0.1 = 10 %).
    pub initial_share: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BalancePlan {
    pub policy: Policy,
    /// Set: a cookie binds a client to a backend.
    pub sticky: Option<StickyPlan>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    LeastRequest,
    RoundRobin,
    PeakEwma,
    Random,
    Hash(HashBy),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashBy {
    ClientAddress,
    /// Lower case.
    Header(String),
    Cookie(String),
    Path,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickyPlan {
    pub cookie: String,
    /// The key of the hash in the cookie; all gateways in front of one pool share it. `None` = drawn at start.
    pub secret: Option<String>,
    pub ttl: Option<Duration>,
    pub secure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenNoneEligible {
    /// 503 with Retry-After.
    FailClosed,
    /// Among all that are down, not ready or ejected.
    FailOpen,
    /// Among those that were eligible last.
    LastKnownGood,
}

// ------------------------------------------------------------------- others

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminPlan {
    /// `None` = no admin listener.
    pub address: Option<SocketAddr>,
    /// A listener of its own for `/livez` and `/readyz`.
    pub health_address: Option<SocketAddr>,
    /// Who may ask. Empty: everybody who reaches it, which only a loopback address allows.
    pub tokens: Vec<TokenPlan>,
}

/// A bearer token of the admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPlan {
    /// Who presents it: for the audit log.
    pub name: Arc<str>,
    pub source: TokenSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggingPlan {
    pub level: String,
    pub format: LogFormat,
    /// One line per request.
    pub access: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownPlan {
    /// How long `/readyz` fails while listeners still accept.
    pub delay: Duration,
    /// How long requests in flight may take after that.
    pub grace: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbingPlan {
    /// Probes in flight at once, all upstreams together.
    pub concurrency: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartPlan {
    /// Listeners accept after the first probe round or this, whichever is first; also how long a request waits while all are unchecked.
    pub wait: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadPlan {
    /// Reload when a file of the configuration changes.
    pub watch: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradePlan {
    /// Where the hand-over socket is; `None` = where the service manager says, else nowhere.
    pub directory: Option<PathBuf>,
    /// How long a new process may take to become ready.
    pub timeout: Duration,
}
