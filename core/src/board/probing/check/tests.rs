//! What a check says, and when it asks next, result by result. Nothing is jittered, and every answer comes at once.

use super::*;
use crate::health::reading::ReadingResult;
use crate::health::reason::Reason;
use crate::plan::ProbeFailure;
use crate::traffic::cell::Record;
use crate::traffic::outcome::{FailureKind, Outcome};

fn plan() -> ProbePlan {
    ProbePlan { jitter: 0.0, ..ProbePlan::default() }
}

fn reading(letter: char) -> Reading {
    let result = match letter {
        '+' => ReadingResult::Connected,
        't' => ReadingResult::TimedOut { connected: true },
        _ => ReadingResult::ConnectFailed("connection refused".to_owned()),
    };
    Reading::new(result, Duration::ZERO)
}

/// One probe, as soon as it is due: when that was.
fn probe(check: &mut Check, letter: char, cell: Option<&Cell>) -> Timestamp {
    let now = check.next_probe().expect("none is in flight");
    assert!(check.queues(now) && !check.queues(now), "it asks for its place once");
    let ticket = ProbeTicket(now.0);
    check.start(ticket, cell, now, &mut Rng::new(7));
    assert!(!check.queues(now) && check.next_probe().is_none(), "one at a time");
    let finished = check.finish(ticket, &reading(letter)).expect("it is awaited");
    assert!(check.finish(ticket, &reading(letter)).is_none(), "a late answer says nothing");
    check.count(&finished.verdict, now);
    now
}

/// Probes with these results: when the last one was.
fn play(check: &mut Check, results: &str) -> Timestamp {
    results.chars().fold(Timestamp::ZERO, |_, letter| probe(check, letter, None))
}

/// After these results: what it says, its counter, and when it asks again, in milliseconds.
fn after(plan: ProbePlan, results: &str) -> (Active, (u32, u32), u64) {
    let mut check = Check::new(Arc::new(plan), Timestamp::from_secs(100));
    let last = play(&mut check, results);
    let next = check.next_probe().expect("a next one");
    (check.active(), check.opinion.shown(), next.since(last).as_millis() as u64)
}

#[test]
fn the_table() {
    use Active::{Down, NotReady, Starting, Up};
    let immediate = || ProbePlan { immediate: vec![ProbeFailure::Refused], ..plan() };
    let grace = || ProbePlan { startup_grace: Duration::from_secs(10), ..plan() };
    let once = || ProbePlan { success_threshold: 1, failure_threshold: 1, ..plan() };
    for (plan, results, active, counter, next) in [
        // The first decides at once. One that started while a change was pending is followed at the fast period, others at the usual one.
        (plan(), "++", Up, (3, 3), 2000),
        (plan(), "++-", Up, (2, 3), 500),
        (plan(), "++--", Up, (1, 3), 500),
        (plan(), "++---", Down, (0, 2), 500),
        (plan(), "++----", Down, (0, 2), 2000),
        (plan(), "++---+", Down, (1, 2), 500),
        (plan(), "++---+-", Down, (0, 2), 500),
        (plan(), "++---++", Up, (3, 3), 500),
        (plan(), "++--+", Up, (2, 3), 500),
        (plan(), "++-+", Up, (3, 3), 500),
        (plan(), "++-++", Up, (3, 3), 2000),
        (plan(), "--", Down, (0, 2), 2000),
        // While it is up, the failure that takes it down names the cause; afterwards the latest does.
        (plan(), "++--t", NotReady, (0, 2), 500),
        (plan(), "++tt-", Down, (0, 2), 500),
        (plan(), "++---t", NotReady, (0, 2), 2000),
        (immediate(), "++-", Down, (0, 2), 500),
        (immediate(), "++t", Up, (2, 3), 500),
        (once(), "++-", Down, (0, 1), 500),
        (once(), "++-+", Up, (1, 1), 500),
        // Within its grace it starts; once it has passed, the grace is over.
        (grace(), "--", Starting, (0, 2), 2000),
        (grace(), "--------", Down, (0, 2), 2000),
        (grace(), "+---", Down, (0, 2), 500),
    ] {
        assert_eq!(after(plan, results), (active, counter, next), "{results}");
    }
}

#[test]
fn a_drain_is_no_failure_of_one_that_is_in_and_ends_the_passes_of_one_that_is_out() {
    let drain = Verdict::Drain { why: Reason::Told("answered 503: OUT_OF_SERVICE".to_owned()) };
    let mut check = Check::new(Arc::new(plan()), Timestamp::ZERO);
    probe(&mut check, '+', None);
    check.count(&drain, Timestamp::ZERO);
    assert_eq!((check.active(), check.opinion.shown()), (Active::Up, (3, 3)));
    assert!(check.said.drains().is_some());
    play(&mut check, "---+");
    assert_eq!((check.opinion.shown(), check.said.drains()), ((1, 2), None), "a pass takes it back");
    check.count(&drain, Timestamp::ZERO);
    assert_eq!((check.active(), check.opinion.shown()), (Active::NotReady, (0, 2)));
}

