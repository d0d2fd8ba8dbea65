//! What would have come of it? The board under another configuration, told what was recorded, at the moments of the record.

use super::read::{Happening, Probe, Recorded, Second, Transition, within};
use crate::rehearsal::agenda::Agenda;
use pulsegate_core::base::identity::{BackendId, BackendKey};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Input, Output, ProbeJob, ProbeTicket, Steering};
use pulsegate_core::health::event::{Event, EventKind};
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::health::verdict::Verdict;
use pulsegate_core::plan::{Plan, UpstreamPlan};
use pulsegate_core::traffic::cell::{Nudge, Record};
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::outcome::Outcome;
use pulsegate_core::traffic::snapshot::{Pool, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The clock at the record's beginning.
const START: Timestamp = Timestamp::from_secs(86_400);

/// A recorded probe that began so near is as good as the one that is asked for.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What a replay came to.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub transitions: Vec<Transition>,
    pub ejections: Vec<(Duration, BackendId)>,
    /// Attempts that were recorded.
    pub attempts: u64,
    pub failed: u64,
    /// Failed attempts at a backend that would have been out.
    pub avoided: BTreeMap<BackendId, u64>,
    /// Other attempts at it, which others would have had to take.
    pub moved: BTreeMap<BackendId, u64>,
    /// Attempts at backends that this configuration does not have.
    pub strangers: u64,
    /// Outcomes whose order within their second is not known.
    pub unordered: u64,
    pub probes: Probes,
}

/// How well the record answers the probes of this configuration.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// A recorded one began at that moment.
    pub exact: u64,
    /// One began within a period: its answer is taken.
    pub near: u64,
    /// None did: the nearest answer is taken, and may be wrong.
    pub unknown: u64,
}

#[derive(Debug)]
enum Due {
    Happening(usize),
    ProbeEnds(ProbeTicket),
    Outcome(Arc<Second>, Outcome, u32),
}

pub(super) struct Player<'r> {
    recorded: &'r Recorded,
    board: Board,
    now: Timestamp,
    due: Agenda<Due>,
    snapshot: Option<Arc<Snapshot>>,
    places: BTreeMap<BackendKey, (usize, usize)>,
    flying: BTreeMap<ProbeTicket, Reading>,
    /// When each backend was really in, as transitions tell: (since, in).
    really: BTreeMap<BackendId, Vec<(Duration, bool)>>,
    told: Replayed,
}

/// Plays the record under `plan`.
pub(super) fn play(recorded: &Recorded, plan: &Arc<Plan>) -> Replayed {
    let mut really: BTreeMap<BackendId, Vec<(Duration, bool)>> = BTreeMap::new();
    for one in &recorded.transitions {
        really.entry(one.backend.clone()).or_default().push((one.at, one.to.eligible()));
    }
    let mut player = Player {
        recorded,
        board: Board::new(1, START + recorded.from),
        now: START + recorded.from,
        due: Agenda::default(),
        snapshot: None,
        places: BTreeMap::new(),
        flying: BTreeMap::new(),
        really,
        told: Replayed::default(),
    };
    for (index, (at, _)) in recorded.happenings.iter().enumerate() {
        player.due.push(START + *at, Due::Happening(index));
    }
    player.tell(Input::Reconfigure(Arc::new(readiness_alone(plan))));
    player.run();
    player.told
}

/// The plan without startup and liveness, of which a record has nothing.
fn readiness_alone(plan: &Plan) -> Plan {
    let upstreams = plan.upstreams.iter();
    let one =
        |upstream: &Arc<UpstreamPlan>| UpstreamPlan { startup: None, liveness: None, ..UpstreamPlan::clone(upstream) };
    Plan { upstreams: upstreams.map(one).map(Arc::new).collect(), ..plan.clone() }
}

