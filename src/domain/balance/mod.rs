//! Which backend takes this attempt?
//!
//! A [`Balancer`] is prepared at each publication over the eligible members and answers in O(1). One file per policy; all
//! of them skip the backends that this request already tried, by identity.

use super::identity::BackendKey;
use super::plan::BalancePlan;
use super::snapshot::Member;
use super::time::Timestamp;
use std::sync::Arc;

/// What a pick may depend on.
#[derive(Clone, Copy, Debug)]
pub struct PickInput<'a> {
    /// Backends that this request already tried.
    pub tried: &'a [BackendKey],
    pub now: Timestamp,
    /// 64 fresh random bits.
    pub random: u64,
    /// The hash of what the policy hashes by (policy `hash`), see [`super::plan::HashBy`].
    pub hash: Option<u64>,
    /// The backend that a sticky cookie names.
    pub sticky: Option<BackendKey>,
    /// This request may be the one that decides a trial (bodyless, idempotent, still with a retry).
    pub trial_allowed: bool,
}

/// The answer.
#[derive(Clone, Debug)]
pub struct Pick {
    pub member: Arc<Member>,
    pub trial: bool,
}

/// Prepared over one publication.
#[derive(Debug)]
pub struct Balancer {}

impl Balancer {
    /// `serving`: the members that may be picked (index into `members` with their effective weight > 0), `trials`: members whose
    /// trial is armed. `members` is the whole pool (the ring of `hash` is built over it). `previous` lets a policy carry its
    /// position (round robin) or its ring over.
    pub fn prepare(
        _plan: &BalancePlan,
        _members: &Arc<[Arc<Member>]>,
        _serving: &[(usize, f64)],
        _trials: &[usize],
        _previous: Option<&Balancer>,
    ) -> Self {
        todo!()
    }

    /// `None`: nobody that this request has not tried.
    pub fn pick(&self, _input: &PickInput<'_>) -> Option<Pick> {
        todo!()
    }

    /// Is there a member, not in `tried`, that [`Self::pick`] could return?
    pub fn has_untried(&self, _tried: &[BackendKey]) -> bool {
        todo!()
    }
}
