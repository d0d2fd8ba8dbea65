//! What an attempt's end means, wherever it is.

use super::super::bounds::BodyBounds;
use super::*;

const SECS: fn(u64) -> Duration = Duration::from_secs;
const BOTH: Clear = Clear { client: true, backend: true };
const CLIENT_BLOCKS: Clear = Clear { client: false, backend: true };
const BACKEND_BLOCKS: Clear = Clear { client: true, backend: false };

/// How far an attempt has come.
type Point = fn() -> Progress;

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn bounds() -> Bounds {
    let body = BodyBounds { idle: SECS(20), bytes: 10 };
    Bounds {
        connect: SECS(1),
        per_try: SECS(5),
        expect_continue: SECS(2),
        idle: SECS(60),
        body,
        pause: SECS(30),
        total: at(100),
        time_up: LetGo::TotalTimeout,
    }
}

/// So far: each begins at 0; the request is sent at 1, the head comes at 2.
fn sending() -> Progress {
    Progress::begun(bounds(), at(0))
}

fn sent() -> Progress {
    let mut progress = sending();
    progress.upload().over();
    progress.upload().taken(at(1));
    progress
}

fn broken() -> Progress {
    let mut progress = sending();
    progress.upload().broke(at(1));
    progress
}

fn answering(sized: bool) -> Progress {
    let mut progress = sent();
    progress.begin_answer(200, sized, None);
    progress.moved(true, at(2));
    progress
}

fn early() -> Progress {
    let mut progress = sending();
    progress.begin_answer(413, true, None);
    progress
}

fn tunnel() -> Progress {
    let mut progress = sent();
    progress.begin_answer(101, false, None);
    progress.answer().switch_protocols();
    progress.moved(true, at(2));
    progress
}

fn left(secs: u64, head_seen: bool) -> AttemptEnd {
    AttemptEnd::ClientAborted { waited: SECS(secs), head_seen }
}

fn let_go(why: LetGo, secs: u64, head_seen: bool) -> AttemptEnd {
    AttemptEnd::LetGo { why, waited: SECS(secs), head_seen }
}

const RESET: AttemptEnd = AttemptEnd::ResetBeforeHead { reused: false };

#[test]
fn each_end_at_each_point() {
    use AttemptEnd::{BrokenBody, CutOff, InvalidResponse, Ours};
    let unanswered = Ended::Unanswered;
    let tunnel_end = Ended::Whole { end: AttemptEnd::Response { status: 101 }, sent: true, reusable: true };
    let malformed = |end| Ended::Refused { problem: Problem::MalformedRequest, end };
    let rows: [(&str, Point, [Ended; 4]); 6] = [
        (
            "sending",
            sending,
            [unanswered(InvalidResponse), unanswered(CutOff), unanswered(left(0, false)), malformed(Ours)],
        ),
        ("sent", sent, [unanswered(InvalidResponse), unanswered(CutOff), unanswered(left(2, false)), malformed(Ours)]),
        (
            "broken",
            broken,
            [unanswered(InvalidResponse), unanswered(CutOff), unanswered(left(2, false)), malformed(Ours)],
        ),
        (
            "answering",
            || answering(true),
            [
                Ended::Broken(BrokenBody { status: 200 }),
                Ended::Broken(CutOff),
                Ended::Broken(left(2, true)),
                Ended::Broken(Ours),
            ],
        ),
        (
            "answering early",
            early,
            [
                Ended::Broken(BrokenBody { status: 413 }),
                Ended::Broken(CutOff),
                Ended::Broken(left(0, true)),
                Ended::Broken(Ours),
            ],
        ),
        ("tunnel", tunnel, [tunnel_end.clone(), tunnel_end.clone(), tunnel_end, Ended::Broken(Ours)]),
    ];
    for (point, progress, expected) in rows {
        let progress = progress();
        let before_head = if progress.has_begun() { Ended::Broken(RESET) } else { Ended::Unanswered(RESET) };
        assert_eq!(progress.broke(RESET), before_head, "{point}");
        let ends = [
            progress.broke_off(),
            progress.cut_off(),
            progress.client_left(at(3)),
            progress.refused(Problem::MalformedRequest),
        ];
        assert_eq!(ends, expected, "{point}");
    }
}

