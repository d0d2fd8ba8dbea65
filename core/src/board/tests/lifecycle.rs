//! Startup, liveness, strangers and restarts: what each does to the standing, what is said, and what stays quiet.

use super::*;
use crate::board::ProbeJob;
use crate::health::reading::{HttpAnswer, Sighting};
use crate::plan::{Fact, Identity, ProbeKind, Recognition};

fn http_probe(failures: u32) -> ProbePlan {
    let check = HttpCheck { document: None, ..HttpCheck::of(ProbeKind::Readiness, "/") };
    let once = ProbePlan { success_threshold: 1, failure_threshold: failures, ..tcp_probe() };
    ProbePlan { kind: ProbeCheck::Http(check), ..once }
}

fn three_probes() -> UpstreamPlan {
    let named = |failures| ProbePlan { on_failure: Some("owner".into()), ..http_probe(failures) };
    UpstreamPlan {
        startup: Some(named(8)),
        liveness: Some(named(3)),
        ..upstream(vec![backends(1)], Some(http_probe(2)))
    }
}

/// One backend, whose answers a test changes as it goes.
struct Life {
    board: Board,
    now: Timestamp,
    flying: Vec<ProbeJob>,
    asked: Vec<ProbeKind>,
    events: Vec<EventKind>,
    snapshot: Option<Arc<Snapshot>>,
}

impl Life {
    fn new(plan: UpstreamPlan) -> Self {
        let board = Board::new(7, s(0));
        let mut life =
            Self { board, now: s(0), flying: Vec::new(), asked: Vec::new(), events: Vec::new(), snapshot: None };
        life.reload(plan);
        life
    }

