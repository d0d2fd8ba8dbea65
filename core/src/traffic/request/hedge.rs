//! Who else is asked when an answer is late? Another backend, for a request that may be sent twice; whoever answers first is delivered, and
//! the other is let go ("The Tail at Scale", Dean and Barroso, 2013).
//!
//! Off unless the route says after how long. Within the retry budget, once per attempt, for idempotent requests without a body, and not
//! where a client is bound to a backend. What comes of the one that was asked too counts only where it answers first.

use super::Request;
use super::action::{Action, Attempt, Pin, Way};
use super::input::{Asked, Head};
use super::performer::{Moment, Performer};
use super::place::Bell;
use super::record::{Note, record};
use super::stage::{Course, Delivering, Stage};
use crate::traffic::outcome::{AttemptEnd, LetGo};
use crate::traffic::retry::StopReason;
use std::sync::Arc;

impl<B: Bell> Request<B> {
    /// The answer is late.
    pub(super) fn hedge<P: Performer<Bell = B>>(&mut self, at: &mut Moment<'_, P>) -> Action {
        let Stage::Trying(trying) = &mut self.stage else { return Action::Continue };
        if !matches!(trying.course, Course::MayHedge) {
            return Action::Continue;
        }
        trying.course = Course::Alone;
        if !trying.pool.budget.withdraw(at.now) {
            return Action::Continue;
        }
        let pool = Arc::clone(&trying.pool);
        let beside = self.search.beside(&self.facts, &pool, at);
        let (Some(beside), Stage::Trying(trying)) = (beside, &mut self.stage) else { return Action::Continue };
        let endpoint = Arc::clone(&beside.place.lease().member);
        trying.course = Course::Hedged(beside);
        let bounds = self.facts.bounds();
        Action::Hedge(Attempt {
            pool,
            endpoint,
            trial: false,
            pin: Pin::Unbound,
            way: Way::Any,
            bounds,
            hedge_after: None,
        })
    }

    /// Nothing is to be had of the one that was asked too: its place is given back.
    pub(super) fn hedge_lost(&mut self) -> Action {
        if let Stage::Trying(trying) = &mut self.stage {
            trying.let_go();
        }
        Action::Continue
    }

    /// It answered first. The one that was too slow says as much of its backend as if an impatient client had left it.
    pub(super) fn hedge_answered<P: Performer<Bell = B>>(&mut self, head: Head, at: &mut Moment<'_, P>) -> Action {
        let unwanted = self.facts.terms.route().retries.on.statuses.binary_search(&head.status).is_ok();
        if unwanted {
            return self.hedge_lost();
        }
        let Some(mut trying) = self.stage.take_trying() else { return Action::Continue };
        let stopped = StopReason::NotRetriable;
        let delivering = Course::Delivering(Delivering { head_after: head.after, stopped, by: Asked::Hedge });
        match std::mem::replace(&mut trying.course, delivering) {
            Course::Hedged(beside) => {
                let (took, began) = (at.now.since(trying.began), trying.began);
                let end = AttemptEnd::LetGo { why: LetGo::Overtaken, waited: took, head_seen: false };
                let note = Note { end: &end, took, began, by: Asked::First, again: false };
                record(&self.facts, &mut trying.place, &trying.pool, &note, at);
                trying.place = beside.place;
                self.attempts += 1;
                self.stage = Stage::Trying(trying);
                Action::Deliver
            }
            course => {
                trying.course = course;
                self.stage = Stage::Trying(trying);
                Action::Continue
            }
        }
    }
}
