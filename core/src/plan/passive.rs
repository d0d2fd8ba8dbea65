//! What is in force for judging backends by live traffic: detectors, and what an ejection is.

use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct PassivePlan {
    pub enabled: bool,
    /// Failures in a row that eject; 0 = off.
    pub consecutive_failures: u32,
    /// Share of failed outcomes in the window that ejects (0.0..=1.0); 0 = off.
    pub failure_ratio: f64,
    /// Outcomes that the window must hold before the ratio counts.
    pub minimum_outcomes: u32,
    /// A share of failures that stands out among the peers by at least so much (0.0..=1.0); 0 = off.
    pub failure_outlier: f64,
    pub latency_outlier: LatencyOutlierPlan,
    pub enforce: Enforcement,
    pub window: Duration,
    pub base_ejection: Duration,
    pub max_ejection: Duration,
    /// ± share (0.2 = 20 %).
    pub ejection_jitter: f64,
    /// The least share of the pool that must stay fit (probe-passing and unejected), rounded up.
    pub minimum_fit: f64,
}

/// A median latency that stands out among the peers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencyOutlierPlan {
    /// So many times that of the peers; 0 = off.
    pub factor: f64,
    /// And at least so much longer.
    pub gap: Duration,
}

impl Default for LatencyOutlierPlan {
    fn default() -> Self {
        Self { factor: 4.0, gap: Duration::from_millis(20) }
    }
}

/// What finds that a backend should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    ConsecutiveFailures,
    FailureRatio,
    FailureOutlier,
    LatencyOutlier,
}

impl Detector {
    pub const ALL: [Self; 4] =
        [Self::ConsecutiveFailures, Self::FailureRatio, Self::FailureOutlier, Self::LatencyOutlier];

    /// Its key in the configuration, and its label.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::FailureRatio => "failure_ratio",
            Self::FailureOutlier => "failure_outlier",
            Self::LatencyOutlier => "latency_outlier",
        }
    }
}

/// Which detectors eject. The others only say what they would have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforcement {
    pub consecutive_failures: bool,
    pub failure_ratio: bool,
    pub failure_outlier: bool,
    pub latency_outlier: bool,
}

impl Default for Enforcement {
    fn default() -> Self {
        Self { consecutive_failures: true, failure_ratio: true, failure_outlier: true, latency_outlier: true }
    }
}

impl Enforcement {
    pub const fn of(self, detector: Detector) -> bool {
        match detector {
            Detector::ConsecutiveFailures => self.consecutive_failures,
            Detector::FailureRatio => self.failure_ratio,
            Detector::FailureOutlier => self.failure_outlier,
            Detector::LatencyOutlier => self.latency_outlier,
        }
    }
}

impl PassivePlan {
    /// ⌈pool × minimum_fit⌉, without floating-point dust (0.5 × 4 must be 2, not 3).
    pub fn must_stay_fit(&self, pool: u32) -> u32 {
        (f64::from(pool) * self.minimum_fit - 1e-9).ceil().max(0.0) as u32
    }

    /// Is this detector on, whether it ejects or not?
    pub fn detects(&self, detector: Detector) -> bool {
        self.enabled
            && match detector {
                Detector::ConsecutiveFailures => self.consecutive_failures > 0,
                Detector::FailureRatio => self.failure_ratio > 0.0,
                Detector::FailureOutlier => self.failure_outlier > 0.0,
                Detector::LatencyOutlier => self.latency_outlier.factor > 0.0,
            }
    }
}

impl Default for PassivePlan {
    fn default() -> Self {
        Self {
            enabled: true,
            consecutive_failures: 5,
            failure_ratio: 0.5,
            minimum_outcomes: 20,
            failure_outlier: 0.1,
            latency_outlier: LatencyOutlierPlan::default(),
            enforce: Enforcement::default(),
            window: Duration::from_secs(10),
            base_ejection: Duration::from_secs(10),
            max_ejection: Duration::from_secs(300),
            ejection_jitter: 0.2,
            minimum_fit: 0.5,
        }
    }
}
