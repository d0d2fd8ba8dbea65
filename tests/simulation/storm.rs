//! What happens to the board? One step of the storm at a time, as the dice fall.
//!
//! The storm plays the parts of the control task, the prober, the discovery, the proxy and the operator, well and badly:
//! it comes late, twice or for nothing, it loses hints and probes and answers what was cancelled long ago.

use super::dice::Dice;
use super::documents;
use super::invariants::Witness;
use super::listener::Listener;
use super::plans::{self, SERVICE};
use super::requests::Crowd;
use super::trace::Trace;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Input, Output, ProbeTicket, Steering};
use pulsegate_core::health::order::{Order, Steer};
use pulsegate_core::health::reading::{Reading, ReadingResult, Sighting};
use pulsegate_core::plan::{ProbeKind, ProbePlan, Recognition, SourcePlan, UpstreamPlan};
use pulsegate_core::traffic::cell::{Nudge, NudgeKind, Record};
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::outcome::{FailureKind, Outcome};
use pulsegate_core::traffic::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How a backend may feel: 0 is well, 8 to 10 speak in documents.
const MOODS: u32 = 11;
#[derive(Clone)]
struct Flying {
    id: BackendId,
    kind: ProbeKind,
    probe: Arc<ProbePlan>,
}

pub struct Storm {
    dice: Box<dyn Dice>,
    board: Board,
    now: Timestamp,
    upstreams: Vec<UpstreamPlan>,
    /// Probes that may be in flight at once.
    concurrency: usize,
    snapshot: Option<Arc<Snapshot>>,
    /// Probes that were started and neither answered nor cancelled.
    flying: BTreeMap<ProbeTicket, Flying>,
    /// Tickets that nobody waits for any more.
    stale: Vec<ProbeTicket>,
    /// How each backend feels: probes and traffic follow it, more or less.
    moods: BTreeMap<BackendId, u32>,
    /// How often each was restarted.
    instances: BTreeMap<BackendId, u32>,
    witness: Witness,
    listener: Listener,
    crowd: Crowd,
    trace: Trace,
}

impl Storm {
    pub fn new(mut dice: Box<dyn Dice>) -> Self {
        let now = Timestamp::from_millis(u64::from(dice.below(5_000)));
        let seed = dice.seed();
        let board = Board::new(seed, now);
        let upstreams = plans::first(&mut *dice);
        let mut storm = Self {
            dice,
            board,
            now,
            upstreams,
            concurrency: 16,
            snapshot: None,
            flying: BTreeMap::new(),
            stale: Vec::new(),
            moods: BTreeMap::new(),
            instances: BTreeMap::new(),
            witness: Witness::default(),
            listener: Listener::default(),
            crowd: Crowd::new(seed),
            trace: Trace::default(),
        };
        storm.reconfigure();
        storm
    }

    pub fn trace(&self) -> u64 {
        self.trace.value()
    }

    /// Goes on for so many steps, or until the dice are used up.
    pub fn rage(&mut self, steps: u32) {
        for _ in 0..steps {
            if self.dice.used_up() {
                break;
            }
            self.step();
            self.crowd.go_on(self.snapshot.as_ref(), self.now);
        }
        self.crowd.end();
        self.listener.settle(&self.board, self.now);
    }

    fn step(&mut self) {
        match self.dice.below(100) {
            0..=29 => self.wait_for_the_deadline(Duration::ZERO),
            30..=33 => self.come_late(),
            34..=35 => self.jump(),
            36..=38 => self.board_deadline(),
            39..=62 => self.answer_a_probe(),
            63..=64 => self.lose_the_probes(),
            65..=66 => self.answer_a_stale_probe(),
            67..=86 => self.send_traffic(),
            87..=88 => self.send_a_wild_nudge(),
            89..=91 => self.reload(),
            92..=94 => self.discover(),
            95 => self.steer(),
            96 => self.hand_over(),
            _ => self.change_a_mood(),
        }
        self.settle_deadlines();
    }

