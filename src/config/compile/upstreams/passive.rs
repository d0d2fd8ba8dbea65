//! What does live traffic prove against a backend? The detectors, and how long an ejection lasts.

use crate::config::compile::{secs, share, span};
use crate::config::files::{Findings, Place};
use crate::config::schema::{LatencyOutlierSpec, PassiveSpec};
use pulsegate_core::plan::{Detector, Enforcement, LatencyOutlierPlan, PassivePlan};

pub fn compile(spec: &PassiveSpec, place: &Place, findings: &mut Findings) -> PassivePlan {
    let default = PassivePlan::default();
    let window = span(spec.window, default.window);
    if window < secs(1) {
        findings.error(&place.at("window"), format!("{window:?}"), "at least 1s");
    }
    let base_ejection = span(spec.base_ejection, default.base_ejection);
    let max_ejection = span(spec.max_ejection, default.max_ejection);
    if max_ejection < base_ejection {
        findings.error(&place.at("max_ejection"), format!("{max_ejection:?}"), "at least base_ejection");
    }
    if base_ejection.is_zero() {
        findings.error(&place.at("base_ejection"), "0s", "more than 0s (use `enabled: false` to turn ejection off)");
    }
    let streak = spec.consecutive_failures.and_then(|streak| streak.limit());
    PassivePlan {
        enabled: spec.enabled.unwrap_or(default.enabled),
        consecutive_failures: streak.unwrap_or(default.consecutive_failures),
        failure_ratio: share(spec.failure_ratio.and_then(|ratio| ratio.limit()), default.failure_ratio),
        minimum_outcomes: spec.minimum_outcomes.unwrap_or(default.minimum_outcomes).max(1),
        failure_outlier: share(spec.failure_outlier.gap, default.failure_outlier),
        latency_outlier: latency_outlier(&spec.latency_outlier, &place.at("latency_outlier"), findings),
        enforce: enforcement(spec, default.enforce),
        window,
        base_ejection,
        max_ejection,
        ejection_jitter: share(spec.ejection_jitter, default.ejection_jitter),
        minimum_fit: share(spec.minimum_fit, default.minimum_fit),
    }
}

fn enforcement(spec: &PassiveSpec, default: Enforcement) -> Enforcement {
    let streak = spec.consecutive_failures.and_then(|streak| streak.enforce());
    let ratio = spec.failure_ratio.and_then(|ratio| ratio.enforce());
    let said = [
        (Detector::ConsecutiveFailures, streak),
        (Detector::FailureRatio, ratio),
        (Detector::FailureOutlier, spec.failure_outlier.enforce),
        (Detector::LatencyOutlier, spec.latency_outlier.enforce),
    ];
    let with = |all: Enforcement, (detector, said): (Detector, Option<bool>)| match said {
        Some(ejects) => all.with(detector, ejects),
        None => all,
    };
    said.into_iter().fold(default, with)
}

fn latency_outlier(spec: &LatencyOutlierSpec, place: &Place, findings: &mut Findings) -> LatencyOutlierPlan {
    let default = LatencyOutlierPlan::default();
    let factor = spec.factor.unwrap_or(default.factor);
    if factor != 0.0 && !(2.0..=1000.0).contains(&factor) {
        findings.error(&place.at("factor"), factor.to_string(), "0 (off), or 2 to 1000: less is no outlier");
    }
    LatencyOutlierPlan { factor, gap: span(spec.gap, default.gap) }
}
