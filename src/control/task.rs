//! The loop around the board: wait for an input, a nudge or the deadline; hand it over; carry out what comes out.

use super::{Handle, Message, Prober, Reporter, Steered};
use crate::clock::Clock;
use arc_swap::ArcSwap;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Handover, Input, Output};
use pulsegate_core::plan::Plan;
use pulsegate_core::traffic::cell::Nudge;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::sync::Arc;
use tokio::runtime::Handle as Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;

/// Nudges that may wait; more are dropped (the board looks by itself at its next deadline).
const NUDGES: usize = 1024;

/// Messages and nudges that are handed over in one go at most: one snapshot carries the changes of all.
const BATCH: usize = 256;

/// Builds the board with its first plan, and what the board of a process before it knew, and starts the control task on `runtime`.
/// The first snapshot is there when this returns.
pub fn spawn(
    runtime: &Runtime,
    handover: Handover,
    plan: Arc<Plan>,
    seed: u64,
    clock: Clock,
    prober: impl Prober,
    reporter: Arc<dyn Reporter>,
) -> Handle {
    let mut board = Board::new(seed, clock.now());
    board.handle(Input::TakeOver(Arc::new(handover)), clock.now());
    let first = Input::Reconfigure(plan.clone());
    reporter.heard(&first, clock.now());
    board.handle(first, clock.now());

    let empty = Snapshot { generation: 0, plan, pools: Vec::new(), first_round_done: false };
    let (mailbox, inbox) = mpsc::unbounded_channel();
    let (nudges, nudge_inbox) = mpsc::channel(NUDGES);
    let (announce, generation) = watch::channel(0);
    let handle = Handle { snapshot: Arc::new(ArcSwap::from_pointee(empty)), generation, mailbox, nudges, clock };

    let mut task = ControlTask {
        board,
        handle: handle.clone(),
        announce,
        prober,
        reporter,
        steered: Vec::new(),
        settled: Vec::new(),
    };
    task.carry_out();
    runtime.spawn(task.run(inbox, nudge_inbox));
    handle
}

struct ControlTask<P> {
    board: Board,
    handle: Handle,
    announce: watch::Sender<u64>,
    prober: P,
    reporter: Arc<dyn Reporter>,
    /// Orders that were carried out, whose answers wait for the publication.
    steered: Vec<(oneshot::Sender<Steered>, Steered)>,
    /// Told after the publication.
    settled: Vec<oneshot::Sender<()>>,
}

impl<P: Prober> ControlTask<P> {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>, mut nudges: mpsc::Receiver<Nudge>) {
        let clock = self.handle.clock;
        loop {
            let deadline = self.board.next_deadline();
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.take(message, clock.now()),
                    None => return,
                },
                Some(nudge) = nudges.recv() => self.board.handle(Input::Nudge(nudge), clock.now()),
                () = sleep_until(clock.instant(deadline.unwrap_or_default())), if deadline.is_some() => {
                    self.board.handle_deadline(clock.now());
                }
            }
            self.take_what_waits(&mut inbox, &mut nudges);
            self.carry_out();
        }
    }

    fn take(&mut self, message: Message, now: Timestamp) {
        match message {
            Message::Input(input) => {
                self.reporter.heard(&input, now);
                self.board.handle(input, now);
            }
            Message::Steer(steering, reply) => {
                let outcome = self.board.steer(&steering, now);
                self.steered.push((reply, outcome));
            }
            Message::Explain(backend, reply) => {
                let _ = reply.send(self.board.explain(&backend, now).map(Box::new));
            }
            Message::Report(reply) => {
                let _ = reply.send(self.board.report(now));
            }
            Message::Settle(reply) => self.settled.push(reply),
            Message::Handover(reply) => {
                let _ = reply.send(self.board.handover(now));
            }
        }
    }

    /// A burst is one moment: equal nudges are one.
    fn take_what_waits(&mut self, inbox: &mut mpsc::UnboundedReceiver<Message>, nudges: &mut mpsc::Receiver<Nudge>) {
        let now = self.handle.clock.now();
        for message in std::iter::from_fn(|| inbox.try_recv().ok()).take(BATCH) {
            self.take(message, now);
        }
        let mut taken: Vec<Nudge> = Vec::new();
        for nudge in std::iter::from_fn(|| nudges.try_recv().ok()).take(BATCH) {
            if !taken.contains(&nudge) {
                taken.push(nudge);
                self.board.handle(Input::Nudge(nudge), now);
            }
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.board.poll_output() {
            match output {
                Output::Publish(snapshot) => {
                    let generation = snapshot.generation;
                    self.handle.snapshot.store(snapshot);
                    self.announce.send_replace(generation);
                }
                Output::Probe(job) => {
                    self.reporter.probe_started(job.late);
                    self.reporter.probe_begins(&job);
                    self.prober.start(job, &self.handle);
                }
                Output::CancelProbe(ticket) => self.prober.cancel(ticket),
                Output::Probed { upstream, kind, result, took } => self.reporter.probed(&upstream, kind, result, took),
                Output::Report(event) => self.reporter.report(&event),
            }
        }
        for (reply, outcome) in self.steered.drain(..) {
            let _ = reply.send(outcome);
        }
        for reply in self.settled.drain(..) {
            let _ = reply.send(());
        }
    }
}
