//! The waits: for room in a bounded queue, for first verdicts, for somebody eligible.

use super::super::*;
use super::rig::*;
use crate::health::standing::Cause;
use crate::traffic::snapshot::Emptiness;

/// One request at a time, a queue of two, one second.
fn queued() -> Rig {
    rig(2).with(|rig| {
        let limits = &mut rig.upstream.limits;
        (limits.requests, limits.queue, limits.queue_timeout) = (1, 2, Duration::from_secs(1));
    })
}

#[test]
fn the_deadline_of_a_place_in_the_queue_is_fixed_when_it_is_taken() {
    let mut rig = queued();
    let mut first = rig.request();
    rig.play(&mut first, &[(0, Input::Begun, "try 1")]);
    // A publication every 100 ms, as an upstream beside it flaps: no look moves the deadline.
    let mut second = rig.request();
    rig.play(&mut second, &[(100, Input::Begun, "wait Room 1100")]);
    for at in (200..1100).step_by(100) {
        rig.publish();
        rig.play(&mut second, &[(at, Input::Changed, "wait Room 1100")]);
    }
    rig.play(&mut second, &[(1100, Input::Woken, "answer overloaded later")]);
    assert_eq!(second.waited(), Duration::from_secs(1));
    assert_eq!(rig.held(), (vec![1, 0], 1, 0), "its place in the queue is free at once");
}

#[test]
fn a_change_at_the_deadline_is_too_late_where_nothing_is_free() {
    let mut rig = queued();
    let mut first = rig.request();
    rig.play(&mut first, &[(0, Input::Begun, "try 1")]);
    rig.transcript(&[(0, Input::Begun, "wait Room 1000"), (1000, Input::Changed, "answer overloaded later")]);
    rig.transcript(&[(0, Input::Begun, "wait Room 1000"), (999, Input::Woken, "wait Room 1000")]);
}

#[test]
fn the_queue_ends_with_the_request() {
    let mut rig = queued().with(|rig| rig.upstream.limits.queue_timeout = Duration::from_secs(60));
    let mut first = rig.request();
    rig.play(&mut first, &[(0, Input::Begun, "try 1")]);
    rig.transcript(&[(0, Input::Begun, "wait Room 10000"), (10_000, Input::Woken, "answer overloaded later")]);
}

#[test]
fn a_queue_that_is_full_refuses() {
    let mut rig = queued();
    let mut others: Vec<_> = (0..3).map(|_| rig.request()).collect();
    for (other, expected) in others.iter_mut().zip(["try 1", "wait Room 1000", "wait Room 1000"]) {
        rig.play(other, &[(0, Input::Begun, expected)]);
    }
    rig.transcript(&[(0, Input::Begun, "answer overloaded later")]);
    assert_eq!(rig.held(), (vec![1, 0], 1, 2));
}

#[test]
fn a_newcomer_waits_behind_those_who_wait() {
    let mut rig = queued();
    let (mut first, mut second) = (rig.request(), rig.request());
    rig.play(&mut first, &[(0, Input::Begun, "try 1")]);
    rig.play(&mut second, &[(0, Input::Begun, "wait Room 1000")]);
    drop(first);
    let mut third = rig.request();
    rig.play(&mut third, &[(10, Input::Begun, "wait Room 1010")]);
    rig.play(&mut second, &[(20, Input::Changed, "try 2")]);
    assert_eq!(rig.held(), (vec![0, 1], 1, 1));
}

#[test]
fn a_backend_without_room_is_passed_over() {
    let mut rig = rig(2).with(|rig| rig.upstream.limits.requests_per_backend = 1);
    let mut first = rig.request();
    rig.play(&mut first, &[(0, Input::Begun, "try 1")]);
    let mut second = rig.request();
    rig.play(&mut second, &[(0, Input::Begun, "try 2")]);
    rig.transcript(&[(0, Input::Begun, "answer overloaded later")]);
    rig.play(&mut first, &[(1, refused(), "answer backend_failed")]);
    assert_eq!(first.retry_stopped(), None, "somebody was left, but had no room");
    rig.transcript(&[(2, Input::Begun, "try 1")]);
}

