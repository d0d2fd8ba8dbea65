//! Who runs the board? The control task: the only writer of health, the only sleeper on the board's deadlines.
//!
//! The way to a reload is here too, since whoever asks for one is no part of `runtime`, which carries it out.
//!
//! Everyone else holds a [`Handle`]: it sends inputs, reads the snapshot and asks for reports. This room decides nothing.

mod reload;
mod task;

pub use reload::{Outcome, Reloader, Request, Source};
pub use task::spawn;

use crate::clock::Clock;
use arc_swap::{ArcSwap, Cache};
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{BackendReport, Explanation, Handover, Input, Refused, Steering, UpstreamReport};
use pulsegate_core::health::event::Event;
use pulsegate_core::traffic::cell::Nudge;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// What became of an operator's order.
pub type Steered = Result<BackendReport, Refused>;

/// Why a backend stands where it stands, or who is known instead of it.
pub type Explained = Result<Box<Explanation>, Refused>;

/// What the control task receives.
#[derive(Debug)]
pub enum Message {
    Input(Input),
    Steer(Steering, oneshot::Sender<Steered>),
    Explain(BackendId, oneshot::Sender<Explained>),
    Report(oneshot::Sender<Vec<UpstreamReport>>),
    Handover(oneshot::Sender<Handover>),
    Settle(oneshot::Sender<()>),
}

/// The way to the control task, cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    snapshot: Arc<ArcSwap<Snapshot>>,
    generation: watch::Receiver<u64>,
    mailbox: mpsc::UnboundedSender<Message>,
    nudges: mpsc::Sender<Nudge>,
    clock: Clock,
}

impl Handle {
    /// The picture of this moment. One load per attempt.
    pub fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// For one thread, which looks often.
    pub fn reader(&self) -> Reader {
        Reader(Cache::new(Arc::clone(&self.snapshot)))
    }

    /// Changes with every publication: for those who wait for somebody to become eligible.
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.generation.clone()
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Tells the board something. Silent when the control task has ended (the process is leaving).
    pub fn send(&self, input: Input) {
        let _ = self.mailbox.send(Message::Input(input));
    }

    /// Returns when the control task has ended: health stands still from then on. While the process lives, only a mistake of this program ends it.
    pub async fn ended(&self) {
        self.mailbox.closed().await;
    }

    /// Has it?
    pub fn has_ended(&self) -> bool {
        self.mailbox.is_closed()
    }

    /// Lossy by design: a full channel means that the board is about to look anyway.
    pub fn nudge(&self, nudge: Nudge) {
        let _ = self.nudges.try_send(nudge);
    }

    /// Steers a backend. When this returns, requests see what it came to. `None` when the control task has ended (the process is leaving).
    pub async fn steer(&self, steering: Steering) -> Option<Steered> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(Message::Steer(steering, reply)).ok()?;
        answer.await.ok()
    }

    /// Explains one backend. `None` when the control task has ended (the process is leaving).
    pub async fn explain(&self, backend: BackendId) -> Option<Explained> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(Message::Explain(backend, reply)).ok()?;
        answer.await.ok()
    }

    /// Every upstream with its backends, as the board sees them now. Empty when the control task has ended.
    pub async fn report(&self) -> Vec<UpstreamReport> {
        let (reply, answer) = oneshot::channel();
        if self.mailbox.send(Message::Report(reply)).is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }

    /// Returns when requests see what became of everything that was sent before. At once when the control task has ended.
    pub async fn settled(&self) {
        let (reply, answer) = oneshot::channel();
        if self.mailbox.send(Message::Settle(reply)).is_ok() {
            let _ = answer.await;
        }
    }

    /// What another process needs to go on from here. Empty when the control task has ended.
    pub async fn handover(&self) -> Handover {
        let (reply, answer) = oneshot::channel();
        if self.mailbox.send(Message::Handover(reply)).is_err() {
            return Handover::default();
        }
        answer.await.unwrap_or_default()
    }
}

/// What one thread holds of the picture: it looks whether there is a newer one, and only then touches what others touch.
#[derive(Debug)]
pub struct Reader(Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>);

impl Reader {
    pub fn latest(&mut self) -> &Arc<Snapshot> {
        self.0.load()
    }
}

/// Runs probes for the board: the probe room implements it, tests script it.
pub trait Prober: Send + 'static {
    /// Starts the job; its reading is sent to `handle` as [`Input::ProbeDone`].
    fn start(&mut self, job: pulsegate_core::board::ProbeJob, handle: &Handle);
    fn cancel(&mut self, ticket: pulsegate_core::board::ProbeTicket);
}

/// Receives events: telemetry implements it.
pub trait Reporter: Send + Sync + 'static {
    fn report(&self, event: &Event);
    /// A probe starts, so long after it was due.
    fn probe_started(&self, _late: Duration) {}
    /// Which probe that is.
    fn probe_begins(&self, _job: &pulsegate_core::board::ProbeJob) {}
    /// What a probe said was weighed; `result`: the word of its verdict.
    fn probed(&self, _upstream: &str, _kind: pulsegate_core::plan::ProbeKind, _result: &'static str, _took: Duration) {}
    /// The board is about to be told this.
    fn heard(&self, _input: &Input, _now: Timestamp) {}
}
