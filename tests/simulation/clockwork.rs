//! A small world for one upstream in virtual time: even traffic, probes that are answered by what each backend is like at that moment, and
//! a note of every change of standing.

use super::plans;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Input, Output, ProbeTicket};
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::UpstreamPlan;
use pulsegate_core::timings::Fault;
use pulsegate_core::traffic::cell::{Nudge, Record};
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::outcome::{FailureKind, Outcome};
use pulsegate_core::traffic::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How the requests come.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// From one request of the upstream to the next; `None`: there are none.
    pub every: Option<Duration>,
    /// How long a request waits for a head, and for a connection.
    pub per_try: Duration,
    pub connect: Duration,
    /// Lying backends answer 500 instead of breaking the connection.
    pub by_status: bool,
}

/// Something that ends later.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "few are pending at once")]
enum Pending {
    Probe { backend: usize, ticket: ProbeTicket, result: ReadingResult },
    Request { backend: usize, outcome: Outcome },
}

pub struct Clockwork {
    board: Board,
    pub now: Timestamp,
    plan: Arc<UpstreamPlan>,
    snapshot: Option<Arc<Snapshot>>,
    /// What is wrong with each backend.
    broken: Vec<Option<Fault>>,
    traffic: Traffic,
    next_request: Timestamp,
    requests: u64,
    /// In order of their ends; the number keeps apart what ends at one moment.
    pending: BTreeMap<(Timestamp, u64), Pending>,
    number: u64,
    /// Attempts that a broken backend was sent.
    pub failing: u64,
    /// The last cause of each backend, and the moment of its beginning.
    pub standing: Vec<(Cause, Timestamp)>,
}

impl Clockwork {
    pub fn new(plan: UpstreamPlan, backends: usize, traffic: Traffic, seed: u64) -> Self {
        let now = Timestamp::from_secs(1_000_000) + Duration::from_nanos(seed.wrapping_mul(7_919) % 1_000_000_000);
        let mut world = Self {
            board: Board::new(seed, now),
            now,
            plan: Arc::new(plan.clone()),
            snapshot: None,
            broken: vec![None; backends],
            next_request: traffic.every.map_or(Timestamp::NEVER, |every| now + every),
            traffic,
            requests: 0,
            pending: BTreeMap::new(),
            number: 0,
            failing: 0,
            standing: vec![(Cause::Unchecked, now); backends],
        };
        world.tell(Input::Reconfigure(Arc::new(plans::compile(&[plan], 10_000))));
        world
    }

    pub fn break_down(&mut self, backend: usize, fault: Fault) {
        self.broken[backend] = Some(fault);
    }

    /// A frozen backend answers what has waited for it.
    pub fn mend(&mut self, backend: usize) {
        let thawed = self.broken[backend].take() == Some(Fault::Silent);
        let waits = |pending: &Pending| matches!(pending, Pending::Probe { backend: of, .. } if *of == backend);
        let waiting: Vec<(Timestamp, u64)> =
            self.pending.iter().filter(|(_, pending)| thawed && waits(pending)).map(|(at, _)| *at).collect();
        for at in waiting {
            if let Some(Pending::Probe { backend, ticket, .. }) = self.pending.remove(&at) {
                self.later(Duration::ZERO, Pending::Probe { backend, ticket, result: ReadingResult::status(200) });
            }
        }
    }

    /// Lets time pass until `done`, at most until `until`. True when it was `done`.
    pub fn run(&mut self, until: Timestamp, done: impl Fn(&Self) -> bool) -> bool {
        while !done(self) {
            let pending = self.pending.first_key_value().map_or(Timestamp::NEVER, |((at, _), _)| *at);
            let deadline = self.board.next_deadline().unwrap_or(Timestamp::NEVER);
            let next = pending.min(deadline).min(self.next_request);
            if next > until {
                self.now = self.now.max(until);
                return false;
            }
            self.now = self.now.max(next);
            if pending == next {
                self.end_pending();
            } else if deadline == next {
                self.board.handle_deadline(self.now);
                self.drain();
            } else {
                self.request();
            }
        }
        true
    }

    fn end_pending(&mut self) {
        match self.pending.pop_first().map(|(_, pending)| pending) {
            Some(Pending::Probe { ticket, result, .. }) => {
                self.tell(Input::ProbeDone { ticket, reading: Reading::new(result, Duration::ZERO) });
            }
            Some(Pending::Request { backend, outcome }) => self.record(backend, outcome, false),
            None => {}
        }
    }