#[test]
fn a_retry_may_wait_for_room_too_and_its_deadline_is_its_own() {
    let mut rig = rig(2).with(|rig| {
        let limits = &mut rig.upstream.limits;
        (limits.requests_per_backend, limits.queue, limits.queue_timeout) = (1, 2, Duration::from_secs(1));
    });
    let (mut first, mut second) = (rig.request(), rig.request());
    rig.play(&mut first, &[(0, Input::Begun, "try 1")]);
    rig.play(&mut second, &[(0, Input::Begun, "try 2"), (500, refused(), "wait Room 1500")]);
    drop(first);
    rig.play(&mut second, &[(700, Input::Changed, "try 1"), (710, head(200), "deliver"), (720, whole(200), "nothing")]);
    assert_eq!((second.attempts(), second.waited()), (2, Duration::from_millis(200)));
}

#[test]
fn a_copy_waits_for_no_room_and_is_not_held() {
    let copy = |rig: &mut Rig| rig.facts = Box::new(|facts| Facts { kind: Kind::Copy { upstream: 0 }, ..facts });
    let mut rig = queued().with(copy);
    let mut first = rig.request();
    rig.play(&mut first, &[(0, Input::Begun, "try 1")]);
    rig.transcript(&[(0, Input::Begun, "answer overloaded later")]);
    let mut rig = super::rig::rig(0).with(copy).with(|rig| rig.upstream.limits.hold = Duration::from_secs(1));
    rig.transcript(&[(0, Input::Begun, "answer none_eligible later")]);
}

#[test]
fn a_request_waits_for_the_first_verdicts() {
    let unchecked = || {
        rig(1).with(|rig| {
            (rig.causes[0], rig.emptiness) = (Cause::Unchecked, Some(Emptiness::AllUnchecked));
        })
    };
    let mut rig = unchecked();
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, "wait Verdicts 5000"), (900, Input::Changed, "wait Verdicts 5000")]);
    let mut rig = rig.with(|rig| (rig.causes[0], rig.emptiness) = (Cause::Up, None));
    rig.play(&mut request, &[(1000, Input::Changed, "try 1")]);
    assert_eq!(request.waited(), Duration::from_secs(1));

    let mut rig = unchecked();
    rig.transcript(&[(0, Input::Begun, "wait Verdicts 5000"), (5000, Input::Woken, "answer not_checked_yet later")]);
    // Where such requests are held, it goes on waiting for somebody.
    let mut rig = unchecked().with(|rig| rig.upstream.limits.hold = Duration::from_secs(8));
    rig.transcript(&[
        (0, Input::Begun, "wait Verdicts 5000"),
        (5000, Input::Woken, "wait Somebody 8000"),
        (6000, Input::Changed, "wait Somebody 8000"),
        (8000, Input::Woken, "answer not_checked_yet later"),
    ]);
}

#[test]
fn an_idempotent_request_is_held_while_nobody_is_eligible() {
    let held = || rig(1).with(|rig| (rig.causes[0], rig.upstream.limits.hold) = (Cause::Down, Duration::from_secs(2)));
    let mut rig = held();
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, "wait Somebody 2000"), (500, Input::Changed, "wait Somebody 2000")]);
    let mut rig = rig.with(|rig| rig.causes[0] = Cause::Up);
    rig.play(&mut request, &[(700, Input::Changed, "try 1")]);

    held().transcript(&[(0, Input::Begun, "wait Somebody 2000"), (2000, Input::Woken, "answer none_eligible later")]);
    let mut post = held().with(|rig| rig.facts = Box::new(|facts| Facts { idempotent: false, ..facts }));
    post.transcript(&[(0, Input::Begun, "answer none_eligible later")]);
    // A request that has failed already is told so.
    let mut rig = super::rig::rig(2).with(|rig| rig.upstream.limits.hold = Duration::from_secs(2));
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, "try 1")]);
    rig.causes = vec![Cause::Down, Cause::Down];
    let before = Arc::clone(&rig.snapshot);
    rig.publish();
    assert!(before.generation < rig.snapshot.generation);
    rig.play(&mut request, &[(10, refused(), "answer backend_failed")]);
}

#[test]
fn an_upstream_that_a_reload_took_away_takes_nobody() {
    let mut rig = rig(2);
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, "try 1")]);
    rig.known = false;
    rig.publish();
    rig.play(&mut request, &[(1, refused(), "answer none_eligible")]);
}
