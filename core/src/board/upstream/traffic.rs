//! What does live traffic say of each backend, beside its peers? The detectors look, and what they find is applied: an ejection within
//! its cap, a refusal, or a remark.

use super::Upstream;
use crate::base::time::Timestamp;
use crate::board::desk::place::Seat;
use crate::board::desk::turn::Turn;
use crate::board::detectors::view::{Peers, PoolView, Suspect, position_of};
use crate::board::detectors::{self, Finding, Look, Pace};
use crate::board::member::{Member, judged};
use crate::health::standing::Cause;
use crate::health::window::Tally;
use crate::plan::Detector;
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

/// While failures are in a window, the board looks at least this often: a lost nudge costs no more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Nudges come with every failure; for them the pool is read at most this often.
const SOON: Duration = Duration::from_millis(50);

/// When does who look, and what was read at this moment?
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// When the evidence of live traffic is looked at next without a nudge.
    look_at: Option<Timestamp>,
    soon_from: Timestamp,
    regular_from: Timestamp,
    /// The failed shares of its backends, as read at a moment.
    shares: (Timestamp, OnceCell<Vec<f64>>),
}

impl Watch {
    pub(super) const fn look_at(&self) -> Option<Timestamp> {
        self.look_at
    }

    /// At this moment at the latest.
    pub(super) fn look_by(&mut self, at: Timestamp) {
        self.look_at = Some(self.look_at.map_or(at, |before| before.min(at)));
    }

    pub(super) fn forget_shares(&mut self) {
        self.shares.1 = OnceCell::new();
    }

    fn shares_at(&mut self, now: Timestamp) {
        if self.shares.0 != now {
            self.shares = (now, OnceCell::new());
        }
    }
}

impl Upstream {
    /// Starts looking at cells: after members appeared.
    pub(super) fn begin_looking(&mut self, now: Timestamp) {
        if self.watch.look_at.is_none() && self.plan.passive.enabled && !self.members.is_empty() {
            self.watch.look_at = Some(now + LOOK_AGAIN);
        }
    }

    /// A failure was seen: look at the evidence, and have the probe look at the backend.
    pub(in crate::board) fn suspect(&mut self, seat: Seat, turn: &mut Turn<'_>) {
        judged::suspect(&mut self.members[seat], turn);
        self.judge_traffic(seat, turn);
        self.watch.look_at = Some(self.watch.look_at.unwrap_or(turn.now + LOOK_AGAIN));
        if turn.now >= self.watch.soon_from {
            self.compare(Pace::Soon, turn);
        } else {
            self.watch.look_by(self.watch.soon_from);
        }
        turn.look_at(self.watch.look_at);
    }

    /// Looks at every backend's evidence: what a lost nudge would have told.
    pub(in crate::board) fn look_around(&mut self, turn: &mut Turn<'_>) {
        self.watch.look_at = None;
        for seat in self.members.seats() {
            if self.window(seat, turn.now).failures > 0 {
                self.judge_traffic(seat, turn);
            }
        }
        self.compare(Pace::Soon, turn);
        if turn.now >= self.watch.regular_from {
            self.compare(Pace::Regular, turn);
        }
        for member in self.members.iter_mut() {
            judged::look_for_disagreement(member, &self.plan.passive, turn);
        }
        self.probe_the_unproven(turn);
        self.look_again(turn);
    }

    /// Whose period was stretched, and whom nobody asks any more.
    fn probe_the_unproven(&mut self, turn: &mut Turn<'_>) {
        for seat in self.members.seats() {
            if judged::probe_the_unproven(&mut self.members[seat], turn) {
                self.wake(seat, turn);
            }
        }
    }

    fn look_again(&mut self, turn: &mut Turn<'_>) {
        let hold = self.correlated.until();
        if hold.is_some_and(|until| until <= turn.now) {
            turn.stale(&self.plan.name);
        }
        self.watch.look_at = hold.filter(|until| *until > turn.now);
        // Cells are written without a word to the board, so it keeps looking as long as there is anybody to look at.
        if self.plan.passive.enabled && !self.members.is_empty() {
            self.watch.look_by(turn.now + LOOK_AGAIN);
        }
        turn.look_at(self.watch.look_at);
    }

    fn window(&self, seat: Seat, now: Timestamp) -> Tally {
        self.members[seat].cell().evidence(now, &self.plan.passive).window
    }

