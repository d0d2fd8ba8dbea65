//! Who belongs to an upstream, under which definition, and what does one member's fate mean for the others?

use super::members::Members;
use crate::base::time::Timestamp;
use crate::board::desk::place::Seat;
use crate::board::desk::turn::Turn;
use crate::board::member::Member;
use crate::board::member::judged::Fitness;
use crate::health::window::Tally;
use crate::plan::UpstreamPlan;
use std::sync::Arc;

#[derive(Debug)]
pub(in crate::board) struct Group {
    pub(super) plan: Arc<UpstreamPlan>,
    pub(super) members: Members,
}

impl Group {
    pub(super) fn new(plan: Arc<UpstreamPlan>) -> Self {
        Self { plan, members: Members::default() }
    }

    pub(in crate::board) const fn plan(&self) -> &Arc<UpstreamPlan> {
        &self.plan
    }

    pub(in crate::board) const fn members(&self) -> &Members {
        &self.members
    }

    pub(in crate::board) fn fitness(&self) -> Fitness {
        let pool = self.members.count(Member::counts) as u32;
        let fit = self.members.count(Member::fit) as u32;
        Fitness { fit, pool, floor: self.plan.passive.must_stay_fit(pool) }
    }

    /// Would enough stay fit without this one?
    pub(super) fn may_lose(&self, seat: Seat) -> bool {
        let Fitness { fit, floor, .. } = self.fitness();
        !self.members[seat].fit() || fit > floor
    }

    /// Says when this member needs the board next.
    pub(super) fn wake(&self, seat: Seat, turn: &mut Turn<'_>) {
        turn.wake(seat, self.members[seat].deadline(&self.plan, turn.now));
    }

    /// The outcomes of one member's requests.
    pub(super) fn window(&self, seat: Seat, now: Timestamp) -> Tally {
        self.members[seat].cell().evidence(now, &self.plan.passive).window
    }

    /// The failed shares of those that had traffic and are not left out, in order.
    pub(in crate::board) fn failed_shares(&self, left_out: Option<Seat>, now: Timestamp) -> Vec<f64> {
        let seats = self.members.seats().filter(|seat| Some(*seat) != left_out);
        let windows = seats.map(|seat| self.window(seat, now)).filter(|window| window.total() > 0);
        let mut shares: Vec<f64> = windows.map(|window| window.failed_share()).collect();
        shares.sort_by(f64::total_cmp);
        shares
    }
}
