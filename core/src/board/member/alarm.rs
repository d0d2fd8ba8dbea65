//! Do probes and traffic contradict each other? Both cannot be right, and whoever owns the backend should know which one lies.
//!
//! *Lying readiness*: probes pass while traffic fails. *Failing readiness*: probes fail while traffic succeeds. Told once per episode, and
//! once when it is over; an episode needs evidence to begin and evidence to end, so that a quiet moment ends none. It changes nothing.

use crate::base::time::Timestamp;
use crate::board::contract::probe::LastProbe;
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
    /// The last readiness probe, and whether readiness has it up.
    pub last: Option<&'a LastProbe>,
    pub up: bool,
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
        let Some(last) = witnesses.last else {
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
        if !self.up {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::reading::Steps;
    use crate::traffic::cell::Record;
    use crate::traffic::outcome::{FailureKind, Outcome};
    use std::time::Duration;

    fn told(change: Option<Change>) -> String {
        match change {
            None => String::new(),
            Some(Change::Begins(contradiction)) => format!("{}: {contradiction}", contradiction.kind().word()),
            Some(Change::Ends(what, agreement)) => format!("{} is over: {agreement}", what.word()),
        }
    }

    /// The second, how the last probe of then ended (`+`, `-`, or there is none), so many successes and failures of traffic after it, whether
    /// it is ejected for failing, and what is told.
    type Step = (u64, char, (u32, u32), bool, &'static str);

    fn play(what: &str, steps: &[Step]) {
        let (plan, cell, mut alarm) = (PassivePlan::default(), Cell::new(), Alarm::default());
        for (second, letter, (successes, failures), ejected, expected) in steps {
            let at = Timestamp::from_secs(*second);
            let now = at + Duration::from_millis(100);
            let outcomes = [(Outcome::Success, successes), (Outcome::Failure(FailureKind::Reset), failures)];
            for (outcome, times) in outcomes {
                let record = Record { outcome, latency: Duration::ZERO, client: 1, trial: false, now };
                for _ in 0..*times {
                    cell.record(record, &plan);
                }
            }
            let (passed, text) = (*letter == '+', "answered 503".to_owned());
            let steps = Steps::default();
            let last = LastProbe { at, took: Duration::ZERO, passed, status: None, text, steps, document: None };
            let change = alarm.weigh(&Witnesses {
                last: Some(&last).filter(|_| *letter != '0'),
                up: passed,
                cell: &cell,
                out_for_failing: ejected.then_some("5 failures in a row (limit 5)"),
                plan: &plan,
                now,
            });
            assert_eq!(told(change), *expected, "{what}, at {second} s");
            assert_eq!(alarm.note().is_some(), alarm.raised.is_some());
        }
    }

    #[test]
    fn the_table() {
        let fails = "lying_readiness: its probes pass, and 10 of 20 outcomes failed within 10 s";
        let ejected =
            "lying_readiness: its probes pass, and live traffic had it ejected: 5 failures in a row (limit 5)";
        let serves = "failing_readiness: its traffic succeeds, and its probes fail: answered 503";
        for (what, steps) in [
            ("all is well", vec![(1, '+', (20, 0), false, ""), (2, '+', (20, 0), false, "")]),
            ("too little traffic", vec![(1, '+', (0, 19), false, "")]),
            ("less than half fails", vec![(1, '+', (11, 9), false, "")]),
            ("once per episode", vec![(1, '+', (10, 10), false, fails), (2, '+', (10, 10), false, "")]),
            (
                "a quiet moment ends nothing, and a few successes do not",
                vec![
                    (1, '+', (10, 10), false, fails),
                    (20, '+', (0, 0), false, ""),
                    (21, '+', (19, 0), false, ""),
                    (22, '+', (1, 0), false, "lying_readiness is over: its traffic succeeds again"),
                ],
            ),
            (
                "as long as it is ejected it has not ended",
                vec![
                    (1, '+', (0, 0), true, ejected),
                    (2, '+', (20, 0), true, ""),
                    (3, '-', (0, 0), true, "lying_readiness is over: its probes fail, too"),
                ],
            ),
            ("both fail", vec![(1, '-', (0, 20), false, ""), (2, '-', (0, 20), false, "")]),
            ("one failed probe is none", vec![(1, '-', (5, 0), false, "")]),
            ("frozen between two probes", vec![(1, '-', (5, 0), false, ""), (2, '-', (0, 0), false, "")]),
            (
                "two failed probes, and answers after the second",
                vec![
                    (1, '-', (5, 0), false, ""),
                    (2, '-', (1, 0), false, serves),
                    (3, '+', (1, 0), false, "failing_readiness is over: its probes pass again"),
                ],
            ),
            (
                "until traffic fails",
                vec![
                    (1, '-', (5, 0), false, ""),
                    (2, '-', (1, 0), false, serves),
                    (3, '-', (0, 1), false, "failing_readiness is over: its traffic fails, too"),
                ],
            ),
            (
                "until there is no probe any more",
                vec![
                    (1, '-', (5, 0), false, ""),
                    (2, '-', (1, 0), false, serves),
                    (3, '0', (0, 0), false, "failing_readiness is over: it has no readiness probe any more"),
                ],
            ),
        ] {
            play(what, &steps);
        }
    }
}
