//! What happens next? The loop over virtual time: what is due is done, the board is told and obeyed, and the clock jumps on.
//!
//! It plays the parts of the control task, the prober and the discovery; the clients are in `traffic`.

use super::agenda::Agenda;
use super::backends::Backends;
use super::behaviour::BreaksOff;
use super::clients::Clients;
use super::clock::START;
use super::compile::Rehearsal;
use super::request::{Requests, Ticket};
use super::scenario::{Answer, Mark, Scenario, What};
use super::story::Story;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Input, Output, ProbeTicket, Refused, Steering};
use pulsegate_core::health::event::EventKind;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::plan::{Plan, SourcePlan, UpstreamPlan};
use pulsegate_core::traffic::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something that is due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// An entry of the timeline.
    Mark(usize),
    ProbeEnds(ProbeTicket),
    AttemptEnds(Ticket),
    WaitEnds(Ticket),
    /// Nobody waits for a first verdict any longer than this.
    StartWaitEnds,
}

#[derive(Debug)]
pub(super) struct World<'r> {
    pub scenario: &'r Scenario,
    pub now: Timestamp,
    end: Timestamp,
    pub board: Board,
    pub snapshot: Arc<Snapshot>,
    pub due: Agenda<Due>,
    pub backends: Backends,
    probes: BTreeMap<ProbeTicket, Reading>,
    /// What each source that is asked answers now.
    found: Vec<Answer>,
    pub clients: Clients,
    pub requests: Requests,
    pub story: Story,
}

impl<'r> World<'r> {
    pub(super) fn new(rehearsal: &'r Rehearsal) -> Self {
        let scenario = &rehearsal.scenario;
        let seed = rehearsal.seed;
        let plan = Arc::clone(&rehearsal.plan);
        let mut world = Self {
            scenario,
            now: START,
            end: START + scenario.length,
            board: Board::new(Rng::of(seed, "the board").next_u64(), START),
            snapshot: Arc::new(Snapshot {
                generation: 0,
                plan: Arc::clone(&plan),
                pools: Vec::new(),
                first_round_done: false,
            }),
            due: Agenda::default(),
            backends: Backends::new(seed, scenario.latency),
            probes: BTreeMap::new(),
            found: scenario.discovery.clone(),
            clients: Clients::new(seed, &scenario.loads, &plan),
            requests: Requests::default(),
            story: Story::new(rehearsal),
        };
        for (position, mark) in scenario.marks.iter().enumerate() {
            world.due.push(START + mark.at, Due::Mark(position));
        }
        world.due.push(START + plan.start.wait, Due::StartWaitEnds);
        world.reconfigure(plan);
        world
    }

    /// To the end.
    pub(super) fn run(mut self) -> Story {
        loop {
            let due = self.due.next().unwrap_or(Timestamp::NEVER);
            let board = self.board.next_deadline().unwrap_or(Timestamp::NEVER);
            let arrival = self.clients.next();
            let next = due.min(board).min(arrival);
            if next >= self.end {
                break;
            }
            self.now = self.now.max(next);
            // The board comes first: whatever of this moment tells it something would have all timers of this moment served, and whether
            // there is such a thing must not depend on others.
            if board == next {
                self.board.handle_deadline(self.now);
                self.carry_out();
            } else if due == next {
                if let Some(due) = self.due.pop() {
                    self.come(due);
                }
            } else {
                self.arrive();
            }
        }
        self.story
    }

    fn come(&mut self, due: Due) {
        match due {
            Due::Mark(position) => {
                if let Some(mark) = self.scenario.marks.get(position) {
                    self.mark(mark);
                }
            }
            Due::ProbeEnds(ticket) => {
                if let Some(reading) = self.probes.remove(&ticket) {
                    self.tell(Input::ProbeDone { ticket, reading });
                }
            }
            Due::AttemptEnds(ticket) => self.attempt_ends(ticket),
            Due::WaitEnds(ticket) => self.wait_ends(ticket),
            Due::StartWaitEnds => self.clients.begin_all(self.now),
        }
    }

