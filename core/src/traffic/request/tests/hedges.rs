//! Two backends at once: the first answer is the client's, and the other is let go.

use super::super::*;
use super::rig::*;
use crate::plan::StickyPlan;

fn hedged() -> Rig {
    rig(3).with(|rig| rig.route.hedge = Some(Duration::from_millis(50)))
}

const BEGUN: &str = "try 1 hedge after 50";

#[test]
fn the_first_answer_wins_and_the_other_is_abandoned() {
    let mut rig = hedged();
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, BEGUN), (50, Input::Woken, "hedge 2")]);
    assert_eq!(rig.held().0, [1, 1, 0]);
    rig.play(&mut request, &[(70, hedge_head(200), "deliver")]);
    assert_eq!(rig.held().0, [0, 1, 0], "the one that was too slow is let go");
    rig.play(&mut request, &[(90, whole(200), "nothing")]);
    assert_eq!(rig.world.told, ["1 overtaken", "2 response hedge"]);
    assert_eq!(request.attempts(), 2);

    let mut rig = hedged();
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, BEGUN), (50, Input::Woken, "hedge 2"), (70, head(200), "deliver")]);
    assert_eq!(rig.held().0, [1, 0, 0], "the one that was asked too is let go");
    rig.play(&mut request, &[(80, hedge_head(200), "continue"), (90, whole(200), "nothing")]);
    assert_eq!(rig.world.told, ["1 response"], "of the one that lost, nothing is written down");
    assert_eq!(request.attempts(), 1);
}

#[test]
fn an_answer_that_one_would_not_want_is_no_answer() {
    let mut rig = hedged();
    let mut request = rig.request();
    rig.play(
        &mut request,
        &[(0, Input::Begun, BEGUN), (50, Input::Woken, "hedge 2"), (60, hedge_head(503), "continue")],
    );
    assert_eq!(rig.held().0, [1, 0, 0]);
    // Once per attempt.
    rig.play(&mut request, &[(70, Input::Woken, "continue"), (80, head(200), "deliver")]);
    let mut rig = hedged();
    let mut request = rig.request();
    rig.play(
        &mut request,
        &[(0, Input::Begun, BEGUN), (50, Input::Woken, "hedge 2"), (60, Input::HedgeLost, "continue")],
    );
    assert_eq!(rig.held().0, [1, 0, 0]);
}

#[test]
fn a_first_that_fails_takes_the_other_with_it() {
    let mut rig = hedged();
    let mut request = rig.request();
    rig.play(
        &mut request,
        &[(0, Input::Begun, BEGUN), (50, Input::Woken, "hedge 2"), (60, reset(), "try 3"), (70, head(200), "deliver")],
    );
    assert_eq!(rig.held().0, [0, 0, 1]);
    assert_eq!((request.attempts(), request.tried().len()), (2, 2));
}

#[test]
fn a_hedge_costs_a_token_and_needs_room() {
    let mut rig = hedged();
    while rig.budget.withdraw(ms(0)) {}
    rig.transcript(&[(0, Input::Begun, BEGUN), (50, Input::Woken, "continue")]);

    let mut rig = hedged().with(|rig| rig.upstream.limits.requests = 1);
    rig.transcript(&[(0, Input::Begun, BEGUN), (50, Input::Woken, "continue")]);
    let mut rig = hedged().with(|rig| rig.upstream.limits.requests = 2);
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, BEGUN), (50, Input::Woken, "hedge 2")]);
    assert_eq!(rig.held(), (vec![1, 1, 0], 2, 0), "each counts for itself");
    rig.play(&mut request, &[(60, hedge_head(200), "deliver")]);
    assert_eq!((rig.held(), rig.rung()), ((vec![0, 1, 0], 1, 0), 1));

    let mut alone = rig_of_one();
    alone.transcript(&[(0, Input::Begun, BEGUN), (50, Input::Woken, "continue")]);
}

fn rig_of_one() -> Rig {
    rig(1).with(|rig| rig.route.hedge = Some(Duration::from_millis(50)))
}

#[test]
fn a_request_is_hedged_only_where_it_may_be_sent_twice() {
    let call = Some(Call { timeout: None });
    let facts: [fn(Facts) -> Facts; 4] = [
        |facts| Facts { has_body: true, ..facts },
        |facts| Facts { idempotent: false, ..facts },
        |facts| Facts { upgrades: true, ..facts },
        |facts| Facts { kind: Kind::Copy { upstream: 0 }, ..facts },
    ];
    for change in facts {
        let mut rig = hedged().with(|rig| rig.facts = Box::new(change));
        rig.transcript(&[(0, Input::Begun, "try 1"), (50, Input::Woken, "continue")]);
    }
    let mut rig = hedged().with(|rig| rig.facts = Box::new(move |facts| Facts { call, ..facts }));
    rig.transcript(&[(0, Input::Begun, "try 1"), (50, Input::Woken, "continue")]);
    let sticky = StickyPlan { cookie: "pin".to_owned(), secret: None, ttl: None, secure: false };
    let mut rig = hedged().with(|rig| rig.upstream.balance.sticky = Some(sticky));
    rig.transcript(&[(0, Input::Begun, "try 1 New"), (50, Input::Woken, "continue")]);
    // Nor at its second backend.
    hedged().transcript(&[(0, Input::Begun, BEGUN), (1, refused(), "try 2"), (60, Input::Woken, "continue")]);
}