    // ---------------------------------------------------------------- time

    fn wait_for_the_deadline(&mut self, late: Duration) {
        if let Some(at) = self.board.next_deadline() {
            self.now = self.now.max(at) + late;
            self.board_deadline();
        }
    }

    fn come_late(&mut self) {
        let late = Duration::from_millis(u64::from(self.dice.below(3_000)));
        self.wait_for_the_deadline(late);
    }

    /// A suspended machine: minutes are gone at once.
    fn jump(&mut self) {
        let jump = Duration::from_secs(u64::from(self.dice.below(900)));
        self.now = self.now + jump;
        self.board_deadline();
    }

    fn board_deadline(&mut self) {
        self.board.handle_deadline(self.now);
        self.drain();
    }

    /// The control task would be woken again and again: it must come to rest.
    fn settle_deadlines(&mut self) {
        for _ in 0..3 {
            if self.board.next_deadline().is_none_or(|at| at > self.now) {
                return;
            }
            self.board_deadline();
        }
        panic!("the deadline {:?} stays behind now {:?}", self.board.next_deadline(), self.now);
    }

    // -------------------------------------------------------------- probes

    fn answer_a_probe(&mut self) {
        let which = self.dice.below(self.flying.len() as u32) as usize;
        let Some((ticket, flying)) = self.flying.iter().nth(which).map(|(ticket, one)| (*ticket, one.clone())) else {
            return;
        };
        self.flying.remove(&ticket);
        self.stale.push(ticket);
        self.now = self.now + Duration::from_millis(u64::from(self.dice.below(200)));
        let mut reading = self.reading(self.mood(&flying.id));
        self.sign(&mut reading, &flying);
        self.witness.probe_answered(&flying.id, flying.kind, &reading);
        self.send(Input::ProbeDone { ticket, reading });
    }

    /// Where the probe asks for it, the answer says who answers: a stranger now and then.
    fn sign(&mut self, reading: &mut Reading, flying: &Flying) {
        let ReadingResult::Http(answer) = &mut reading.result else { return };
        let Recognition { identity, instance } = &flying.probe.recognition;
        let service = [Some(SERVICE), Some("billing"), None][(self.dice.below(30) / 14) as usize];
        let number = self.instances.get(&flying.id).copied().unwrap_or_default();
        answer.sighting = Sighting {
            service: identity.as_ref().and(service).map(str::to_owned),
            instance: instance.as_ref().map(|_| number.to_string()).filter(|_| self.dice.below(10) > 0),
        };
    }

    fn lose_the_probes(&mut self) {
        // Nobody answers, and time goes on: only the board can give it up.
        if !self.flying.is_empty() {
            self.wait_for_the_deadline(Duration::from_secs(5));
        }
    }

    fn answer_a_stale_probe(&mut self) {
        let known = self.stale.get(self.dice.below(self.stale.len() as u32) as usize).copied();
        let ticket = known.unwrap_or(ProbeTicket(u64::MAX));
        let reading = self.reading(0);
        self.send(Input::ProbeDone { ticket, reading });
    }

    fn reading(&mut self, mood: u32) -> Reading {
        let refused = || ReadingResult::ConnectFailed("connection refused".to_owned());
        let http = |status| ReadingResult::status(status);
        let whim = if self.dice.below(8) == 0 { self.dice.below(MOODS) } else { mood };
        let result = match whim {
            1 => refused(),
            2 => http(503),
            3 => ReadingResult::TimedOut { connected: true },
            4 => [http(500), http(404), http(302), ReadingResult::BrokenAnswer("cut off".to_owned())]
                [self.dice.below(4) as usize]
                .clone(),
            5 => ReadingResult::TlsFailed("the certificate is for another name".to_owned()),
            6 => ReadingResult::TimedOut { connected: false },
            8..=10 => documents::answer(whim, &mut *self.dice),
            _ => http(200),
        };
        Reading::new(result, Duration::from_millis(3))
    }