    fn mark(&mut self, mark: &Mark) {
        match &mark.what {
            What::Say(text) => self.story.says(self.now, text),
            What::Begins { number, whom, effect } => {
                let changed = self.backends.begin(*number, whom, *effect);
                self.break_off(&changed);
            }
            What::Ends { number } => {
                let changed = self.backends.end(*number);
                self.break_off(&changed);
            }
            What::Well { whom } => {
                let changed = self.backends.recover(whom);
                self.break_off(&changed);
            }
            What::Steer { whom, what, lasts } => {
                for backend in self.backends.covered(whom) {
                    let steering =
                        Steering { backend, what: *what, by: "the scenario".into(), lasts: *lasts, reason: None };
                    if let Err(refused) = self.board.steer(&steering, self.now) {
                        let why = match refused {
                            Refused::AnotherOrder { order, by } => format!("it is under {} by {by}", order.word()),
                            Refused::NoUpstream { .. } | Refused::NoBackend { .. } => "it is no member".to_owned(),
                        };
                        self.story.says(self.now, &format!("{}: {what} is refused: {why}", steering.backend));
                    }
                }
                self.carry_out();
            }
            What::Reload(plan) => self.reconfigure(Arc::clone(plan)),
            What::Found(answer) => {
                self.found.retain(|one| (&one.upstream, &one.source) != (&answer.upstream, &answer.source));
                self.found.push(answer.clone());
                let plan = Arc::clone(&self.snapshot.plan);
                self.discover(&plan, |upstream, source| *upstream.name == *answer.upstream && source == answer.source);
            }
        }
    }

    /// What becomes of the requests at backends that have changed.
    fn break_off(&mut self, changed: &[pulsegate_core::base::identity::BackendKey]) {
        for key in changed {
            match self.backends.breaks_off(*key) {
                None => {}
                Some(BreaksOff::Now) => self.cut(*key),
                Some(BreaksOff::Never) => self.freeze(*key),
            }
        }
    }

    fn reconfigure(&mut self, plan: Arc<Plan>) {
        self.clients.redirect(&plan);
        self.tell(Input::Reconfigure(Arc::clone(&plan)));
        self.discover(&plan, |_, _| true);
    }

    /// Tells what these sources answer now.
    fn discover(&mut self, plan: &Plan, which: impl Fn(&UpstreamPlan, &str) -> bool) {
        for upstream in &plan.upstreams {
            for (position, source) in upstream.sources.iter().enumerate() {
                if matches!(source, SourcePlan::Static(_)) {
                    continue;
                }
                let name = source.describe();
                let answer = self.found.iter().find(|one| one.upstream == upstream.name && one.source == name);
                if let Some(answer) = answer.filter(|_| which(upstream, &name)) {
                    let answer = answer.answer.clone();
                    self.tell(Input::Discovered { upstream: upstream.name.clone(), source: position, answer });
                }
            }
        }
    }

    pub(super) fn tell(&mut self, input: Input) {
        self.board.handle(input, self.now);
        self.carry_out();
    }

    /// What the board wants done.
    pub(super) fn carry_out(&mut self) {
        let before = Arc::clone(&self.snapshot);
        while let Some(output) = self.board.poll_output() {
            match output {
                Output::Publish(snapshot) => {
                    self.story.published(&snapshot, self.now);
                    self.snapshot = snapshot;
                }
                Output::Probe(job) => {
                    self.story.of(&job.backend.upstream).probes += 1;
                    if let Some(reading) = self.backends.probed(job.backend.key(), &job.probe) {
                        self.due.push(self.now + reading.took, Due::ProbeEnds(job.ticket));
                        self.probes.insert(job.ticket, reading);
                    }
                }
                Output::CancelProbe(ticket) => drop(self.probes.remove(&ticket)),
                Output::Probed { .. } => {}
                Output::Report(event) => {
                    if let EventKind::MemberJoined { backend } = &event.kind {
                        self.backends.meet(backend);
                    }
                    self.story.event(&event);
                }
            }
        }
        if !Arc::ptr_eq(&before, &self.snapshot) {
            self.clients.begin(&self.snapshot, self.now);
            self.look_again(&before);
        }
    }
}
