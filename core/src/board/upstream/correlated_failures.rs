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