    fn request(&mut self) {
        let number = self.requests;
        self.requests += 1;
        self.next_request = self.traffic.every.map_or(Timestamp::NEVER, |every| self.next_request + every);
        let trial = (0..self.broken.len())
            .find(|backend| self.standing[*backend].0 == Cause::Trial && self.member(*backend).cell.claim_trial());
        let backend = trial.unwrap_or((number % self.broken.len() as u64) as usize);
        if trial.is_none() && !self.standing[backend].0.eligible() {
            return;
        }
        let fault = self.broken[backend];
        self.failing += u64::from(fault.is_some_and(|fault| fault != Fault::Unready));
        let (outcome, after) = match fault {
            None | Some(Fault::Unready) => (Outcome::Success, Duration::ZERO),
            Some(Fault::Refused) => (Outcome::Failure(FailureKind::Connect), Duration::ZERO),
            Some(Fault::Silent) => (Outcome::Failure(FailureKind::Timeout), self.traffic.per_try),
            // Every second request has an idle connection that it may use.
            Some(Fault::Unreachable) if number.is_multiple_of(2) => {
                (Outcome::Failure(FailureKind::Timeout), self.traffic.per_try)
            }
            Some(Fault::Unreachable) => (Outcome::Failure(FailureKind::Connect), self.traffic.connect),
            Some(Fault::Lying) if self.traffic.by_status => {
                (Outcome::Failure(FailureKind::Status(500)), Duration::ZERO)
            }
            Some(Fault::Lying) => (Outcome::Failure(FailureKind::Reset), Duration::ZERO),
        };
        match after.is_zero() || trial.is_some() {
            true => self.record(backend, outcome, trial.is_some()),
            false => self.later(after, Pending::Request { backend, outcome }),
        }
    }

    /// Two clients ask in turn.
    fn record(&mut self, backend: usize, outcome: Outcome, trial: bool) {
        let member = self.member(backend);
        let client = 1 + self.requests / self.broken.len() as u64 % 2;
        let record = Record { outcome, latency: Duration::from_millis(1), client, trial, now: self.now };
        if let Some(kind) = member.cell.record(record, &self.plan.passive) {
            self.tell(Input::Nudge(Nudge { backend: member.key, kind }));
        }
    }

    fn member(&self, backend: usize) -> Arc<Endpoint> {
        let pool = &self.snapshot.as_ref().unwrap().pools[0];
        let address = plans::address(backend as u32);
        Arc::clone(pool.members.iter().find(|member| member.id.address == address).unwrap())
    }

    fn later(&mut self, after: Duration, pending: Pending) {
        self.number += 1;
        self.pending.insert((self.now + after, self.number), pending);
    }

    fn tell(&mut self, input: Input) {
        self.board.handle(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.board.poll_output() {
            match output {
                Output::Publish(snapshot) => self.publish(snapshot),
                Output::Probe(job) => {
                    let backend = (0..self.broken.len())
                        .find(|backend| plans::address(*backend as u32) == job.backend.address)
                        .unwrap();
                    let (result, after) = answer(self.broken[backend], job.probe.timeout);
                    self.later(after, Pending::Probe { backend, ticket: job.ticket, result });
                }
                Output::CancelProbe(_) | Output::Probed { .. } | Output::Report(_) => {}
            }
        }
    }

    fn publish(&mut self, snapshot: Arc<Snapshot>) {
        self.snapshot = Some(snapshot);
        for backend in 0..self.broken.len() {
            let cause = self.member(backend).standing.cause;
            if cause != self.standing[backend].0 {
                self.standing[backend] = (cause, self.now);
            }
        }
    }
}

/// What a probe reads, and after how long.
fn answer(fault: Option<Fault>, timeout: Duration) -> (ReadingResult, Duration) {
    match fault {
        None | Some(Fault::Lying) => (ReadingResult::status(200), Duration::ZERO),
        Some(Fault::Refused) => (ReadingResult::ConnectFailed("refused".to_owned()), Duration::ZERO),
        Some(Fault::Silent) => (ReadingResult::TimedOut { connected: true }, timeout),
        Some(Fault::Unreachable) => (ReadingResult::TimedOut { connected: false }, timeout),
        Some(Fault::Unready) => (ReadingResult::status(503), Duration::ZERO),
    }
}
