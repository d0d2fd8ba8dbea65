//! What does one recorded attempt change, and what is the board told?

use super::*;
use crate::health::window::Tally;

const CONNECT: Outcome = Outcome::Failure(FailureKind::Connect);
const STATUS: Outcome = Outcome::Failure(FailureKind::Status(500));
const NOW: Timestamp = Timestamp::from_secs(100);

/// Three failures in a row eject, or half of at least ten outcomes.
fn plan() -> PassivePlan {
    PassivePlan { consecutive_failures: 3, failure_ratio: 0.5, minimum_outcomes: 10, ..PassivePlan::default() }
}

fn record(outcome: Outcome) -> Record {
    Record { outcome, latency: Duration::from_millis(20), client: 1, trial: false, now: NOW }
}

/// One letter per attempt: (s)uccess, (f)ailure by status, failure to (c)onnect, ~ soft failure, - blames nobody.
fn outcome(letter: char) -> Outcome {
    match letter {
        's' => Outcome::Success,
        'c' => CONNECT,
        'f' => STATUS,
        '~' => Outcome::SoftFailure,
        _ => Outcome::Ignored,
    }
}

fn record_all(cell: &Cell, letters: &str) {
    for letter in letters.chars() {
        cell.record(record(outcome(letter)), &plan());
    }
}

/// Attempts before, in order, and the last one: does it nudge the board to look?
#[test]
fn evidence_against_a_backend_nudges_the_board() {
    for (before, last, nudges) in [
        ("", 's', false),
        ("", '-', false),
        ("", '~', true),
        ("", 'f', true),
        ("ff", 's', false),
        ("ff", '-', false),
        ("ssss", 'f', true),
        ("ffff", '~', true),
    ] {
        let cell = Cell::new();
        record_all(&cell, before);
        let nudge = cell.record(record(outcome(last)), &plan());
        assert_eq!(nudge, nudges.then_some(NudgeKind::Suspect), "{before} {last}");
    }
}

/// How the trial request ended, within its limit of 50 ms: what the board is told, and whether another may claim the trial.
#[test]
fn the_end_of_a_trial_request_decides_unless_it_blames_nobody() {
    let ended = |passed| Some(NudgeKind::TrialEnded { passed });
    for (letter, millis, nudge, offered) in [
        ('s', 20, ended(true), false),
        ('s', 50, ended(true), false),
        ('s', 51, ended(false), false),
        ('f', 20, ended(false), false),
        ('c', 20, ended(false), false),
        ('c', 90, ended(false), false),
        ('-', 20, None, true),
        ('~', 20, Some(NudgeKind::Suspect), true),
    ] {
        let cell = Cell::new();
        cell.limit_trial(Some(Duration::from_millis(50)));
        cell.arm_trial();
        assert!(cell.claim_trial());
        let last = Record { trial: true, latency: Duration::from_millis(millis), ..record(outcome(letter)) };
        assert_eq!(cell.record(last, &plan()), nudge, "{letter} after {millis} ms");
        assert_eq!(cell.claim_trial(), offered, "{letter} after {millis} ms");
    }
}

/// Two ended the same trial, as happens where one comes late: whatever the second says, the trial is over.
#[test]
fn a_trial_that_is_decided_is_not_offered_again() {
    for first in ['s', 'f', 'c'] {
        for second in ['s', 'f', 'c', '~', '-'] {
            let cell = Cell::new();
            cell.arm_trial();
            assert!(cell.claim_trial());
            for letter in [first, second] {
                cell.record(Record { trial: true, ..record(outcome(letter)) }, &plan());
            }
            assert!(!cell.claim_trial(), "{first} {second}");
        }
    }
}

