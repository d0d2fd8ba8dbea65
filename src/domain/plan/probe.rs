//! What is in force for a readiness probe.

use super::{DocumentPlan, Protocol, UpstreamTls};
use crate::domain::reading::ProbeFailure;
use std::time::Duration;

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

impl ProbePlan {
    /// The share of its weight that a degraded backend keeps.
    pub fn degraded_share(&self) -> f64 {
        match &self.kind {
            ProbeCheck::Http(check) => check.document.as_ref().map_or(1.0, |rules| rules.degraded_share),
            ProbeCheck::Tcp => 1.0,
        }
    }
}

#[allow(clippy::large_enum_variant, reason = "there is one per probe of the configuration, and it stays where it is")]
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
    /// How the body is read as a document; `None` = not at all.
    pub document: Option<Box<DocumentPlan>>,
    /// TLS towards the probe; follows the upstream unless overridden.
    pub tls: Option<UpstreamTls>,
}
