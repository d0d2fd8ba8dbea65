//! What becomes of an attempt? Its beginning, the head of an answer, and its end: somebody else is asked, or the client has what there is.

use super::Request;
use super::action::{Action, Pin, Way};
use super::ended::{Cut, Ended};
use super::facts::Facts;
use super::input::{Asked, Head};
use super::performer::{Moment, Performer};
use super::place::{Bell, Place};
use super::record::{Note, record, settle};
use super::stage::{Course, Delivering, Failed, Stage, Trying};
use crate::base::time::Timestamp;
use crate::traffic::outcome::AttemptEnd;
use crate::traffic::retry::{AfterAttempt, Next, StopReason, decide, time_left, within_budget};
use crate::traffic::snapshot::Pool;
use std::sync::Arc;

impl<B: Bell> Request<B> {
    /// Sends it to the backend where it has a place.
    pub(super) fn attempt(&mut self, place: Place<B>, pin: Pin, pool: Arc<Pool>, now: Timestamp) -> Action {
        if self.failed.is_none() {
            pool.budget.deposit(now);
        }
        self.attempts += 1;
        let course = Course::awaited(self.facts.may_hedge(self.attempts, &pool));
        let trying = Trying { place, pool, began: now, pin, again: false, course };
        let attempt = trying.attempt(&self.facts, Way::Any);
        self.stage = Stage::Trying(trying);
        Action::Attempt(attempt)
    }

    /// Is this the answer that the client gets, or is somebody else asked?
    pub(super) fn head<P: Performer<Bell = B>>(&mut self, head: Head, at: &mut Moment<'_, P>) -> Action {
        if head.by == Asked::Hedge {
            return self.hedge_answered(head, at);
        }
        let Some(mut trying) = self.stage.take_trying() else { return Action::Continue };
        if trying.delivering().is_some() {
            self.stage = Stage::Trying(trying);
            return Action::Continue;
        }
        let end = AttemptEnd::Response { status: head.status };
        match self.next(&end, head.replayable, &trying.pool, at) {
            Next::Retry { .. } => {
                let note = Note { took: head.after, ..trying.note(&end, false, at.now) };
                record(&self.facts, &mut trying.place, &trying.pool, &note, at);
                self.try_another(trying, end, at)
            }
            Next::Stop(stopped) => {
                // Whoever was asked beside it is let go.
                trying.course = Course::Delivering(Delivering { head_after: head.after, stopped, by: head.by });
                self.stage = Stage::Trying(trying);
                Action::Deliver
            }
        }
    }

    pub(super) fn ended<P: Performer<Bell = B>>(
        &mut self,
        ended: Ended,
        replayable: bool,
        at: &mut Moment<'_, P>,
    ) -> Action {
        let Some(mut trying) = self.stage.take_trying() else { return Action::Continue };
        let delivering = trying.delivering();
        if let (Ended::Unanswered(end), None) = (&ended, delivering) {
            return self.unanswered(trying, end.clone(), replayable, at);
        }
        let stopped = delivering.map_or(StopReason::NotRetriable, |delivering| delivering.stopped);
        let note = trying.note(ended.end(), false, at.now);
        record(&self.facts, &mut trying.place, &trying.pool, &note, at);
        self.stop(trying, ended.end(), stopped, at.now);
        match &ended {
            Ended::Unanswered(end) => self.give_up(end),
            Ended::Refused { problem, .. } => self.answer(*problem, None),
            Ended::Broken(end) => self.cut(Cut::of(end)),
            Ended::Whole { .. } => Action::Nothing,
        }
    }

    /// Nothing of an answer has come: it goes elsewhere, once more to the same, or is over.
    fn unanswered<P: Performer<Bell = B>>(
        &mut self,
        mut trying: Trying<B>,
        end: AttemptEnd,
        replayable: bool,
        at: &mut Moment<'_, P>,
    ) -> Action {
        // What it costs to send it once more is taken first, whoever gets it.
        let next = self.next(&end, replayable, &trying.pool, at);
        if !trying.again && replayable && lost_a_race(&self.facts, &end) {
            return self.ask_again(trying, &end, at);
        }
        let note = trying.note(&end, false, at.now);
        record(&self.facts, &mut trying.place, &trying.pool, &note, at);
        match next {
            Next::Retry { .. } => self.try_another(trying, end, at),
            Next::Stop(reason) => {
                self.stop(trying, &end, reason, at.now);
                self.give_up(&end)
            }
        }
    }

    /// The same backend, over a new connection: it is the same attempt.
    fn ask_again<P: Performer<Bell = B>>(
        &mut self,
        mut trying: Trying<B>,
        end: &AttemptEnd,
        at: &mut Moment<'_, P>,
    ) -> Action {
        // A trial is not over yet.
        if !trying.place.lease().trial {
            let note = trying.note(end, true, at.now);
            record(&self.facts, &mut trying.place, &trying.pool, &note, at);
        }
        trying.again = true;
        trying.course = Course::awaited(self.facts.may_hedge(self.attempts, &trying.pool));
        let attempt = trying.attempt(&self.facts, Way::NewConnection);
        self.stage = Stage::Trying(trying);
        Action::Attempt(attempt)
    }

    fn try_another<P: Performer<Bell = B>>(
        &mut self,
        trying: Trying<B>,
        end: AttemptEnd,
        at: &mut Moment<'_, P>,
    ) -> Action {
        self.failed = Some(Failed { end, endpoint: Arc::clone(&trying.place.lease().member) });
        drop(trying);
        self.seek(at)
    }

    /// It was the last attempt.
    fn stop(&mut self, trying: Trying<B>, end: &AttemptEnd, reason: StopReason, now: Timestamp) {
        self.retry_stopped = (reason != StopReason::NotRetriable).then_some(reason);
        settle(&self.facts, &trying.pool, &trying.place.lease().member, end, self.failed.is_some(), now);
    }

    /// May somebody else be asked? Takes a token of the budget where that costs one.
    fn next<P: Performer<Bell = B>>(
        &self,
        end: &AttemptEnd,
        replayable: bool,
        pool: &Arc<Pool>,
        at: &Moment<'_, P>,
    ) -> Next {
        if self.facts.is_copy() {
            return Next::Stop(StopReason::NotRetriable);
        }
        // After a cut, the pool that was chosen from is no more: who serves now counts, a backup perhaps.
        let left = if *end == AttemptEnd::CutOff { self.search.pool(&self.facts, at.snapshot) } else { Some(pool) };
        let after = AfterAttempt {
            end,
            idempotent: self.facts.idempotent,
            replayable,
            never_sent: end.never_processed(),
            attempts: self.attempts,
            untried_left: left.is_some_and(|pool| pool.balancer.has_untried(self.search.tried())),
            time_left: time_left(at.now, self.facts.deadline()),
        };
        within_budget(decide(&after, &self.facts.terms.route().retries), &pool.budget, at.now)
    }
}

/// The backend closed an idle connection just as we used it, or takes fewer requests than it did when this one was sent: both were right, and
/// it is asked once more.
fn lost_a_race(facts: &Facts, end: &AttemptEnd) -> bool {
    match end {
        AttemptEnd::ResetBeforeHead { reused: true } => facts.idempotent,
        AttemptEnd::NotProcessed { excused } => *excused,
        _ => false,
    }
}