/// A trial request that fails says so, whatever the streak; one that is no trial never ends one.
#[test]
fn a_request_that_is_no_trial_leaves_the_token_alone() {
    for letter in ['s', 'f', 'c', '~', '-'] {
        let cell = Cell::new();
        cell.arm_trial();
        let nudge = cell.record(record(outcome(letter)), &plan());
        assert!(!matches!(nudge, Some(NudgeKind::TrialEnded { .. })), "{letter}");
        assert!(cell.claim_trial(), "{letter}");
        cell.record(record(outcome(letter)), &plan());
        assert!(!cell.claim_trial(), "{letter}");
    }
}

/// Attempts, each of a client of its own number: what the board reads.
#[test]
fn evidence_is_what_the_window_holds() {
    let tally = |successes, failures| Tally { successes, failures };
    let none = Evidence::default();
    let seen = Evidence { two_clients_seen: true, ..none };
    for (attempts, expected) in [
        ("", none),
        ("s1", Evidence { window: tally(1, 0), ..none }),
        ("s1 s2", Evidence { window: tally(2, 0), ..seen }),
        ("f1 f1", Evidence { streak: 2, window: tally(0, 2), ..none }),
        ("f1 f2", Evidence { streak: 2, window: tally(0, 2), two_clients_failed: true, ..seen }),
        ("f1 s2", Evidence { window: tally(1, 1), ..seen }),
        ("f1 c1 f1", Evidence { streak: 3, streak_is_hard: true, hard_failures: 1, window: tally(0, 3), ..none }),
        // A success ends the streak and what is said of it, and takes nothing out of the window.
        ("c1 s1 f1", Evidence { streak: 1, hard_failures: 1, window: tally(1, 2), ..none }),
        // What blames nobody is seen, and counts for nothing.
        ("-1 ~2", seen),
    ] {
        let cell = Cell::new();
        for attempt in attempts.split_whitespace() {
            let (letter, client) = attempt.split_at(1);
            let client = client.parse().unwrap();
            cell.record(Record { client, ..record(outcome(letter.chars().next().unwrap())) }, &plan());
        }
        assert_eq!(cell.evidence(NOW, &plan()), expected, "{attempts}");
    }
}

/// Latencies of successes are compared with those of peers: a failure says nothing about how fast answers are.
#[test]
fn only_successes_are_compared_by_their_latency() {
    for (letters, held) in [("", 0), ("s", 1), ("ss", 2), ("fc~-", 0), ("sfs", 2)] {
        let cell = Cell::new();
        record_all(&cell, letters);
        assert_eq!(cell.latencies(5, NOW, &plan()).total(), held, "{letters}");
    }
}

#[test]
fn evidence_that_is_cleared_is_gone_and_the_totals_stay() {
    let cell = Cell::new();
    record_all(&cell, "sfc");
    cell.clear_evidence();
    assert_eq!(cell.evidence(NOW, &plan()), Evidence::default());
    assert_eq!(cell.spans(NOW, &plan()), Spans::default());
    assert_eq!(cell.latencies(5, NOW, &plan()).total(), 0);
    assert_eq!(cell.totals(), (1, 2));
}

/// Failures by status and others, successes, two clients seen, two failed: is it of several clients, and how hard is it?
#[test]
fn statuses_for_one_client_are_the_doing_of_one_client() {
    for (said, hard, successes, seen, failed, several, share) in [
        (0, 0, 0, false, false, true, 0.0),
        (4, 0, 4, false, false, true, 0.0),
        (4, 0, 4, true, false, false, 0.0),
        (4, 0, 4, true, true, true, 0.0),
        // Half hard is not enough, more than half is.
        (2, 2, 4, true, false, false, 0.25),
        (2, 3, 5, true, false, true, 0.3),
    ] {
        let evidence = Evidence {
            window: Tally { successes, failures: said + hard },
            hard_failures: hard,
            two_clients_seen: seen,
            two_clients_failed: failed,
            ..Evidence::default()
        };
        assert_eq!(evidence.is_of_several_clients(), several, "{evidence:?}");
        assert!((evidence.hard_share() - share).abs() < 1e-9, "{evidence:?}");
    }
}

