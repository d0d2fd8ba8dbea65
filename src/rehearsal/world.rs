//! What happens next? The loop over virtual time: what is due is done, the board is told and obeyed, and the clock jumps on.
//!
//! It plays the parts of the control task, the prober and the discovery; the requests are in `traffic`.

use super::agenda::Agenda;
use super::backends::Backends;
use super::clients::Clients;
use super::clock::START;
use super::compile::Rehearsal;
use super::scenario::{Answer, Mark, Scenario, What};
use super::stage::{Due, Stage};
use super::story::Story;
use super::traffic::Traffic;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Board, Input, Output, ProbeJob, ProbeTicket, Refused, Steering};
use pulsegate_core::health::event::EventKind;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::plan::{Plan, SourceId, SourcePlan, UpstreamPlan};
use pulsegate_core::traffic::snapshot::Snapshot;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct World<'r> {
    scenario: &'r Scenario,
    end: Timestamp,
    board: Board,
    stage: Stage,
    traffic: Traffic,
    probes: BTreeMap<ProbeTicket, Reading>,
    /// What each source that is asked answers now.
    found: Vec<Answer>,
}

impl<'r> World<'r> {
    pub(super) fn new(rehearsal: &'r Rehearsal) -> Self {
        let (scenario, seed) = (&rehearsal.scenario, rehearsal.seed);
        let plan = Arc::clone(&rehearsal.plan);
        let nothing = Snapshot { generation: 0, plan: Arc::clone(&plan), pools: Vec::new(), first_round_done: false };
        let stage = Stage {
            now: START,
            agenda: Agenda::default(),
            backends: Backends::new(seed, scenario.latency),
            snapshot: Arc::new(nothing),
            story: Story::new(rehearsal),
            nudges: Vec::new(),
        };
        let mut world = Self {
            scenario,
            end: START + scenario.length,
            board: Board::new(Rng::of(seed, "the board").next_u64(), START),
            stage,
            traffic: Traffic::new(Clients::new(seed, &scenario.loads, &plan)),
            probes: BTreeMap::new(),
            found: scenario.discovery.clone(),
        };
        for (position, mark) in scenario.marks.iter().enumerate() {
            world.stage.agenda.push(START + mark.at, Due::Mark(position));
        }
        world.stage.agenda.push(START + plan.start.wait, Due::StartWaitEnds);
        world.reconfigure(plan);
        world
    }

    /// To the end.
    pub(super) fn run(mut self) -> Story {
        loop {
            let due = self.stage.agenda.next().unwrap_or(Timestamp::NEVER);
            let board = self.board.next_deadline().unwrap_or(Timestamp::NEVER);
            let next = due.min(board).min(self.traffic.clients.next());
            if next >= self.end {
                return self.stage.story;
            }
            self.stage.now = self.stage.now.max(next);
            // The board comes first: whatever of this moment tells it something would have all timers of this moment served, and whether
            // there is such a thing must not depend on others.
            if board == next {
                self.board.handle_deadline(self.stage.now);
            } else if due == next {
                self.come();
            } else {
                self.traffic.arrive(&mut self.stage);
            }
            self.obey();
        }
    }

    /// What is due next is due now.
    fn come(&mut self) {
        match self.stage.agenda.pop() {
            Some(Due::Mark(position)) => {
                if let Some(mark) = self.scenario.marks.get(position) {
                    self.mark(mark);
                }
            }
            Some(Due::ProbeEnds(ticket)) => {
                if let Some(reading) = self.probes.remove(&ticket) {
                    self.board.handle(Input::ProbeDone { ticket, reading }, self.stage.now);
                }
            }
            Some(Due::Request(ticket, wake)) => self.traffic.wake(ticket, wake, &mut self.stage),
            Some(Due::StartWaitEnds) => self.traffic.clients.begin_all(self.stage.now),
            None => {}
        }
    }

