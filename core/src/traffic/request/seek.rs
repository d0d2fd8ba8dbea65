//! How does a request come to a place at a backend? It asks whoever has a word beforehand, looks, waits where that is worth it, and is
//! told why where it is not.

use super::Request;
use super::action::{Action, Awaited};
use super::ended::Cut;
use super::performer::{Moment, Performer};
use super::place::Bell;
use super::record::settle;
use super::search::{Lack, SoFar, Sought};
use super::stage::Stage;
use crate::http::problem::{Problem, retry_after};
use crate::traffic::snapshot::{Emptiness, Pool};
use std::time::Duration;

impl<B: Bell> Request<B> {
    pub(super) fn begin<P: Performer<Bell = B>>(&mut self, at: &mut Moment<'_, P>) -> Action {
        match self.facts.question {
            Some(question) => {
                self.stage = Stage::Asking;
                Action::Ask(question)
            }
            None => self.choose(at),
        }
    }

    pub(super) fn choose<P: Performer<Bell = B>>(&mut self, at: &mut Moment<'_, P>) -> Action {
        if self.search.choose(&self.facts, at) { self.seek(at) } else { self.answer(Problem::Internal, None) }
    }

    pub(super) fn seek<P: Performer<Bell = B>>(&mut self, at: &mut Moment<'_, P>) -> Action {
        let so_far = SoFar { attempts: self.attempts, failed: self.failed.is_some() };
        match self.search.seek(&self.facts, so_far, at) {
            Sought::Place(place, pin, pool) => self.attempt(place, pin, pool, at.now),
            Sought::Wait(waiting) => {
                let wait = waiting.wait;
                self.stage = Stage::Waiting(waiting);
                Action::Wait(wait)
            }
            Sought::None(lack, pool) => self.without_place(lack, &pool, at),
            Sought::Gone => self.answer(Problem::NoneEligible, None),
        }
    }

    /// Something has changed, or its time is up.
    pub(super) fn look_again<P: Performer<Bell = B>>(&mut self, in_vain: bool, at: &mut Moment<'_, P>) -> Action {
        let Some(waiting) = self.stage.take_waiting() else { return Action::Continue };
        self.waited += at.now.since(waiting.since);
        match waiting.wait.why {
            Awaited::Room if in_vain => self.without_place(Lack::Room, &waiting.pool, at),
            Awaited::Somebody if in_vain => self.without_place(Lack::Somebody, &waiting.pool, at),
            // Where verdicts did not come in time, what is known by now must do.
            Awaited::Verdicts | Awaited::Room | Awaited::Somebody => self.seek(at),
        }
    }

    /// Nobody has it at this moment.
    pub(super) fn client_left<P: Performer<Bell = B>>(&mut self, at: &Moment<'_, P>) -> Action {
        if let Some(waiting) = self.stage.take_waiting() {
            self.waited += at.now.since(waiting.since);
        }
        self.cut(Cut::LeftUnanswered)
    }

    fn without_place<P: Performer<Bell = B>>(&mut self, lack: Lack, pool: &Pool, at: &mut Moment<'_, P>) -> Action {
        if let Some(failed) = self.failed.take() {
            settle(&self.facts, pool, &failed.endpoint, &failed.end, true, at.now);
            return self.give_up(&failed.end);
        }
        let (problem, earliest) = match (lack, pool.emptiness) {
            (Lack::Room, _) => (Problem::Overloaded, Some(at.now + Duration::from_secs(1))),
            (Lack::Somebody, Emptiness::AllUnchecked) => (Problem::NotCheckedYet, None),
            (Lack::Somebody, Emptiness::NobodyEligible { earliest_return }) => (Problem::NoneEligible, earliest_return),
            (Lack::Somebody, Emptiness::Serving | Emptiness::NoMembers) => (Problem::NoneEligible, None),
        };
        self.answer(problem, Some(retry_after(earliest, at.now, at.rng.next_u64())))
    }
}
