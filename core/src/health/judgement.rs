//! What does it mean, what a probe read?
//!
//! [`judge`] turns a [`Reading`] into a [`Verdict`] by the table of the design: 2xx pass; 3xx pass with a warning; 503 and a timeout after
//! connecting = not ready; other 5xx, refused, TLS = down; 400, 401, 403, 404 = misconfiguration with a hint. What the body says is
//! weighed after the status, in `document`.

mod components;
mod document;

use crate::health::document::Document;
use crate::health::grpc_health;
use crate::health::reading::{HttpAnswer, Reading, ReadingResult, Severity, Verdict};
use crate::health::recognition::stranger;
use crate::plan::{DocumentPlan, ProbeCheck, ProbeFailure, ProbePlan};

/// See the header of this file.
pub fn judge(reading: &Reading, plan: &ProbePlan) -> Verdict {
    let verdict = judge_answer(reading, plan);
    stranger(reading, matches!(verdict, Verdict::Pass { .. }), plan).unwrap_or(verdict)
}

fn judge_answer(reading: &Reading, plan: &ProbePlan) -> Verdict {
    use ProbeFailure::{Body, Refused, Timeout, Tls};
    use Severity::{Down, NotReady};
    let fail = |kind, severity, why: String| Verdict::Fail { kind, severity, why, hint: None };
    match &reading.result {
        ReadingResult::Connected => Verdict::PASSED,
        ReadingResult::Http(answer) => judge_http(answer, plan),
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
        ReadingResult::HeadOnly { status } => judge_head(*status, plan),
        ReadingResult::BrokenAnswer(words) => fail(Body, Down, words.clone()),
        ReadingResult::BodyTooLarge { status, cap } => judge_too_large(*status, *cap, plan),
    }
}

fn judge_http(answer: &HttpAnswer, plan: &ProbePlan) -> Verdict {
    let by_status = judge_status(answer.status, answer.location.as_deref(), plan);
    match (&answer.document, rules(plan)) {
        (Some(document), Some(rules)) => document::weigh(answer.status, by_status, document, rules),
        _ => by_status,
    }
}

/// A head that says no is an answer, whatever becomes of its body; one that says yes is half of one.
fn judge_head(status: u16, plan: &ProbePlan) -> Verdict {
    match judge_status(status, None, plan) {
        Verdict::Fail { kind, severity, why, hint } => {
            let why = format!("{why}; its body was not complete within {:?}", plan.timeout);
            Verdict::Fail { kind, severity, why, hint }
        }
        Verdict::Pass { .. } | Verdict::Drain { .. } => Verdict::Fail {
            kind: ProbeFailure::Timeout,
            severity: Severity::NotReady,
            why: format!("answered {status}, but its body was not complete within {:?}", plan.timeout),
            hint: None,
        },
    }
}

/// A document that is too large to be read cannot be understood. Where none is expected, nothing of this size is either.
fn judge_too_large(status: u16, cap: usize, plan: &ProbePlan) -> Verdict {
    let why = format!("a body beyond {cap} bytes");
    match rules(plan) {
        Some(rules) => document::not_understood(status, judge_status(status, None, plan), &why, rules),
        None => Verdict::Fail {
            kind: ProbeFailure::Body,
            severity: Severity::Down,
            why: format!("answered {status} with {why}"),
            hint: None,
        },
    }
}

/// The names of the components that fail and count: the same words for every backend that misses the same.
pub fn failing_components<'a>(document: &'a Document, plan: &ProbePlan) -> Vec<&'a str> {
    rules(plan).map(|rules| components::failing(document, rules)).unwrap_or_default()
}

fn rules(plan: &ProbePlan) -> Option<&DocumentPlan> {
    match &plan.kind {
        ProbeCheck::Http(check) => check.document.as_deref(),
        ProbeCheck::Tcp | ProbeCheck::Grpc(_) => None,
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
        return Verdict::warned(redirected.then(|| redirect_warning(status, location)));
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
mod tests;
