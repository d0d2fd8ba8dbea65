//! Attempts: who is asked next, who is not, and what the client is told.

use super::super::*;
use super::rig::*;
use crate::health::standing::Cause;
use crate::plan::StickyPlan;
use crate::traffic::outcome::AttemptEnd as End;

#[test]
fn a_request_that_fails_is_tried_elsewhere_within_its_limits() {
    for (steps, stopped, attempts) in [
        (vec![(1, head(200), "deliver"), (2, whole(200), "nothing")], None, 1),
        (vec![(1, head(503), "try 2"), (2, head(200), "deliver"), (3, whole(200), "nothing")], None, 2),
        (vec![(1, refused(), "try 2"), (2, reset(), "try 3"), (3, head(200), "deliver")], None, 3),
        (
            vec![(1, refused(), "try 2"), (2, reset(), "try 3"), (3, head(503), "deliver"), (4, whole(503), "nothing")],
            Some(StopReason::LimitReached),
            3,
        ),
        (
            vec![(1, refused(), "try 2"), (2, reset(), "try 3"), (3, reset(), "answer backend_failed")],
            Some(StopReason::LimitReached),
            3,
        ),
        (vec![(9_960, reset(), "answer backend_failed")], Some(StopReason::NoTime), 1),
        (vec![(1, failed(End::PerTryTimeout), "try 2")], None, 2),
        (vec![(1, failed(End::Ours), "answer internal")], None, 1),
        // Its own time is up: the next would only be blamed for it.
        (
            vec![(
                10_000,
                Input::Ended {
                    ended: Ended::Refused { problem: Problem::TotalTimeout, end: End::Ours },
                    replayable: true,
                },
                "answer total_timeout",
            )],
            None,
            1,
        ),
        (vec![(1, head(200), "deliver"), (2, broken(End::BrokenBody { status: 200 }), "cut BackendBrokeOff")], None, 1),
        (vec![(1, head(200), "deliver"), (2, broken(End::CutOff), "cut WentDown")], None, 1),
        // The head could not be made fit for the client.
        (vec![(1, head(200), "deliver"), (2, failed(End::InvalidResponse), "answer bad_backend_answer")], None, 1),
        (vec![(1, Input::ClientLeft, "cut LeftUnanswered")], None, 1),
    ] {
        let mut rig = rig(4);
        let mut request = rig.request();
        rig.play(&mut request, &[(0, Input::Begun, "try 1")]);
        rig.play(&mut request, &steps);
        assert_eq!(request.retry_stopped(), stopped, "{steps:?}");
        // Those that were not told to end go on.
        assert_eq!(request.attempts(), attempts, "{steps:?}");
        assert_eq!(request.tried().len(), attempts as usize, "each backend once");
    }
}

#[test]
fn a_post_is_repeated_only_where_nothing_of_it_was_sent() {
    let posts = || {
        let post = |facts| Facts { idempotent: false, has_body: true, ..facts };
        rig(3).with(|rig| rig.facts = Box::new(post))
    };
    posts().transcript(&[(0, Input::Begun, "try 1"), (1, refused(), "try 2"), (2, head(200), "deliver")]);
    for end in [reset(), failed(End::PerTryTimeout), failed(End::CutOff)] {
        let mut rig = posts();
        let mut request = rig.request();
        let told = if end == failed(End::PerTryTimeout) { "answer backend_timeout" } else { "answer backend_failed" };
        rig.play(&mut request, &[(0, Input::Begun, "try 1"), (1, end, told)]);
        assert_eq!(request.retry_stopped(), Some(StopReason::NotIdempotent));
    }
    // Its answer is its answer.
    posts().transcript(&[(0, Input::Begun, "try 1"), (1, head(503), "deliver"), (2, whole(503), "nothing")]);
    // A backend that says it did nothing with it.
    let not_processed = failed(End::NotProcessed { excused: false });
    posts().transcript(&[(0, Input::Begun, "try 1"), (1, not_processed, "try 2")]);
}

#[test]
fn a_body_that_is_not_kept_whole_is_not_sent_again() {
    let mut rig = rig(2);
    let mut request = rig.request();
    let ended = Ended::Unanswered(End::ResetBeforeHead { reused: true });
    let unkept = Input::Ended { ended, replayable: false };
    rig.play(&mut request, &[(0, Input::Begun, "try 1"), (1, unkept, "answer backend_failed")]);
    assert_eq!(request.retry_stopped(), Some(StopReason::BodyNotReplayable));
    let head = Input::Head(Head { status: 503, after: Duration::ZERO, by: Asked::First, replayable: false });
    rig.transcript(&[(0, Input::Begun, "try 2"), (1, head, "deliver")]);
}

#[test]
fn an_idle_connection_that_was_just_closed_costs_one_more_at_the_same_backend() {
    let lost = || failed(End::ResetBeforeHead { reused: true });
    let mut rig = rig(2);
    let mut request = rig.request();
    rig.play(
        &mut request,
        &[(0, Input::Begun, "try 1"), (1, lost(), "try 1 again"), (2, lost(), "try 2"), (3, lost(), "try 2 again")],
    );
    assert_eq!((request.attempts(), rig.held().0), (2, vec![0, 1]));
    let again = ["1 reset again Suspect", "1 reset Suspect", "2 reset again Suspect"];
    assert_eq!(rig.world.told, again);
    // A connection whose end was announced took nothing, whatever the method.
    let mut rig = super::rig::rig(2).with(|rig| rig.facts = Box::new(|facts| Facts { idempotent: false, ..facts }));
    rig.transcript(&[(0, Input::Begun, "try 1"), (1, failed(End::NotProcessed { excused: true }), "try 1 again")]);
    rig.transcript(&[(0, Input::Begun, "try 2"), (1, lost(), "answer backend_failed")]);
}

