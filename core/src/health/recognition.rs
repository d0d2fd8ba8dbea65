//! Who answers there? A probe's answer may say which service it is, and which instance of it.
//!
//! Addresses are recycled: what listens at an orders backend's address today may be billing tomorrow, in the best of health. Such a
//! stranger is out at its first word, whatever the thresholds say. And an instance that was replaced behind the same address is another
//! backend: what was known of the one before says nothing about it.

use crate::health::reading::Reading;
use crate::health::reason::Reason;
use crate::health::verdict::{Severity, Verdict};
use crate::plan::{ProbeFailure, ProbePlan};

/// The verdict on an answer from another service. `passes`: it would pass otherwise; then silence about the service is no better than the
/// wrong name. A failing answer without a name (of a proxy before it, say) fails for what it is.
pub fn stranger(reading: &Reading, passes: bool, plan: &ProbePlan) -> Option<Verdict> {
    let expected = plan.recognition.identity.as_ref()?;
    let service = || expected.service.clone();
    let why = match &reading.sighting()?.service {
        Some(answers) if *answers == expected.service => return None,
        Some(answers) => Reason::AnotherService { answers: answers.clone(), expected: service() },
        None if passes => Reason::NamelessService { place: expected.fact.place().to_string(), expected: service() },
        None => return None,
    };
    Some(Verdict::Fail { kind: ProbeFailure::Identity, severity: Severity::Down, why, hint: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::judgement::judge;
    use crate::health::reading::{HttpAnswer, ReadingResult, Sighting};
    use crate::plan::{Fact, Identity, Recognition};
    use std::time::Duration;

    fn told(status: u16, service: Option<&str>) -> (Option<ProbeFailure>, String) {
        let fact = Fact::Header("x-service".to_owned());
        let identity = Some(Identity { fact, service: "orders".to_owned() });
        let recognition = Recognition { identity, instance: None };
        let plan = ProbePlan { recognition, ..ProbePlan::default() };
        let sighting = Sighting { service: service.map(str::to_owned), instance: None };
        let answer = HttpAnswer { status, sighting, ..HttpAnswer::default() };
        match judge(&Reading::new(ReadingResult::Http(answer), Duration::ZERO), &plan) {
            Verdict::Fail { kind, why, .. } => (Some(kind), why.to_string()),
            _ => (None, "passed".to_owned()),
        }
    }

    #[test]
    fn a_stranger_is_told_from_a_failure() {
        let recycled = "answers as \"billing\", expected \"orders\": the address was recycled?";
        let silent = "does not say which service it is (the header x-service is missing), expected \"orders\"";
        let stranger = Some(ProbeFailure::Identity);
        for (status, service, expected) in [
            (200, Some("orders"), (None, "passed")),
            (200, Some("billing"), (stranger, recycled)),
            (503, Some("billing"), (stranger, recycled)),
            (200, None, (stranger, silent)),
            (503, Some("orders"), (Some(ProbeFailure::Status), "answered 503")),
            (502, None, (Some(ProbeFailure::Status), "answered 502")),
        ] {
            let (kind, why) = told(status, service);
            assert_eq!((kind, &*why), expected, "{status} {service:?}");
        }
    }

    #[test]
    fn a_backend_that_does_not_answer_is_no_stranger() {
        let identity = Some(Identity { fact: Fact::Json("$.service".to_owned()), service: "orders".to_owned() });
        let plan = ProbePlan { recognition: Recognition { identity, instance: None }, ..ProbePlan::default() };
        for result in [ReadingResult::TimedOut { connected: true }, ReadingResult::ConnectFailed("refused".to_owned())]
        {
            assert_eq!(stranger(&Reading::new(result, Duration::ZERO), false, &plan), None);
        }
    }
}
