//! What did a probe read, and what does that mean?
//!
//! The prober (a shell) fills in a [`Reading`]: plain facts of the wire. [`judge`] turns it into a [`Verdict`] by the table of
//! the design: 2xx pass; 3xx pass with a warning; 503 and a timeout after connecting = not ready; other 5xx, refused, TLS
//! = down; 400, 401, 403, 404 = misconfiguration with a hint.

use super::document::Document;
use super::grpc_health::{self, GrpcAnswer};
use super::plan::{ProbeCheck, ProbePlan};
use super::recognition::{Sighting, stranger};
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
}

/// How long each step took; `None` where it was not reached, or there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    pub connect: Option<Duration>,
    pub tls: Option<Duration>,
    /// From the request to the first byte of the answer's head.
    pub first_byte: Option<Duration>,
}

/// What an HTTP response said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    /// The header of a 3xx.
    pub location: Option<String>,
    /// What the body says, where it was read as a document.
    pub document: Option<Document>,
    /// What it says of who answers.
    pub sighting: Sighting,
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

/// The kinds of failure, as `immediate: [kinds]` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProbeFailure {
    Refused,
    Timeout,
    Tls,
    Status,
    Body,
    /// Another service answers there. Never waits for a threshold.
    Identity,
}

/// What one probe says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass { warning: Option<String> },
    Fail { kind: ProbeFailure, severity: Severity, why: String, hint: Option<String> },
}

/// How a failed probe takes a backend out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Alive but not serving: requests in flight finish.
    NotReady,
    /// Dead or wrong: idle connections to it are retired too.
    Down,
}

/// See the header of this file.
pub fn judge(reading: &Reading, plan: &ProbePlan) -> Verdict {
    let verdict = judge_answer(reading, plan);
    stranger(reading, !matches!(verdict, Verdict::Fail { .. }), plan).unwrap_or(verdict)
}

fn judge_answer(reading: &Reading, plan: &ProbePlan) -> Verdict {
    use ProbeFailure::{Body, Refused, Timeout, Tls};
    use Severity::{Down, NotReady};
    let fail = |kind, severity, why: String| Verdict::Fail { kind, severity, why, hint: None };
    match &reading.result {
        ReadingResult::Connected => Verdict::Pass { warning: None },
        ReadingResult::Http(answer) => judge_status(answer.status, answer.location.as_deref(), plan),
        ReadingResult::Grpc(answer) => match &plan.kind {
            ProbeCheck::Grpc(check) => grpc_health::judge(answer, check),
            _ => fail(Body, Down, "an answer of gRPC to another question".to_owned()),
        },
        ReadingResult::ConnectFailed(words) => fail(Refused, Down, words.clone()),
        ReadingResult::TlsFailed(words) => fail(Tls, Down, words.clone()),
        // Services are slow to say no: their clients retry a dead database for seconds before the 503 comes.
        ReadingResult::TimedOut { connected: true } => {
            fail(Timeout, NotReady, format!("connected, but no complete answer within {:?}", plan.timeout))
        }
        ReadingResult::TimedOut { connected: false } => {
            fail(Timeout, Down, format!("no connection within {:?}", plan.timeout))
        }
        ReadingResult::BrokenAnswer(words) => fail(Body, Down, words.clone()),
        ReadingResult::BodyTooLarge { status, cap } => {
            fail(Body, Down, format!("answered {status} with a body beyond {cap} bytes"))
        }
    }
}

fn judge_status(status: u16, location: Option<&str>, plan: &ProbePlan) -> Verdict {
    let expected = match &plan.kind {
        ProbeCheck::Http(check) => check.expected_statuses.as_slice(),
        ProbeCheck::Tcp | ProbeCheck::Grpc(_) => &[],
    };
    let passes = if expected.is_empty() {
        (200..400).contains(&status)
    } else {
        expected.iter().any(|(first, last)| (*first..=*last).contains(&status))
    };
    if passes {
        let redirected = expected.is_empty() && status >= 300;
        return Verdict::Pass { warning: redirected.then(|| redirect_warning(status, location)) };
    }
    let severity = if status == 503 { Severity::NotReady } else { Severity::Down };
    let why = match expected {
        [] => format!("answered {status}"),
        _ => format!("answered {status}, expected {}", ranges(expected)),
    };
    Verdict::Fail { kind: ProbeFailure::Status, severity, why, hint: hint(status) }
}

/// "204", "200-299 or 404".
fn ranges(expected: &[(u16, u16)]) -> String {
    let one = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    expected.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn redirect_warning(status: u16, location: Option<&str>) -> String {
    match location {
        Some(target) => {
            format!("answered {status} and points to {target}, which is not followed; probe the final path instead")
        }
        None => {
            format!("answered {status} and has no Location; let readiness answer 2xx, or name it in expected_statuses")
        }
    }
}

fn hint(status: u16) -> Option<String> {
    let words = match status {
        400 => "the application may not know the Host that is sent (Django: ALLOWED_HOSTS); set readiness.host",
        401 | 403 => "the endpoint wants authorisation; set readiness.headers, or open it to the gateway",
        404 => "there is no such endpoint; check readiness.path",
        405 => "the endpoint refuses this method; check readiness.method",
        _ => return None,
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::{HttpCheck, Protocol};

    fn told(expected: &[(u16, u16)], status: u16, location: Option<&str>) -> String {
        let check = HttpCheck {
            protocol: Protocol::Http1,
            method: "GET".into(),
            path: "/".into(),
            host: None,
            headers: Vec::new(),
            expected_statuses: expected.to_vec(),
            body_bytes: 1,
            tls: None,
        };
        let second = Duration::from_secs(1);
        let plan = ProbePlan {
            kind: ProbeCheck::Http(check),
            period: second,
            fast_period: second,
            jitter: 0.0,
            stretch_to: Duration::ZERO,
            timeout: second,
            success_threshold: 1,
            failure_threshold: 1,
            initial_delay: Duration::ZERO,
            startup_grace: Duration::ZERO,
            port: None,
            immediate: Vec::new(),
            ..ProbePlan::default()
        };
        let answer = HttpAnswer { status, location: location.map(str::to_owned), ..HttpAnswer::default() };
        match judge(&Reading::new(ReadingResult::Http(answer), Duration::ZERO), &plan) {
            Verdict::Pass { warning } => warning.unwrap_or_else(|| "passed".to_owned()),
            Verdict::Fail { why, .. } => why,
        }
    }

    #[test]
    fn a_status_is_told_beside_what_was_expected() {
        assert_eq!(told(&[(204, 204)], 200, None), "answered 200, expected 204");
        assert_eq!(told(&[(200, 299), (404, 404)], 503, None), "answered 503, expected 200-299 or 404");
        assert_eq!(told(&[(404, 404)], 404, None), "passed");
        assert_eq!(told(&[], 500, None), "answered 500");
        assert!(told(&[], 301, None).starts_with("answered 301 and has no Location"));
        assert!(told(&[], 302, Some("/login")).contains("points to /login"));
    }
}
