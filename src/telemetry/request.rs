//! What is known of a request that has ended? Told once, to the access log, the counters and the tracer.

use super::tries::Tries;
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::grpc;
use pulsegate_core::http::trace::Trace;
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;

/// The fields that a client sent.
pub trait Headers: Debug {
    /// A line of this name (in lower case), counted from 0 in their order.
    fn line(&self, name: &str, number: usize) -> Option<&[u8]>;
}

/// A finished request, as the access log and the counters see it.
#[derive(Clone, Debug)]
pub struct RequestRecord<'a> {
    /// As heads hold it; [`Self::id`] where somebody wants to read it.
    pub request_id: &'a [u8],
    pub client: IpAddr,
    pub listener: &'a str,
    pub method: &'a str,
    pub host: &'a str,
    /// The normalised path, without query.
    pub path: &'a str,
    /// With its `?`. It may carry secrets.
    pub query: &'a str,
    /// As the client sent them. They may carry secrets.
    pub headers: Option<&'a dyn Headers>,
    /// "HTTP/1.1", "HTTP/2"…
    pub protocol: &'static str,
    pub route: Option<&'a str>,
    pub upstream: Option<&'a str>,
    /// The backend of the last attempt.
    pub backend: Option<&'a Address>,
    /// As sent to the client; 499 when the client left before an answer.
    pub status: u16,
    /// What a gRPC caller was told.
    pub grpc_status: Option<u16>,
    /// The stable reason code where Pulsegate answered by itself (`no_route`, `none_eligible`…) or the exchange broke.
    pub reason: Option<&'static str>,
    /// 0 where no backend was asked.
    pub attempts: u32,
    pub tries: &'a Tries,
    /// Why no further try was made, where one was wanted ("budget", "limit"…).
    pub retry_stopped: Option<&'static str>,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The client came over TLS.
    pub tls: bool,
    pub began: Timestamp,
    pub took: Duration,
    /// From the request's head to the response's.
    pub head_took: Option<Duration>,
    /// Of that, spent in waiting for a backend that may be asked.
    pub queued: Duration,
    /// Of the last attempt, to its response head.
    pub upstream_took: Option<Duration>,
    /// How long the client kept its answer waiting.
    pub stalled: Duration,
    /// What the gateway itself added to the time to the response's head, where a backend answered.
    pub overhead: Option<Duration>,
    pub trace_id: Option<u128>,
    /// Where it is recorded.
    pub trace: Option<&'a Trace>,
}

impl<'a> RequestRecord<'a> {
    /// The request's id as text.
    pub fn id(&self) -> &'a str {
        std::str::from_utf8(self.request_id).unwrap_or_default()
    }

    /// As what it counts, 1 to 5: a call by what its caller was told, where it was.
    pub fn class(&self) -> u16 {
        self.grpc_status.map_or(self.status / 100, grpc::class).clamp(1, 5)
    }
}

#[cfg(test)]
impl Headers for http::HeaderMap {
    fn line(&self, name: &str, number: usize) -> Option<&[u8]> {
        self.get_all(name).iter().nth(number).map(http::HeaderValue::as_bytes)
    }
}
