//! Who is told what happened? Log lines, metrics, and the access log, each from one place.
//!
//! An [`Event`] becomes log line + metric in one match; a finished request becomes an access-log line + counters in one call.
//! This room decides nothing and never makes traffic wait.

use crate::control::{Clock, Reporter};
use crate::domain::board::UpstreamReport;
use crate::domain::event::Event;
use crate::domain::identity::Address;
use crate::domain::plan::LoggingPlan;
use crate::domain::snapshot::Snapshot;
use std::net::IpAddr;
use std::time::Duration;

/// A finished request, as the access log and the counters see it.
#[derive(Clone, Debug)]
pub struct RequestRecord<'a> {
    pub request_id: &'a str,
    pub client: IpAddr,
    pub listener: &'a str,
    pub method: &'a str,
    pub host: &'a str,
    /// The normalised path, without query (queries carry secrets).
    pub path: &'a str,
    /// "HTTP/1.1", "HTTP/2"…
    pub protocol: &'static str,
    pub route: Option<&'a str>,
    pub upstream: Option<&'a str>,
    /// The backend of the last attempt.
    pub backend: Option<&'a Address>,
    /// As sent to the client; 499 when the client left before an answer.
    pub status: u16,
    /// The stable reason code where Pulsegate answered by itself (`no_route`, `none_eligible`…) or the exchange broke.
    pub reason: Option<&'static str>,
    /// 0 where no backend was asked.
    pub attempts: u32,
    /// Why no further try was made, where one was wanted ("budget", "limit"…).
    pub retry_stopped: Option<&'static str>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub took: Duration,
    /// Of the last attempt, to its response head.
    pub upstream_took: Option<Duration>,
}

#[derive(Debug)]
pub struct Telemetry {}

impl Telemetry {
    pub fn new(_plan: &LoggingPlan, _clock: Clock) -> Self {
        todo!()
    }

    pub fn request(&self, _record: &RequestRecord<'_>) {
        todo!()
    }

    /// A connection or a head that never became a request: counted and logged by its stable reason code.
    pub fn refused(&self, _listener: &str, _client: IpAddr, _reason: &'static str) {
        todo!()
    }

    pub fn connection_opened(&self, _listener: &str) {
        todo!()
    }

    pub fn connection_closed(&self, _listener: &str) {
        todo!()
    }

    /// A reload was tried.
    pub fn reload(&self, _applied: bool) {
        todo!()
    }

    /// All metrics in the Prometheus text format.
    pub fn render(&self, _snapshot: &Snapshot, _reports: &[UpstreamReport]) -> String {
        todo!()
    }
}

impl Reporter for Telemetry {
    fn report(&self, _event: &Event) {
        todo!()
    }
}
