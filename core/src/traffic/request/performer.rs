//! What must the machine know of the world at each step, and whom does it tell what it has written down?

use super::input::Asked;
use super::place::Bell;
use crate::base::identity::BackendKey;
use crate::base::rng::Rng;
use crate::base::time::Timestamp;
use crate::plan::{HashBy, StickyPlan};
use crate::traffic::cell::{NudgeKind, Record};
use crate::traffic::endpoint::Endpoint;
use crate::traffic::outcome::AttemptEnd;
use crate::traffic::snapshot::{Pool, Snapshot};
use std::sync::Arc;

/// When something happens, and before which picture.
#[derive(Debug)]
pub struct Moment<'a, P> {
    pub now: Timestamp,
    pub rng: &'a mut Rng,
    /// In force now.
    pub snapshot: &'a Snapshot,
    pub performer: &'a mut P,
}

/// Whoever performs a request. What a pick hangs on beside chance is asked when a pick is made, since each snapshot may want to know
/// something else; most requests are never asked.
pub trait Performer {
    type Bell: Bell;

    /// Of those who wait for room at this upstream. Asked only where it has limits.
    fn bell(&mut self, upstream: &Arc<str>) -> Self::Bell;

    /// The hash of what a policy hashes by; `None` where the request lacks it.
    fn hash(&mut self, by: &HashBy) -> Option<u64>;

    /// The member of this pool that the request's cookie names.
    fn pinned(&mut self, pool: &Pool, plan: &StickyPlan) -> Option<BackendKey>;

    /// The member of this pool to which the client's connection owns one. Asked only where it carries one user's requests.
    fn bound(&mut self, _pool: &Pool, _now: Timestamp) -> Option<BackendKey> {
        None
    }

    /// An attempt is over and was written down in its backend's cell. Copies are written down nowhere.
    fn recorded(&mut self, recorded: &Recorded<'_>);
}

/// What was written down.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    pub pool: &'a Arc<Pool>,
    pub endpoint: &'a Arc<Endpoint>,
    pub record: &'a Record,
    pub end: &'a AttemptEnd,
    /// When the attempt began.
    pub began: Timestamp,
    pub by: Asked,
    /// The same backend is asked again over a new connection, and the attempt goes on.
    pub again: bool,
    /// What the board should look at.
    pub nudge: Option<NudgeKind>,
}
