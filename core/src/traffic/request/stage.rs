//! Where does a request stand? In one of these at a time.

use super::action::{Attempt, Pin, Wait, Way};
use super::ended::Ended;
use super::facts::Facts;
use super::input::Asked;
use super::place::{Bell, Place};
use super::places::Beside;
use super::record::Note;
use crate::base::time::Timestamp;
use crate::traffic::endpoint::Endpoint;
use crate::traffic::outcome::AttemptEnd;
use crate::traffic::retry::StopReason;
use crate::traffic::snapshot::Pool;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) enum Stage<B: Bell> {
    Fresh,
    /// Somebody else has the word.
    Asking,
    Waiting(Waiting),
    Trying(Trying<B>),
    Over,
}

impl<B: Bell> Stage<B> {
    /// Ends a wait.
    pub(super) fn take_waiting(&mut self) -> Option<Waiting> {
        match std::mem::replace(self, Self::Over) {
            Self::Waiting(waiting) => Some(waiting),
            stage => {
                *self = stage;
                None
            }
        }
    }

    /// Ends an attempt; whoever takes it puts it back, or gives up its place.
    pub(super) fn take_trying(&mut self) -> Option<Trying<B>> {
        match std::mem::replace(self, Self::Over) {
            Self::Trying(trying) => Some(trying),
            stage => {
                *self = stage;
                None
            }
        }
    }
}

/// It waits for something.
#[derive(Debug)]
pub(super) struct Waiting {
    pub wait: Wait,
    pub since: Timestamp,
    /// Where it looked.
    pub pool: Arc<Pool>,
}

/// A backend has it.
#[derive(Debug)]
pub(super) struct Trying<B: Bell> {
    pub place: Place<B>,
    pub pool: Arc<Pool>,
    pub began: Timestamp,
    pub pin: Pin,
    /// It was asked again over a new connection.
    pub again: bool,
    pub course: Course<B>,
}

/// How far the answer is.
#[derive(Debug)]
pub(super) enum Course<B: Bell> {
    /// Nobody else may be asked beside it, or not any more.
    Alone,
    /// Somebody else may be asked when it is late.
    MayHedge,
    /// Somebody else is asked too.
    Hedged(Beside<B>),
    /// Its head is the client's.
    Delivering(Delivering),
}

/// An answer on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivering {
    /// Its head came so long after the request was sent.
    pub head_after: Duration,
    /// Why nobody else was asked.
    pub stopped: StopReason,
    pub by: Asked,
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub end: AttemptEnd,
    pub endpoint: Arc<Endpoint>,
}

impl<B: Bell> Course<B> {
    /// Of an answer that is awaited from now on.
    pub(super) fn awaited(may_hedge: bool) -> Self {
        if may_hedge { Self::MayHedge } else { Self::Alone }
    }
}

impl Waiting {
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now >= self.wait.until
    }
}

impl<B: Bell> Trying<B> {
    /// What is to be done.
    pub(super) fn attempt(&self, facts: &Facts, way: Way) -> Attempt {
        let hedges = matches!(self.course, Course::MayHedge);
        Attempt {
            pool: Arc::clone(&self.pool),
            endpoint: Arc::clone(&self.place.lease().member),
            trial: self.place.lease().trial,
            pin: self.pin,
            way,
            bounds: facts.bounds(),
            hedge_after: facts.terms.route().hedge.filter(|_| hedges),
        }
    }

    /// As it ends now. `again`: the same backend is asked again.
    pub(super) fn note<'e>(&self, end: &'e AttemptEnd, again: bool, now: Timestamp) -> Note<'e> {
        let delivering = self.delivering();
        Note {
            end,
            took: delivering.map_or_else(|| now.since(self.began), |delivering| delivering.head_after),
            began: self.began,
            by: delivering.map_or(Asked::First, |delivering| delivering.by),
            again,
        }
    }

    /// Whoever was asked beside it is let go.
    pub(super) fn let_go(&mut self) {
        if matches!(self.course, Course::Hedged(_)) {
            self.course = Course::Alone;
        }
    }

    pub(super) fn delivering(&self) -> Option<Delivering> {
        match &self.course {
            Course::Delivering(delivering) => Some(*delivering),
            Course::Alone | Course::MayHedge | Course::Hedged(_) => None,
        }
    }

    /// How the attempt ends when the client is found to be gone.
    pub(super) fn left_by_client(&self, now: Timestamp) -> Ended {
        let waited = now.since(self.began);
        match self.course {
            Course::Delivering(_) => Ended::Broken(AttemptEnd::ClientAborted { waited, head_seen: true }),
            _ => Ended::Unanswered(AttemptEnd::ClientAborted { waited, head_seen: false }),
        }
    }
}
