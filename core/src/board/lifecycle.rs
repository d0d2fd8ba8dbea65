//! What follows when a startup or liveness probe has ended, and when another instance is seen to answer?

use super::desk::Desk;
use super::upstream::Upstream;
use super::why::Occasion;
use crate::base::time::Timestamp;
use crate::health::event::EventKind;
use crate::health::reading::{Reading, Verdict};
use crate::health::startup::Decided;
use crate::plan::{OnDown, ProbeFailure, ProbeKind, ProbePlan};
use std::sync::Arc;

/// What an answer says of who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing new.
    Nothing,
    /// Another instance.
    Restarted,
    /// Another instance, which has to start first: this probe says nothing about its readiness.
    MustStart,
}

impl Upstream {
    /// A startup probe ended. Until it has passed, all that it says is kept quiet.
    pub(super) fn startup_done(
        &mut self,
        index: usize,
        verdict: &Verdict,
        ramps: bool,
        desk: &mut Desk,
        now: Timestamp,
    ) {
        let member = &mut self.members[index];
        let Some(probe) = member.life.startup.as_ref().map(|check| Arc::clone(&check.plan)) else { return };
        match member.life.progress.count(passed(verdict), &probe, now) {
            Some(Decided::Started) => {
                member.life.started(now);
                if let Some(check) = &mut member.check {
                    check.release(now);
                }
            }
            Some(Decided::Failed) => self.needs_restart(index, ProbeKind::Startup, &probe, desk, now),
            None => {}
        }
        self.settle(index, ramps, None, desk, now);
    }

    /// A liveness probe ended.
    pub(super) fn liveness_done(
        &mut self,
        index: usize,
        verdict: &Verdict,
        ramps: bool,
        desk: &mut Desk,
        now: Timestamp,
    ) {
        let Some(check) = &mut self.members[index].life.liveness else { return };
        let lived = check.up();
        // Who asks for a drain lives.
        match verdict {
            Verdict::Drain { .. } => check.count(&Verdict::PASSED, now),
            verdict => check.count(verdict, now),
        }
        let (lives, probe) = (check.up(), Arc::clone(&check.plan));
        if lived && !lives {
            self.needs_restart(index, ProbeKind::Liveness, &probe, desk, now);
        }
        let occasion = (lives && !lived).then_some(Occasion::LivesAgain);
        self.settle(index, ramps, occasion.as_ref(), desk, now);
    }

    /// Said once per episode, whatever else holds the backend out: somebody must restart it.
    fn needs_restart(&mut self, index: usize, kind: ProbeKind, probe: &ProbePlan, desk: &mut Desk, now: Timestamp) {
        let member = &mut self.members[index];
        let event = EventKind::NeedsRestart {
            backend: member.id.clone(),
            kind,
            why: member.life_sentence(kind),
            webhook: probe.on_failure.clone(),
        };
        member.report(event, desk, now);
    }

    /// Did another instance answer than before? Then it is a new backend.
    pub(super) fn look_who_answers(
        &mut self,
        (index, kind): (usize, ProbeKind),
        (reading, verdict): (&Reading, &Verdict),
        ramps: bool,
        desk: &mut Desk,
        now: Timestamp,
    ) -> Seen {
        let is_stranger = matches!(verdict, Verdict::Fail { kind: ProbeFailure::Identity, .. });
        let Some(instance) = reading.sighting().and_then(|seen| seen.instance.as_deref()).filter(|_| !is_stranger)
        else {
            return Seen::Nothing;
        };
        let on_down = self.plan.on_down;
        let member = &mut self.members[index];
        let Some(before) = member.life.see(kind, instance) else { return Seen::Nothing };
        member.begin_anew(kind, on_down, desk, now);
        let event = EventKind::Restarted { backend: member.id.clone(), from: before, to: instance.to_owned() };
        member.report(event, desk, now);
        if ramps && member.standing.cause.eligible() {
            member.begin_ramp(now);
        }
        self.dirty |= on_down != OnDown::Keep;
        if kind == ProbeKind::Startup || !self.members[index].life.is_starting() {
            return Seen::Restarted;
        }
        self.settle(index, ramps, Some(&Occasion::Restarted), desk, now);
        Seen::MustStart
    }

    fn settle(&mut self, index: usize, ramps: bool, occasion: Option<&Occasion>, desk: &mut Desk, now: Timestamp) {
        let plan = Arc::clone(&self.plan);
        self.dirty |= self.members[index].settle(&plan, ramps, occasion, desk, now);
    }
}

fn passed(verdict: &Verdict) -> bool {
    !matches!(verdict, Verdict::Fail { .. })
}
