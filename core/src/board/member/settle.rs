//! What follows from all that is known of a backend? Its standing, what is told of a change, and how the next snapshot shows it.

use super::Member;
use crate::board::desk::turn::Turn;
use crate::board::why::standing::{self, Occasion};
use crate::health::combine::combine;
use crate::health::event::EventKind;
use crate::health::standing::Cause;
use crate::plan::{OnDown, UpstreamPlan};
use crate::traffic::endpoint::Endpoint;
use std::sync::Arc;

impl Member {
    /// Brings its standing in line with what is known; reports a transition when the cause changed, and has the pool published anew when a
    /// snapshot would show it.
    pub(in crate::board) fn settle(&mut self, plan: &UpstreamPlan, occasion: Option<&Occasion>, turn: &mut Turn<'_>) {
        let before = self.cause();
        let mut facts = self.facts(plan, turn.now);
        let mut after = combine(&facts);
        let returns = after.cause.eligible() && !before.eligible() && before != Cause::ForcedUp;
        if returns && turn.ramps {
            self.status.begin_ramp(turn.now);
            facts = self.facts(plan, turn.now);
            after = combine(&facts);
        }
        let ramp_ends = !after.cause.eligible() || facts.ramp >= 1.0;
        if let Some(from) = self.status.change(after, ramp_ends, turn.now) {
            self.transition(plan.on_down, from, occasion, turn);
        }
        if !self.picture.as_ref().is_some_and(|picture| is_seen(self, picture)) {
            turn.stale(&self.id.upstream);
        }
    }

    fn transition(&mut self, on_down: OnDown, from: Cause, occasion: Option<&Occasion>, turn: &mut Turn<'_>) {
        let to = self.cause();
        let is_lost = matches!(to, Cause::Down | Cause::NotAlive | Cause::ForcedDown);
        if is_lost && self.status.retire_idle(on_down) && on_down == OnDown::CloseAll {
            self.cell.cut_before(self.status.epoch());
        }
        if to == Cause::Trial {
            self.cell.arm_trial();
        } else if from == Cause::Trial {
            self.cell.disarm_trial();
        }
        let ramp_over = (from, to) == (Cause::Ramping, Cause::Up);
        let occasion = if ramp_over { Some(&Occasion::RampOver) } else { occasion };
        let event = EventKind::Transition {
            backend: self.id.clone(),
            from,
            to,
            counter: self.probes.counter(),
            why: standing::transition(&self.grounds(to, turn.now), occasion),
            earliest_return: self.status.standing().earliest_return,
        };
        self.report(event, turn);
    }

    /// Its picture for a snapshot; the last one where it is still true.
    pub(in crate::board) fn picture(&mut self) -> Arc<Endpoint> {
        let is_true = |picture: &&Arc<Endpoint>| {
            let as_before = (picture.standing, picture.since) == (*self.status.standing(), self.status.since());
            as_before && is_seen(self, picture)
        };
        let picture = self.picture.as_ref().filter(is_true).cloned().unwrap_or_else(|| portray(self));
        self.picture = Some(Arc::clone(&picture));
        picture
    }
}

/// Does a request see by this picture what it would see by a new one? When a backend can return changes with every moment, and is
/// shown anew when something else has changed.
fn is_seen(member: &Member, picture: &Endpoint) -> bool {
    let standing = member.status.standing();
    (
        picture.weight,
        picture.backup,
        picture.standing.cause,
        picture.standing.share,
        picture.connection_epoch,
        picture.stranger,
    ) == (
        member.weight(),
        member.backup,
        standing.cause,
        standing.share,
        member.status.epoch(),
        member.probes.stranger(),
    )
}

fn portray(member: &Member) -> Arc<Endpoint> {
    Arc::new(Endpoint {
        id: member.id.clone(),
        key: member.key,
        weight: member.weight(),
        backup: member.backup,
        standing: *member.status.standing(),
        since: member.status.since(),
        connection_epoch: member.status.epoch(),
        stranger: member.probes.stranger(),
        cell: Arc::clone(&member.cell),
    })
}
