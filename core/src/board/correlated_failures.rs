//! Is most of a pool lost at one moment, for one reason? Then the reason (a component that all share, our own network) is likelier than so
//! many faults at once, and emptying the pool makes an outage of a doubt.
//!
//! Where the plan says so, those that fell together are held in place for a bounded time, loudly. Only probes are held against: whom live
//! traffic ejects goes, and the forced down, the drained and the unchecked were never among them. One hold per loss: when its time is over
//! the verdicts count, and another can begin only after most of the pool was well again.

use crate::base::identity::BackendKey;
use crate::base::time::{Timestamp, brief};
use crate::board::desk::Desk;
use crate::board::member::Member;
use crate::board::upstream::Upstream;
use crate::health::event::EventKind;
use crate::health::standing::Cause;
use std::time::Duration;

/// What falls within this is one loss.
const TOGETHER: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct CorrelatedFailures {
    /// Who was eligible at the last publication.
    eligible: Vec<BackendKey>,
    fallen: Vec<Fallen>,
    until: Option<Timestamp>,
    reason: String,
    /// The time of a hold was over before the pool was well again.
    spent: bool,
}

#[derive(Debug)]
struct Fallen {
    key: BackendKey,
    at: Timestamp,
    reason: String,
}

impl CorrelatedFailures {
    /// Is this one held in place?
    pub(super) fn holds(&self, member: &Member) -> bool {
        let fell = |fallen: &Fallen| fallen.key == member.key && fallen.reason == self.reason;
        self.until.is_some() && by_probes(member.standing.cause) && self.fallen.iter().any(fell)
    }

    pub(super) fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// The reason for which most of a `pool` fell.
    fn common(&self, pool: usize) -> Option<String> {
        let share = |reason: &str| self.fallen.iter().filter(|fallen| fallen.reason == reason).count();
        self.fallen
            .iter()
            .map(|fallen| fallen.reason.as_str())
            .find(|reason| share(reason) * 2 > pool)
            .map(str::to_owned)
    }
}

const fn by_probes(cause: Cause) -> bool {
    matches!(cause, Cause::Down | Cause::NotReady)
}

impl Upstream {
    /// Before every publication: who fell, for what, and does it hold?
    pub(super) fn watch_correlated(&mut self, desk: &mut Desk, now: Timestamp) {
        let time = self.plan.hold_correlated_failures;
        if time.is_zero() {
            if self.correlated.until.is_some() {
                self.end_hold("it is turned off", desk, now);
            }
            self.correlated = CorrelatedFailures::default();
            return;
        }
        self.note_fallen(now);
        let pool = self.members.iter().filter(|member| member.counts()).count();
        let well = self.members.iter().filter(|member| member.standing.cause.eligible()).count() * 2 > pool;
        self.correlated.spent &= !well;
        match self.correlated.until {
            None if !self.correlated.spent => {
                if let Some(reason) = self.correlated.common(pool) {
                    self.begin_hold(reason, now + time, pool, desk, now);
                }
            }
            Some(_) if well => self.end_hold("most of the pool is well again", desk, now),
            Some(until) if until <= now => {
                self.correlated.spent = true;
                self.end_hold("its time is over: now the verdicts count", desk, now);
            }
            _ => {}
        }
        self.correlated.eligible = self.eligible_keys();
    }

    fn eligible_keys(&self) -> Vec<BackendKey> {
        self.members.iter().filter(|member| member.standing.cause.eligible()).map(|member| member.key).collect()
    }

    fn note_fallen(&mut self, now: Timestamp) {
        let Self { correlated, members, .. } = self;
        let holding = correlated.until.is_some();
        let out = |key: BackendKey| members.iter().any(|member| member.key == key && by_probes(member.standing.cause));
        correlated.fallen.retain(|fallen| out(fallen.key) && (holding || now.since(fallen.at) <= TOGETHER));
        for member in members.iter().filter(|member| by_probes(member.standing.cause)) {
            let reason = member.check.as_ref().map(|check| check.kind_of_failure());
            if let Some(reason) = reason.filter(|_| correlated.eligible.contains(&member.key)) {
                correlated.fallen.push(Fallen { key: member.key, at: now, reason });
            }
        }
    }

    fn begin_hold(&mut self, reason: String, until: Timestamp, pool: usize, desk: &mut Desk, now: Timestamp) {
        let out = self.correlated.fallen.iter().filter(|fallen| fallen.reason == reason).count();
        let time = brief(until.since(now));
        let why = format!(
            "{out} of {pool} fell together, all for the same reason ({reason}); they are held for {time} at most"
        );
        (self.correlated.until, self.correlated.reason) = (Some(until), reason);
        desk.report(EventKind::PoolHeld { upstream: self.plan.name.clone(), held: true, why }, now);
        self.look_at = Some(self.look_at.map_or(until, |at| at.min(until)));
        self.plan_look(desk);
    }

    fn end_hold(&mut self, why: &str, desk: &mut Desk, now: Timestamp) {
        self.correlated.until = None;
        self.correlated.fallen.clear();
        let why = why.to_owned();
        desk.report(EventKind::PoolHeld { upstream: self.plan.name.clone(), held: false, why }, now);
    }
}
