//! Whatever a request holds is given back exactly once, however it ends and wherever it is dropped.

use super::super::*;
use super::rig::*;
use crate::health::standing::Cause;

/// Two at a time, one per backend, a queue of two.
fn limited() -> Rig {
    rig(3).with(|rig| {
        let limits = &mut rig.upstream.limits;
        (limits.requests, limits.requests_per_backend, limits.queue) = (2, 1, 2);
        limits.queue_timeout = Duration::from_secs(1);
        rig.route.hedge = Some(Duration::from_millis(50));
    })
}

/// In flight, inside the upstream, in its queue.
type Held = (u32, u32, u32);

const BEGUN: &str = "try 1 hedge after 50";

#[test]
fn a_request_that_is_dropped_gives_back_what_it_held() {
    let transcripts: [(&[Step], Held, u32); 8] = [
        (&[], (0, 0, 0), 0),
        (&[(0, Input::Begun, BEGUN)], (1, 1, 0), 2),
        (&[(0, Input::Begun, BEGUN), (50, Input::Woken, "hedge 2")], (2, 2, 0), 4),
        (&[(0, Input::Begun, BEGUN), (50, Input::Woken, "hedge 2"), (60, hedge_head(200), "deliver")], (1, 1, 0), 4),
        (&[(0, Input::Begun, BEGUN), (50, refused(), "try 2")], (1, 1, 0), 3),
        (&[(0, Input::Begun, BEGUN), (50, head(200), "deliver")], (1, 1, 0), 2),
        // What it holds of its upstream's limit it holds until the performer lets go of it, unless nobody is asked any more.
        (&[(0, Input::Begun, BEGUN), (50, head(200), "deliver"), (60, whole(200), "nothing")], (0, 1, 0), 2),
        (&[(0, Input::Begun, BEGUN), (50, Input::ClientLeft, "cut LeftUnanswered")], (0, 0, 0), 2),
    ];
    for (steps, (in_flight, inside, waiting), rung) in transcripts {
        let mut rig = limited();
        let mut request = rig.request();
        rig.play(&mut request, steps);
        let held = rig.held();
        assert_eq!((held.0.iter().sum(), held.1, held.2), (in_flight, inside, waiting), "{steps:?}");
        drop(request);
        assert_eq!((rig.held(), rig.rung()), ((vec![0, 0, 0], 0, 0), rung), "{steps:?}");
    }
}

#[test]
fn a_request_that_waits_gives_its_place_in_the_queue_back() {
    let ends: [(&[Step], u32); 4] = [
        (&[], 1),
        (&[(10, Input::ClientLeft, "cut LeftUnanswered")], 0),
        (&[(1000, Input::Woken, "answer overloaded later")], 0),
        (&[(10, Input::Changed, "wait Room 1000")], 1),
    ];
    for (steps, waiting) in ends {
        let mut rig = limited();
        let mut others = [rig.request(), rig.request()];
        for (other, expected) in others.iter_mut().zip([BEGUN, "try 2 hedge after 50"]) {
            rig.play(other, &[(0, Input::Begun, expected)]);
        }
        let mut request = rig.request();
        rig.play(&mut request, &[(0, Input::Begun, "wait Room 1000")]);
        rig.play(&mut request, steps);
        assert_eq!(rig.held(), (vec![1, 1, 0], 2, waiting), "{steps:?}");
        drop(request);
        assert_eq!((rig.held(), rig.rung()), ((vec![1, 1, 0], 2, 0), 0), "{steps:?}");
    }
}

#[test]
fn a_place_is_free_before_its_bell_rings() {
    #[derive(Debug)]
    struct Watching(Arc<crate::traffic::circuit_breaker::CircuitBreaker>);
    impl Bell for Watching {
        fn ring(&self) {
            assert_eq!(self.0.inside(), 0);
        }
    }
    let rig = limited();
    let breaker = Arc::clone(&rig.breaker);
    let pool = &rig.snapshot.pools[0];
    let entered = place::Entered::within(1, pool, || Watching(breaker));
    assert!(entered.is_some() && rig.breaker.inside() == 1);
    drop(entered);
}

#[test]
fn a_trial_of_which_nobody_hears_is_offered_again() {
    let on_trial = || {
        let rig = rig(2).with(|rig| {
            rig.causes[1] = Cause::Trial;
            rig.upstream.limits.requests_per_backend = 1;
        });
        rig.cell(2).arm_trial();
        rig
    };
    let mut rig = on_trial();
    rig.transcript(&[(0, Input::Begun, "try 2 trial")]);
    rig.transcript(&[(0, Input::Begun, "try 2 trial")]);
    // A backend on trial that has no room keeps its trial.
    rig.cell(2).begin_within(0);
    rig.transcript(&[(0, Input::Begun, "try 1")]);
    rig.cell(2).end();
    rig.transcript(&[(0, Input::Begun, "try 2 trial")]);
}