#[test]
fn a_timer_blames_whoever_owes_something() {
    use AttemptEnd::{BrokenBody, Ours, PerTryTimeout};
    use LetGo::{ClientStalled, IdleTimeout, TotalTimeout};
    let refused = |problem, end| Ended::Refused { problem, end };
    let rows: [(&str, Point, u64, Clear, Ended); 13] = [
        ("the client owes its body", sending, 20, BOTH, refused(Problem::RequestTimeout, Ours)),
        ("the backend does not read", sending, 60, BACKEND_BLOCKS, Ended::Unanswered(PerTryTimeout)),
        ("no answer", sent, 6, BOTH, Ended::Unanswered(PerTryTimeout)),
        ("no answer to a part", broken, 6, BOTH, Ended::Unanswered(PerTryTimeout)),
        ("its time is up", sent, 100, BOTH, refused(Problem::TotalTimeout, let_go(TotalTimeout, 99, false))),
        (
            "its time is up while it sends",
            sending,
            100,
            BOTH,
            refused(Problem::TotalTimeout, let_go(TotalTimeout, 0, false)),
        ),
        ("bytes are owed", || answering(true), 62, BOTH, Ended::Broken(BrokenBody { status: 200 })),
        ("a stream is silent", || answering(false), 62, BOTH, Ended::Broken(let_go(IdleTimeout, 61, true))),
        (
            "the client does not read",
            || answering(true),
            62,
            CLIENT_BLOCKS,
            Ended::Broken(let_go(ClientStalled, 61, true)),
        ),
        ("time is up within the answer", || answering(true), 100, BOTH, Ended::Broken(let_go(TotalTimeout, 99, true))),
        ("an early answer is silent", early, 60, BOTH, Ended::Broken(let_go(IdleTimeout, 0, true))),
        ("nobody reads", || answering(false), 100, CLIENT_BLOCKS, Ended::Broken(let_go(TotalTimeout, 99, true))),
        (
            "a tunnel rests",
            tunnel,
            62,
            BOTH,
            Ended::Whole { end: AttemptEnd::Response { status: 101 }, sent: true, reusable: true },
        ),
    ];
    for (what, progress, secs, clear, expected) in rows {
        assert_eq!(progress().timed_out(at(secs), clear), expected, "{what}");
    }
}

#[test]
fn a_write_that_takes_too_long() {
    use AttemptEnd::PerTryTimeout;
    use LetGo::{IdleTimeout, TotalTimeout};
    assert_eq!(sending().write_timed_out(at(60), BACKEND_BLOCKS), Ended::Unanswered(PerTryTimeout));
    assert_eq!(early().write_timed_out(at(60), BACKEND_BLOCKS), Ended::Broken(let_go(IdleTimeout, 0, true)));
    assert_eq!(tunnel().write_timed_out(at(60), BACKEND_BLOCKS), Ended::Broken(let_go(IdleTimeout, 59, true)));
    let up = Ended::Refused { problem: Problem::TotalTimeout, end: let_go(TotalTimeout, 0, false) };
    assert_eq!(sending().write_timed_out(at(100), BACKEND_BLOCKS), up);
}

#[test]
fn the_nearest_timer_counts() {
    let rows: [(&str, Point, bool, u64); 10] = [
        ("silence before the body", sending, true, 20),
        (
            "silence within it",
            || {
                let mut progress = sending();
                progress.receive(1).unwrap();
                progress
            },
            true,
            30,
        ),
        (
            "of which something came to an earlier attempt",
            || {
                let mut progress = sending();
                progress.upload().came_before(1);
                progress
            },
            true,
            30,
        ),
        ("silence of the backend that should read", sending, false, 60),
        ("per try, once it is sent", sent, true, 6),
        ("per try, once nothing more can be sent", broken, true, 6),
        ("silence within the answer", || answering(true), true, 62),
        ("silence within an early answer", early, true, 60),
        ("a tunnel knows no total", tunnel, true, 62),
        (
            "the total",
            || {
                let mut progress = answering(true);
                progress.moved(true, at(90));
                progress
            },
            true,
            100,
        ),
    ];
    for (what, progress, backend_is_clear, expected) in rows {
        assert_eq!(progress().deadline(backend_is_clear), at(expected), "{what}");
    }
    assert_eq!(sending().write_time(at(70)), SECS(30));
    assert_eq!(sending().write_time(at(10)), SECS(60));
    assert_eq!(tunnel().write_time(at(90)), SECS(60));
}