    fn reload(&mut self, plan: UpstreamPlan) {
        let empty = Rig::new(upstream(Vec::new(), None), s(0));
        let whole = Plan::clone(empty.board.plan.as_ref().unwrap());
        let whole = Plan { upstreams: vec![Arc::new(plan)], ..whole };
        self.board.handle(Input::Reconfigure(Arc::new(whole)), self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.board.poll_output() {
            match output {
                Output::Publish(snapshot) => self.snapshot = Some(snapshot),
                Output::Probe(job) => {
                    self.asked.push(job.kind);
                    self.flying.push(job);
                }
                Output::CancelProbe(ticket) => self.flying.retain(|job| job.ticket != ticket),
                Output::Probed { .. } => {}
                Output::Report(event) => self.events.push(event.kind),
            }
        }
    }

    /// Goes on for `seconds`; each probe is answered at once.
    fn run(&mut self, seconds: u64, answer: impl Fn(ProbeKind) -> ReadingResult) {
        let until = self.now + Duration::from_secs(seconds);
        loop {
            while let Some(job) = self.flying.pop() {
                let reading = Reading::new(answer(job.kind), Duration::from_millis(1));
                self.board.handle(Input::ProbeDone { ticket: job.ticket, reading }, self.now);
                self.drain();
            }
            match self.board.next_deadline().filter(|at| *at <= until) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
            self.board.handle_deadline(self.now);
            self.drain();
        }
        self.now = until;
    }

    fn report(&self) -> BackendReport {
        self.board.report(self.now)[0].backends[0].clone()
    }

    fn cause(&self) -> Cause {
        self.report().standing.cause
    }

    fn moves(&self) -> Vec<(Cause, Cause)> {
        let of = |event: &EventKind| match event {
            EventKind::Transition { from, to, .. } => Some((*from, *to)),
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }

    /// What somebody is told to restart it for.
    fn calls(&self) -> Vec<(ProbeKind, String)> {
        let of = |event: &EventKind| match event {
            EventKind::NeedsRestart { kind, why, webhook, .. } => {
                assert_eq!(webhook.as_deref(), Some("owner"));
                Some((*kind, why.clone()))
            }
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }

    fn serves(&self) -> usize {
        let pool = &self.snapshot.as_ref().unwrap().pools[0];
        usize::from(pool.emptiness == crate::traffic::snapshot::Emptiness::Serving)
    }
}

fn up(_: ProbeKind) -> ReadingResult {
    ReadingResult::status(200)
}

fn refused(_: ProbeKind) -> ReadingResult {
    ReadingResult::ConnectFailed("refused".into())
}

#[test]
fn a_slow_starter_is_starting_and_quiet_and_then_ramps() {
    let mut life = Life::new(three_probes());
    assert_eq!(life.cause(), Cause::Unchecked);
    life.run(5, refused);
    assert_eq!(life.cause(), Cause::Starting);
    assert_eq!(life.report().why, "it has not passed its startup probe yet: refused");
    assert!(life.asked.iter().all(|kind| *kind == ProbeKind::Startup), "the others wait: {:?}", life.asked);
    let quiet = |event: &EventKind| {
        matches!(
            event,
            EventKind::Transition { .. } | EventKind::MemberJoined { .. } | EventKind::FirstRoundDone { .. }
        )
    };
    assert!(life.events.iter().all(quiet), "{:?}", life.events);
    assert!(life.report().standing.earliest_return.is_some());

    life.run(4, up);
    assert_eq!(life.cause(), Cause::Ramping);
    life.run(20, up);
    assert_eq!(life.cause(), Cause::Up);
    let path = [Cause::Unchecked, Cause::Starting, Cause::Unchecked, Cause::Ramping, Cause::Up];
    assert_eq!(life.moves(), path.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>());
    let after = life.asked.iter().rposition(|kind| *kind == ProbeKind::Startup).unwrap();
    assert!(life.asked[after + 1..].contains(&ProbeKind::Liveness), "no startup probe any more: {:?}", life.asked);
}

#[test]
fn a_backend_that_does_not_start_is_down_once_said_and_may_start_later() {
    let mut life = Life::new(three_probes());
    life.run(30, refused);
    assert_eq!(life.cause(), Cause::Down);
    let calls = life.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].0 == ProbeKind::Startup && calls[0].1.starts_with("it did not start within "), "{calls:?}");
    assert_eq!(life.report().why, calls[0].1);
    life.run(10, up);
    assert!(life.cause().eligible(), "{}", life.cause());
}

#[test]
fn a_failed_liveness_probe_is_louder_than_not_ready_and_said_once() {
    let mut life = Life::new(three_probes());
    life.run(20, up);
    // Ready all the while: a process can be dead to everybody but its readiness endpoint.
    let dead = |kind| if kind == ProbeKind::Liveness { ReadingResult::status(500) } else { ReadingResult::status(200) };
    life.run(30, dead);
    assert_eq!((life.cause(), life.serves()), (Cause::NotAlive, 0));
    assert_eq!(life.report().why, "its liveness probe fails: answered 500");
    assert_eq!(life.calls(), [(ProbeKind::Liveness, "its liveness probe fails: answered 500".to_owned())]);
    life.run(30, up);
    assert!(life.cause().eligible());
    life.run(30, dead);
    assert_eq!(life.calls().len(), 2, "a second episode");
}

#[test]
fn liveness_failures_below_the_threshold_take_nobody_out() {
    let mut life = Life::new(UpstreamPlan { liveness: Some(http_probe(1000)), startup: None, ..three_probes() });
    let dead = |kind| if kind == ProbeKind::Liveness { ReadingResult::status(500) } else { ReadingResult::status(200) };
    life.run(60, dead);
    assert_eq!((life.cause(), life.calls()), (Cause::Up, Vec::new()));
    assert_eq!(life.report().other_probes[0].last.as_ref().map(|last| last.passed), Some(false));
}

fn answers(service: Option<&str>, instance: Option<&str>) -> ReadingResult {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let sighting = Sighting { service: own(service), instance: own(instance) };
    ReadingResult::Http(HttpAnswer { status: 200, sighting, ..HttpAnswer::default() })
}

fn recognised() -> ProbePlan {
    let fact = Fact::Header("x-service".to_owned());
    let identity = Some(Identity { fact, service: "orders".to_owned() });
    let recognition = Recognition { identity, instance: Some(Fact::Header("x-instance".to_owned())) };
    ProbePlan { recognition, ..http_probe(100) }
}

#[test]
fn a_stranger_is_out_at_its_first_word_and_never_chosen() {
    for none_eligible in [WhenNoneEligible::FailOpen, WhenNoneEligible::LastKnownGood] {
        let plan =
            UpstreamPlan { when_none_eligible: none_eligible, ..upstream(vec![backends(1)], Some(recognised())) };
        let mut life = Life::new(plan);
        life.run(10, |_| answers(Some("orders"), None));
        assert_eq!((life.cause(), life.serves()), (Cause::Up, 1));
        life.run(3, |_| answers(Some("billing"), None));
        assert_eq!((life.cause(), life.serves()), (Cause::Down, 0), "one failure of a hundred");
        assert!(life.report().why.contains("answers as \"billing\", expected \"orders\""), "{}", life.report().why);
        // Nothing answers any more: who it was is not known, so it stays a stranger.
        life.run(10, refused);
        assert_eq!((life.cause(), life.serves()), (Cause::Down, 0));
        life.run(10, |_| answers(Some("orders"), None));
        assert_eq!(life.serves(), 1);
    }
}

#[test]
fn another_instance_begins_anew() {
    let mut life = Life::new(upstream(vec![backends(1)], Some(recognised())));
    life.run(30, |_| answers(Some("orders"), Some("a7")));
    assert_eq!(life.cause(), Cause::Up);
    let epoch = |life: &Life| life.snapshot.as_ref().unwrap().pools[0].members[0].connection_epoch;
    let before = epoch(&life);
    life.run(3, |_| answers(Some("orders"), Some("a8")));
    assert_eq!(life.cause(), Cause::Ramping);
    assert!(epoch(&life) > before, "its old connections are not used again");
    let restarts = life.events.iter().filter(|event| matches!(event, EventKind::Restarted { .. })).count();
    assert_eq!(restarts, 1);
    // A stranger's instance is nobody's.
    life.run(3, |_| answers(Some("billing"), Some("b1")));
    life.run(20, |_| answers(Some("orders"), Some("a8")));
    assert_eq!(life.events.iter().filter(|event| matches!(event, EventKind::Restarted { .. })).count(), 1);
}

#[test]
fn a_restart_ends_the_ejection_of_the_former_instance_and_the_startup_begins_anew() {
    let plan = UpstreamPlan { readiness: Some(recognised()), liveness: None, ..three_probes() };
    let mut life =
        Life::new(UpstreamPlan { passive: PassivePlan { minimum_fit: 0.0, ..plan.passive.clone() }, ..plan });
    life.run(30, |_| answers(Some("orders"), Some("a7")));
    let pool = life.snapshot.clone().unwrap().pools[0].clone();
    for _ in 0..5 {
        let outcome = Outcome::Failure(FailureKind::Reset);
        let record = Record { outcome, latency: Duration::ZERO, client: 1, trial: false, now: life.now };
        if let Some(kind) = pool.members[0].cell.record(record, &pool.upstream.passive) {
            life.board.handle(Input::Nudge(Nudge { backend: pool.members[0].key, kind }), life.now);
            life.drain();
        }
    }
    assert_eq!(life.cause(), Cause::Ejected);
    let starting = |kind| match kind {
        ProbeKind::Startup => ReadingResult::status(503),
        _ => answers(Some("orders"), Some("a8")),
    };
    life.run(3, starting);
    assert_eq!(life.cause(), Cause::Starting);
    assert!(life.report().ejection.is_none());
    life.run(4, |_| answers(Some("orders"), Some("a8")));
    assert_eq!(life.cause(), Cause::Ramping);
}

#[test]
fn a_reload_that_adds_a_startup_probe_takes_nobody_out() {
    let mut life = Life::new(upstream(vec![backends(1)], Some(http_probe(2))));
    life.run(20, up);
    life.reload(three_probes());
    assert_eq!(life.cause(), Cause::Up);
    life.run(10, up);
    assert!(!life.asked.contains(&ProbeKind::Startup));
    assert_eq!(life.cause(), Cause::Up);
}

#[test]
fn the_next_process_knows_who_started_who_lives_and_who_answered() {
    let mut life = Life::new(UpstreamPlan { readiness: Some(recognised()), ..three_probes() });
    life.run(5, refused);
    let handover = life.board.handover(life.now);
    let mut board = Board::new(8, life.now);
    board.handle(Input::TakeOver(Arc::new(handover.clone())), life.now);
    let plan = Arc::clone(life.board.plan.as_ref().unwrap());
    board.handle(Input::Reconfigure(plan), life.now);
    while board.poll_output().is_some() {}
    assert_eq!(board.report(life.now)[0].backends[0].standing.cause, Cause::Starting);
    assert_eq!(board.handover(life.now).backends[0].probes.life, handover.backends[0].probes.life);
}
