//! What is in force for a request: what it must match, what becomes of it, how long it may take, how often it is tried.

use super::AdmissionPlan;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct RoutePlan {
    pub name: Arc<str>,
    pub matches: RouteMatch,
    pub action: RouteAction,
    /// `None`: everybody comes in.
    pub admission: Option<Box<AdmissionPlan>>,
    pub allow_encoded_slashes: bool,
    pub request_headers: HeaderEdits,
    pub response_headers: HeaderEdits,
    /// In force for this route: its own, else the upstream's.
    pub timeouts: Timeouts,
    pub retries: RetryPlan,
    /// After how long without an answer another backend is asked too; `None` = never.
    pub hedge: Option<Duration>,
}

impl RoutePlan {
    /// For every request.
    pub fn named(name: &str, action: RouteAction) -> Self {
        Self {
            name: name.into(),
            matches: RouteMatch::default(),
            action,
            admission: None,
            allow_encoded_slashes: false,
            request_headers: HeaderEdits::default(),
            response_headers: HeaderEdits::default(),
            timeouts: Timeouts::default(),
            retries: RetryPlan::default(),
            hedge: None,
        }
    }
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

impl RouteAction {
    /// A redirect that keeps the method.
    pub const REDIRECT_STATUS: u16 = 308;
    pub const RESPOND_STATUS: u16 = 200;
    pub const RESPOND_TYPE: &str = "text/plain; charset=utf-8";
}

#[derive(Clone, Debug, Default, PartialEq)]
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

impl MirrorPlan {
    /// Of every request.
    pub fn to(upstream: usize) -> Self {
        Self { upstream, share: 1.0 }
    }
}

/// `set` replaces, `add` appends, `remove` goes first. Names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderEdits {
    pub remove: Vec<String>,
    pub set: Vec<(String, String)>,
    pub add: Vec<(String, String)>,
}

impl HeaderEdits {
    /// Every name that is changed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let pairs = self.set.iter().chain(&self.add);
        self.remove.iter().chain(pairs.map(|(name, _)| name)).map(String::as_str)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request being fully sent to the response head; `None` for long polls.
    pub per_try: Option<Duration>,
    /// Until a client that expects a 100 (RFC 9110 §10.1.1) is told by us to send its body, while the backend says nothing.
    pub expect_continue: Duration,
    /// Silence between bytes of an exchange.
    pub idle: Duration,
    /// The whole request, retries included; `None` for streams.
    pub total: Option<Duration>,
    /// Somebody wrote it.
    pub total_is_written: bool,
}

/// As long as a call may last that has a deadline of its own, where no total is written.
const LONGEST_CALL: Duration = Duration::from_secs(3600);

impl Timeouts {
    /// As long as a call may last, whatever deadline its caller gives it.
    pub fn longest_call(&self) -> Duration {
        self.total.filter(|_| self.total_is_written).unwrap_or(LONGEST_CALL)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            per_try: Some(Duration::from_secs(10)),
            expect_continue: Duration::from_secs(1),
            idle: Duration::from_secs(60),
            total: Some(Duration::from_secs(60)),
            total_is_written: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RetryPlan {
    /// Tries beyond the first; 0 = none.
    pub limit: u32,
    pub on: RetryOn,
}

impl Default for RetryPlan {
    fn default() -> Self {
        Self { limit: 2, on: RetryOn::default() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryOn {
    pub connect: bool,
    pub reset: bool,
    pub timeout: bool,
    /// Response statuses, sorted.
    pub statuses: Vec<u16>,
}

impl RetryOn {
    pub const NOTHING: Self = Self { connect: false, reset: false, timeout: false, statuses: Vec::new() };
}

impl Default for RetryOn {
    fn default() -> Self {
        Self { connect: true, reset: true, timeout: true, statuses: vec![500, 502, 503, 504] }
    }
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

impl Default for BudgetPlan {
    fn default() -> Self {
        Self { ratio: 0.2, ttl: Duration::from_secs(10), min_per_second: 10 }
    }
}

/// An upstream of a route, with its share of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Index into [`crate::plan::Plan::upstreams`].
    pub upstream: usize,
    pub weight: u32,
}
