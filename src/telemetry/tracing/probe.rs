//! What does a probe look like in a trace? One span, the first of a trace of its own: what the backend does for it can hang below.

use super::otlp::{Kind, Span, attribute};
use super::spans::{SAMPLED, cut, placed, span};
use crate::clock::Clock;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::ProbeJob;
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::health::verdict::Verdict;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::plan::ProbeCheck;

/// `began`: when it was sent.
pub fn of(trace: &Trace, job: &ProbeJob, reading: &Reading, began: Timestamp, clock: Clock) -> Span {
    let verdict = judge(reading, &job.probe);
    let mut attributes = vec![
        attribute("pulsegate.upstream", cut(&job.upstream.name)),
        attribute("pulsegate.backend", job.backend.address.to_string()),
        attribute("pulsegate.probe", job.kind.word()),
        attribute("pulsegate.verdict", verdict.word()),
    ];
    placed(&mut attributes, &job.backend.address);
    match &job.probe.kind {
        ProbeCheck::Http(check) => {
            attributes.push(attribute("http.request.method", cut(&check.method)));
            attributes.push(attribute("url.path", cut(check.path.split('?').next().unwrap_or_default())));
        }
        ProbeCheck::Grpc(_) => attributes.push(attribute("rpc.system", "grpc")),
        ProbeCheck::Tcp => {}
    }
    if let Some(status) = status(&reading.result) {
        attributes.push(attribute("http.response.status_code", u64::from(status)));
    }
    let error = match &verdict {
        Verdict::Fail { why, .. } => {
            attributes.push(attribute("pulsegate.why", cut(&why.to_string())));
            Some(verdict.word().to_owned())
        }
        Verdict::Pass { .. } | Verdict::Drain { .. } => None,
    };
    Span {
        span_id: trace.own.to_be_bytes().into(),
        flags: SAMPLED,
        name: format!("probe {}", job.kind.word()),
        ..span(trace, Kind::Client, (began, began + reading.took), attributes, error, clock)
    }
}

fn status(result: &ReadingResult) -> Option<u16> {
    match result {
        ReadingResult::Http(answer) => Some(answer.status),
        ReadingResult::HeadOnly { status } | ReadingResult::BodyTooLarge { status, .. } => Some(*status),
        _ => None,
    }
}
