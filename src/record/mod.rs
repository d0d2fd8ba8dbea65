//! What happened, so that it can be replayed? Probe results, outcomes, discovery, orders and events, as lines of a bounded file.
//!
//! Whoever tells it something never waits: a bounded queue leads to a thread of its own, and what does not fit is counted and said in the
//! record. Nothing in here decides anything.

mod bucket;
mod file;
pub mod line;
#[cfg(test)]
mod tests;
mod writer;

use crate::clock::Clock;
use crate::telemetry::Scribe;
use pulsegate_core::base::identity::{BackendId, BackendKey};
use pulsegate_core::base::rng::hash_bytes;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Input, ProbeJob, ProbeTicket};
use pulsegate_core::health::event::Event;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::plan::{Plan, ProbeKind, ProbePlan, RecordPlan};
use pulsegate_core::traffic::cell::Record;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

/// Notes that may wait: a tenth of a second at a hundred thousand requests a second.
const QUEUE: usize = 16_384;

/// How long the end of the process waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the thread is told.
#[derive(Debug)]
enum Note {
    Attempt(BackendKey, Record),
    ProbeBegins(Box<(ProbeTicket, BackendId, Arc<ProbePlan>, Timestamp)>),
    ProbeEnds(Box<(ProbeTicket, Reading, Timestamp)>),
    Event(Box<Event>),
    Line(Box<line::Line>),
    /// Everything so far, and then tell.
    Flush(SyncSender<()>),
}

#[derive(Debug)]
struct Recorder {
    clock: Clock,
    notes: SyncSender<Note>,
    lost: Arc<AtomicU64>,
    plan: arc_swap::ArcSwapOption<Plan>,
}

/// Begins a record where the configuration wants one.
pub fn begin(plan: Option<&RecordPlan>, clock: Clock) -> Option<Arc<dyn Scribe>> {
    let plan = plan?;
    let (notes, inbox) = sync_channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let writer = writer::Writer::new(plan.clone(), clock, Arc::clone(&lost));
    let started = std::thread::Builder::new().name("record".into()).spawn(move || writer.run(&inbox));
    match started {
        Ok(_) => {
            log::info!("record: writing to {}", plan.file.display());
            Some(Arc::new(Recorder { clock, notes, lost, plan: arc_swap::ArcSwapOption::empty() }))
        }
        Err(error) => {
            log::error!("record: its thread cannot be started ({error}); nothing is recorded");
            None
        }
    }
}

/// Tells one configuration from another: of everything that decides about backends.
pub fn fingerprint(plan: &Plan) -> String {
    format!("{:016x}", hash_bytes(format!("{:?}{:?}", plan.upstreams, plan.routes).as_bytes()))
}

/// Milliseconds since the process started.
fn millis(clock: Clock, at: Timestamp) -> u64 {
    u64::try_from(at.since(clock.started()).as_millis()).unwrap_or(u64::MAX)
}

impl Recorder {
    fn note(&self, note: Note) {
        if self.notes.try_send(note).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    fn line(&self, line: line::Line) {
        self.note(Note::Line(Box::new(line)));
    }
}

impl Scribe for Recorder {
    fn event(&self, event: &Event) {
        self.note(Note::Event(Box::new(event.clone())));
    }

    fn heard(&self, input: &Input, now: Timestamp) {
        let at = millis(self.clock, now);
        match input {
            Input::Reconfigure(plan) => {
                self.line(line::Line::Config { at, fingerprint: fingerprint(plan) });
                self.plan.store(Some(Arc::clone(plan)));
            }
            Input::Discovered { upstream, source, answer } => {
                let plan = self.plan.load_full();
                let plan = plan.iter().flat_map(|plan| &plan.upstreams).find(|one| one.name == *upstream);
                let source = plan.and_then(|plan| plan.sources.get(*source)).map(|source| source.id().to_string());
                let found = answer.as_ref().map(Vec::as_slice).unwrap_or_default().iter();
                let finds = found.map(|one| line::FoundBackend {
                    address: one.address.to_string(),
                    weight: one.weight,
                    backup: one.backup,
                });
                self.line(line::Line::Found {
                    at,
                    upstream: upstream.to_string(),
                    source: source.unwrap_or_default(),
                    finds: finds.collect(),
                    error: answer.as_ref().err().cloned(),
                });
            }
            Input::ProbeDone { ticket, reading } => {
                self.note(Note::ProbeEnds(Box::new((*ticket, reading.clone(), now))));
            }
            Input::Nudge(_) | Input::TakeOver(_) => {}
        }
    }

    /// Startup and liveness are not recorded: a replay asks readiness alone.
    fn probe_begins(&self, job: &ProbeJob) {
        if job.kind != ProbeKind::Readiness {
            return;
        }
        let begins = (job.ticket, job.backend.clone(), Arc::clone(&job.probe), self.clock.now());
        self.note(Note::ProbeBegins(Box::new(begins)));
    }

    fn attempt(&self, backend: BackendKey, record: &Record) {
        self.note(Note::Attempt(backend, *record));
    }

    fn flush(&self) {
        let (done, wait) = sync_channel(1);
        self.note(Note::Flush(done));
        let _ = wait.recv_timeout(PATIENCE);
    }
}