/// Milliseconds from the start of the last probe to that of the next, after something pulled at it some time later.
#[test]
fn a_probe_is_pulled_forward_but_not_sooner_than_a_fast_period_after_the_last() {
    for (later, next) in [(0, 500), (300, 500), (500, 500), (1200, 1200), (1999, 1999)] {
        let mut check = Check::new(Arc::new(plan()), Timestamp::ZERO);
        let last = play(&mut check, "++");
        check.timetable.pull(last + Duration::from_millis(later));
        assert_eq!(check.next_probe(), Some(last + Duration::from_millis(next)), "pulled after {later} ms");
    }
}

#[test]
fn nothing_pulls_the_first_probe_before_the_initial_delay() {
    let delayed = ProbePlan { initial_delay: Duration::from_secs(5), ..plan() };
    let mut check = Check::new(Arc::new(delayed), Timestamp::from_secs(1));
    check.timetable.pull(Timestamp::from_secs(2));
    assert_eq!(check.next_probe(), Some(Timestamp::from_secs(6)));
}

#[test]
fn the_earliest_return_is_never_later_than_the_scheduled_one_and_neither_is_before_enough_passes() {
    let now = Timestamp::from_secs(100);
    for (results, earliest, scheduled) in
        [("---", 750, 2500), ("---+", 500, 500), ("++---", 750, 1000), ("++---+-", 750, 1000)]
    {
        let mut check = Check::new(Arc::new(plan()), now);
        let last = play(&mut check, results);
        let found = (check.earliest_up(last), check.scheduled_up(last));
        let millis = |at: Option<Timestamp>| at.map(|at| at.since(last).as_millis());
        assert_eq!((millis(found.0), millis(found.1)), (Some(earliest), Some(scheduled)), "{results}");
    }
    let up = Check::alive(Arc::new(plan()), now);
    assert_eq!((up.earliest_up(now), up.scheduled_up(now)), (None, None));
}

#[test]
fn while_it_is_awaited_it_is_asked_fast_and_a_pass_is_confirmed_after_half_a_fast_period() {
    let mut check = Check::new(Arc::new(plan()), Timestamp::ZERO);
    play(&mut check, "----");
    check.timetable.await_it(true);
    let failed = probe(&mut check, '-', None);
    assert_eq!(check.next_probe(), Some(failed + Duration::from_millis(500)));
    let passed = probe(&mut check, '+', None);
    assert_eq!(check.next_probe(), Some(passed + Duration::from_millis(250)));
}

#[test]
fn a_lost_answer_is_given_up_after_twice_its_deadline_and_a_period() {
    let mut check = Check::new(Arc::new(plan()), Timestamp::ZERO);
    check.start(ProbeTicket(1), None, Timestamp::ZERO, &mut Rng::new(7));
    assert_eq!(check.deadline(), Some(Timestamp::from_secs(4)));
    assert_eq!(check.flight.lost(Timestamp::from_millis(3_999)), None);
    assert_eq!(check.flight.lost(Timestamp::from_secs(4)), Some(ProbeTicket(1)));
    assert_eq!(check.forget_flight(), Some(ProbeTicket(1)));
    assert!(check.finish(ProbeTicket(1), &reading('+')).is_none());
}

/// What traffic does between two probes (`s`ucceeds, `f`ails, nothing), and the distance of the probes that follows, in seconds.
#[test]
fn traffic_that_succeeds_puts_probes_further_apart_up_to_the_cap() {
    let stretched = ProbePlan { stretch_to: Duration::from_secs(12), ..plan() };
    for (traffic, distances) in [
        ("sssss", &[2, 4, 8, 12, 12][..]),
        ("ss-ss", &[2, 4, 8, 2, 4]),
        ("ssfss", &[2, 4, 8, 2, 4]),
        ("-----", &[2, 2, 2, 2, 2]),
    ] {
        let mut check = Check::new(Arc::new(stretched.clone()), Timestamp::ZERO);
        let cell = Cell::new();
        let mut last = "++".chars().fold(Timestamp::ZERO, |_, letter| probe(&mut check, letter, Some(&cell)));
        let mut found = Vec::new();
        for letter in traffic.chars() {
            found.push(check.next_probe().unwrap().since(last).as_secs());
            let outcome = match letter {
                's' => Some(Outcome::Success),
                'f' => Some(Outcome::Failure(FailureKind::Reset)),
                _ => None,
            };
            let now = last + Duration::from_millis(1);
            if let Some(outcome) = outcome {
                let record = Record { outcome, latency: Duration::ZERO, client: 1, trial: false, now };
                cell.record(record, &crate::plan::PassivePlan::default());
            }
            last = probe(&mut check, '+', Some(&cell));
        }
        assert_eq!(found, distances, "{traffic}");
    }
}

#[test]
fn only_timeouts_that_take_it_down_can_be_held() {
    for (results, kind, held) in [
        ("++tt", ProbeFailure::Timeout, true),
        ("++t", ProbeFailure::Timeout, false),
        ("++t-", ProbeFailure::Timeout, false),
        ("++-+tt", ProbeFailure::Timeout, true),
        ("++tt", ProbeFailure::Refused, false),
        ("++ttt", ProbeFailure::Timeout, false),
    ] {
        let mut check = Check::new(Arc::new(plan()), Timestamp::ZERO);
        play(&mut check, results);
        assert_eq!(check.opinion.would_fall_by_timeouts(kind, &plan()), held, "{results} {kind:?}");
    }
}
