//! Has a backend asked for a drain by the header of an answer, and when is that over?
//!
//! A probe that starts a period later and passes takes it back. Without probes it is over after one base ejection time, and its next answer
//! may ask again.

use crate::base::time::Timestamp;
use crate::plan::ProbePlan;
use std::time::Duration;

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::board) struct AskedDrain {
    /// The last time.
    at: Option<Timestamp>,
}

impl AskedDrain {
    pub(super) fn ask(&mut self, now: Timestamp) {
        self.at = Some(now);
    }

    pub(in crate::board) const fn is_on(self) -> bool {
        self.at.is_some()
    }

    /// When it ends by time alone: where no probe could end it.
    pub(super) fn over_at(self, probe: Option<&ProbePlan>, base_ejection: Duration) -> Option<Timestamp> {
        let asked = self.at.filter(|_| probe.is_none())?;
        Some(asked + base_ejection)
    }

    /// From when on a probe that starts and passes ends it.
    pub(super) fn probe_from(self, probe: Option<&ProbePlan>) -> Option<Timestamp> {
        Some(self.at? + probe?.period + Duration::from_nanos(1))
    }

    /// When it can be over at the earliest.
    pub(in crate::board) fn until(self, probe: Option<&ProbePlan>, base_ejection: Duration) -> Option<Timestamp> {
        self.over_at(probe, base_ejection).or(self.probe_from(probe))
    }

    /// Ends it where its time is over. True when it did.
    pub(super) fn end(&mut self, probe: Option<&ProbePlan>, base_ejection: Duration, now: Timestamp) -> bool {
        let over = self.over_at(probe, base_ejection).is_some_and(|at| at <= now);
        if over {
            self.at = None;
        }
        over
    }

    /// A probe of this period that had `started` has passed.
    pub(super) fn probe_passed(&mut self, started: Timestamp, period: Duration) {
        self.at = self.at.filter(|asked| started <= *asked + period);
    }

    /// For another process: it asked so long ago.
    pub(super) fn export(self, now: Timestamp) -> Option<Duration> {
        self.at.map(|at| now.since(at))
    }

    pub(super) fn import(asked: Option<Duration>, now: Timestamp) -> Self {
        Self { at: asked.map(|ago| now - ago) }
    }

    /// Another process heard it after this one had `started`.
    pub(super) fn catch_up(&mut self, asked: Option<Duration>, started: Timestamp, now: Timestamp) {
        let asked = asked.map(|ago| now - ago).filter(|asked| *asked > started);
        self.at = self.at.max(asked);
    }
}
