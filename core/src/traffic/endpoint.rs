//! Who may be asked? One backend as a publication shows it, and the place in it that a request holds. (Envoy: host; Kubernetes: endpoint.)

use crate::base::identity::{BackendId, BackendKey};
use crate::base::time::Timestamp;
use crate::health::standing::{Cause, Standing};
use crate::traffic::cell::Cell;
use std::sync::Arc;

/// One backend in one publication.
#[derive(Debug)]
pub struct Endpoint {
    pub id: BackendId,
    pub key: BackendKey,
    /// In force: the one that an operator ordered, else the configured or discovered.
    pub weight: u32,
    pub backup: bool,
    pub standing: Standing,
    /// When `standing` ramps: the start of the ramp. The board republishes as it grows.
    pub since: Timestamp,
    /// Grows whenever idle connections to this backend must not be used again (it was not alive, down, forced down or
    /// restarted, where `on_down` says so, or removed).
    pub connection_epoch: u32,
    /// Another service answers there: nobody is to choose it, whatever else holds.
    pub stranger: bool,
    /// Shared by all publications of this identity.
    pub cell: Arc<Cell>,
}

impl Endpoint {
    pub fn eligible(&self) -> bool {
        self.standing.cause.eligible()
    }

    pub fn on_trial(&self) -> bool {
        self.standing.cause == Cause::Trial
    }
}

/// Holds one place in a backend's in-flight count; gives it back when dropped.
#[derive(Debug)]
pub struct Lease {
    pub member: Arc<Endpoint>,
    /// This is the one request that decides a trial.
    pub trial: bool,
}

impl Lease {
    /// A place where fewer than `limit` requests are in flight; 0 = no limit. A trial that finds none is offered to the next request.
    pub fn within(limit: u32, member: Arc<Endpoint>, trial: bool) -> Option<Self> {
        if member.cell.begin_within(limit) {
            return Some(Self { member, trial });
        }
        if trial {
            member.cell.offer_trial_again();
        }
        None
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.member.cell.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::identity::Address;

    fn endpoint(cause: Cause) -> Arc<Endpoint> {
        let id = BackendId { upstream: "pool".into(), address: Address::Socket(([10, 0, 0, 1], 1).into()) };
        Arc::new(Endpoint {
            key: id.key(),
            id,
            weight: 1,
            backup: false,
            standing: Standing { cause, share: 1.0, earliest_return: None, unprobed: false },
            since: Timestamp::ZERO,
            connection_epoch: 0,
            stranger: false,
            cell: Arc::new(Cell::new()),
        })
    }

    #[test]
    fn an_endpoint_is_eligible_or_on_trial_or_neither() {
        for cause in Cause::ALL {
            let endpoint = endpoint(cause);
            assert_eq!(endpoint.on_trial(), cause == Cause::Trial, "{cause}");
            assert_eq!(endpoint.eligible(), cause.eligible(), "{cause}");
            assert!(!(endpoint.eligible() && endpoint.on_trial()), "{cause}");
        }
    }

    /// The limit, and how many leases are had of it at once: as many as it allows, whoever asks.
    #[test]
    fn leases_are_had_up_to_the_limit_and_given_back_when_they_are_dropped() {
        for (limit, had) in [(1, 1), (2, 2), (5, 3), (0, 3)] {
            let member = endpoint(Cause::Up);
            let leases: Vec<Lease> = (0..3).filter_map(|_| Lease::within(limit, Arc::clone(&member), false)).collect();
            assert_eq!((leases.len(), member.cell.in_flight()), (had, had as u32), "limit {limit}");
            drop(leases);
            assert_eq!(member.cell.in_flight(), 0, "limit {limit}");
            assert!(Lease::within(limit, Arc::clone(&member), true).is_some_and(|lease| lease.trial), "limit {limit}");
            assert_eq!(member.cell.in_flight(), 0, "limit {limit}");
        }
    }

    #[test]
    fn a_lease_without_a_limit_counts_for_those_with_one() {
        let member = endpoint(Cause::Up);
        let lease = Lease::within(0, Arc::clone(&member), false);
        assert!(Lease::within(1, Arc::clone(&member), false).is_none());
        drop(lease);
        assert!(Lease::within(1, Arc::clone(&member), false).is_some());
    }

    /// Was the trial claimed, and was it called off since? Where the backend is full, is it offered to the next request?
    #[test]
    fn a_trial_that_finds_no_room_is_offered_to_the_next_request() {
        for (claims, called_off, offered) in [(true, false, true), (true, true, false), (false, false, false)] {
            let member = endpoint(Cause::Trial);
            member.cell.arm_trial();
            assert!(member.cell.claim_trial());
            if called_off {
                member.cell.disarm_trial();
            }
            let _first = Lease::within(0, Arc::clone(&member), false);
            assert!(Lease::within(1, Arc::clone(&member), claims).is_none());
            assert_eq!(member.cell.claim_trial(), offered, "claims: {claims}, called off: {called_off}");
        }
    }
}
