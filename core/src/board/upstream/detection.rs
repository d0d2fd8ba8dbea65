//! What does live traffic say of each backend, beside its peers? The detectors look, and what they find is applied: an ejection within
//! its cap, a refusal, or a remark.

use super::group::Group;
use crate::base::time::Timestamp;
use crate::board::desk::place::Seat;
use crate::board::desk::turn::Turn;
use crate::board::detectors::view::{Peers, PoolView, Suspect, position_of};
use crate::board::detectors::{self, Finding, Look, Pace};
use crate::board::member::{Member, judged};
use crate::health::standing::Cause;
use crate::plan::Detector;
use std::cell::OnceCell;
use std::time::Duration;

/// While failures are in a window, the board looks at least this often: a lost nudge costs no more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Nudges come with every failure; for them the pool is read at most this often.
const SOON: Duration = Duration::from_millis(50);

/// When do the detectors look, and what was read at this moment?
#[derive(Debug, Default)]
pub(super) struct Detection {
    /// When the evidence of live traffic is looked at next without a nudge.
    look_at: Option<Timestamp>,
    soon_from: Timestamp,
    regular_from: Timestamp,
    shares: Shares,
}

/// The failed shares of the members, read once for everything that is judged at one moment.
#[derive(Debug, Default)]
struct Shares {
    at: Timestamp,
    sorted: OnceCell<Vec<f64>>,
}

impl Detection {
    pub(super) const fn look_at(&self) -> Option<Timestamp> {
        self.look_at
    }

    /// At this moment at the latest.
    pub(super) fn look_by(&mut self, at: Timestamp) {
        self.look_at = Some(self.look_at.map_or(at, |before| before.min(at)));
    }

    /// Starts looking: after members appeared.
    pub(super) fn begin(&mut self, group: &Group, now: Timestamp) {
        if group.plan.passive.enabled && !group.members.is_empty() {
            self.look_at = self.look_at.or(Some(now + LOOK_AGAIN));
        }
    }

    /// What was read of the members' traffic is not true any more.
    pub(super) fn forget_shares(&mut self) {
        self.shares.sorted = OnceCell::new();
    }

    /// A failure of this one was seen.
    pub(super) fn suspect(&mut self, seat: Seat, group: &mut Group, turn: &mut Turn<'_>) {
        self.judge(seat, group, turn);
        self.look_at = self.look_at.or(Some(turn.now + LOOK_AGAIN));
        if turn.now >= self.soon_from {
            self.compare(Pace::Soon, group, turn);
        } else {
            self.look_by(self.soon_from);
        }
    }

    /// Looks at everybody: what a lost nudge would have told.
    pub(super) fn look_around(&mut self, group: &mut Group, turn: &mut Turn<'_>) {
        self.look_at = None;
        for seat in group.members.seats() {
            if group.window(seat, turn.now).failures > 0 {
                self.judge(seat, group, turn);
            }
        }
        self.compare(Pace::Soon, group, turn);
        if turn.now >= self.regular_from {
            self.compare(Pace::Regular, group, turn);
        }
        // Cells are written without a word to the board, so it keeps looking as long as there is anybody to look at.
        self.begin(group, turn.now);
    }

    /// By the detectors that judge each failure.
    fn judge(&mut self, seat: Seat, group: &mut Group, turn: &mut Turn<'_>) {
        turn.touch(seat);
        self.look(Pace::EachFailure, Some(seat), group, turn);
    }

    /// By the detectors that look at all fit backends beside each other.
    fn compare(&mut self, pace: Pace, group: &mut Group, turn: &mut Turn<'_>) {
        match pace {
            Pace::EachFailure => {}
            Pace::Soon => self.soon_from = turn.now + SOON,
            Pace::Regular => self.regular_from = turn.now + LOOK_AGAIN,
        }
        self.look(pace, None, group, turn);
    }

    /// Has the detectors of this pace look at one backend or at all that are fit, and applies what they find.
    fn look(&mut self, pace: Pace, suspect: Option<Seat>, group: &mut Group, turn: &mut Turn<'_>) {
        for kind in detectors::ALL {
            let looks = kind.looks.iter().filter(|(of, _)| *of == pace && group.plan.passive.detects(kind.detector));
            for look in looks.map(|(_, look)| *look).collect::<Vec<_>>() {
                let mut findings = self.find(look, suspect, group, turn.now);
                findings.sort_by(|one, other| other.excess.total_cmp(&one.excess));
                for finding in findings {
                    self.convict(kind.detector, finding, group, turn);
                }
            }
        }
    }

    fn find(&mut self, look: Look, suspect: Option<Seat>, group: &Group, now: Timestamp) -> Vec<Finding> {
        let suspects = match suspect {
            Some(seat) => vec![as_suspect(seat, &group.members[seat])],
            None => {
                let fit = group.members.seated().filter(|(_, member)| member.fit());
                fit.map(|(seat, member)| as_suspect(seat, member)).collect()
            }
        };
        let peers = Peers { shares: self.shares.at(now), read: &|| group.failed_shares(None, now) };
        look(&PoolView { plan: &group.plan.passive, now, suspects, peers })
    }

    /// A detector has found a backend: out it goes, unless the cap or the plan holds it.
    fn convict(&mut self, detector: Detector, finding: Finding, group: &mut Group, turn: &mut Turn<'_>) {
        let Finding { seat, why, limit, .. } = finding;
        turn.touch(seat);
        // Only a fit backend can lose by it: one that is out by its probes learns nothing new from traffic.
        if !group.members[seat].fit() {
            return;
        }
        let (may_lose, enforces) = (group.may_lose(seat), group.plan.enforces(detector));
        if may_lose && enforces {
            self.shares.leave(seat, group, turn.now);
        }
        let fitness = group.fitness();
        let (plan, member) = (&*group.plan, &mut group.members[seat]);
        match (may_lose, enforces) {
            (true, true) => judged::convict(member, (detector, &why), limit, plan, turn),
            (true, false) => judged::would_eject(member, detector, why, &plan.passive, turn),
            (false, true) => judged::refuse_ejection(member, why, fitness, &plan.passive, turn),
            (false, false) => {}
        }
    }
}

impl Shares {
    fn at(&mut self, now: Timestamp) -> &OnceCell<Vec<f64>> {
        if self.at != now {
            *self = Self { at: now, sorted: OnceCell::new() };
        }
        &self.sorted
    }

    /// The evidence of one that is ejected is cleared: it is nobody's peer any more.
    fn leave(&mut self, seat: Seat, group: &Group, now: Timestamp) {
        self.at(now);
        let mut shares = self.sorted.take().unwrap_or_else(|| group.failed_shares(None, now));
        if let Some(position) = position_of(&shares, group.window(seat, now)) {
            shares.remove(position);
        }
        self.sorted = OnceCell::from(shares);
    }
}

fn as_suspect(seat: Seat, member: &Member) -> Suspect<'_> {
    Suspect { seat, cell: member.cell(), ramps: member.cause() == Cause::Ramping }
}

#[cfg(test)]
mod tests;
