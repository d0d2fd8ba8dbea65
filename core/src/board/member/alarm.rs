//! Do probes and traffic contradict each other? Both cannot be right, and whoever owns the backend should know which one lies.
//!
//! *Lying readiness*: probes pass while traffic fails. *Failing readiness*: probes fail while traffic succeeds. Told once per episode, and
//! once when it is over; an episode needs evidence to begin and evidence to end, so that a quiet moment ends none. It changes nothing.

use crate::base::time::Timestamp;
use crate::board::probing::check::Check;
use crate::board::why::disagreement::{Agreement, Contradiction};
use crate::health::event::Disagreement;
use crate::health::window::Tally;
use crate::plan::PassivePlan;
use crate::traffic::cell::Cell;

/// So much of the traffic must fail for an episode; half of it, or less, for its end.
const FAILS: f64 = 0.5;

/// Of one backend.
#[derive(Clone, Debug, Default)]
pub(in crate::board) struct Alarm {
    raised: Option<Contradiction>,
    /// When the first probe started of those that fail now.
    failing_since: Option<Timestamp>,
}

/// Both kinds of evidence.
pub(super) struct Witnesses<'a> {
    pub readiness: Option<&'a Check>,
    pub cell: &'a Cell,
    /// Why it is out, where live traffic failed and took it out.
    pub out_for_failing: Option<&'a str>,
    pub plan: &'a PassivePlan,
    pub now: Timestamp,
}

/// What begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Begins(Contradiction),
    Ends(Disagreement, Agreement),
}

impl Alarm {
    /// For people, as long as it lasts.
    pub(in crate::board) fn note(&self) -> Option<String> {
        self.raised.as_ref().map(|raised| format!("{}: {raised}", raised.kind().word()))
    }

    pub(super) fn weigh(&mut self, witnesses: &Witnesses<'_>) -> Option<Change> {
        let change = self.changes(witnesses);
        match &change {
            Some(Change::Begins(contradiction)) => self.raised = Some(contradiction.clone()),
            Some(Change::Ends(..)) => self.raised = None,
            None => {}
        }
        change
    }

    fn changes(&mut self, witnesses: &Witnesses<'_>) -> Option<Change> {
        use Disagreement::{FailingReadiness, LyingReadiness};
        let raised = self.raised.as_ref().map(Contradiction::kind);
        let Some(last) = witnesses.readiness.and_then(|check| check.log.last()) else {
            return Some(Change::Ends(raised?, Agreement::NoProbe));
        };
        if last.passed {
            self.failing_since = None;
        }
        let since = *self.failing_since.get_or_insert(last.at);
        let ends = |agreement: Agreement| Change::Ends(raised.unwrap_or(LyingReadiness), agreement);
        match raised {
            None if last.passed => witnesses.lies().map(Change::Begins),
            None => {
                let how = || Contradiction::ServesAndFails { how: last.text.clone() };
                witnesses.fails_needlessly(since, last.at).then(how).map(Change::Begins)
            }
            Some(LyingReadiness) if !last.passed => Some(ends(Agreement::ProbesFailToo)),
            Some(LyingReadiness) => witnesses.is_true().then(|| ends(Agreement::TrafficSucceeds)),
            Some(FailingReadiness) if last.passed => Some(ends(Agreement::ProbesPass)),
            Some(FailingReadiness) => witnesses.cell.failed_after(since).then(|| ends(Agreement::TrafficFailsToo)),
        }
    }
}

impl Witnesses<'_> {
    /// The window of traffic, where it holds enough to be evidence.
    fn traffic(&self) -> Option<Tally> {
        let window = self.cell.evidence(self.now, self.plan).window;
        (window.total() >= self.plan.minimum_outcomes.max(1)).then_some(window)
    }

    /// In what its passing probes lie.
    fn lies(&self) -> Option<Contradiction> {
        if !self.readiness.is_some_and(|check| check.opinion.up()) {
            return None;
        }
        if let Some(why) = self.out_for_failing {
            return Some(Contradiction::PassesAndEjected { ejected_for: why.to_owned() });
        }
        let window = self.traffic().filter(|window| window.failed_share() >= FAILS)?;
        let (failures, outcomes) = (window.failures, window.total());
        Some(Contradiction::PassesAndFails { failures, outcomes, within: self.plan.window })
    }

    /// Its passing probes are right.
    fn is_true(&self) -> bool {
        let succeeds = self.traffic().is_some_and(|window| window.failed_share() < FAILS / 2.0);
        succeeds && self.out_for_failing.is_none()
    }

    /// Two probes failed, and answers came after the second had begun: who was frozen or died between two has none.
    fn fails_needlessly(&self, since: Timestamp, last: Timestamp) -> bool {
        since < last && self.cell.succeeded_after(last) && !self.cell.failed_after(since)
    }
}
