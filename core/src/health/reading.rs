//! What did a probe read? Plain facts of the wire, which the prober (a shell) fills in; what they mean is `judgement`'s.

use crate::health::document::Document;
use std::time::Duration;

/// The facts of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub result: ReadingResult,
    /// From the start of the connect to the end.
    pub took: Duration,
    pub steps: Steps,
}

impl Reading {
    /// One whose steps were not timed.
    pub fn new(result: ReadingResult, took: Duration) -> Self {
        Self { result, took, steps: Steps::default() }
    }

    /// What the answer said of itself; `None` where there was no answer.
    pub fn sighting(&self) -> Option<&Sighting> {
        match &self.result {
            ReadingResult::Http(answer) => Some(&answer.sighting),
            ReadingResult::Grpc(answer) => Some(&answer.sighting),
            _ => None,
        }
    }
}

/// How long each step took; `None` where it was not reached, or there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Steps {
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub connect: Option<Duration>,
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub tls: Option<Duration>,
    /// From the request to the first byte of the answer's head.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub first_byte: Option<Duration>,
}

/// What an HTTP response said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    /// The header of a 3xx.
    pub location: Option<String>,
    /// What the body says, where it was read as a document.
    pub document: Option<Box<Document>>,
    /// What it says of who answers.
    pub sighting: Sighting,
}

/// What came back from a gRPC health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcAnswer {
    pub said: GrpcSaid,
    pub sighting: Sighting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcSaid {
    /// grpc-status 0, and a message with this serving status.
    Health(u64),
    /// Any other grpc-status, with the message that came along, bounded.
    Status { code: u16, message: String },
    /// A status of HTTP other than 200: what answers there speaks no gRPC, or something in between answered.
    Http(u16),
}

/// What an answer said of itself, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    pub service: Option<String>,
    pub instance: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadingResult {
    /// A complete HTTP response within the deadline.
    Http(HttpAnswer),
    /// An answer to a gRPC health check.
    Grpc(GrpcAnswer),
    /// A TCP probe connected.
    Connected,
    /// Refused, unreachable, no such socket: the reason in words.
    ConnectFailed(String),
    TlsFailed(String),
    /// The total deadline passed. `connected`: the connection (TLS included) was there.
    TimedOut {
        connected: bool,
    },
    /// The deadline passed after the head had come, with the body unfinished.
    HeadOnly {
        status: u16,
    },
    /// Reset, closed early, not HTTP, a head beyond the limits: the reason in words.
    BrokenAnswer(String),
    /// The body went past the cap (bytes). The status was `status`.
    BodyTooLarge {
        status: u16,
        cap: usize,
    },
}

impl ReadingResult {
    /// A complete response of this status that says nothing else.
    pub const fn status(status: u16) -> Self {
        let sighting = Sighting { service: None, instance: None };
        Self::Http(HttpAnswer { status, location: None, document: None, sighting })
    }
}
