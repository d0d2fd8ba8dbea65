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

    /// Does it compare backends? Then it is only right where all of them get the same traffic.
    pub const fn compares(self) -> bool {
        matches!(self, Self::FailureOutlier | Self::LatencyOutlier)
    }
}

/// Which detectors eject: all, unless it is said otherwise. The others only say what they would have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforcement([bool; Detector::ALL.len()]);

impl Default for Enforcement {
    fn default() -> Self {
        Self([true; Detector::ALL.len()])
    }
}

impl Enforcement {
    /// The same, but that this one ejects or does not.
    pub fn with(mut self, detector: Detector, ejects: bool) -> Self {
        self.0[detector as usize] = ejects;
        self
    }

    pub fn of(self, detector: Detector) -> bool {
        self.0[detector as usize]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The share that must stay fit, and the pool: how many that is.
    #[test]
    fn the_part_that_must_stay_fit_is_rounded_up() {
        for (minimum_fit, pool, fit) in [
            (0.5, 0, 0),
            (0.5, 1, 1),
            (0.5, 2, 1),
            (0.5, 3, 2),
            (0.5, 4, 2),
            (0.0, 10, 0),
            (1.0, 10, 10),
            (0.1, 10, 1),
            (0.34, 3, 2),
            // 0.1 + 0.2 and its like: dust is no backend.
            (0.7, 10, 7),
            (0.1 + 0.2, 10, 3),
            (1.0 / 3.0, 3, 1),
        ] {
            let plan = PassivePlan { minimum_fit, ..PassivePlan::default() };
            assert_eq!(plan.must_stay_fit(pool), fit, "{minimum_fit} of {pool}");
        }
    }

    /// A detector is off where its limit is 0, whichever others are on; all are where nothing is watched.
    #[test]
    fn a_limit_of_zero_turns_its_detector_off_and_no_other() {
        let all = PassivePlan::default();
        let none_of = |detector| match detector {
            Detector::ConsecutiveFailures => PassivePlan { consecutive_failures: 0, ..all.clone() },
            Detector::FailureRatio => PassivePlan { failure_ratio: 0.0, ..all.clone() },
            Detector::FailureOutlier => PassivePlan { failure_outlier: 0.0, ..all.clone() },
            Detector::LatencyOutlier => PassivePlan {
                latency_outlier: LatencyOutlierPlan { factor: 0.0, ..all.latency_outlier },
                ..all.clone()
            },
        };
        for off in Detector::ALL {
            for detector in Detector::ALL {
                assert!(all.detects(detector), "{detector:?}");
                assert_eq!(none_of(off).detects(detector), detector != off, "{detector:?} without {off:?}");
                assert!(!PassivePlan { enabled: false, ..all.clone() }.detects(detector), "{detector:?}");
            }
        }
    }

    #[test]
    fn each_detector_is_enforced_for_itself() {
        for detector in Detector::ALL {
            let watching = Enforcement::default().with(detector, false);
            assert_eq!(Detector::ALL.map(|other| watching.of(other)), Detector::ALL.map(|other| other != detector));
            assert_eq!(watching.with(detector, true), Enforcement::default());
        }
    }
}
