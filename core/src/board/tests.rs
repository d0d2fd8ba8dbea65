//! Transcripts: what the board does, moment by moment, in the cases that once went wrong.

mod explain;
mod judgement;
mod ledger;
mod lifecycle;
mod said;
mod states;
mod steering;
mod why;

use super::{BackendReport, Board, Found, Input, Output, ProbeTicket, Refused, Steering};
use crate::base::identity::{Address, BackendId};
use crate::base::time::Timestamp;
use crate::health::event::EventKind;
use crate::health::order::{Order, Steer};
use crate::health::reading::{Reading, ReadingResult};
use crate::health::standing::Cause;
use crate::plan::*;
use crate::traffic::cell::{Nudge, NudgeKind, Record};
use crate::traffic::outcome::{FailureKind, Outcome};
use crate::traffic::snapshot::Snapshot;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const fn s(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn address(last: u8) -> Address {
    Address::Socket(([10, 0, 0, last], 80).into())
}

fn backends(count: u8) -> SourcePlan {
    SourcePlan::Static((1..=count).map(address).map(StaticBackend::at).collect())
}

fn upstream(sources: Vec<SourcePlan>, readiness: Option<ProbePlan>) -> UpstreamPlan {
    UpstreamPlan {
        sources,
        readiness,
        passive: PassivePlan { ejection_jitter: 0.0, ..PassivePlan::default() },
        balance: BalancePlan { policy: Policy::Random, ..BalancePlan::default() },
        ..UpstreamPlan::named("pool")
    }
}

fn tcp_probe() -> ProbePlan {
    ProbePlan { jitter: 0.0, ..ProbePlan::default() }
}

/// The board, with everything that it put out.
struct Rig {
    board: Board,
    snapshot: Option<Arc<Snapshot>>,
    publications: u32,
    flying: Vec<(ProbeTicket, BackendId)>,
    events: Vec<EventKind>,
    concurrency: usize,
}

impl Rig {
    fn new(plan: UpstreamPlan, now: Timestamp) -> Self {
        let board = Board::new(7, now);
        let mut rig =
            Self { board, snapshot: None, publications: 0, flying: Vec::new(), events: Vec::new(), concurrency: 256 };
        rig.reload(plan, now);
        rig
    }

    fn reload(&mut self, upstream: UpstreamPlan, now: Timestamp) {
        self.reload_all(vec![Arc::new(upstream)], now);
    }

    fn reload_all(&mut self, upstreams: Vec<Arc<UpstreamPlan>>, now: Timestamp) {
        let probing = ProbingPlan { concurrency: self.concurrency };
        self.tell(Input::Reconfigure(Arc::new(Plan { upstreams, probing, ..Plan::default() })), now);
    }

    /// Steers the backend `last`; `lasts` in seconds.
    fn steer(&mut self, last: u8, what: Steer, lasts: Option<u64>, now: Timestamp) -> Result<BackendReport, Refused> {
        let lasts = lasts.map(Duration::from_secs);
        let steering =
            Steering { backend: Rig::id(last), what, by: "ops".into(), lasts, reason: Some("a test".into()) };
        let outcome = self.board.steer(&steering, now);
        self.drain();
        outcome
    }

    fn tell(&mut self, input: Input, now: Timestamp) {
        self.board.handle(input, now);
        self.drain();
    }

    /// Serves every deadline up to `until`; `answer` says what each probe reads.
    fn run(&mut self, until: Timestamp, answer: impl Fn(&BackendId) -> ReadingResult) {
        let mut now = Timestamp::ZERO;
        loop {
            while let Some((ticket, id)) = self.flying.pop() {
                let reading = Reading::new(answer(&id), Duration::from_millis(1));
                self.tell(Input::ProbeDone { ticket, reading }, now);
            }
            match self.board.next_deadline().filter(|at| *at <= until) {
                Some(at) => now = now.max(at),
                None => return,
            }
            self.board.handle_deadline(now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.board.poll_output() {
            match output {
                Output::Publish(snapshot) => {
                    (self.snapshot, self.publications) = (Some(snapshot), self.publications + 1)
                }
                Output::Probe(job) => self.flying.push((job.ticket, job.backend)),
                Output::CancelProbe(ticket) => self.flying.retain(|(flying, _)| *flying != ticket),
                Output::Probed { .. } => {}
                Output::Report(event) => self.events.push(event.kind),
            }
        }
    }

    fn id(last: u8) -> BackendId {
        BackendId { upstream: "pool".into(), address: address(last) }
    }

    fn cause(&self, last: u8) -> Cause {
        let pool = &self.snapshot.as_ref().unwrap().pools[0];
        pool.members.iter().find(|member| member.id == Self::id(last)).unwrap().standing.cause
    }

    /// Outcomes of live traffic at one backend; every hint arrives.
    fn traffic(&mut self, last: u8, outcomes: &[Outcome], trial: bool, now: Timestamp) {
        let pool = self.snapshot.as_ref().unwrap().pools[0].clone();
        let member = pool.members.iter().find(|member| member.id == Self::id(last)).unwrap();
        assert!(!trial || member.cell.claim_trial(), "no trial is armed");
        for (client, outcome) in outcomes.iter().enumerate() {
            let client = client as u64 + 1;
            let record = Record { outcome: *outcome, latency: Duration::from_millis(1), client, trial, now };
            if let Some(kind) = member.cell.record(record, &pool.upstream.passive) {
                self.tell(Input::Nudge(Nudge { backend: member.key, kind }), now);
            }
        }
    }

    fn ejections(&self) -> Vec<(u32, u64)> {
        let of = |event: &EventKind| match event {
            EventKind::Ejected { nth, duration, .. } => Some((*nth, duration.as_secs())),
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }
}

const RESET: Outcome = Outcome::Failure(FailureKind::Reset);

fn connected(_: &BackendId) -> ReadingResult {
    ReadingResult::Connected
}

#[test]
fn every_failed_trial_is_the_next_in_the_row_however_long_it_was_out() {
    let mut rig = Rig::new(upstream(vec![backends(3)], None), s(0));
    rig.traffic(1, &[RESET; 5], false, s(1));
    let mut now = 1;
    for nth in 1..=35 {
        now += (10 * nth).min(300);
        rig.run(s(now), connected);
        assert_eq!(rig.cause(1), Cause::Trial, "after ejection {nth}");
        rig.traffic(1, &[RESET], true, s(now));
    }
    let expected: Vec<(u32, u64)> = (1..=36).map(|nth| (nth, u64::from(10 * nth).min(300))).collect();
    assert_eq!(rig.ejections(), expected);
}

#[test]
fn caps_of_small_pools() {
    for (members, may_be_ejected) in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3)] {
        let mut rig = Rig::new(upstream(vec![backends(members)], None), s(0));
        for last in 1..=members {
            rig.traffic(last, &[RESET; 5], false, s(1));
        }
        assert_eq!(rig.ejections().len(), may_be_ejected, "of {members}");
    }
}

#[test]
fn a_poison_request_of_one_client_ejects_nobody() {
    let mut rig = Rig::new(upstream(vec![backends(3)], None), s(0));
    let poison = Outcome::Failure(FailureKind::Status(500));
    for _ in 0..30 {
        for last in 1..=3 {
            rig.traffic(last, &[poison], false, s(1));
        }
    }
    assert_eq!(rig.ejections(), []);
}

#[test]
fn a_reload_that_redefines_a_source_keeps_its_backends_until_it_answers() {
    let file = |backup| SourcePlan::File { path: PathBuf::from("pool.txt"), backup };
    let mut rig = Rig::new(upstream(vec![file(false)], None), s(0));
    let answer = Ok(vec![Found { address: address(1), weight: 1, backup: false }]);
    rig.tell(Input::Discovered { upstream: "pool".into(), source: 0, answer }, s(1));
    assert_eq!(rig.cause(1), Cause::Up);
    rig.reload(upstream(vec![backends(0), file(true)], None), s(2));
    assert_eq!(
        rig.snapshot.as_ref().unwrap().pools[0].members.len(),
        0,
        "another position and another definition: another source"
    );
    rig.reload(upstream(vec![file(false)], None), s(3));
    rig.tell(
        Input::Discovered {
            upstream: "pool".into(),
            source: 0,
            answer: Ok(vec![Found { address: address(1), weight: 1, backup: false }]),
        },
        s(4),
    );
    rig.reload(upstream(vec![file(true)], None), s(5));
    assert_eq!(rig.cause(1), Cause::Up);
    rig.reload(upstream(vec![backends(0), file(true)], None), s(6));
    assert_eq!(rig.cause(1), Cause::Up, "the same source at another position");
}

#[test]
fn a_ramp_is_published_in_its_steps_and_not_with_every_input() {
    let mut rig = Rig::new(upstream(vec![backends(3)], None), s(0));
    rig.steer(1, Steer::Order(Order::Drain), None, s(10)).unwrap();
    rig.steer(1, Steer::Release, None, s(20)).unwrap();
    assert_eq!(rig.cause(1), Cause::Ramping);
    let before = rig.publications;
    for millis in 20_000..30_000 {
        rig.tell(
            Input::Nudge(Nudge { backend: Rig::id(2).key(), kind: NudgeKind::Suspect }),
            Timestamp::from_millis(millis),
        );
    }
    assert_eq!(rig.publications - before, 9, "the steps at 21, 22, … 29 s");
}

#[test]
fn without_probes_a_drain_by_header_ends_by_time() {
    let mut rig = Rig::new(upstream(vec![backends(2)], None), s(0));
    rig.tell(Input::Nudge(Nudge { backend: Rig::id(1).key(), kind: NudgeKind::DrainAsked }), s(5));
    rig.run(s(14), connected);
    assert_eq!(rig.cause(1), Cause::Draining);
    rig.run(s(16), connected);
    assert_ne!(rig.cause(1), Cause::Draining);
}

#[test]
fn a_flap_of_discovery_does_not_forget_the_streak() {
    let refused = |_: &BackendId| ReadingResult::ConnectFailed("connection refused".to_owned());
    let mut rig = Rig::new(upstream(vec![backends(2)], Some(tcp_probe())), s(0));
    rig.run(s(2), connected);
    rig.run(Timestamp::from_millis(4_100), refused);
    let counters = |rig: &Rig| -> Vec<(u32, u32)> {
        rig.board.report(s(5))[0].backends.iter().map(|backend| backend.counter).collect()
    };
    let before = counters(&rig);
    assert_ne!(before, [(3, 3), (3, 3)], "some failures were counted");
    rig.reload(upstream(vec![backends(0)], Some(tcp_probe())), s(5));
    rig.reload(upstream(vec![backends(2)], Some(tcp_probe())), s(5));
    assert_eq!(counters(&rig), before);
}

#[test]
fn a_dead_pool_does_not_hold_the_probes_of_another() {
    let dead = upstream(vec![backends(4)], Some(tcp_probe()));
    let live = UpstreamPlan { name: "live".into(), ..upstream(vec![backends(1)], Some(tcp_probe())) };
    let mut rig = Rig::new(upstream(Vec::new(), None), s(0));
    rig.concurrency = 2;
    rig.reload_all(vec![Arc::new(dead), Arc::new(live)], s(0));
    let upstreams = |rig: &Rig| rig.flying.iter().map(|(_, id)| id.upstream.to_string()).collect::<Vec<_>>();
    assert_eq!(upstreams(&rig), ["pool", "live"], "two places, and upstreams take turns");

    let (dead_probe, _) = rig.flying.remove(0);
    let timeout = Reading::new(ReadingResult::TimedOut { connected: false }, Duration::from_secs(1));
    rig.tell(Input::ProbeDone { ticket: dead_probe, reading: timeout }, s(1));
    assert_eq!(upstreams(&rig), ["live", "pool"], "a place that is free is taken");
    let waiting = rig
        .board
        .report(s(1))
        .iter()
        .flat_map(|u| &u.backends)
        .filter(|b| b.standing.cause == Cause::Unchecked)
        .count();
    assert_eq!(waiting, 4, "who waits is not counted as failed");
}

#[test]
fn the_jitter_of_a_backend_is_its_own_whoever_else_is_there() {
    let probe = || Some(ProbePlan { jitter: 0.2, ..tcp_probe() });
    let jittered = |name: &str, count| {
        let passive = PassivePlan::default();
        Arc::new(UpstreamPlan { name: name.into(), passive, ..upstream(vec![backends(count)], probe()) })
    };
    let seen = |upstreams: &[Arc<UpstreamPlan>]| {
        let mut rig = Rig::new(upstream(Vec::new(), None), s(0));
        rig.reload_all(upstreams.to_vec(), s(0));
        rig.run(s(30), connected);
        rig.traffic(1, &[RESET; 5], false, s(30));
        let ejected = rig.events.iter().find_map(|event| match event {
            EventKind::Ejected { duration, .. } => Some(*duration),
            _ => None,
        });
        let report = rig.board.report(s(30)).into_iter().find(|upstream| &*upstream.name == "pool").unwrap();
        let probed: Vec<_> =
            report.backends.into_iter().take(2).map(|backend| backend.last_probe.map(|last| last.at)).collect();
        (ejected, probed)
    };
    let alone = seen(&[jittered("pool", 2)]);
    assert!(alone.0.is_some() && alone.1[0] != alone.1[1], "{alone:?}");
    assert_eq!(alone, seen(&[jittered("pool", 2), jittered("other", 3)]));
    assert_eq!(alone, seen(&[jittered("pool", 3)]));
}

/// Hands the rig's board over to a board of another process, whose clock stands at `there`.
fn hand_over(rig: &Rig, now: Timestamp, plan: UpstreamPlan, there: Timestamp) -> Rig {
    let mut board = Board::new(8, there);
    board.handle(Input::TakeOver(Arc::new(rig.board.handover(now))), there);
    let mut next =
        Rig { board, snapshot: None, publications: 0, flying: Vec::new(), events: Vec::new(), concurrency: 256 };
    next.reload(plan, there);
    next
}

#[test]
fn a_handover_keeps_ejections_verdicts_and_orders_by_the_clock_of_the_next_process() {
    let plan = upstream(vec![backends(4)], Some(tcp_probe()));
    let mut rig = Rig::new(plan.clone(), s(0));
    let refused = |id: &BackendId| match id.address == address(2) {
        true => ReadingResult::ConnectFailed("connection refused".to_owned()),
        false => ReadingResult::Connected,
    };
    rig.run(s(5), refused);
    rig.traffic(1, &[RESET; 5], false, s(5));
    assert_eq!((rig.cause(1), rig.cause(2)), (Cause::Ejected, Cause::Down));
    rig.steer(3, Steer::Order(Order::Drain), Some(60), s(6)).unwrap();
    rig.steer(4, Steer::Weight(Some(7)), None, s(7)).unwrap();

    // 3 s of 10 are over, and the next process's clock stands at another time.
    let mut next = hand_over(&rig, s(8), plan, s(1000));
    assert_eq!((next.cause(1), next.cause(2)), (Cause::Ejected, Cause::Down));
    assert_eq!((next.cause(3), next.cause(4)), (Cause::Drained, Cause::Up));
    let report = &next.board.report(s(1000))[0].backends;
    let ejection = report[0].ejection.unwrap();
    assert_eq!((ejection.earliest_return, ejection.nth), (s(1007), 1));
    assert_eq!(report[3].counter, (3, 3));
    assert!(report[0].why.starts_with("5 failures in a row"), "{}", report[0].why);
    assert_eq!(report[1].why, "its probes fail: connection refused");
    assert_eq!(report[2].why, "drained by ops: a test");
    let drain = report[2].order.as_ref().unwrap();
    assert_eq!((drain.at, drain.until), (s(998), Some(s(1058))), "given 2 s ago, for 58 s still");
    let weight = report[3].weight_order.as_ref().unwrap();
    assert_eq!((report[3].weight, weight.at, weight.until), (7, s(999), None));
    assert_eq!(next.flying.len(), 4, "everybody is probed at once");
    assert!(!next.snapshot.as_ref().unwrap().first_round_done, "an inherited verdict does not replace a first round");
    next.run(s(1003), refused);
    assert!(next.snapshot.as_ref().unwrap().first_round_done);
    assert_eq!(next.cause(1), Cause::Ejected);
    next.run(s(1008), refused);
    assert_ne!(next.cause(1), Cause::Ejected, "its time is over, and its probes pass");
    next.run(s(1057), refused);
    assert_eq!(next.cause(3), Cause::Drained);
    next.run(s(1058), refused);
    assert_ne!(next.cause(3), Cause::Drained, "an order ends when the old process would have ended it");
}

#[test]
fn a_handover_remembers_those_that_left_and_what_sources_found() {
    let file = SourcePlan::File { path: PathBuf::from("backends.txt"), backup: false };
    let plan = upstream(vec![file], Some(tcp_probe()));
    let mut rig = Rig::new(plan.clone(), s(0));
    let found = |lasts: &[u8]| {
        lasts.iter().map(|last| Found { address: address(*last), weight: 1, backup: false }).collect::<Vec<_>>()
    };
    let tell = |rig: &mut Rig, lasts: &[u8], now| {
        rig.tell(Input::Discovered { upstream: "pool".into(), source: 0, answer: Ok(found(lasts)) }, now);
    };
    tell(&mut rig, &[1, 2, 3], s(0));
    rig.run(s(5), connected);
    rig.traffic(1, &[RESET; 5], false, s(5));
    tell(&mut rig, &[2, 3], s(6));

    let mut next = hand_over(&rig, s(7), plan.clone(), s(100));
    assert_eq!(next.snapshot.as_ref().unwrap().pools[0].members.len(), 2, "before the file was read");
    // Another handover before it is back: what is remembered is handed on, and has aged.
    next.run(s(101), connected);
    let mut third = hand_over(&next, s(102), plan, s(50));
    tell(&mut third, &[1, 2, 3], s(50));
    assert_eq!(third.cause(1), Cause::Ejected);
    let ejection = third.board.report(s(50))[0].backends[0].ejection.unwrap();
    assert_eq!(ejection.earliest_return, s(56), "2 s passed before the first handover, 2 s before the second");
}

#[test]
fn a_takeover_catches_up_with_what_the_old_process_learns_meanwhile() {
    let plan = upstream(vec![backends(4)], Some(tcp_probe()));
    let mut rig = Rig::new(plan.clone(), s(0));
    rig.run(s(5), connected);
    let mut next = hand_over(&rig, s(5), plan, s(1));
    next.run(s(2), connected);
    rig.traffic(1, &[RESET; 5], false, s(6));
    rig.steer(2, Steer::Order(Order::ForceDown), Some(9), s(6)).unwrap();
    rig.steer(3, Steer::Weight(Some(0)), None, s(6)).unwrap();
    next.tell(Input::TakeOver(Arc::new(rig.board.handover(s(6)))), s(2));
    assert_eq!((next.cause(1), next.cause(2)), (Cause::Ejected, Cause::ForcedDown));
    let report = &next.board.report(s(2))[0].backends;
    assert!(report[0].why.starts_with("5 failures in a row"), "{}", report[0].why);
    assert_eq!(report[1].order.as_ref().unwrap().until, Some(s(11)));
    assert_eq!(
        next.snapshot.as_ref().unwrap().pools[0].members[2].weight,
        0,
        "published, though its standing is the same"
    );
    let told = next.events.iter().any(|event| match event {
        EventKind::Transition { to: Cause::ForcedDown, why, .. } => {
            why == "forced down by ops: a test (learned from the process before)"
        }
        _ => false,
    });
    assert!(told, "{:?}", next.events);
}

#[test]
fn a_changed_probe_definition_keeps_the_verdict_across_a_handover() {
    let plan = upstream(vec![backends(2)], Some(tcp_probe()));
    let mut rig = Rig::new(plan, s(0));
    rig.run(s(5), |_| ReadingResult::ConnectFailed("connection refused".to_owned()));
    let slower = ProbePlan { success_threshold: 3, ..tcp_probe() };
    let next = hand_over(&rig, s(5), upstream(vec![backends(2)], Some(slower)), s(1));
    assert_eq!(next.cause(1), Cause::Down);
    assert_eq!(next.board.report(s(1))[0].backends[0].counter, (0, 3));
    let unprobed = hand_over(&rig, s(5), upstream(vec![backends(2)], None), s(1));
    assert_eq!(unprobed.cause(1), Cause::Up);
}

#[test]
fn a_reload_leaves_the_probes_of_an_unchanged_upstream_alone() {
    let plan = upstream(vec![backends(3)], Some(tcp_probe()));
    let mut rig = Rig::new(plan.clone(), s(0));
    rig.run(s(5), connected);
    rig.board.handle_deadline(s(6));
    rig.drain();
    let (flying, next) = (rig.flying.clone(), rig.board.next_deadline());
    let pool = Arc::clone(&rig.snapshot.as_ref().unwrap().pools[0]);
    for _ in 0..50 {
        rig.reload(plan.clone(), s(6));
    }
    assert_eq!((&rig.flying, rig.board.next_deadline()), (&flying, next), "neither cancelled nor pulled forward");
    assert!(Arc::ptr_eq(&pool, &rig.snapshot.as_ref().unwrap().pools[0]), "not even published anew");
}

#[test]
fn a_changed_definition_keeps_the_verdict_and_probes_at_once() {
    let mut rig = Rig::new(upstream(vec![backends(3)], Some(tcp_probe())), s(0));
    let refused = |id: &BackendId| match id.address == address(2) {
        true => ReadingResult::ConnectFailed("connection refused".to_owned()),
        false => ReadingResult::Connected,
    };
    rig.run(s(5), refused);
    let slower = ProbePlan { period: Duration::from_secs(30), ..tcp_probe() };
    rig.reload(upstream(vec![backends(3)], Some(slower)), Timestamp::from_millis(5_001));
    assert_eq!((rig.cause(1), rig.cause(2), rig.cause(3)), (Cause::Up, Cause::Down, Cause::Up));
    assert_eq!(rig.flying.len(), 3, "all are probed at once by the new definition");
}

#[test]
fn requests_in_flight_are_still_counted_after_a_reload_that_changes_everything_else() {
    let mut rig = Rig::new(upstream(vec![backends(2)], Some(tcp_probe())), s(0));
    rig.run(s(1), connected);
    let member = Arc::clone(&rig.snapshot.as_ref().unwrap().pools[0].members[0]);
    let lease = crate::traffic::endpoint::Lease::within(0, member, false);
    let mut changed = upstream(vec![backends(2)], Some(ProbePlan { timeout: Duration::from_secs(2), ..tcp_probe() }));
    changed.balance.policy = Policy::LeastRequest;
    rig.reload(changed, s(2));
    let in_flight = |rig: &Rig| rig.board.report(s(2))[0].backends[0].in_flight;
    assert_eq!(in_flight(&rig), 1);
    drop(lease);
    assert_eq!(in_flight(&rig), 0);
}

#[test]
fn while_nobody_serves_a_pool_is_probed_in_turns_at_the_fast_period() {
    let mut rig = Rig::new(upstream(vec![backends(4)], Some(tcp_probe())), s(0));
    rig.run(s(20), |_| ReadingResult::ConnectFailed("refused".to_owned()));
    let report = rig.board.report(s(20));
    let mut next: Vec<Timestamp> = report[0].backends.iter().map(|backend| backend.next_probe.unwrap()).collect();
    next.sort();
    assert!(next[3].since(s(20)) <= Duration::from_millis(500), "{next:?}");
    let apart: Vec<Duration> = next.windows(2).map(|two| two[1].since(two[0])).collect();
    assert!(apart.iter().all(|apart| *apart >= Duration::from_millis(100)), "{apart:?}");
}

#[test]
fn while_nobody_serves_a_pass_is_confirmed_after_half_a_fast_period() {
    let mut rig = Rig::new(upstream(vec![backends(2)], Some(tcp_probe())), s(0));
    rig.run(s(20), |_| ReadingResult::ConnectFailed("refused".to_owned()));
    // One of the two is back: its first pass comes within half of a fast period (they take turns), the second half of one later.
    rig.run(s(20) + Duration::from_millis(1100), |id| match *id == Rig::id(1) {
        true => ReadingResult::Connected,
        false => ReadingResult::ConnectFailed("refused".to_owned()),
    });
    assert!(rig.snapshot.as_ref().unwrap().pools[0].members[0].standing.cause.eligible());
    let probes = &rig.board.report(s(22))[0].backends[0];
    let (passed, back) = (probes.last_probe.as_ref().unwrap().at, probes.since);
    assert!(back <= s(20) + Duration::from_millis(850), "{passed:?} {back:?}");
}

#[test]
fn a_backend_back_by_probes_is_not_ejected_for_what_failed_before() {
    let mut rig = Rig::new(upstream(vec![backends(3)], Some(tcp_probe())), s(0));
    rig.run(s(20), connected);
    // 19 failures among successes: one outcome short of the window's 20, and no streak.
    rig.traffic(1, &[RESET, RESET, RESET, RESET, Outcome::Success].repeat(4)[..19], false, s(20));
    rig.run(s(22), |id| match id.address == address(1) {
        true => ReadingResult::ConnectFailed("refused".to_owned()),
        false => ReadingResult::Connected,
    });
    assert_eq!(rig.cause(1), Cause::Down);
    rig.run(s(27), connected);
    assert_eq!(rig.cause(1), Cause::Ramping);
    rig.traffic(1, &[RESET], false, s(27));
    rig.run(s(29), connected);
    assert_eq!((rig.cause(1), rig.ejections()), (Cause::Ramping, Vec::new()), "one failure is no evidence");
}
