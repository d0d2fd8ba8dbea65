//! What is in force for a probe, of whichever of the three kinds.

use super::recognition::Recognition;
use super::{DocumentPlan, Protocol, UpstreamTls};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a probe is for, in the sense of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// Has it started? Until it has, the others wait.
    Startup,
    /// May it have traffic?
    Readiness,
    /// Does it live, or must somebody restart it?
    Liveness,
}

impl ProbeKind {
    pub const ALL: [Self; 3] = [Self::Startup, Self::Readiness, Self::Liveness];

    /// Is the answer's document read where nothing else is said? Whether a process must be restarted, no guess at a word decides.
    pub const fn reads_documents(self) -> bool {
        matches!(self, Self::Readiness)
    }

    /// As the configuration, events and the admin API name it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }
}

impl fmt::Display for ProbeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A probe. Field names are those of Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbePlan {
    pub kind: ProbeCheck,
    pub period: Duration,
    /// The period while a change is pending; also the least distance of probes that are pulled forward.
    pub fast_period: Duration,
    /// As far apart as live traffic that succeeds may put probes; zero = never further than the period.
    pub stretch_to: Duration,
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
    /// Which service and which instance of it must answer.
    pub recognition: Recognition,
    /// Startup and liveness: the webhook that is told when it fails for good.
    pub on_failure: Option<Arc<str>>,
}

impl ProbePlan {
    /// Failures that do not wait for the threshold: a stranger never does.
    pub fn is_immediate(&self, kind: ProbeFailure) -> bool {
        kind == ProbeFailure::Identity || self.immediate.contains(&kind)
    }
}

impl ProbePlan {
    /// A connect, with the thresholds of its kind.
    pub fn of(kind: ProbeKind) -> Self {
        let (success_threshold, failure_threshold) = match kind {
            ProbeKind::Startup => (1, 30),
            ProbeKind::Readiness => (2, 3),
            ProbeKind::Liveness => (1, 3),
        };
        Self {
            kind: ProbeCheck::Tcp,
            period: Duration::from_secs(2),
            fast_period: Duration::from_millis(500),
            jitter: 0.1,
            stretch_to: Duration::ZERO,
            timeout: Duration::from_secs(1),
            success_threshold,
            failure_threshold,
            initial_delay: Duration::ZERO,
            startup_grace: Duration::ZERO,
            port: None,
            immediate: Vec::new(),
            recognition: Recognition::default(),
            on_failure: None,
        }
    }
}

/// One of readiness.
impl Default for ProbePlan {
    fn default() -> Self {
        Self::of(ProbeKind::Readiness)
    }
}

impl ProbePlan {
    /// The share of its weight that a degraded backend keeps.
    pub fn degraded_share(&self) -> f64 {
        match &self.kind {
            ProbeCheck::Http(check) => check.document.as_ref().map_or(1.0, |rules| rules.degraded_share),
            ProbeCheck::Tcp | ProbeCheck::Grpc(_) => 1.0,
        }
    }
}

#[allow(clippy::large_enum_variant, reason = "there is one per probe of the configuration, and it stays where it is")]
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeCheck {
    Tcp,
    Http(HttpCheck),
    Grpc(GrpcCheck),
}

impl ProbeCheck {
    /// With what TLS it is made, where it is not the upstream's own.
    pub fn tls(&self) -> Option<&UpstreamTls> {
        match self {
            Self::Tcp => None,
            Self::Http(check) => check.tls.as_ref(),
            Self::Grpc(check) => check.tls.as_ref(),
        }
    }
}

/// `grpc.health.v1.Health/Check`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GrpcCheck {
    /// Empty: the server as a whole.
    pub service: String,
    /// The `:authority`; `None` = the backend's address.
    pub authority: Option<String>,
    /// Metadata of the call.
    pub headers: Vec<(String, String)>,
    /// TLS towards the probe; follows the upstream unless overridden.
    pub tls: Option<UpstreamTls>,
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
    /// How the body is read as a document; `None` = not at all.
    pub document: Option<Box<DocumentPlan>>,
    /// TLS towards the probe; follows the upstream unless overridden.
    pub tls: Option<UpstreamTls>,
}

impl HttpCheck {
    /// A GET of `path`, as a probe of this kind reads the answer.
    pub fn of(kind: ProbeKind, path: &str) -> Self {
        Self {
            protocol: Protocol::default(),
            method: "GET".to_owned(),
            path: path.to_owned(),
            host: None,
            headers: Vec::new(),
            expected_statuses: Vec::new(),
            body_bytes: 64 << 10,
            document: kind.reads_documents().then(Box::default),
            tls: None,
        }
    }
}

/// The kinds of failure, as `immediate: [kinds]` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProbeFailure {
    Refused,
    Timeout,
    Tls,
    Status,
    Body,
    /// The status passes, and the document says no.
    Document,
    /// Another service answers there. Never waits for a threshold.
    Identity,
}

impl ProbeFailure {
    /// The stable word; of those that may be named there, as in `immediate`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Status => "status",
            Self::Body => "body",
            Self::Document => "document",
            Self::Identity => "identity",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_are_named_do_not_wait_and_a_stranger_never_does() {
        let all = [
            ProbeFailure::Refused,
            ProbeFailure::Timeout,
            ProbeFailure::Tls,
            ProbeFailure::Status,
            ProbeFailure::Body,
            ProbeFailure::Document,
            ProbeFailure::Identity,
        ];
        for named in all {
            let plan = ProbePlan { immediate: vec![named], ..ProbePlan::default() };
            for kind in all {
                let expected = kind == named || kind == ProbeFailure::Identity;
                assert_eq!(plan.is_immediate(kind), expected, "{kind:?} where {named:?} is named");
                assert_eq!(ProbePlan::default().is_immediate(kind), kind == ProbeFailure::Identity, "{kind:?}");
            }
        }
    }

    /// Only a probe that reads a document hears that a backend is degraded.
    #[test]
    fn a_degraded_backend_keeps_what_the_rules_for_its_document_say() {
        let http = |document| {
            let mut check = HttpCheck::of(ProbeKind::Readiness, "/");
            check.document = document;
            ProbeCheck::Http(check)
        };
        let half = DocumentPlan { degraded_share: 0.5, ..DocumentPlan::default() };
        for (kind, share) in [
            (ProbeCheck::Tcp, 1.0),
            (ProbeCheck::Grpc(GrpcCheck::default()), 1.0),
            (http(None), 1.0),
            (http(Some(Box::default())), 1.0),
            (http(Some(Box::new(half))), 0.5),
        ] {
            let plan = ProbePlan { kind, ..ProbePlan::default() };
            assert_eq!(plan.degraded_share(), share, "{:?}", plan.kind);
        }
    }
}
