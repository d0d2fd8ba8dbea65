//! Is most of a pool lost at one moment, for one reason? Then the reason (a component that all share, our own network) is likelier than so
//! many faults at once, and emptying the pool makes an outage of a doubt.
//!
//! Where the plan says so, those that fell together are held in place for a bounded time, loudly. Only probes are held against: whom live
//! traffic ejects goes, and the forced down, the drained and the unchecked were never among them. One hold per loss: when its time is over
//! the verdicts count, and another can begin only after most of the pool was well again.

use crate::base::identity::BackendKey;
use crate::base::time::Timestamp;
use crate::board::member::Member;
use crate::board::why::failure::Failure;
use crate::board::why::hold::{Hold, HoldOver};
use crate::health::standing::Cause;
use std::time::Duration;

/// What falls within this is one loss.
const TOGETHER: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct CorrelatedFailures {
    /// Who was eligible at the last look.
    eligible: Vec<BackendKey>,
    fallen: Vec<Fallen>,
    hold: Option<Holding>,
    /// The time of a hold was over before the pool was well again.
    spent: bool,
}

#[derive(Debug)]
struct Fallen {
    key: BackendKey,
    at: Timestamp,
    failure: Failure,
}

#[derive(Debug)]
struct Holding {
    until: Timestamp,
    failure: Failure,
}

/// A backend as it stands at a look.
#[derive(Clone, Debug)]
pub(super) struct Stand {
    key: BackendKey,
    cause: Cause,
    /// It is part of the pool that shares are taken of.
    counts: bool,
    /// How its probes fail, where they took it out.
    failure: Option<Failure>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Begins(Hold),
    Ends(HoldOver),
}

impl Stand {
    pub(super) fn of(member: &Member) -> Self {
        let check = member.probes().readiness().filter(|_| by_probes(member.cause()));
        Self {
            key: member.key(),
            cause: member.cause(),
            counts: member.counts(),
            failure: check.map(|check| check.failure()),
        }
    }
}

impl CorrelatedFailures {
    /// Is this one held in place?
    pub(super) fn holds(&self, key: BackendKey, cause: Cause) -> bool {
        let Some(hold) = &self.hold else { return false };
        by_probes(cause) && self.fallen.iter().any(|fallen| fallen.key == key && fallen.failure == hold.failure)
    }

    /// When the hold is over at the latest.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.hold.as_ref().map(|hold| hold.until)
    }

    /// Before every publication: who fell, for what, and does it hold? `time`: how long a hold may last; zero: none begins.
    pub(super) fn look(&mut self, pool: &[Stand], time: Duration, now: Timestamp) -> Option<Change> {
        if time.is_zero() {
            let held = std::mem::take(self).hold.is_some();
            return held.then_some(Change::Ends(HoldOver::TurnedOff));
        }
        self.note_fallen(pool, now);
        let counted = pool.iter().filter(|stand| stand.counts).count();
        let eligible: Vec<BackendKey> =
            pool.iter().filter(|stand| stand.cause.eligible()).map(|stand| stand.key).collect();
        let well = eligible.len() * 2 > counted;
        self.spent &= !well;
        self.eligible = eligible;
        match self.until() {
            None if self.spent => None,
            None => self.begin(counted, time, now),
            Some(_) if well => Some(self.end(HoldOver::WellAgain)),
            Some(until) if until <= now => {
                self.spent = true;
                Some(self.end(HoldOver::TimeOver))
            }
            Some(_) => None,
        }
    }

    fn note_fallen(&mut self, pool: &[Stand], now: Timestamp) {
        let holding = self.hold.is_some();
        let is_out = |key: BackendKey| pool.iter().any(|stand| stand.key == key && by_probes(stand.cause));
        self.fallen.retain(|fallen| is_out(fallen.key) && (holding || now.since(fallen.at) <= TOGETHER));
        for stand in pool.iter().filter(|stand| by_probes(stand.cause) && self.eligible.contains(&stand.key)) {
            let fallen = stand.failure.clone().map(|failure| Fallen { key: stand.key, at: now, failure });
            self.fallen.extend(fallen);
        }
    }

    /// Begins a hold where more than half of a `pool` fell for one failure.
    fn begin(&mut self, pool: usize, time: Duration, now: Timestamp) -> Option<Change> {
        let share = |failure: &Failure| self.fallen.iter().filter(|fallen| fallen.failure == *failure).count();
        let common = self.fallen.iter().map(|fallen| &fallen.failure).find(|failure| share(failure) * 2 > pool)?;
        let (fallen, failure) = (share(common), common.clone());
        self.hold = Some(Holding { until: now + time, failure: failure.clone() });
        Some(Change::Begins(Hold { fallen, pool, failure, time }))
    }

    fn end(&mut self, over: HoldOver) -> Change {
        self.hold = None;
        self.fallen.clear();
        Change::Ends(over)
    }
}