    /// By the detectors that judge each failure.
    fn judge_traffic(&mut self, seat: Seat, turn: &mut Turn<'_>) {
        turn.touch(seat);
        self.look(Pace::EachFailure, Some(seat), turn);
    }

    /// By the detectors that look at all fit backends beside each other.
    fn compare(&mut self, pace: Pace, turn: &mut Turn<'_>) {
        match pace {
            Pace::EachFailure => {}
            Pace::Soon => self.watch.soon_from = turn.now + SOON,
            Pace::Regular => self.watch.regular_from = turn.now + LOOK_AGAIN,
        }
        self.look(pace, None, turn);
    }

    /// Has the detectors of this pace look at one backend or at all that are fit, and applies what they find.
    fn look(&mut self, pace: Pace, suspect: Option<Seat>, turn: &mut Turn<'_>) {
        let plan = Arc::clone(&self.plan);
        for kind in detectors::ALL.iter().filter(|kind| plan.passive.detects(kind.detector)) {
            for (_, look) in kind.looks.iter().filter(|(of, _)| *of == pace) {
                let mut findings = self.find(*look, suspect, turn.now);
                findings.sort_by(|one, other| other.excess.total_cmp(&one.excess));
                for finding in findings {
                    self.convict(kind.detector, finding, turn);
                }
            }
        }
    }

    fn find(&mut self, look: Look, suspect: Option<Seat>, now: Timestamp) -> Vec<Finding> {
        self.watch.shares_at(now);
        let suspects = match suspect {
            Some(seat) => vec![as_suspect(seat, &self.members[seat])],
            None => self
                .members
                .seated()
                .filter(|(_, member)| member.fit())
                .map(|(seat, member)| as_suspect(seat, member))
                .collect(),
        };
        let read = || self.read_shares(now);
        let peers = Peers { shares: &self.watch.shares.1, read: &read };
        look(&PoolView { plan: &self.plan.passive, now, suspects, peers })
    }

    fn read_shares(&self, now: Timestamp) -> Vec<f64> {
        let windows = self.members.seats().map(|seat| self.window(seat, now));
        let mut shares: Vec<f64> =
            windows.filter(|window| window.total() > 0).map(|window| window.failed_share()).collect();
        shares.sort_by(f64::total_cmp);
        shares
    }

    /// A detector has found a backend: out it goes, unless the cap or the plan holds it.
    fn convict(&mut self, detector: Detector, finding: Finding, turn: &mut Turn<'_>) {
        let Finding { seat, why, limit, .. } = finding;
        turn.touch(seat);
        // Only a fit backend can lose by it: one that is out by its probes learns nothing new from traffic.
        if !self.members[seat].fit() {
            return;
        }
        let may_lose = self.members.may_lose(seat, &self.plan.passive);
        if may_lose && self.plan.enforces(detector) {
            self.leaves_peers(seat, turn.now);
            judged::convict(&mut self.members[seat], (detector, &why), limit, &self.plan, turn);
        } else if may_lose {
            judged::would_eject(&mut self.members[seat], detector, why, &self.plan.passive, turn);
        } else if self.plan.enforces(detector) {
            let fitness = self.members.fitness(&self.plan.passive);
            judged::refuse_ejection(&mut self.members[seat], why, fitness, &self.plan.passive, turn);
        }
    }

    /// An ejected backend's evidence is cleared: it is nobody's peer any more.
    fn leaves_peers(&mut self, seat: Seat, now: Timestamp) {
        self.watch.shares_at(now);
        let own = self.window(seat, now);
        let mut shares = self.watch.shares.1.take().unwrap_or_else(|| self.read_shares(now));
        if let Some(position) = position_of(&shares, own) {
            shares.remove(position);
        }
        self.watch.shares.1 = OnceCell::from(shares);
    }

    /// The one request that decides has ended.
    pub(in crate::board) fn trial_ended(&mut self, seat: Seat, passed: bool, turn: &mut Turn<'_>) {
        turn.touch(seat);
        judged::trial_ended(&mut self.members[seat], passed, &self.plan, turn);
    }
}

fn as_suspect(seat: Seat, member: &Member) -> Suspect<'_> {
    Suspect { seat, cell: member.cell(), ramps: member.cause() == Cause::Ramping }
}
