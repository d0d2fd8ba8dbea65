//! A client that owns a connection to a backend goes there, past the balancer, while that backend may get traffic.

use super::super::*;
use super::rig::*;
use crate::health::standing::Cause;
use crate::plan::ConnectionAuth;

/// Backends that take turns, of which the second knows the client.
fn known() -> Rig {
    let mut rig = rig(3).with(|rig| {
        rig.facts = Box::new(|facts| Facts { ties: Ties { authenticates: false, one_user: true }, ..facts });
    });
    rig.world.bound = Some(2);
    rig
}

#[test]
fn whoever_is_known_somewhere_goes_there_past_the_balancer() {
    let mut rig = known();
    for _ in 0..4 {
        rig.transcript(&[(0, Input::Begun, "try 2"), (5, head(200), "deliver"), (6, whole(200), "nothing")]);
    }
    for facts in [
        |facts: Facts| facts,
        |facts| Facts { ties: Ties { authenticates: true, one_user: false }, ..facts },
        |facts| Facts {
            kind: Kind::Copy { upstream: 0 },
            ties: Ties { authenticates: false, one_user: true },
            ..facts
        },
    ] {
        let mut rig = known().with(|rig| rig.facts = Box::new(facts));
        rig.transcript(&[(0, Input::Begun, "try 1")]);
    }
    let mut rig = known().with(|rig| rig.upstream.connection_auth = ConnectionAuth::Share);
    rig.transcript(&[(0, Input::Begun, "try 1")]);
}

#[test]
fn a_backend_that_may_get_no_traffic_is_left() {
    for cause in [Cause::Down, Cause::Drained, Cause::Ejected] {
        let mut rig = known().with(|rig| rig.causes[1] = cause);
        rig.transcript(&[(0, Input::Begun, "try 1")]);
    }
    // One that drains keeps whom it knows, where it keeps anybody.
    let mut rig = known().with(|rig| (rig.causes[1], rig.upstream.drain_keeps_sessions) = (Cause::Drained, true));
    rig.transcript(&[(0, Input::Begun, "try 2")]);
    // Whom it has failed goes elsewhere.
    known().transcript(&[(0, Input::Begun, "try 2"), (5, refused(), "try 1")]);
}

#[test]
fn a_full_backend_is_worth_a_wait_where_there_is_a_queue() {
    for (queue, expected) in [(0, "try 1"), (1, "wait Room 1000")] {
        let mut rig = known().with(|rig| {
            let limits = &mut rig.upstream.limits;
            (limits.requests_per_backend, limits.queue, limits.queue_timeout) = (1, queue, Duration::from_secs(1));
        });
        let mut first = rig.request();
        rig.play(&mut first, &[(0, Input::Begun, "try 2")]);
        rig.transcript(&[(0, Input::Begun, expected)]);
    }
}

#[test]
fn nobody_else_is_asked_beside_whoever_knows_the_client() {
    let mut rig = known().with(|rig| rig.route.hedge = Some(Duration::from_millis(50)));
    rig.transcript(&[(0, Input::Begun, "try 2 hedge after 50"), (50, Input::Woken, "continue")]);
    // Nor is a proof sent to two.
    let proof = |facts| Facts { ties: Ties { authenticates: true, one_user: false }, ..facts };
    let mut rig = known().with(|rig| (rig.route.hedge, rig.facts) = (Some(Duration::from_millis(50)), Box::new(proof)));
    rig.transcript(&[(0, Input::Begun, "try 1")]);
}

#[test]
fn a_copy_owns_nothing() {
    let ties = Ties { authenticates: true, one_user: true };
    for (kind, expected) in [(Kind::Original, Owner::BoundClient), (Kind::Copy { upstream: 0 }, Owner::Nobody)] {
        let facts = Facts { kind, ties, ..rig(1).request().facts().clone() };
        assert_eq!(facts.owner(&rig(1).upstream, false, false), expected);
    }
}
