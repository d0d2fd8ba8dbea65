//! What does a record say? One JSON object per line, each with its moment; a format with a version, for programs of other versions.
//!
//! Moments are milliseconds since the record began, by a clock that only grows. What is not known to a reader is passed over.

use pulsegate_core::health::reading::{GrpcAnswer, GrpcSaid, HttpAnswer, ReadingResult, Sighting};
use pulsegate_core::traffic::outcome::{FailureKind, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Of the format.
pub const VERSION: u32 = 1;

/// Upper bounds of the classes of latency, milliseconds; beyond the last is one more.
pub const LATENCIES: [u32; 12] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000];

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// The first of each file.
    Begin {
        at: u64,
        version: u32,
        /// The date of `at: 0`.
        wall: String,
        /// Of the program that writes.
        program: String,
        /// Other files come before this one.
        continued: bool,
    },
    /// A configuration is in force; its fingerprint.
    Config { at: u64, fingerprint: String },
    /// A source answered.
    Found {
        at: u64,
        upstream: String,
        source: String,
        finds: Vec<FoundBackend>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A probe ended.
    Probe { at: u64, upstream: String, backend: String, began: u64, took_us: u64, result: Answered, passed: bool },
    /// What requests came to within one second at one backend.
    Traffic {
        at: u64,
        upstream: String,
        backend: String,
        /// In their order: how many came in a row to which outcome, and the milliseconds after `at` of the first and the last of them.
        runs: Vec<(u32, u32, String, u32)>,
        /// Those of a second with too many changes, without their order.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        more: BTreeMap<String, u32>,
        /// How many successes took how long, by [`LATENCIES`].
        latency: Vec<u32>,
        /// Two clients or more were seen; of two or more, requests failed.
        clients: bool,
        failed_clients: bool,
    },
    /// Something that the log has, too.
    Event {
        at: u64,
        id: u64,
        event: String,
        message: String,
        #[serde(default)]
        fields: BTreeMap<String, String>,
    },
    /// This much is missing before this line, and why.
    Gap { at: u64, lost: u64, why: String },
    /// A line of another version.
    #[serde(other)]
    Unknown,
}

impl Line {
    pub fn at(&self) -> u64 {
        match self {
            Self::Begin { at, .. }
            | Self::Config { at, .. }
            | Self::Found { at, .. }
            | Self::Probe { at, .. }
            | Self::Traffic { at, .. }
            | Self::Event { at, .. }
            | Self::Gap { at, .. } => *at,
            Self::Unknown => 0,
        }
    }
}

/// A backend that a source found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundBackend {
    pub address: String,
    pub weight: u32,
    pub backup: bool,
}

/// What a probe read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    Status(u16),
    /// A status, from somebody who said who it is.
    Signed {
        status: u16,
        service: Option<String>,
        instance: Option<String>,
    },
    /// gRPC: one of a serving status, a grpc-status and a status of HTTP.
    Grpc {
        health: Option<u64>,
        code: Option<u16>,
        http: Option<u16>,
        message: String,
        service: Option<String>,
        instance: Option<String>,
    },
    Connected,
    ConnectFailed(String),
    TlsFailed(String),
    /// Whether it had connected.
    TimedOut(bool),
    /// The status of a head whose body was not complete in time.
    HeadOnly(u16),
    Broken(String),
    TooLarge(u16, usize),
}

impl Answered {
    pub fn of(result: &ReadingResult) -> Self {
        match result {
            ReadingResult::Http(answer) if answer.sighting == Sighting::default() => Self::Status(answer.status),
            ReadingResult::Http(HttpAnswer { status, sighting: Sighting { service, instance }, .. }) => {
                Self::Signed { status: *status, service: service.clone(), instance: instance.clone() }
            }
            ReadingResult::Grpc(answer) => Self::of_grpc(answer),
            ReadingResult::Connected => Self::Connected,
            ReadingResult::ConnectFailed(why) => Self::ConnectFailed(why.clone()),
            ReadingResult::TlsFailed(why) => Self::TlsFailed(why.clone()),
            ReadingResult::TimedOut { connected } => Self::TimedOut(*connected),
            ReadingResult::HeadOnly { status } => Self::HeadOnly(*status),
            ReadingResult::BrokenAnswer(why) => Self::Broken(why.clone()),
            ReadingResult::BodyTooLarge { status, cap } => Self::TooLarge(*status, *cap),
        }
    }

    fn of_grpc(answer: &GrpcAnswer) -> Self {
        let (health, code, http, message) = match &answer.said {
            GrpcSaid::Health(status) => (Some(*status), None, None, String::new()),
            GrpcSaid::Status { code, message } => (None, Some(*code), None, message.clone()),
            GrpcSaid::Http(status) => (None, None, Some(*status), String::new()),
        };
        let Sighting { service, instance } = answer.sighting.clone();
        Self::Grpc { health, code, http, message, service, instance }
    }