    fn mark(&mut self, mark: &Mark) {
        match &mark.what {
            What::Say(text) => self.stage.story.says(self.stage.now, text),
            What::Begins { number, whom, effect } => {
                let changed = self.stage.backends.begin(*number, whom, *effect);
                self.break_off(&changed);
            }
            What::Ends { number } => {
                let changed = self.stage.backends.end(*number);
                self.break_off(&changed);
            }
            What::Well { whom } => {
                let changed = self.stage.backends.recover(whom);
                self.break_off(&changed);
            }
            What::Steer { whom, what, lasts } => {
                for backend in self.stage.backends.covered(whom) {
                    let by = "the scenario".into();
                    self.steer(&Steering { backend, what: *what, by, lasts: *lasts, reason: None });
                }
            }
            What::Reload(plan) => self.reconfigure(Arc::clone(plan)),
            What::Found(answer) => {
                self.found.retain(|one| (&one.upstream, &one.source) != (&answer.upstream, &answer.source));
                self.found.push(answer.clone());
                let plan = Arc::clone(&self.stage.snapshot.plan);
                self.discover(&plan, |upstream, source| *upstream.name == *answer.upstream && *source == answer.source);
            }
        }
    }

    fn steer(&mut self, steering: &Steering) {
        let now = self.stage.now;
        if let Err(refused) = self.board.steer(steering, now) {
            let why = match refused {
                Refused::AnotherOrder { order, by } => format!("it is under {} by {by}", order.word()),
                Refused::NoUpstream { .. } | Refused::NoBackend { .. } => "it is no member".to_owned(),
            };
            let text = format!("{}: {} is refused: {why}", steering.backend, steering.what);
            self.stage.story.says(now, &text);
        }
    }

    fn break_off(&mut self, changed: &[BackendKey]) {
        for backend in changed {
            self.traffic.break_off(*backend, &mut self.stage);
        }
    }

    fn reconfigure(&mut self, plan: Arc<Plan>) {
        self.traffic.clients.redirect(&plan);
        self.tell(Input::Reconfigure(Arc::clone(&plan)));
        self.discover(&plan, |_, _| true);
    }

    /// Tells what these sources answer now.
    fn discover(&mut self, plan: &Plan, which: impl Fn(&UpstreamPlan, &SourceId) -> bool) {
        for upstream in &plan.upstreams {
            for (position, source) in upstream.sources.iter().enumerate() {
                if matches!(source, SourcePlan::Static(_)) {
                    continue;
                }
                let id = source.id();
                let answer = self.found.iter().find(|one| one.upstream == upstream.name && one.source == id);
                if let Some(answer) = answer.filter(|_| which(upstream, &id)) {
                    let answer = answer.answer.clone();
                    self.tell(Input::Discovered { upstream: upstream.name.clone(), source: position, answer });
                }
            }
        }
    }

    fn tell(&mut self, input: Input) {
        self.board.handle(input, self.stage.now);
        self.obey();
    }

    /// Does what the board wants done, and tells it what requests have seen, until neither has anything more.
    fn obey(&mut self) {
        loop {
            let before = Arc::clone(&self.stage.snapshot);
            while let Some(output) = self.board.poll_output() {
                self.carry_out(output);
            }
            if !Arc::ptr_eq(&before, &self.stage.snapshot) {
                self.traffic.published(&before, &mut self.stage);
            }
            if self.stage.nudges.is_empty() {
                return;
            }
            for nudge in std::mem::take(&mut self.stage.nudges) {
                self.board.handle(Input::Nudge(nudge), self.stage.now);
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Publish(snapshot) => {
                self.stage.story.published(&snapshot, self.stage.now);
                self.stage.snapshot = snapshot;
            }
            Output::Probe(job) => self.probe(&job),
            Output::CancelProbe(ticket) => drop(self.probes.remove(&ticket)),
            Output::Probed { .. } => {}
            Output::Report(event) => {
                if let EventKind::MemberJoined { backend } = &event.kind {
                    self.stage.backends.meet(backend);
                }
                self.stage.story.event(&event);
            }
        }
    }

    fn probe(&mut self, job: &ProbeJob) {
        let reading = self.stage.backends.probed(&job.backend, &job.probe);
        self.stage.agenda.push(self.stage.now + reading.took, Due::ProbeEnds(job.ticket));
        self.probes.insert(job.ticket, reading);
        self.stage.story.of(&job.backend.upstream).probes += 1;
    }
}
