//! Explanations: the true cause, the true earliest return, and what it takes, for everything that a backend can be.

use super::why::http_probe;
use super::*;
use crate::board::{Explanation, Rule};

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Two backends: the second one serves, so that nobody is awaited.
fn two(probe: Option<ProbePlan>) -> Rig {
    Rig::new(upstream(vec![backends(2)], probe), s(0))
}

fn reads(first: ReadingResult) -> impl Fn(&BackendId) -> ReadingResult {
    move |id| if *id == Rig::id(1) { first.clone() } else { ReadingResult::status(200) }
}

fn well(_: &BackendId) -> ReadingResult {
    ReadingResult::status(200)
}

impl Rig {
    fn explain(&self, now: Timestamp) -> Explanation {
        self.board.explain(&Self::id(1), now).unwrap()
    }

    /// Goes on from `now` with everything at its best, a trial request included; when the first backend is eligible.
    fn returns(&mut self, mut now: Timestamp) -> Timestamp {
        for _ in 0..1_000 {
            while let Some((ticket, _)) = self.flying.pop() {
                let reading = Reading::new(ReadingResult::status(200), Duration::ZERO);
                self.tell(Input::ProbeDone { ticket, reading }, now);
            }
            if self.cause(1) == Cause::Trial {
                self.traffic(1, &[Outcome::Success], true, now);
            }
            if self.cause(1).eligible() {
                return now;
            }
            now = now.max(self.board.next_deadline().expect("something is due"));
            self.board.handle_deadline(now);
            self.drain();
        }
        panic!("it does not come back");
    }
}

fn refused() -> ReadingResult {
    ReadingResult::ConnectFailed("cannot connect to 10.0.0.1:80: Connection refused".into())
}

/// What holds for every explanation of one that is out, and what it says of its return.
fn check(mut rig: Rig, at: Timestamp, cause: Cause, rule: Rule, why: &str, needs: &[&str]) {
    let said = rig.explain(at);
    assert_eq!((said.backend.standing.cause, said.rule), (cause, rule), "{said:#?}");
    assert!(said.backend.why.contains(why), "{:?} says nothing of {why:?}", said.backend.why);
    assert_eq!(said.to_return.len(), needs.len(), "{:?}", said.to_return);
    for (says, wanted) in said.to_return.iter().zip(needs) {
        assert!(says.contains(wanted), "{says:?} says nothing of {wanted:?}");
    }
    let (earliest, planned) = (said.backend.standing.earliest_return.unwrap(), said.on_schedule.unwrap());
    assert!(earliest <= planned, "{earliest:?} {planned:?}");
    let returned = rig.returns(at);
    assert!(earliest <= returned, "it promised {earliest:?} and came back at {returned:?}");
    // Nothing is jittered here.
    assert_eq!(returned, planned, "it comes back when all goes well ({earliest:?} at the earliest)");
    assert!(rig.explain(returned).to_return.is_empty() && rig.explain(returned).on_schedule.is_none());
}

#[test]
fn a_dead_one() {
    let mut rig = two(Some(http_probe()));
    rig.run(ms(9_100), reads(refused()));
    let needs = ["2 passing probes in a row; the next is in "];
    check(rig, ms(9_100), Cause::Down, Rule::Readiness, "Connection refused", &needs);
}

#[test]
fn a_silent_one() {
    let mut rig = two(Some(http_probe()));
    rig.run(ms(9_100), reads(ReadingResult::TimedOut { connected: true }));
    let why = "connected, but no complete answer within 1s";
    check(rig, ms(9_100), Cause::NotReady, Rule::Readiness, why, &["2 passing probes in a row"]);
}

#[test]
fn one_that_is_misconfigured_and_one_that_wants_a_password() {
    for (status, hint) in [(404, "check readiness.path"), (401, "set readiness.headers")] {
        let mut rig = two(Some(http_probe()));
        rig.run(ms(9_100), reads(ReadingResult::status(status)));
        let text = rig.explain(ms(9_100)).probes.pop().unwrap().text;
        assert!(text.contains(hint), "{text}");
        check(rig, ms(9_100), Cause::Down, Rule::Readiness, hint, &["2 passing probes in a row"]);
    }
}