    pub fn reading(&self) -> ReadingResult {
        match self {
            Self::Status(status) => ReadingResult::status(*status),
            Self::Signed { status, service, instance } => {
                let sighting = Sighting { service: service.clone(), instance: instance.clone() };
                ReadingResult::Http(HttpAnswer { status: *status, sighting, ..HttpAnswer::default() })
            }
            Self::Grpc { health, code, http, message, service, instance } => {
                let said = match (health, code, http) {
                    (Some(status), ..) => GrpcSaid::Health(*status),
                    (None, None, Some(status)) => GrpcSaid::Http(*status),
                    (None, code, _) => GrpcSaid::Status { code: code.unwrap_or(2), message: message.clone() },
                };
                let sighting = Sighting { service: service.clone(), instance: instance.clone() };
                ReadingResult::Grpc(GrpcAnswer { said, sighting })
            }
            Self::Connected => ReadingResult::Connected,
            Self::ConnectFailed(why) => ReadingResult::ConnectFailed(why.clone()),
            Self::TlsFailed(why) => ReadingResult::TlsFailed(why.clone()),
            Self::TimedOut(connected) => ReadingResult::TimedOut { connected: *connected },
            Self::HeadOnly(status) => ReadingResult::HeadOnly { status: *status },
            Self::Broken(why) => ReadingResult::BrokenAnswer(why.clone()),
            Self::TooLarge(status, cap) => ReadingResult::BodyTooLarge { status: *status, cap: *cap },
        }
    }
}

/// The kinds of failure that have no number.
const KINDS: [(FailureKind, &str); 8] = [
    (FailureKind::Connect, "connect"),
    (FailureKind::Tls, "tls"),
    (FailureKind::Timeout, "timeout"),
    (FailureKind::Reset, "reset"),
    (FailureKind::Invalid, "invalid"),
    (FailureKind::BrokenBody, "broken_body"),
    (FailureKind::Refused, "refused"),
    (FailureKind::HeadTooLarge, "head_too_large"),
];

/// The word of an outcome.
pub fn word(outcome: Outcome) -> String {
    match outcome {
        Outcome::Success => "success".to_owned(),
        Outcome::SoftFailure => "soft".to_owned(),
        Outcome::Ignored => "ignored".to_owned(),
        Outcome::Failure(FailureKind::Status(status)) => format!("status:{status}"),
        Outcome::Failure(FailureKind::Grpc(status)) => format!("grpc:{status}"),
        Outcome::Failure(kind) => {
            KINDS.iter().find(|(known, _)| *known == kind).map_or("failure", |(_, word)| word).to_owned()
        }
    }
}

/// The outcome of a word; `None` for one of another version.
pub fn outcome(word: &str) -> Option<Outcome> {
    match word {
        "success" => return Some(Outcome::Success),
        "soft" => return Some(Outcome::SoftFailure),
        "ignored" => return Some(Outcome::Ignored),
        _ => {}
    }
    let kind = match word.split_once(':') {
        Some(("status", status)) => FailureKind::Status(status.parse().ok()?),
        Some(("grpc", status)) => FailureKind::Grpc(status.parse().ok()?),
        _ => KINDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)?,
    };
    Some(Outcome::Failure(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_comes_back_from_its_word() {
        let kinds = KINDS.map(|(kind, _)| Outcome::Failure(kind));
        let others = [
            Outcome::Success,
            Outcome::SoftFailure,
            Outcome::Ignored,
            Outcome::Failure(FailureKind::Status(503)),
            Outcome::Failure(FailureKind::Grpc(14)),
        ];
        for one in kinds.into_iter().chain(others) {
            assert_eq!(outcome(&word(one)), Some(one), "{one:?}");
        }
        assert_eq!(outcome("of another version"), None);
    }

    #[test]
    fn a_line_is_flat_json_and_comes_back() {
        let line = Line::Probe {
            at: 5,
            upstream: "a".into(),
            backend: "10.0.0.7:80".into(),
            began: 2,
            took_us: 3_000,
            result: Answered::TimedOut(true),
            passed: false,
        };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(
            text,
            r#"{"line":"probe","at":5,"upstream":"a","backend":"10.0.0.7:80","began":2,"took_us":3000,"result":{"timed_out":true},"passed":false}"#
        );
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        assert_eq!(serde_json::from_str::<Line>(r#"{"line":"later","at":5}"#).unwrap(), Line::Unknown);
    }
}