    // ------------------------------------------------------------- traffic

    /// A burst of outcomes at one backend; each hint arrives, or is lost.
    fn send_traffic(&mut self) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let members: Vec<(&Arc<Endpoint>, _)> = snapshot
            .pools
            .iter()
            .flat_map(|pool| pool.members.iter().map(move |member| (member, &pool.upstream.passive)))
            .collect();
        let Some((member, passive)) = members.get(self.dice.below(members.len() as u32) as usize) else { return };
        let trial = member.on_trial() && member.cell.claim_trial();
        let burst = if trial { 1 } else { self.dice.below(12) };
        let mood = self.mood(&member.id);
        for _ in 0..burst {
            let record = Record {
                outcome: self.outcome(mood),
                latency: Duration::from_millis(u64::from(self.dice.below(50))),
                client: u64::from(self.dice.below(3)) + 1,
                trial,
                now: self.now,
            };
            let hint = member.cell.record(record, passive);
            self.witness.traffic(&member.id, record.outcome, self.now);
            if let Some(kind) = hint.filter(|_| self.dice.below(3) > 0) {
                self.send(Input::Nudge(Nudge { backend: member.key, kind }));
            }
        }
    }

    fn outcome(&mut self, mood: u32) -> Outcome {
        let kinds = [FailureKind::Connect, FailureKind::Reset, FailureKind::Timeout, FailureKind::Status(500)];
        let failure = Outcome::Failure(kinds[self.dice.below(4) as usize]);
        match (mood, self.dice.below(10)) {
            (0 | 3 | 9 | 10, 0) => failure,
            (_, 1) => Outcome::Ignored,
            (_, 2) => Outcome::SoftFailure,
            (0 | 3 | 9 | 10, _) => Outcome::Success,
            (7, _) => Outcome::Failure(FailureKind::Status(502)),
            (_, 3..=8) => failure,
            _ => Outcome::Success,
        }
    }

    /// A nudge for which there is no reason, or for a backend that nobody knows; a suspicion twice as often as any other.
    fn send_a_wild_nudge(&mut self) {
        let kinds =
            [NudgeKind::Suspect, NudgeKind::Suspect, NudgeKind::TrialEnded { passed: true }, NudgeKind::DrainAsked];
        let kind = kinds[self.dice.below(4) as usize];
        let id = self.some_backend();
        self.witness.hinted(&id, kind);
        self.send(Input::Nudge(Nudge { backend: id.key(), kind }));
    }

    // ------------------------------------------------------- configuration

    fn reload(&mut self) {
        plans::mutate(&mut self.upstreams, &mut *self.dice);
        if self.dice.below(4) == 0 {
            self.concurrency = 1 + self.dice.below(6) as usize;
        }
        self.reconfigure();
    }

    fn reconfigure(&mut self) {
        self.witness.reconfigured(&self.upstreams, self.now);
        self.listener.reconfigured(&self.upstreams, self.now);
        self.send(Input::Reconfigure(Arc::new(plans::compile(&self.upstreams, self.concurrency))));
    }

    /// A new binary: the process ends, and the board of the next one goes on from what this one knew.
    fn hand_over(&mut self) {
        let handover = Arc::new(self.board.handover(self.now));
        self.flying.clear();
        self.stale.clear();
        self.snapshot = None;
        self.witness.handed_over(&handover);
        self.board = Board::new(self.dice.seed(), self.now);
        self.board.handle(Input::TakeOver(handover.clone()), self.now);
        if self.dice.below(2) == 0 {
            self.reload();
        } else {
            self.reconfigure();
        }
        // Told once more when the old process has stopped serving: as nothing has happened since, nothing may change.
        self.settle_deadlines();
        let before = format!("{:?}", self.board.handover(self.now));
        self.send(Input::TakeOver(handover));
        assert_eq!(format!("{:?}", self.board.handover(self.now)), before, "the same handover, twice");
        self.listener.handed_over(&self.board, self.now);
    }

    fn discover(&mut self) {
        let which = self.dice.below(self.upstreams.len() as u32) as usize;
        let Some(upstream) = self.upstreams.get(which) else { return };
        let name = upstream.name.clone();
        let Some(source) = upstream.sources.iter().position(|source| matches!(source, SourcePlan::File { .. })) else {
            return;
        };
        let answer = match self.dice.below(4) {
            0 => Ok(Vec::new()),
            1 => Err("the file cannot be read".to_owned()),
            _ => Ok(plans::some_backends(&mut *self.dice)),
        };
        self.witness.discovered(&name, source, &answer, self.now);
        self.send(Input::Discovered { upstream: name, source, answer });
    }

    /// Of any kind, at a member or at nobody, for ever or for a while.
    fn steer(&mut self) {
        let backend = self.some_backend();
        let what = [
            Steer::Order(Order::Drain),
            Steer::Order(Order::ForceUp),
            Steer::Order(Order::ForceDown),
            Steer::Undrain,
            Steer::Release,
            Steer::Release,
            Steer::Weight(Some(self.dice.below(4))),
            Steer::Weight(None),
        ][self.dice.below(8) as usize];
        let lasts = (self.dice.below(2) == 0).then(|| Duration::from_secs(u64::from(1 + self.dice.below(40))));
        let steering = Steering { backend, what, by: "the storm".into(), lasts, reason: None };
        let outcome = self.board.steer(&steering, self.now);
        self.witness.steered(&steering, outcome.as_ref(), self.now);
        self.drain();
    }

    fn change_a_mood(&mut self) {
        let id = self.some_backend();
        if self.dice.below(3) == 0 {
            *self.instances.entry(id.clone()).or_default() += 1;
        }
        let mood = if self.dice.below(2) == 0 { 0 } else { self.dice.below(MOODS) };
        self.moods.insert(id, mood);
    }

    fn mood(&self, id: &BackendId) -> u32 {
        self.moods.get(id).copied().unwrap_or(0)
    }

    /// Any address under any upstream: a member, most often.
    fn some_backend(&mut self) -> BackendId {
        let which = self.dice.below(self.upstreams.len() as u32) as usize;
        let upstream = self.upstreams.get(which).map_or_else(|| "nobody".into(), |upstream| upstream.name.clone());
        BackendId { upstream, address: plans::address(self.dice.below(6)) }
    }

    // --------------------------------------------------------------- board

    fn send(&mut self, input: Input) {
        self.board.handle(input, self.now);
        if self.dice.below(10) == 0 {
            // A busy control task hands several things over before it drains.
            self.board.handle_deadline(self.now);
        }
        self.drain();
    }

    fn drain(&mut self) {
        let mut outputs = Vec::new();
        while let Some(output) = self.board.poll_output() {
            self.trace.note(&output);
            match &output {
                Output::Publish(snapshot) => self.snapshot = Some(snapshot.clone()),
                Output::Probe(job) => {
                    let same = |one: &Flying| one.id == job.backend && one.kind == job.kind;
                    assert!(!self.flying.values().any(same), "{} has two {} probes in flight", job.backend, job.kind);
                    assert!(self.flying.len() < self.concurrency, "more probes in flight than allowed");
                    let (id, kind, probe) = (job.backend.clone(), job.kind, job.probe.clone());
                    self.flying.insert(job.ticket, Flying { id, kind, probe });
                }
                Output::CancelProbe(ticket) => {
                    let one = self.flying.remove(ticket).unwrap_or_else(|| panic!("{ticket:?} was not in flight"));
                    self.stale.push(*ticket);
                    self.witness.probe_cancelled(&one.id, one.kind);
                }
                Output::Probed { .. } | Output::Report(_) => {}
            }
            outputs.push(output);
        }
        self.witness.check(&outputs, &self.board, self.now);
        self.listener.hear(&outputs, &self.board, self.now);
    }
}