/// Attempts at second 100 and how long they took, in order: the load and the latency at once, and ten seconds later.
#[test]
fn load_and_latency_are_what_makes_a_backend_look_busy() {
    for (attempts, load, millis, load_later) in [
        ("", 0, 0.0, 0),
        ("s20", 0, 20.0, 0),
        ("~20", 1, 0.0, 0),
        ("~20 ~20 -20", 2, 0.0, 0),
        // A fast failure does not make it look fast, a slow one makes it look slow.
        ("s20 c1", 0, 20.0, 0),
        ("s20 c900", 0, 900.0, 0),
        ("c900 s20", 0, 900.0, 0),
        ("f900 -1", 0, 900.0, 0),
    ] {
        let cell = Cell::new();
        for attempt in attempts.split_whitespace() {
            let (letter, millis) = attempt.split_at(1);
            let latency = Duration::from_millis(millis.parse().unwrap());
            cell.record(Record { latency, ..record(outcome(letter.chars().next().unwrap())) }, &plan());
        }
        assert_eq!(cell.load(NOW), load, "{attempts}");
        assert!((cell.latency_ewma(NOW).as_secs_f64() * 1e3 - millis).abs() < 0.01, "{attempts}");
        let later = NOW + Duration::from_secs(10);
        assert_eq!(cell.load(later), load_later, "{attempts}");
        assert!((cell.latency_ewma(later).as_secs_f64() * 1e3 - millis * 0.3679).abs() < 0.1, "{attempts}");
    }
}

#[test]
fn requests_in_flight_are_load_until_they_end() {
    let cell = Cell::new();
    cell.begin_within(0);
    assert!(cell.begin_within(2) && !cell.begin_within(2) && cell.begin_within(0));
    assert_eq!((cell.in_flight(), cell.load(NOW)), (3, 3));
    cell.record(record(Outcome::SoftFailure), &plan());
    (0..3).for_each(|_| cell.end());
    assert_eq!((cell.in_flight(), cell.load(NOW)), (0, 1));
}

/// One attempt each: successes, failures, others; whether it answered; whether traffic has succeeded or failed after a moment ago, and after now.
#[test]
fn totals_count_every_attempt_once() {
    let before = NOW - Duration::from_nanos(1);
    for (letter, counts, answered) in
        [('s', (1, 0, 0), 1), ('f', (0, 1, 0), 1), ('c', (0, 1, 0), 0), ('~', (0, 0, 1), 0), ('-', (0, 0, 1), 0)]
    {
        let cell = Cell::new();
        cell.record(record(outcome(letter)), &plan());
        let Reading { successes, failures, others, answers } = cell.reading();
        assert_eq!(((successes, failures, others), answers.total()), (counts, answered), "{letter}");
        assert_eq!(cell.totals(), (successes, failures), "{letter}");
        let (succeeded, failed) = (successes == 1, failures == 1);
        assert_eq!((cell.succeeded_after(before), cell.failed_after(before)), (succeeded, failed), "{letter}");
        assert!(!cell.succeeded_after(NOW) && !cell.failed_after(NOW), "{letter}: after is not at");
    }
}

/// What began in an earlier epoch than the one named is cut; nothing is, before one is named.
#[test]
fn requests_of_earlier_epochs_are_cut() {
    for (named, epoch, cut) in [(None, 0, false), (None, 7, false), (Some(3), 2, true), (Some(3), 3, false)] {
        let cell = Cell::new();
        if let Some(named) = named {
            cell.cut_before(named);
        }
        assert_eq!(cell.is_cut(epoch), cut, "{epoch} where {named:?} is named");
    }
}

/// There is one per backend, with a histogram of each fifth of the window in it: what it takes is known, and more needs a reason.
#[test]
fn a_cell_takes_its_two_kilobytes() {
    assert!(size_of::<Cell>() <= 2248, "{} bytes", size_of::<Cell>());
}