impl Player<'_> {
    fn run(&mut self) {
        let end = START + self.recorded.until;
        loop {
            let due = self.due.next().unwrap_or(Timestamp::NEVER);
            let board = self.board.next_deadline().unwrap_or(Timestamp::NEVER);
            if due.min(board) > end {
                return;
            }
            self.now = self.now.max(due.min(board));
            if due <= board {
                if let Some(due) = self.due.pop() {
                    self.come(due);
                }
            } else {
                self.board.handle_deadline(self.now);
                self.carry_out();
            }
        }
    }

    fn come(&mut self, due: Due) {
        match due {
            Due::Happening(index) => {
                if let Some((_, happening)) = self.recorded.happenings.get(index) {
                    self.happen(happening);
                }
            }
            Due::ProbeEnds(ticket) => {
                if let Some(reading) = self.flying.remove(&ticket) {
                    self.tell(Input::ProbeDone { ticket, reading });
                }
            }
            Due::Outcome(second, outcome, nth) => self.outcome(&second, outcome, nth),
        }
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Found { upstream, source, answer } => {
                let plan = self.snapshot.as_ref().map(|snapshot| Arc::clone(&snapshot.plan));
                let known = plan.iter().flat_map(|plan| &plan.upstreams).find(|one| *one.name == **upstream);
                let position = known.and_then(|one| one.sources.iter().position(|own| own.id() == *source));
                if let (Some(known), Some(source)) = (known, position) {
                    let upstream = known.name.clone();
                    self.tell(Input::Discovered { upstream, source, answer: answer.clone() });
                }
            }
            Happening::Steered { backend, what, lasts } => {
                let by = "the record".into();
                let steering = Steering { backend: backend.clone(), what: *what, by, lasts: *lasts, reason: None };
                // A backend that this configuration does not have takes no orders.
                let _ = self.board.steer(&steering, self.now);
                self.carry_out();
            }
            Happening::Traffic(second) => self.spread(second),
        }
    }

    /// The outcomes of a second at their moments; those of one run evenly from its first to its last.
    fn spread(&mut self, second: &Second) {
        self.told.unordered += u64::from(second.unordered);
        let shared = Arc::new(second.clone());
        let mut nth = 0;
        for run in &second.runs {
            let step = run.last.saturating_sub(run.first) / run.count.saturating_sub(1).max(1);
            for turn in 0..run.count {
                let at = self.now + run.first + step * turn;
                self.due.push(at, Due::Outcome(Arc::clone(&shared), run.outcome, nth));
                nth += u32::from(run.outcome == Outcome::Success);
            }
        }
    }

    fn outcome(&mut self, second: &Second, outcome: Outcome, nth: u32) {
        let failed = matches!(outcome, Outcome::Failure(_));
        self.told.attempts += 1;
        self.told.failed += u64::from(failed);
        let Some((pool, member)) = self.member(second.backend.key()) else {
            self.told.strangers += 1;
            return;
        };
        let trial = member.on_trial() && member.cell.claim_trial();
        let others = pool.members.iter().any(|other| other.eligible());
        if !trial && !member.eligible() && others {
            if self.was_in(&second.backend) {
                let count = if failed { &mut self.told.avoided } else { &mut self.told.moved };
                *count.entry(second.backend.clone()).or_default() += 1;
            }
            return;
        }
        let several = if failed { second.failed_clients } else { second.clients };
        let record = Record {
            outcome,
            latency: second.took(nth),
            client: if several { 1 + u64::from(nth % 2) + self.told.attempts % 2 } else { 1 },
            trial,
            now: self.now,
        };
        if let Some(kind) = member.cell.record(record, &pool.upstream.passive) {
            self.tell(Input::Nudge(Nudge { backend: member.key, kind }));
        }
    }

    fn member(&self, key: BackendKey) -> Option<(Arc<Pool>, Arc<Endpoint>)> {
        let (pool, member) = self.places.get(&key)?;
        let pool = self.snapshot.as_ref()?.pools.get(*pool)?;
        Some((Arc::clone(pool), Arc::clone(pool.members.get(*member)?)))
    }

    /// Was it really in at this moment?
    fn was_in(&self, backend: &BackendId) -> bool {
        let at = self.now.since(START);
        let log = self.really.get(backend).map(Vec::as_slice).unwrap_or_default();
        log.iter().rev().find(|(since, _)| *since <= at).is_none_or(|(_, eligible)| *eligible)
    }

    fn tell(&mut self, input: Input) {
        self.board.handle(input, self.now);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.board.poll_output() {
            match output {
                Output::Publish(snapshot) => {
                    self.places.clear();
                    for (position, pool) in snapshot.pools.iter().enumerate() {
                        let members = pool.members.iter().enumerate();
                        self.places.extend(members.map(|(index, member)| (member.key, (position, index))));
                    }
                    self.snapshot = Some(snapshot);
                }
                Output::Probe(job) => self.probe(&job),
                Output::CancelProbe(ticket) => drop(self.flying.remove(&ticket)),
                Output::Probed { .. } => {}
                Output::Report(event) => self.event(&event),
            }
        }
    }

    fn event(&mut self, event: &Event) {
        let at = event.at.since(START);
        match &event.kind {
            EventKind::Transition { backend, from, to, .. } => {
                self.told.transitions.push(Transition { at, backend: backend.clone(), from: *from, to: *to });
            }
            EventKind::Ejected { backend, .. } => self.told.ejections.push((at, backend.clone())),
            _ => {}
        }
    }

    /// What the recorded probe says that began nearest to this one.
    fn probe(&mut self, job: &ProbeJob) {
        let at = self.now.since(START);
        let known = self.recorded.probes.get(&job.backend).map(Vec::as_slice).unwrap_or_default();
        let nearest = nearest(known, at);
        let reading = match nearest {
            Some((probe, distance)) => {
                let timed_out = matches!(probe.reading.result, ReadingResult::TimedOut { .. });
                let too_short = timed_out && probe.reading.took < job.probe.timeout;
                match distance {
                    _ if too_short => self.told.probes.unknown += 1,
                    _ if distance <= AT_ONCE => self.told.probes.exact += 1,
                    _ if distance <= job.probe.period => self.told.probes.near += 1,
                    _ => self.told.probes.unknown += 1,
                }
                answer(probe, job)
            }
            None => {
                self.told.probes.unknown += 1;
                Reading::new(ReadingResult::status(200), Duration::from_millis(1))
            }
        };
        self.due.push(self.now + reading.took, Due::ProbeEnds(job.ticket));
        self.flying.insert(job.ticket, reading);
    }
}

/// As it was recorded, under this probe's timeout. What failed for another reason than the wire tells fails here too.
fn answer(probe: &Probe, job: &ProbeJob) -> Reading {
    let reading = within(&probe.reading, job.probe.timeout);
    let passes = matches!(judge(&reading, &job.probe), Verdict::Pass { .. });
    match (passes, probe.passed) {
        (true, false) => Reading::new(ReadingResult::status(503), reading.took),
        _ => reading,
    }
}

/// The probe that began nearest to `at`, and how far from it.
fn nearest(probes: &[Probe], at: Duration) -> Option<(&Probe, Duration)> {
    let behind = probes.partition_point(|probe| probe.began < at);
    let before = behind.checked_sub(1).and_then(|index| probes.get(index));
    [before, probes.get(behind)]
        .into_iter()
        .flatten()
        .map(|probe| (probe, probe.began.abs_diff(at)))
        .min_by_key(|(_, distance)| *distance)
}