const fn by_probes(cause: Cause) -> bool {
    matches!(cause, Cause::Down | Cause::NotReady)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool of backends, a letter each: up, refused, not ready (503), ejected, forced down, unchecked (which does not count).
    fn pool(letters: &str) -> Vec<Stand> {
        let stand = |(key, letter)| {
            let (cause, failure) = match letter {
                'u' => (Cause::Up, None),
                'r' => (Cause::Down, Some(Failure::CannotConnect)),
                'n' => (Cause::NotReady, Some(Failure::Status(503))),
                'e' => (Cause::Ejected, None),
                'f' => (Cause::ForcedDown, None),
                _ => (Cause::Unchecked, None),
            };
            Stand { key: BackendKey(key), cause, counts: cause != Cause::Unchecked, failure }
        };
        (0..).zip(letters.chars()).map(stand).collect()
    }

    fn told(change: Option<Change>) -> String {
        match change {
            None => String::new(),
            Some(Change::Begins(Hold { fallen, pool, failure, .. })) => format!("{fallen} of {pool}: {failure}"),
            Some(Change::Ends(over)) => format!("{over:?}"),
        }
    }

    /// Seconds, the pool then, and what changes by that.
    type Story = &'static [(u64, &'static str, &'static str)];

    #[test]
    fn the_table() {
        let stories: &[(&str, Story)] = &[
            ("a third is no pool", &[(0, "uuu", ""), (1, "ruu", "")]),
            ("two thirds at once", &[(0, "uuu", ""), (1, "rru", "2 of 3: cannot connect")]),
            (
                "one after the other within ten seconds",
                &[(0, "uuu", ""), (1, "ruu", ""), (11, "rru", "2 of 3: cannot connect")],
            ),
            ("one long after the other", &[(0, "uuu", ""), (1, "ruu", ""), (12, "rru", "")]),
            ("for two reasons", &[(0, "uuu", ""), (1, "rnu", "")]),
            ("most for one of two reasons", &[(0, "uuuu", ""), (1, "rrrn", "3 of 4: cannot connect")]),
            ("half is not most", &[(0, "uuuu", ""), (1, "rruu", "")]),
            ("who is unchecked does not count", &[(0, "uuu?", ""), (1, "rru?", "2 of 3: cannot connect")]),
            ("who was never eligible has not fallen", &[(0, "r?", ""), (1, "rr", "")]),
            ("traffic and operators are believed", &[(0, "uuu", ""), (1, "eef", "")]),
            (
                "it ends when most are well",
                &[(0, "uuu", ""), (1, "rrr", "3 of 3: cannot connect"), (2, "uur", "WellAgain")],
            ),
            ("half well is not enough", &[(0, "uuuu", ""), (1, "rrrr", "4 of 4: cannot connect"), (2, "uurr", "")]),
            ("it ends with its time", &[(0, "uuu", ""), (1, "rrr", "3 of 3: cannot connect"), (31, "rrr", "TimeOver")]),
            (
                "and only once per loss",
                &[
                    (0, "uuu", ""),
                    (1, "rrr", "3 of 3: cannot connect"),
                    (31, "rrr", "TimeOver"),
                    (32, "urr", ""),
                    (33, "rrr", ""),
                    (34, "uur", ""),
                    (35, "rrr", "2 of 3: cannot connect"),
                ],
            ),
        ];
        for (what, story) in stories {
            let mut correlated = CorrelatedFailures::default();
            for (second, letters, expected) in *story {
                let change = correlated.look(&pool(letters), Duration::from_secs(30), Timestamp::from_secs(*second));
                assert_eq!(told(change), *expected, "{what}, after {second} s: {letters}");
            }
        }
    }

    #[test]
    fn those_that_fell_for_the_reason_are_held_and_nobody_else() {
        let mut correlated = CorrelatedFailures::default();
        let mut look = |letters| correlated.look(&pool(letters), Duration::from_secs(30), Timestamp::ZERO);
        look("uuuuu");
        look("rrrnu");
        let held = |key, cause| correlated.holds(BackendKey(key), cause);
        assert!(held(0, Cause::Down) && held(1, Cause::Down) && held(2, Cause::NotReady));
        assert!(!held(3, Cause::NotReady), "it fell for another reason");
        assert!(!held(4, Cause::Down), "it has not fallen");
        assert!(!held(0, Cause::Ejected) && !held(0, Cause::ForcedDown), "held against probes only");
    }

    #[test]
    fn a_hold_that_is_turned_off_ends_and_is_forgotten() {
        let mut correlated = CorrelatedFailures::default();
        let now = Timestamp::ZERO;
        correlated.look(&pool("uu"), Duration::from_secs(30), now);
        assert!(correlated.look(&pool("rr"), Duration::from_secs(30), now).is_some());
        assert_eq!(told(correlated.look(&[], Duration::ZERO, now)), "TurnedOff");
        assert_eq!(told(correlated.look(&[], Duration::ZERO, now)), "");
        assert_eq!(correlated.until(), None);
    }
}
