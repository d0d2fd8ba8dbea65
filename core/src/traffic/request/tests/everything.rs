//! Every input in every state: what makes no sense changes nothing.

use super::super::*;
use super::rig::*;
use crate::traffic::snapshot::Emptiness;

const LEFT: AttemptEnd = AttemptEnd::ClientAborted { waited: Duration::ZERO, head_seen: true };

/// All that can happen, in the order of the columns below.
fn inputs() -> [Input; 12] {
    [
        Input::Begun,
        Input::Answered(Ok(())),
        Input::Answered(Err(Problem::RateLimited)),
        head(200),
        hedge_head(200),
        refused(),
        broken(LEFT),
        whole(200),
        Input::HedgeLost,
        Input::Woken,
        Input::Changed,
        Input::ClientLeft,
    ]
}

/// A request that has come so far, and what each input comes to there.
type Row = (&'static str, fn() -> (Rig, Vec<Step>), [&'static str; 12]);

const ROWS: [Row; 9] = [
    (
        "fresh",
        || (rig(2), vec![]),
        [
            "try 1",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "cut LeftUnanswered",
        ],
    ),
    (
        "somebody is asked who is no backend",
        || {
            let question = Some(Question::Identity);
            let rig = rig(2).with(|rig| rig.facts = Box::new(move |facts| Facts { question, ..facts }));
            (rig, vec![(0, Input::Begun, "ask Identity")])
        },
        [
            "continue",
            "try 1",
            "answer rate_limited",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "cut LeftUnanswered",
        ],
    ),
    (
        "waits for verdicts",
        || {
            let rig = rig(2).with(|rig| rig.emptiness = Some(Emptiness::AllUnchecked));
            (rig, vec![(0, Input::Begun, "wait Verdicts 5000")])
        },
        [
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "wait Verdicts 5000",
            "wait Verdicts 5000",
            "cut LeftUnanswered",
        ],
    ),
    (
        "waits for room",
        || {
            let rig = rig(2).with(|rig| {
                (rig.upstream.limits.requests, rig.upstream.limits.queue) = (1, 5);
                rig.upstream.limits.queue_timeout = Duration::from_secs(1);
            });
            assert!(rig.breaker.enter(1));
            (rig, vec![(0, Input::Begun, "wait Room 1000")])
        },
        [
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "wait Room 1000",
            "wait Room 1000",
            "cut LeftUnanswered",
        ],
    ),
    (
        "waits for somebody",
        || {
            let rig = rig(0).with(|rig| rig.upstream.limits.hold = Duration::from_secs(2));
            (rig, vec![(0, Input::Begun, "wait Somebody 2000")])
        },
        [
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "wait Somebody 2000",
            "wait Somebody 2000",
            "cut LeftUnanswered",
        ],
    ),
    (
        "a backend has it",
        || (rig(2), vec![(0, Input::Begun, "try 1")]),
        [
            "continue",
            "continue",
            "continue",
            "deliver",
            "continue",
            "try 2",
            "cut ClientLeft",
            "nothing",
            "continue",
            "continue",
            "continue",
            "cut LeftUnanswered",
        ],
    ),
    (
        "two backends have it",
        || {
            let rig = rig(3).with(|rig| rig.route.hedge = Some(Duration::from_millis(50)));
            (rig, vec![(0, Input::Begun, "try 1 hedge after 50"), (50, Input::Woken, "hedge 2")])
        },
        [
            "continue",
            "continue",
            "continue",
            "deliver",
            "deliver",
            "try 3",
            "cut ClientLeft",
            "nothing",
            "continue",
            "continue",
            "continue",
            "cut LeftUnanswered",
        ],
    ),
    (
        "its answer is delivered",
        || (rig(2), vec![(0, Input::Begun, "try 1"), (10, head(200), "deliver")]),
        [
            "continue",
            "continue",
            "continue",
            "continue",
            "continue",
            "answer backend_failed",
            "cut ClientLeft",
            "nothing",
            "continue",
            "continue",
            "continue",
            "cut ClientLeft",
        ],
    ),
    (
        "over",
        || (rig(2), vec![(0, Input::Begun, "try 1"), (10, head(200), "deliver"), (20, whole(200), "nothing")]),
        ["nothing"; 12],
    ),
];

#[test]
fn an_input_that_makes_no_sense_changes_nothing_and_every_other_is_answered() {
    for (state, begun, expected) in ROWS {
        for (input, expected) in inputs().into_iter().zip(expected) {
            let (mut rig, steps) = begun();
            let mut request = rig.request();
            rig.play(&mut request, &steps);
            assert_eq!(rig.handle(&mut request, 100, input.clone()), expected, "{state}: {input:?}");
            let ends = ["answer", "cut", "nothing"].iter().any(|end| expected.starts_with(end));
            assert_eq!(request.is_over(), ends, "{state}: {input:?}");
            drop(request);
            let others = u32::from(state == "waits for room");
            assert_eq!(rig.held().0.iter().sum::<u32>(), 0, "{state}: {input:?}");
            assert_eq!((rig.held().1, rig.held().2), (others, 0), "{state}: {input:?}");
        }
    }
}