#[test]
fn one_whose_readiness_lies() {
    let mut rig = two(Some(http_probe()));
    rig.run(s(9), well);
    rig.traffic(1, &[Outcome::Failure(FailureKind::Reset); 5], false, s(9));
    let needs = ["its ejection ends in 10 s, then one trial request must succeed"];
    check(rig, s(9), Cause::Ejected, Rule::Ejection, "5 failures in a row (limit 5)", &needs);
}

#[test]
fn one_that_is_ejected_and_dead_as_well() {
    let mut rig = two(Some(http_probe()));
    rig.run(s(9), well);
    rig.traffic(1, &[Outcome::Failure(FailureKind::Connect); 5], false, s(9));
    rig.run(ms(12_100), reads(refused()));
    let needs = ["its ejection ends in 6.9 s, then", "2 passing probes in a row"];
    check(rig, ms(12_100), Cause::Ejected, Rule::Ejection, "5 failures in a row", &needs);
}

#[test]
fn one_that_asked_for_a_drain() {
    let mut rig = two(Some(http_probe()));
    rig.run(s(9), well);
    let key = Rig::id(1).key();
    rig.tell(Input::Nudge(Nudge { backend: key, kind: NudgeKind::DrainAsked }), s(9));
    let needs = ["a probe passes that starts in 2 s or later, and no answer asks for a drain again"];
    check(rig, s(9), Cause::Draining, Rule::DrainHeader, "asked for a drain", &needs);

    let mut rig = two(None);
    rig.tell(Input::Nudge(Nudge { backend: key, kind: NudgeKind::DrainAsked }), s(9));
    let needs = ["no answer asks for a drain again; the drain ends in 10 s"];
    check(rig, s(9), Cause::Draining, Rule::DrainHeader, "asked for a drain", &needs);
}

#[test]
fn one_that_starts_and_one_that_was_never_asked() {
    let grace = ProbePlan { startup_grace: Duration::from_secs(30), ..http_probe() };
    let mut rig = two(Some(grace));
    rig.run(ms(9_100), reads(refused()));
    let said = rig.explain(ms(9_100));
    assert!(said.rule_says.contains("it ends in 21 s"), "{}", said.rule_says);
    assert!(said.to_leave[0].contains("its grace, which ends in 21 s"), "{:?}", said.to_leave);
    check(rig, ms(9_100), Cause::Starting, Rule::StartupGrace, "Connection refused", &["2 passing probes in a row"]);

    let delayed = ProbePlan { initial_delay: Duration::from_secs(5), ..http_probe() };
    let needs = ["its first probe passes; the next is in 4 s"];
    check(two(Some(delayed)), s(1), Cause::Unchecked, Rule::FirstProbe, "first probe", &needs);
}

#[test]
fn one_that_nobody_probes_and_that_is_on_trial() {
    let mut rig = two(None);
    rig.traffic(1, &[Outcome::Failure(FailureKind::Reset); 5], false, s(9));
    check(rig, s(9), Cause::Ejected, Rule::Ejection, "5 failures", &["in 10 s, then one trial request must succeed"]);

    let mut rig = two(None);
    rig.traffic(1, &[Outcome::Failure(FailureKind::Reset); 5], false, s(9));
    rig.run(s(20), well);
    let needs = ["one trial request must succeed; without any, it returns in 9 s"];
    check(rig, s(20), Cause::Trial, Rule::Trial, "one request decides", &needs);
}

#[test]
fn one_that_an_operator_took_out() {
    let mut rig = two(Some(http_probe()));
    rig.run(s(9), well);
    rig.steer(1, Steer::Order(Order::Drain), None, s(9)).unwrap();
    let said = rig.explain(s(9));
    assert_eq!((said.rule, said.backend.standing.earliest_return, said.on_schedule), (Rule::Order, None, None));
    assert_eq!(said.to_return, ["an operator takes the order back (`pulsegate undrain`); nothing else does"]);

    rig.steer(1, Steer::Order(Order::ForceDown), Some(60), s(9)).unwrap();
    let needs = ["the order's time is over in 1 min, or an operator takes it back before (`pulsegate release`)"];
    check(rig, s(9), Cause::ForcedDown, Rule::Order, "forced down by ops: a test", &needs);
}

