//! Does the control task do what the board says, when it says so? Paused time, scripted probes, the real board.
//!
//! tokio's clock stands still while there is work and jumps to the next timer when there is none, so minutes pass in
//! milliseconds and every moment is exact.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

use pulsegate::clock::Clock;
use pulsegate::config;
use pulsegate::control::{self, Handle, Prober, Reporter};
use pulsegate_core::board::{BackendReport, Handover, Input, ProbeJob, ProbeTicket};
use pulsegate_core::health::event::{Event, EventKind};
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::traffic::cell::Record;
use pulsegate_core::traffic::outcome::{FailureKind, Outcome};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle as Runtime;

const THREE_BACKENDS: &str = r#"
listeners: [{ address: "127.0.0.1:8080" }]
routes: [{ upstream: pool }]
upstreams:
  pool:
    backends: ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
    readiness: { path: /ready, period: 2s, fast_period: 500ms, timeout: 1s, jitter: 0% }
    passive: { ejection_jitter: 0% }
    slow_start: { duration: 0s }
"#;

/// What each address answers, changed by the test as it goes.
type Script = Arc<Mutex<HashMap<String, u16>>>;

struct ScriptedProber(Script);

impl Prober for ScriptedProber {
    fn start(&mut self, job: ProbeJob, handle: &Handle) {
        let status = self.0.lock().unwrap().get(&job.backend.address.to_string()).copied().unwrap_or(200);
        let result = ReadingResult::status(status);
        let reading = Reading::new(result, Duration::from_millis(1));
        handle.send(Input::ProbeDone { ticket: job.ticket, reading });
    }

    fn cancel(&mut self, _ticket: ProbeTicket) {}
}

/// What no prober does.
struct Panics;

impl Prober for Panics {
    fn start(&mut self, _job: ProbeJob, _handle: &Handle) {
        panic!("as a mistake would");
    }

    fn cancel(&mut self, _ticket: ProbeTicket) {}
}

/// The process ends by it (`runtime` waits for it): nobody would look after health.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_control_task_is_seen() {
    let loaded = config::load_text(&THREE_BACKENDS.replace("/ready,", "/ready, initial_delay: 1s,"), Path::new("."));
    let plan = Arc::new(loaded.unwrap().plan);
    let handle = control::spawn(
        &Runtime::current(),
        Handover::default(),
        plan,
        7,
        Clock::start(),
        Panics,
        Arc::<Events>::default(),
    );
    assert!(!handle.has_ended());
    handle.ended().await;
    assert!(handle.has_ended() && handle.report().await.is_empty());
}

#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl Reporter for Events {
    fn report(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

struct Rig {
    handle: Handle,
    script: Script,
    events: Arc<Events>,
}

fn start(yaml: &str) -> Rig {
    let loaded = config::load_text(yaml, Path::new(".")).unwrap_or_else(|found| panic!("{found:?}"));
    let (script, events) = (Script::default(), Arc::new(Events::default()));
    let prober = ScriptedProber(script.clone());
    let handle = control::spawn(
        &Runtime::current(),
        Handover::default(),
        Arc::new(loaded.plan),
        7,
        Clock::start(),
        prober,
        events.clone(),
    );
    Rig { handle, script, events }
}

impl Rig {
    fn answers(&self, address: &str, status: u16) {
        self.script.lock().unwrap().insert(address.to_owned(), status);
    }

    async fn backend(&self, address: &str) -> BackendReport {
        let reports = self.handle.report().await;
        reports[0].backends.iter().find(|backend| backend.id.address.to_string() == address).cloned().unwrap()
    }

    /// Waits (in paused time) until `address` stands as `cause`; says how long it took.
    async fn until(&self, address: &str, cause: Cause) -> Duration {
        let begun = self.handle.clock().now();
        let mut generation = self.handle.generation();
        while self.backend(address).await.standing.cause != cause {
            tokio::time::timeout(Duration::from_secs(600), generation.changed())
                .await
                .unwrap_or_else(|_| panic!("{address} never became {cause}"))
                .unwrap();
        }
        self.handle.clock().now().since(begun)
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_round_runs_at_once_and_its_results_decide() {
    let rig = start(THREE_BACKENDS);
    rig.until("10.0.0.1:80", Cause::Up).await;
    let clock = rig.handle.clock();
    assert!(clock.now().since(clock.started()) < Duration::from_millis(100), "nothing waits for a period");
    assert!(rig.handle.snapshot().first_round_done);
    let done = |event: &Event| matches!(event.kind, EventKind::FirstRoundDone { .. });
    assert_eq!(rig.events.0.lock().unwrap().iter().filter(|event| done(event)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn three_failures_take_a_backend_out_within_the_bound_and_two_passes_bring_it_back() {
    let rig = start(THREE_BACKENDS);
    rig.until("10.0.0.1:80", Cause::Up).await;

    rig.answers("10.0.0.1:80", 503);
    let out = rig.until("10.0.0.1:80", Cause::NotReady).await;
    // One period until the first failure, then two probes at the fast period.
    assert!(out <= Duration::from_millis(2000 + 2 * 500 + 10), "took {out:?}");
    assert!(out >= Duration::from_millis(2 * 500), "three failures are needed, took {out:?}");

    rig.answers("10.0.0.1:80", 200);
    let back = rig.until("10.0.0.1:80", Cause::Up).await;
    assert!(back <= Duration::from_millis(2000 + 500 + 10), "took {back:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_hint_delays_an_ejection_by_a_moment_and_no_more() {
    let rig = start(THREE_BACKENDS);
    rig.until("10.0.0.1:80", Cause::Up).await;

    let snapshot = rig.handle.snapshot().clone();
    let pool = &snapshot.pools[0];
    let member = pool.members.iter().find(|member| member.id.address.to_string() == "10.0.0.1:80").unwrap();
    for client in 0..5 {
        let outcome = Outcome::Failure(FailureKind::Reset);
        let now = rig.handle.clock().now();
        // The hint that this returns is thrown away.
        let _ = member.cell.record(
            Record { outcome, latency: Duration::from_millis(3), client, trial: false, now },
            &pool.upstream.passive,
        );
    }
    let took = rig.until("10.0.0.1:80", Cause::Ejected).await;
    assert!(took <= Duration::from_secs(2), "took {took:?}");
    assert!(rig.backend("10.0.0.1:80").await.ejection.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_changes_a_weight_forgets_nothing() {
    let rig = start(THREE_BACKENDS);
    rig.answers("10.0.0.3:80", 500);
    rig.until("10.0.0.3:80", Cause::Down).await;

    let heavier = THREE_BACKENDS.replace(r#""10.0.0.3:80""#, r#"{ address: "10.0.0.3:80", weight: 9 }"#);
    let plan = config::load_text(&heavier, Path::new(".")).unwrap().plan;
    let before = rig.handle.snapshot().generation;
    rig.handle.send(Input::Reconfigure(Arc::new(plan)));
    let report = rig.backend("10.0.0.3:80").await;
    assert_eq!((report.standing.cause, report.weight), (Cause::Down, 9));
    assert!(rig.handle.snapshot().generation > before);
}
