//! What is written down: outcomes in the cells, the request's end in the ledger, of a copy nothing.

use super::super::*;
use super::rig::*;
use crate::plan::{MirrorPlan, RouteAction};
use crate::traffic::ledger::WHOLE;

fn ledger(rig: &Rig) -> (u64, f64, u64) {
    let ledger = &rig.ledger;
    (ledger.saved_by_retry(), ledger.saved_by_ejection(), ledger.failed_during_detection())
}

#[test]
fn the_ledger_is_told_what_the_client_saw() {
    for (steps, saved, expected) in [
        (vec![(1, head(200), "deliver"), (2, whole(200), "nothing")], 0, (0, 0.0, 0)),
        (vec![(1, head(200), "deliver"), (2, whole(200), "nothing")], WHOLE / 2, (0, 0.5, 0)),
        (vec![(1, refused(), "try 2"), (2, head(200), "deliver"), (3, whole(200), "nothing")], WHOLE / 2, (1, 0.0, 0)),
        (vec![(1, refused(), "try 2"), (2, reset(), "try 3"), (3, reset(), "answer backend_failed")], 0, (0, 0.0, 1)),
        (vec![(1, Input::ClientLeft, "cut LeftUnanswered")], WHOLE / 2, (0, 0.0, 0)),
    ] {
        let mut rig = rig(3).with(|rig| rig.share_out = saved);
        rig.cell(3).mark_out(true, ms(0));
        let mut request = rig.request();
        rig.play(&mut request, &[(0, Input::Begun, "try 1")]);
        rig.play(&mut request, &steps);
        assert_eq!(ledger(&rig), expected, "{steps:?}");
    }
}

#[test]
fn a_failure_that_nobody_else_can_take_over_is_settled_where_it_happened() {
    let mut rig = rig(2).with(|rig| rig.upstream.limits.requests_per_backend = 1);
    let mut other = rig.request();
    rig.play(&mut other, &[(0, Input::Begun, "try 1")]);
    rig.cell(2).mark_out(true, ms(0));
    rig.transcript(&[(0, Input::Begun, "try 2"), (1, refused(), "answer backend_failed")]);
    assert_eq!(ledger(&rig), (0, 0.0, 1));
}

#[test]
fn an_attempt_is_written_down_when_it_is_over() {
    let mut rig = rig(3);
    rig.transcript(&[
        (0, Input::Begun, "try 1"),
        (1, refused(), "try 2"),
        (2, head(503), "try 3"),
        (3, head(200), "deliver"),
        (4, broken(AttemptEnd::BrokenBody { status: 200 }), "cut BackendBrokeOff"),
    ]);
    assert_eq!(rig.world.told, ["1 connect_failed Suspect", "2 response Suspect", "3 broken_body Suspect"]);
    let totals = [1, 2, 3].map(|backend| rig.cell(backend).totals());
    assert_eq!(totals, [(0, 1), (0, 1), (0, 1)]);
}

#[test]
fn latency_is_that_of_the_head() {
    let mut rig = rig(1);
    rig.transcript(&[(0, Input::Begun, "try 1"), (900, head(200), "deliver"), (2000, whole(200), "nothing")]);
    let latency = rig.cell(1).latency_ewma(ms(2000));
    assert!(latency <= Duration::from_millis(5) && latency > Duration::from_millis(4), "{latency:?}");
}

#[test]
fn a_copy_is_tried_once_and_leaves_nothing_behind() {
    let copy = |facts| Facts { kind: Kind::Copy { upstream: 0 }, ..facts };
    let mut rig = rig(2).with(|rig| rig.facts = Box::new(copy));
    rig.transcript(&[(0, Input::Begun, "try 1"), (1, refused(), "answer backend_failed")]);
    rig.transcript(&[(0, Input::Begun, "try 2"), (1, head(503), "deliver"), (2, whole(503), "nothing")]);
    assert_eq!((rig.world.told.len(), rig.cell(1).totals(), ledger(&rig)), (0, (0, 0), (0, 0.0, 0)));
    assert_eq!(rig.held(), (vec![0, 0], 0, 0));
}

#[test]
fn a_share_of_the_requests_is_mirrored_and_copies_are_not() {
    let mirror = |share| {
        rig(1).with(|rig| {
            let RouteAction::Forward(forward) = &mut rig.route.action else { return };
            forward.mirror = Some(MirrorPlan { upstream: 0, share });
        })
    };
    let mut rng = crate::base::rng::Rng::new(3);
    let mut mirrored = |rig: &Rig| {
        let request = rig.request();
        (0..1000).filter(|_| request.facts().mirrored(ms(7), &mut rng).is_some()).count()
    };
    assert_eq!((mirrored(&rig(1)), mirrored(&mirror(0.0)), mirrored(&mirror(1.0))), (0, 0, 1000));
    assert!((200..300).contains(&mirrored(&mirror(0.25))));
    let original = mirror(1.0).request();
    let copy = original.facts().mirrored(ms(7), &mut crate::base::rng::Rng::new(1)).expect("all are mirrored");
    assert_eq!((copy.kind, copy.began), (Kind::Copy { upstream: 0 }, ms(7)));
    assert!(copy.mirrored(ms(8), &mut crate::base::rng::Rng::new(1)).is_none());
}
