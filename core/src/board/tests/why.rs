//! Transcripts of what is said: the sentence of a standing through its histories, and alarms that must not be false.

use super::*;

pub(super) fn http_probe() -> ProbePlan {
    let check = HttpCheck { document: None, ..HttpCheck::of(ProbeKind::Readiness, "/ready") };
    ProbePlan { kind: ProbeCheck::Http(check), ..tcp_probe() }
}

fn pool(count: u8) -> Rig {
    Rig::new(upstream(vec![backends(count)], Some(http_probe())), s(0))
}

/// The first backend's probes answer `status`, all others' 200.
fn first_answers(status: u16) -> impl Fn(&BackendId) -> ReadingResult {
    move |id| ReadingResult::status(if *id == Rig::id(1) { status } else { 200 })
}

impl Rig {
    fn why(&self, now: Timestamp) -> String {
        self.board.report(now)[0].backends[0].why.clone()
    }

    /// What was said of the first backend's transitions.
    fn moves(&self) -> Vec<String> {
        let of = |event: &EventKind| match event {
            EventKind::Transition { backend, from, to, why, .. } if *backend == Self::id(1) => {
                Some(format!("{from} -> {to}: {why}"))
            }
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }

    fn alarms(&self) -> Vec<bool> {
        let of = |event: &EventKind| match event {
            EventKind::PoolEmpty { empty, .. } => Some(*empty),
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }

    /// Answers the probe in flight to one backend.
    fn answer(&mut self, last: u8, status: u16, now: Timestamp) {
        let at = self.flying.iter().position(|(_, id)| *id == Self::id(last)).expect("a probe in flight");
        let (ticket, _) = self.flying.remove(at);
        let reading = Reading::new(ReadingResult::status(status), Duration::ZERO);
        self.tell(Input::ProbeDone { ticket, reading }, now);
    }
}

#[test]
fn a_readiness_that_turns_bad_during_an_ejection_is_why_it_stays_out() {
    let mut rig = pool(3);
    rig.run(s(2), first_answers(200));
    rig.traffic(1, &[RESET; 5], false, s(2));
    assert_eq!(rig.why(s(3)), "5 failures in a row (limit 5)");
    rig.run(s(13), first_answers(503));
    assert_eq!(rig.cause(1), Cause::NotReady);
    assert_eq!(rig.why(s(13)), "its probes fail: answered 503 (its ejection is over)");
    assert_eq!(
        rig.moves().last().expect("a transition"),
        "ejected -> not_ready: its probes fail: answered 503 (its ejection is over)"
    );
}

#[test]
fn the_passes_that_bring_it_back_are_counted_beside_the_failure() {
    let mut rig = pool(3);
    rig.run(s(2), first_answers(200));
    rig.run(s(5), first_answers(500));
    assert_eq!(rig.why(s(5)), "its probes fail: answered 500");
    rig.traffic(2, &[RESET; 5], false, s(5));
    let mut said = Vec::new();
    for millis in (5_000..8_000).step_by(100) {
        rig.run(Timestamp::from_millis(millis), first_answers(200));
        said.push(rig.why(Timestamp::from_millis(millis)));
    }
    said.dedup();
    assert_eq!(
        said,
        [
            "its probes fail: answered 500",
            "its probes failed: answered 500; 1 of 2 passes that bring it back",
            "its probes pass"
        ]
    );
}

#[test]
fn an_ejection_of_one_whose_probes_fail_ends_with_what_still_holds_it() {
    let mut rig = pool(3);
    rig.run(s(2), first_answers(200));
    // One failed probe, so that readiness does not lie; then traffic ejects it.
    let mut now = s(2);
    while rig.why(now) == "its probes pass" {
        now = now + Duration::from_millis(100);
        rig.run(now, first_answers(500));
    }
    assert_eq!(rig.why(now), "its last probe failed, 1 of the 3 failures that take it out: answered 500");
    rig.traffic(1, &[RESET; 5], false, now);
    now = now + Duration::from_secs(12);
    rig.run(now, first_answers(500));
    assert!(rig.why(now).ends_with("its ejection time is over, and a passing probe is awaited"), "{}", rig.why(now));
    while rig.cause(1) == Cause::Ejected {
        now = now + Duration::from_millis(100);
        rig.run(now, first_answers(200));
    }
    assert_eq!(rig.why(now), "its probes failed: answered 500; 1 of 2 passes that bring it back");
    let moved = rig.moves().into_iter().find(|said| said.starts_with("ejected -> down")).expect("a transition");
    assert!(moved.ends_with("passes that bring it back (its ejection is over)"), "{moved}");
}

#[test]
fn one_that_is_up_says_that_its_probes_pass_however_it_came_there() {
    let mut rig = pool(2);
    rig.run(s(2), first_answers(200));
    rig.run(s(6), first_answers(503));
    rig.run(s(30), first_answers(200));
    assert_eq!(rig.moves().last().expect("a transition"), "ramping -> up: its ramp is over");
    assert_eq!(rig.why(s(30)), "its probes pass");
}

#[test]
fn a_hint_is_in_the_sentence() {
    let mut rig = pool(1);
    rig.run(s(2), first_answers(404));
    assert_eq!(rig.why(s(2)), "its probes fail: answered 404: there is no such endpoint; check readiness.path");
}

#[test]
fn orders_name_who_gave_them_and_a_release_says_what_holds_it_then() {
    let mut rig = pool(2);
    rig.run(s(2), first_answers(200));
    rig.steer(1, Steer::Order(Order::ForceDown), None, s(3)).unwrap();
    assert_eq!(rig.why(s(3)), "forced down by ops: a test");
    rig.run(s(9), first_answers(503));
    rig.steer(1, Steer::Release, None, s(9)).unwrap();
    assert_eq!(rig.why(s(9)), "its probes fail: answered 503");
    assert!(rig.moves().last().expect("a transition").ends_with("answered 503 (released by ops)"));
}

#[test]
fn a_bad_verdict_that_comes_first_is_no_outage() {
    let mut rig = pool(2);
    rig.answer(1, 500, s(1));
    assert_eq!(rig.alarms(), [false; 0], "the other may be good");
    rig.answer(2, 200, s(1));
    assert_eq!(rig.alarms(), [false; 0]);
}

#[test]
fn a_pool_whose_every_first_verdict_is_bad_is_empty_and_says_so_once() {
    let mut rig = pool(2);
    rig.answer(1, 500, s(1));
    rig.answer(2, 500, s(1));
    assert_eq!(rig.alarms(), [true]);
}

#[test]
fn once_it_served_an_outage_is_told_though_a_newcomer_is_awaited() {
    let mut rig = pool(1);
    rig.run(s(2), first_answers(200));
    rig.run(s(8), first_answers(500));
    rig.reload(upstream(vec![backends(2)], Some(http_probe())), s(8));
    assert_eq!(rig.alarms(), [true], "the outage is not over because somebody is awaited");
    rig.answer(2, 200, s(9));
    assert_eq!(rig.alarms(), [true, false]);
}