/// While nobody serves, probes are pulled closer than was planned: the bound must hold all the same.
#[test]
fn the_bound_holds_when_the_pool_runs_empty() {
    let mut rig = two(Some(http_probe()));
    rig.run(ms(9_100), reads(refused()));
    let said = rig.explain(ms(9_100));
    let (earliest, planned) = (said.backend.standing.earliest_return.unwrap(), said.on_schedule.unwrap());
    rig.steer(2, Steer::Order(Order::ForceDown), None, ms(9_100)).unwrap();
    let returned = rig.returns(ms(9_100));
    assert!(earliest <= returned && returned < planned, "{earliest:?} <= {returned:?} < {planned:?}");
}

#[test]
fn causes_that_take_a_serving_backend_out() {
    let mut rig = two(Some(http_probe()));
    rig.run(s(9), well);
    let said = rig.explain(s(9));
    assert_eq!((said.rule, said.to_return.len()), (Rule::Passing, 0));
    assert_eq!(said.to_leave[0], "3 failed probes in a row (failure_threshold 3)");
    let traffic = "5 failed requests in a row, or 50 % of at least 20 failed within 10 s";
    assert!(said.to_leave[1].starts_with(traffic), "{:?}", said.to_leave);

    rig.traffic(1, &[Outcome::Failure(FailureKind::Reset)], false, s(9));
    rig.run(ms(9_900), reads(refused()));
    let said = rig.explain(ms(9_900));
    assert_eq!(said.to_leave[0], "1 more failed probe (failure_threshold 3)", "{:?}", said.backend.counter);
    assert!(said.to_leave[1].starts_with("4 more failed requests in a row, or "), "{:?}", said.to_leave);

    rig.steer(1, Steer::Order(Order::ForceUp), Some(60), s(10)).unwrap();
    rig.run(s(12), reads(refused()));
    let said = rig.explain(s(12));
    assert_eq!(said.to_leave, ["the order ends in 58 s; then the evidence decides: its probes fail"]);
}

#[test]
fn the_last_ten_probes_are_kept_across_reloads_and_handed_over() {
    let mut rig = two(Some(http_probe()));
    rig.run(s(60), reads(refused()));
    let said = rig.explain(s(60));
    assert_eq!(said.probes.len(), 10);
    assert!(said.probes.is_sorted_by_key(|probe| probe.at));
    assert_eq!(said.backend.last_probe.as_ref().map(|last| last.at), said.probes.last().map(|last| last.at));

    let slower = ProbePlan { period: Duration::from_secs(20), ..http_probe() };
    rig.reload(upstream(vec![backends(2)], Some(slower)), s(60));
    assert_eq!(rig.explain(s(60)).probes.len(), 10);

    let handover = Arc::new(rig.board.handover(s(61)));
    let mut heir = Board::new(8, s(1_000));
    heir.handle(Input::TakeOver(handover), s(1_000));
    heir.handle(Input::Reconfigure(rig.snapshot.unwrap().plan.clone()), s(1_000));
    let after = heir.explain(&Rig::id(1), s(1_000)).unwrap();
    let ages = |probes: &[super::super::LastProbe], now: Timestamp| -> Vec<Duration> {
        probes.iter().map(|probe| now.since(probe.at)).collect()
    };
    assert_eq!(ages(&after.probes, s(1_000)), ages(&said.probes, s(61)));
    let ids =
        |said: &Explanation| -> Vec<String> { said.backend.history.iter().map(|event| event.full_id()).collect() };
    assert_eq!(ids(&after)[..ids(&said).len()], ids(&said));
}

#[test]
fn an_unknown_name_is_answered_with_those_that_there_are() {
    let rig = two(None);
    let nobody = BackendId { upstream: "nobody".into(), address: address(1) };
    assert!(matches!(rig.board.explain(&nobody, s(1)), Err(Refused::NoUpstream { known }) if known == ["pool".into()]));
    assert!(matches!(rig.board.explain(&Rig::id(9), s(1)), Err(Refused::NoBackend { known }) if known.len() == 2));
}

#[test]
fn words_of_a_backend_are_bounded() {
    let mut rig = two(Some(http_probe()));
    rig.run(s(9), reads(ReadingResult::BrokenAnswer("x".repeat(10_000))));
    let said = rig.explain(s(9));
    assert!(said.probes.iter().all(|probe| probe.text.chars().count() <= 401) && said.backend.why.len() < 500);
}
