//! What have the detectors found that only watch? The last finding of each, and when it may be told again.

use crate::base::time::Timestamp;
use crate::plan::Detector;
use std::collections::BTreeMap;
use std::time::Duration;

/// Of one backend.
#[derive(Clone, Debug, Default)]
pub(in crate::board) struct Shadows {
    last: BTreeMap<Detector, (Timestamp, String)>,
}

impl Shadows {
    /// Once per `quiet`, not with every failure.
    pub(super) fn may_say(&self, detector: Detector, quiet: Duration, now: Timestamp) -> bool {
        self.last.get(&detector).is_none_or(|(at, _)| now.since(*at) >= quiet)
    }

    pub(super) fn said(&mut self, detector: Detector, why: &str, now: Timestamp) {
        self.last.insert(detector, (now, why.to_owned()));
    }

    /// For people, as long as it is news.
    pub(in crate::board) fn notes(&self, lately: Duration, now: Timestamp) -> Vec<String> {
        let fresh = self.last.iter().filter(|(_, (at, _))| now.since(*at) < lately);
        let told = |(detector, (_, why)): (&Detector, &(Timestamp, String))| {
            format!("{} would have ejected it, and only watches: {why}", detector.word())
        };
        fresh.map(told).collect()
    }
}
