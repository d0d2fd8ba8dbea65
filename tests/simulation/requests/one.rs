//! One request of the storm: what happens to it, and what it must hold by the naive count of what it was told to do.

use super::world::{Token, World};
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::outcome::{AttemptEnd, LetGo};
use pulsegate_core::traffic::request::{
    Action, Asked, Attempt, Awaited, Ended, Facts, Head, Input, Moment, Request, Wait, Way,
};
use std::sync::Arc;
use std::time::Duration;

pub struct One {
    request: Request<Token>,
    stage: Stage,
    asked: Vec<BackendKey>,
    /// The deadline of its place in the queue, while it has one.
    queued: Option<Timestamp>,
    /// A backend may have done what it asks for, and it may not be asked twice.
    spent: bool,
    /// The client's whims.
    whim: u64,
}

enum Stage {
    Fresh,
    Asking,
    Waiting(Wait),
    Trying { first: Lease, hedge: Option<Lease>, delivering: bool },
    Over,
}

/// A place at a backend.
#[derive(Clone, Copy)]
pub struct Lease {
    pub backend: BackendKey,
    /// Its upstream limits the places of a backend.
    pub limited: bool,
}

impl Lease {
    fn of(attempt: &Attempt) -> Self {
        let limited = attempt.pool.upstream.requests_per_backend() > 0;
        Self { backend: attempt.endpoint.key, limited }
    }
}

impl One {
    pub fn new(facts: Facts) -> Self {
        let whim = facts.began.0 ^ u64::from(facts.idempotent);
        let request = Request::new(facts);
        Self { request, stage: Stage::Fresh, asked: Vec::new(), queued: None, spent: false, whim }
    }

    // ---------------------------------------------------------- what it holds

    pub fn leases(&self) -> impl Iterator<Item = Lease> {
        let (first, hedge) = match &self.stage {
            Stage::Trying { first, hedge, .. } => (Some(*first), *hedge),
            _ => (None, None),
        };
        first.into_iter().chain(hedge)
    }

    pub fn upstream(&self) -> Option<&Arc<str>> {
        self.request.upstream()
    }