#[test]
fn the_client_is_read_as_far_as_the_request_needs_it() {
    let rows: [(Point, bool, Read); 7] = [
        (sending, true, Read::Body),
        (sending, false, Read::Nothing),
        (sent, true, Read::Watch),
        (broken, true, Read::Nothing),
        (early, true, Read::Body),
        (tunnel, true, Read::Body),
        (tunnel, false, Read::Reset),
    ];
    for (progress, backend_is_clear, expected) in rows {
        assert_eq!(progress().read(backend_is_clear), expected);
    }
}

#[test]
fn an_answer_is_whole_when_all_was_said_and_all_was_taken() {
    let mut progress = answering(true);
    assert_eq!(progress.delivered(true), None);
    progress.answer().complete();
    assert_eq!(progress.delivered(false), None);
    let whole = |end, sent| Some(Ended::Whole { end, sent, reusable: sent });
    assert_eq!(progress.delivered(true), whole(AttemptEnd::Response { status: 200 }, true));

    let mut progress = early();
    progress.answer().complete();
    assert_eq!(progress.delivered(true), whole(AttemptEnd::Response { status: 413 }, false));
    assert!(progress.has_begun() && progress.is_complete() && !progress.is_tunnel());

    let mut nothing = sent();
    nothing.answer().complete();
    assert_eq!(nothing.delivered(true), None);
}

#[test]
fn a_tunnel_goes_on_until_both_sides_have_ended_it() {
    type Ends = fn(&mut Progress);
    let client: Ends = |progress| progress.answer().complete_tunnelled_request();
    let backend: Ends = |progress| progress.answer().complete();
    let end = Some(Ended::Whole { end: AttemptEnd::Response { status: 101 }, sent: true, reusable: true });
    // Who ends first: what is read of the client then, and whether the backend has said all.
    for (first, second, read, said) in [(client, backend, Read::Reset, false), (backend, client, Read::Body, true)] {
        let mut progress = tunnel();
        for _ in 0..2 {
            first(&mut progress);
            let stands = (progress.is_tunnel(), progress.read(true), progress.is_complete(), progress.delivered(true));
            assert_eq!(stands, (true, read, said, None));
            assert_eq!(progress.deadline(true), at(62), "silence ends what is left of it");
            assert_eq!(Some(progress.client_left(at(3))), end);
        }
        second(&mut progress);
        assert!(!progress.is_tunnel() && progress.is_complete());
        assert_eq!((progress.delivered(false), progress.delivered(true)), (None, end.clone()));
    }
    let mut answering = answering(true);
    answering.answer().complete_tunnelled_request();
    assert!(!answering.is_complete(), "there is no tunnel");
    assert_eq!((answering.read_meanwhile(), tunnel().read_meanwhile()), (Read::Nothing, Read::Reset));
}

#[test]
fn a_call_ends_with_what_its_trailers_say() {
    for (status, in_head, in_trailers, expected) in [
        (200, None, Some(Some(14)), AttemptEnd::GrpcStatus(14)),
        (200, Some(5), None, AttemptEnd::GrpcStatus(5)),
        (200, Some(5), Some(None), AttemptEnd::Response { status: 200 }),
        (503, Some(5), None, AttemptEnd::Response { status: 503 }),
    ] {
        let mut progress = sent();
        progress.begin_answer(status, false, in_head);
        in_trailers.into_iter().for_each(|said| progress.answer().trailers(said));
        progress.answer().complete();
        assert_eq!(progress.delivered(true), Some(Ended::Whole { end: expected, sent: true, reusable: true }));
    }
}

#[test]
fn interim_answers_are_no_beginning_and_not_too_many() {
    let mut progress = sent();
    let before = progress.deadline(true);
    assert!((0..32).all(|_| progress.interim_answer(103) == Ok(Interim::PassOn)));
    assert_eq!((progress.has_begun(), progress.deadline(true)), (false, before));
    assert_eq!(progress.interim_answer(103), Err(Ended::Unanswered(AttemptEnd::InvalidResponse)));
}

#[test]
fn while_a_100_is_awaited_the_backend_owes_something_and_then_the_client_does() {
    let mut progress = sending();
    assert_eq!((progress.go_ahead_by(), progress.deadline(true)), (Timestamp::NEVER, at(20)), "nobody waits for one");
    progress.interims().await_go_ahead(at(0));
    assert_eq!((progress.go_ahead_by(), progress.deadline(true)), (at(2), at(5)));
    assert_eq!(progress.timed_out(at(5), BOTH), Ended::Unanswered(AttemptEnd::PerTryTimeout));
    assert_eq!(progress.interim_answer(100), Ok(Interim::GoAhead));
    progress.interims().await_no_more();
    progress.moved(true, at(1));
    assert_eq!((progress.go_ahead_by(), progress.deadline(true)), (Timestamp::NEVER, at(21)));
    let refused = Ended::Refused { problem: Problem::RequestTimeout, end: AttemptEnd::Ours };
    assert_eq!(progress.timed_out(at(21), BOTH), refused);
    assert_eq!(progress.interim_answer(100), Ok(Interim::Drop), "it comes late");
}

