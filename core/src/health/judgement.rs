//! What does it mean, what a probe read?
//!
//! [`judge`] turns a [`Reading`] into a [`Verdict`] by the table of the design: 2xx pass; 3xx pass with a warning; 503 and a timeout after
//! connecting = not ready; other 5xx, refused, TLS = down; 400, 401, 403, 404 = misconfiguration with a hint. What the body says is
//! weighed after the status, in `document`.

mod components;
mod document;

use crate::health::document::Document;
use crate::health::grpc_health;
use crate::health::reading::{HttpAnswer, Reading, ReadingResult};
use crate::health::reason::{Cause, Hint, Reason, Remark, Warnings};
use crate::health::recognition::stranger;
use crate::health::verdict::{Severity, Verdict};
use crate::plan::{DocumentPlan, ProbeCheck, ProbeFailure, ProbePlan};
use std::time::Duration;

/// See the header of this file.
pub fn judge(reading: &Reading, plan: &ProbePlan) -> Verdict {
    let verdict = judge_answer(reading, plan);
    stranger(reading, matches!(verdict, Verdict::Pass { .. }), plan).unwrap_or(verdict)
}

fn judge_answer(reading: &Reading, plan: &ProbePlan) -> Verdict {
    use ProbeFailure::{Body, Refused, Timeout, Tls};
    use Severity::{Down, NotReady};
    let fail = |kind, severity, why| Verdict::Fail { kind, severity, why, hint: None };
    let within = plan.timeout;
    match &reading.result {
        ReadingResult::Connected => Verdict::PASSED,
        ReadingResult::Http(answer) => judge_http(answer, plan),
        ReadingResult::Grpc(answer) => match &plan.kind {
            ProbeCheck::Grpc(check) => grpc_health::judge(answer, check),
            _ => fail(Body, Down, Reason::AnotherProtocol),
        },
        ReadingResult::ConnectFailed(words) => fail(Refused, Down, Reason::Told(words.clone())),
        ReadingResult::TlsFailed(words) => fail(Tls, Down, Reason::Told(words.clone())),
        // Services are slow to say no: their clients retry a dead database for seconds before the 503 comes.
        ReadingResult::TimedOut { connected: true } => fail(Timeout, NotReady, Reason::NoAnswer { within }),
        ReadingResult::TimedOut { connected: false } => fail(Timeout, Down, Reason::NoConnection { within }),
        ReadingResult::HeadOnly { status } => judge_head(*status, plan),
        ReadingResult::BrokenAnswer(words) => fail(Body, Down, Reason::Told(words.clone())),
        ReadingResult::BodyTooLarge { status, cap } => judge_too_large(*status, *cap, plan),
    }
}

fn judge_http(answer: &HttpAnswer, plan: &ProbePlan) -> Verdict {
    let by_status = judge_status(answer.status, answer.location.as_deref(), plan);
    match (&answer.document, rules(plan)) {
        (Some(document), Some(rules)) => document::weigh(answer.status, by_status, document, rules),
        _ => by_status.into_verdict(),
    }
}

/// A head that says no is an answer, whatever becomes of its body; one that says yes is half of one.
fn judge_head(status: u16, plan: &ProbePlan) -> Verdict {
    match judge_status(status, None, plan) {
        ByStatus::Fails(failed) => Failed { cut_off: Some(plan.timeout), ..failed }.into_verdict(),
        ByStatus::Passes(_) => Verdict::Fail {
            kind: ProbeFailure::Timeout,
            severity: Severity::NotReady,
            why: Reason::HeadOnly { status, within: plan.timeout },
            hint: None,
        },
    }
}

/// A document that is too large to be read cannot be understood. Where none is expected, nothing of this size is either.
fn judge_too_large(status: u16, cap: usize, plan: &ProbePlan) -> Verdict {
    match rules(plan) {
        Some(rules) => document::not_understood(status, judge_status(status, None, plan), cap, rules),
        None => Verdict::Fail {
            kind: ProbeFailure::Body,
            severity: Severity::Down,
            why: Reason::TooLarge { status, cap },
            hint: None,
        },
    }
}

/// The names of the components that fail and count: the same for every backend that misses the same.
pub fn failing_components<'a>(document: &'a Document, plan: &ProbePlan) -> Vec<&'a str> {
    rules(plan).map(|rules| components::failing(document, rules)).unwrap_or_default()
}

fn rules(plan: &ProbePlan) -> Option<&DocumentPlan> {
    match &plan.kind {
        ProbeCheck::Http(check) => check.document.as_deref(),
        ProbeCheck::Tcp | ProbeCheck::Grpc(_) => None,
    }
}

/// What the status alone says.
enum ByStatus {
    Passes(Option<Remark>),
    Fails(Failed),
}

/// A status that fails.
struct Failed {
    status: u16,
    expected: Vec<(u16, u16)>,
    cut_off: Option<Duration>,
}

impl ByStatus {
    fn into_verdict(self) -> Verdict {
        match self {
            Self::Passes(remark) => Verdict::warned(Warnings::all(remark.into_iter().collect())),
            Self::Fails(failed) => failed.into_verdict(),
        }
    }
}

impl Failed {
    fn hint(&self) -> Option<Hint> {
        match self.status {
            400 => Some(Hint::UnknownHost),
            401 | 403 => Some(Hint::WantsAuthorisation),
            404 => Some(Hint::NoEndpoint),
            405 => Some(Hint::AnotherMethod),
            _ => None,
        }
    }

    fn because(self, cause: Option<Cause>) -> Reason {
        Reason::Status { status: self.status, expected: self.expected, cause, cut_off: self.cut_off }
    }

    fn into_verdict(self) -> Verdict {
        self.told(None)
    }

    /// With what its document adds.
    fn told(self, cause: Option<Cause>) -> Verdict {
        let severity = if self.status == 503 { Severity::NotReady } else { Severity::Down };
        let hint = self.hint();
        Verdict::Fail { kind: ProbeFailure::Status, severity, why: self.because(cause), hint }
    }
}

fn judge_status(status: u16, location: Option<&str>, plan: &ProbePlan) -> ByStatus {
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
        let location = location.map(str::to_owned);
        return ByStatus::Passes(redirected.then_some(Remark::Redirected { status, location }));
    }
    ByStatus::Fails(Failed { status, expected: expected.to_vec(), cut_off: None })
}

#[cfg(test)]
mod tests;