#[test]
fn a_budget_that_is_used_up_stops_retries_but_not_those_that_were_never_sent() {
    let mut rig = rig(3);
    while rig.budget.withdraw(ms(0)) {}
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, "try 1"), (1, reset(), "answer backend_failed")]);
    assert_eq!(request.retry_stopped(), Some(StopReason::Budget));
    rig.transcript(&[(0, Input::Begun, "try 2"), (1, refused(), "try 3"), (2, head(503), "deliver")]);
}

#[test]
fn a_request_pays_into_the_budget_once() {
    let deposits = crate::plan::BudgetPlan { ratio: 1.0, ttl: Duration::from_secs(10), min_per_second: 0 };
    let mut rig = rig(3).with(|rig| rig.budget = Arc::new(crate::traffic::retry_budget::RetryBudget::new(deposits)));
    rig.transcript(&[(0, Input::Begun, "try 1"), (1, refused(), "try 2"), (2, refused(), "try 3")]);
    let granted = std::iter::repeat_with(|| rig.budget.withdraw(ms(2))).take_while(|granted| *granted).count();
    assert_eq!(granted, 1);
}

#[test]
fn a_backend_is_asked_once() {
    let mut rig = rig(2);
    let mut request = rig.request();
    rig.play(
        &mut request,
        &[(0, Input::Begun, "try 1"), (1, refused(), "try 2"), (2, refused(), "answer backend_failed")],
    );
    assert_eq!(request.retry_stopped(), Some(StopReason::NobodyLeft));
}

#[test]
fn after_a_cut_those_count_who_serve_now() {
    let mut rig = rig(2).with(|rig| rig.causes = vec![Cause::Up, Cause::Down]);
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, "try 1")]);
    let mut rig = rig.with(|rig| rig.causes = vec![Cause::ForcedDown, Cause::Up]);
    rig.play(&mut request, &[(1, failed(End::CutOff), "try 2")]);
    // Whatever else ends an attempt, the pool that was chosen from counts.
    let mut rig = super::rig::rig(2).with(|rig| rig.causes = vec![Cause::Up, Cause::Down]);
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, "try 1")]);
    let mut rig = rig.with(|rig| rig.causes = vec![Cause::Down, Cause::Up]);
    rig.play(&mut request, &[(1, reset(), "answer backend_failed")]);
    assert_eq!(request.retry_stopped(), Some(StopReason::NobodyLeft));
}

#[test]
fn a_client_is_bound_to_its_backend_and_gets_a_new_pin_where_that_is_gone() {
    let sticky = StickyPlan { cookie: "pin".to_owned(), secret: None, ttl: None, secure: false };
    let sticky = || rig(3).with(|rig| rig.upstream.balance.sticky = Some(sticky.clone()));
    for (cookie, causes, expected) in [
        (None, [Cause::Up; 3], "try 1 New"),
        (Some(3), [Cause::Up; 3], "try 3 Kept"),
        (Some(3), [Cause::Up, Cause::Up, Cause::Down], "try 1 New"),
        (Some(9), [Cause::Up; 3], "try 1 New"),
    ] {
        let mut rig = sticky().with(|rig| rig.causes = causes.to_vec());
        rig.world.cookie = cookie;
        rig.transcript(&[(0, Input::Begun, expected)]);
    }
    let mut rig = sticky();
    rig.world.cookie = Some(3);
    rig.transcript(&[(0, Input::Begun, "try 3 Kept"), (1, refused(), "try 1 New")]);
}

#[test]
fn one_request_decides_a_trial() {
    let mut rig = rig(2).with(|rig| rig.causes[1] = Cause::Trial);
    rig.cell(2).arm_trial();
    let mut request = rig.request();
    rig.play(&mut request, &[(0, Input::Begun, "try 2 trial")]);
    rig.transcript(&[(0, Input::Begun, "try 1")]);
    rig.play(&mut request, &[(1, head(200), "deliver"), (2, whole(200), "nothing")]);
    assert_eq!(rig.world.told, ["2 response trial TrialEnded { passed: true }"]);
    // Not one with a body, nor one that nobody could take afterwards.
    rig.cell(2).arm_trial();
    let mut rig = rig.with(|rig| rig.facts = Box::new(|facts| Facts { has_body: true, ..facts }));
    rig.transcript(&[(0, Input::Begun, "try 1")]);
    let mut rig = rig.with(|rig| {
        rig.facts = Box::new(|facts| facts);
        rig.route.retries.limit = 0;
    });
    rig.transcript(&[(0, Input::Begun, "try 1")]);
}

#[test]
fn a_question_is_answered_before_anybody_is_asked() {
    for question in [Question::Identity, Question::Limit] {
        let mut rig = rig(1).with(|rig| rig.facts = Box::new(move |facts| Facts { question: Some(question), ..facts }));
        let mut request = rig.request();
        let asked = rig.handle(&mut request, 0, Input::Begun);
        assert_eq!(asked, format!("ask {question:?}"));
        assert_eq!((rig.held(), request.upstream()), ((vec![0], 0, 0), None));
        rig.play(&mut request, &[(5, Input::Answered(Ok(())), "try 1")]);
        let denied = Input::Answered(Err(Problem::IpDenied));
        let mut request = rig.request();
        rig.handle(&mut request, 0, Input::Begun);
        rig.play(&mut request, &[(5, denied, "answer ip_denied")]);
    }
}