#[test]
fn nobody_waits_for_a_100_behind_the_body_s_first_byte_or_an_answer() {
    let waiting = || {
        let mut progress = sending();
        progress.interims().await_go_ahead(at(0));
        progress
    };
    let mut impatient = waiting();
    impatient.receive(1).unwrap();
    let mut answered = waiting();
    answered.begin_answer(401, true, None);
    let mut deaf = waiting();
    deaf.upload().broke(at(1));
    for progress in [impatient, answered, deaf] {
        assert_eq!(progress.go_ahead_by(), Timestamp::NEVER);
    }
}

#[test]
fn a_connection_carries_nothing_behind_a_request_that_an_answer_has_overtaken() {
    let mut progress = early();
    progress.upload().over();
    progress.upload().taken(at(3));
    progress.answer().complete();
    let end = AttemptEnd::Response { status: 413 };
    assert_eq!(progress.delivered(true), Some(Ended::Whole { end, sent: true, reusable: false }));
}

#[test]
fn a_body_beyond_its_bound_is_refused() {
    let mut progress = sending();
    assert_eq!((progress.receive(10), progress.receive(0)), (Ok(()), Ok(())));
    let refused = Ended::Refused { problem: Problem::BodyTooLarge, end: AttemptEnd::Ours };
    assert_eq!(progress.receive(1), Err(refused));
    let boundless = Bounds { body: BodyBounds { bytes: 0, ..bounds().body }, ..bounds() };
    assert_eq!(Progress::begun(boundless, at(0)).receive(usize::MAX), Ok(()));
}

#[test]
fn an_upload_goes_one_way() {
    let mut progress = sending();
    progress.upload().taken(at(1));
    assert!(!progress.upload().is_done(), "there is more to come");
    progress.upload().over();
    progress.upload().taken(at(2));
    progress.upload().taken(at(9));
    assert!(progress.upload().is_done() && !progress.upload().is_broken());
    assert_eq!(progress.upload().since(at(3)), SECS(1));
    progress.upload().broke(at(4));
    progress.upload().over();
    assert!(progress.upload().is_broken() && progress.upload().is_done());
}

#[test]
fn the_time_that_a_client_keeps_its_answer_waiting_is_added_up() {
    let mut progress = answering(false);
    progress.moved(true, at(3));
    assert!(!progress.stall().is_any());
    progress.moved(false, at(4));
    progress.moved(false, at(5));
    assert_eq!((progress.stall().is_any(), progress.stall().took(at(7))), (true, SECS(3)));
    progress.moved(true, at(8));
    assert_eq!(progress.stall().took(at(20)), SECS(4));
    progress.stall().begins(at(20));
    assert_eq!(progress.stall().took(at(22)), SECS(6));
    assert_eq!(progress.client_stalled(at(22)), Ended::Broken(let_go(LetGo::ClientStalled, 21, true)));
    assert_eq!(progress.client_stalled(at(100)), Ended::Broken(let_go(LetGo::TotalTimeout, 99, true)));
}

#[test]
fn a_callers_deadline_is_told_as_such() {
    let progress = Progress::begun(Bounds { time_up: LetGo::Deadline, ..bounds() }, at(0));
    let end = let_go(LetGo::Deadline, 0, false);
    assert_eq!(progress.timed_out(at(100), BOTH), Ended::Refused { problem: Problem::DeadlineExceeded, end });
}

#[test]
fn nor_behind_a_body_that_the_backend_never_said_it_wants() {
    for (says, reusable) in [(false, false), (true, true)] {
        let mut progress = sending();
        progress.interims().await_go_ahead(at(0));
        // The client does not wait; the backend's 100 comes all the same, or never.
        progress.receive(1).unwrap();
        if says {
            assert_eq!(progress.interim_answer(100), Ok(Interim::Drop));
        }
        progress.upload().over();
        progress.upload().taken(at(1));
        progress.begin_answer(401, true, None);
        progress.answer().complete();
        let end = AttemptEnd::Response { status: 401 };
        assert_eq!(progress.delivered(true), Some(Ended::Whole { end, sent: true, reusable }));
    }
}