    pub fn is_queued(&self) -> bool {
        self.queued.is_some()
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    pub fn waits(&self) -> bool {
        matches!(self.stage, Stage::Waiting(_))
    }

    pub fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.stage, Stage::Waiting(wait) if wait.until <= now)
    }

    pub fn waits_for_room_at(&self, upstream: &Arc<str>) -> bool {
        matches!(self.stage, Stage::Waiting(wait) if wait.why == Awaited::Room) && self.upstream() == Some(upstream)
    }

    /// The request of the mirror, where it is one of its share.
    pub fn copied(&self, now: Timestamp, rng: &mut Rng) -> Option<Facts> {
        self.request.facts().mirrored(now, rng)
    }

    // ------------------------------------------------------- what happens to it

    /// Something that can happen to it now; now and then something that cannot.
    pub fn something(&self, rng: &mut Rng, now: Timestamp) -> Input {
        let anything = rng.below(12) == 0;
        match &self.stage {
            _ if anything => self.anything(rng),
            Stage::Asking if rng.below(4) == 0 => Input::Answered(Err(Problem::RateLimited)),
            Stage::Asking => Input::Answered(Ok(())),
            Stage::Waiting(_) if rng.below(6) == 0 => Input::ClientLeft,
            Stage::Trying { .. } if self.request.facts().deadline() <= now => {
                let end = AttemptEnd::LetGo { why: LetGo::TotalTimeout, waited: Duration::ZERO, head_seen: false };
                let ended = Ended::Refused { problem: Problem::TotalTimeout, end };
                Input::Ended { ended, replayable: true }
            }
            Stage::Trying { delivering: true, .. } => self.end_of_delivery(rng),
            Stage::Trying { hedge: Some(_), .. } if rng.below(3) == 0 => head(Asked::Hedge, rng),
            Stage::Trying { hedge: Some(_), .. } if rng.below(4) == 0 => Input::HedgeLost,
            Stage::Trying { hedge: None, .. } if rng.below(3) == 0 => Input::Woken,
            Stage::Trying { .. } if rng.below(2) == 0 => head(Asked::First, rng),
            Stage::Trying { .. } => unanswered(rng),
            Stage::Fresh | Stage::Waiting(_) | Stage::Over => Input::Changed,
        }
    }

    fn anything(&self, rng: &mut Rng) -> Input {
        match rng.below(9) {
            0 => Input::Begun,
            1 => Input::Answered(Ok(())),
            2 => Input::HedgeLost,
            3 => Input::Woken,
            4 => Input::Changed,
            5 => Input::ClientLeft,
            6 => head(Asked::Hedge, rng),
            7 => self.end_of_delivery(rng),
            _ => unanswered(rng),
        }
    }

    fn end_of_delivery(&self, rng: &mut Rng) -> Input {
        let ended = match rng.below(6) {
            0 => Ended::Broken(AttemptEnd::BrokenBody { status: 200 }),
            1 => Ended::Broken(AttemptEnd::ClientAborted { waited: Duration::ZERO, head_seen: true }),
            2 => Ended::Broken(AttemptEnd::CutOff),
            3 => Ended::Unanswered(AttemptEnd::InvalidResponse),
            _ => Ended::Whole { end: AttemptEnd::Response { status: 200 }, sent: true, reusable: true },
        };
        Input::Ended { ended, replayable: true }
    }

    /// It is told, and does what is to be done.
    pub fn tell(&mut self, input: &Input, world: &mut World, rng: &mut Rng, now: Timestamp) {
        let Some(snapshot) = world.snapshot().map(Arc::clone) else { return };
        let recorded = world.recorded;
        let mut around = world.around(self.whim);
        let moment = &mut Moment { now, rng, snapshot: &snapshot, performer: &mut around };
        let action = self.request.handle(input.clone(), moment);
        assert!(!self.request.facts().is_copy() || world.recorded == recorded, "something is learnt from a copy");
        self.note_what_was_spent(input);
        self.carry_out(&action, input, now);
        self.keeps_within_its_limits();
    }

    /// What ends so may have reached its backend.
    fn note_what_was_spent(&mut self, input: &Input) {
        let Stage::Trying { delivering: false, .. } = self.stage else { return };
        if let Input::Ended { ended: Ended::Unanswered(end), .. } = input {
            self.spent |= !self.request.facts().idempotent && !end.never_processed();
        }
    }

    fn carry_out(&mut self, action: &Action, input: &Input, now: Timestamp) {
        match action {
            Action::Attempt(attempt) => self.attempt(attempt),
            Action::Hedge(attempt) => self.hedge(attempt),
            Action::Wait(wait) => self.wait(*wait, now),
            Action::Ask(_) => self.stage = Stage::Asking,
            Action::Deliver => self.deliver(input),
            Action::Continue => self.let_go(input),
            Action::Answer { .. } | Action::Cut(_) | Action::Nothing => {
                assert!(!self.is_over() && self.request.is_over(), "a request ends once");
                (self.stage, self.queued) = (Stage::Over, None);
            }
        }
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let key = attempt.endpoint.key;
        assert!(!self.spent, "a request that may have been carried out was sent again");
        match attempt.way {
            Way::Any => {
                assert!(!self.asked.contains(&key), "a backend was asked twice");
                self.asked.push(key);
            }
            Way::NewConnection => assert_eq!(self.asked.last(), Some(&key), "another backend was asked again"),
        }
        assert_eq!(self.request.tried(), self.asked);
        self.stage = Stage::Trying { first: Lease::of(attempt), hedge: None, delivering: false };
        self.queued = None;
    }

    fn hedge(&mut self, attempt: &Attempt) {
        assert!(!self.asked.contains(&attempt.endpoint.key), "a hedge was asked before");
        let Stage::Trying { hedge, delivering: false, .. } = &mut self.stage else { panic!("nothing to hedge") };
        assert!(hedge.replace(Lease::of(attempt)).is_none(), "two hedges at once");
    }

    fn wait(&mut self, wait: Wait, now: Timestamp) {
        assert!(wait.until > now, "a wait that is over before it begins");
        if wait.why == Awaited::Room {
            let until = *self.queued.get_or_insert(wait.until);
            assert_eq!(wait.until, until, "a place in the queue has another deadline than when it was taken");
            assert!(until <= self.request.facts().deadline(), "it waits beyond its own time");
        }
        self.stage = Stage::Waiting(wait);
    }

    fn deliver(&mut self, input: &Input) {
        let Stage::Trying { first, hedge, delivering } = &mut self.stage else { panic!("nothing to deliver") };
        assert!(!std::mem::replace(delivering, true), "two answers are delivered");
        let hedge = hedge.take();
        if matches!(input, Input::Head(Head { by: Asked::Hedge, .. })) {
            *first = hedge.expect("the hedge that answered");
        }
    }

    /// An unwanted answer of a hedge, or none, is the end of it.
    fn let_go(&mut self, input: &Input) {
        let lost = matches!(input, Input::HedgeLost | Input::Head(Head { by: Asked::Hedge, .. }));
        if let Stage::Trying { hedge, .. } = &mut self.stage
            && lost
        {
            *hedge = None;
        }
    }

    fn keeps_within_its_limits(&self) {
        let limit = self.request.facts().terms.route().retries.limit as usize;
        let limit = if self.request.facts().is_copy() { 0 } else { limit };
        assert!(self.asked.len() <= limit + 1, "{} attempts, {limit} retries", self.asked.len());
    }
}

fn head(by: Asked, rng: &mut Rng) -> Input {
    let status = [200, 404, 500, 502, 503][rng.below(5) as usize];
    Input::Head(Head { status, after: Duration::from_millis(3), by, replayable: rng.below(4) > 0 })
}

fn unanswered(rng: &mut Rng) -> Input {
    let ends = [
        AttemptEnd::ConnectFailed { timed_out: false },
        AttemptEnd::ConnectFailed { timed_out: true },
        AttemptEnd::PerTryTimeout,
        AttemptEnd::ResetBeforeHead { reused: true },
        AttemptEnd::ResetBeforeHead { reused: false },
        AttemptEnd::NotProcessed { excused: true },
        AttemptEnd::NoRoom,
        AttemptEnd::InvalidResponse,
        AttemptEnd::CutOff,
        AttemptEnd::Ours,
    ];
    let ended = Ended::Unanswered(ends[rng.below(10) as usize].clone());
    Input::Ended { ended, replayable: rng.below(4) > 0 }
}
