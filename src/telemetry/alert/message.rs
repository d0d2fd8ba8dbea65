//! What does a receiver get to know? A notice of the machine with dates and sentences, before it takes the form of its receiver.

use super::words;
use crate::clock::Clock;
use crate::clock::when;
use crate::telemetry::escape::one_line;
use pulsegate_core::alert::{ConditionState, Item, Notice};
use pulsegate_core::plan::Severity;
use std::time::SystemTime;

/// Conditions that a message names; of more, the number is told.
pub(super) const NAMED: usize = 20;
/// Characters of a sentence: backends' words are in it.
const SENTENCE: usize = 300;

/// One message, in no form yet. What stands in it is on one line each, and bounded.
#[derive(Clone, Debug)]
pub struct Message {
    /// No other message to this receiver has it.
    pub id: String,
    pub receiver: String,
    pub source: String,
    /// `None`: about the gateway itself.
    pub upstream: Option<String>,
    /// The id of the first message that belongs with this one.
    pub first: String,
    pub at: SystemTime,
    pub repeats: bool,
    pub told: Vec<Line>,
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Line {
    pub state: ConditionState,
    pub severity: Severity,
    /// The stable word.
    pub condition: &'static str,
    pub backend: Option<String>,
    /// A word.
    pub cause: String,
    /// What was seen.
    pub why: String,
    pub event_id: String,
    /// RFC 3339.
    pub since: String,
    /// For people: the whole in one sentence.
    pub sentence: String,
}

impl Message {
    pub(super) fn of(notice: &Notice, source: &str, clock: Clock) -> Self {
        let told = |item: &Item| Line {
            state: item.state,
            severity: item.key.severity(),
            condition: item.key.what.word(),
            backend: item.key.backend.as_ref().map(|backend| one_line(&backend.to_string(), SENTENCE)),
            cause: one_line(&item.cause, SENTENCE),
            why: one_line(&item.why, SENTENCE),
            event_id: item.event_id.clone(),
            since: when::rfc3339(clock.wall(item.since)),
            sentence: one_line(&words::sentence(item), 2 * SENTENCE),
        };
        Self {
            id: notice.id.clone(),
            receiver: notice.receiver.to_string(),
            source: source.to_owned(),
            upstream: notice.upstream.as_ref().map(|upstream| one_line(upstream, SENTENCE)),
            first: format!("{}-1", notice.incident),
            at: clock.wall(notice.at),
            repeats: notice.repeats,
            told: notice.items.iter().map(told).collect(),
        }
    }

    /// Nothing is wrong: for `pulsegate alert-test`.
    pub fn test(receiver: &str, source: &str, resolved: bool, at: SystemTime) -> Self {
        let (state, sentence) = match resolved {
            true => (ConditionState::Resolved, "this was a test, and it is over"),
            false => (ConditionState::Firing, "this is a test, nothing is wrong"),
        };
        let stamp = when::unix_seconds(at) as u64;
        let id = format!("test-{stamp}-{}", if resolved { 2 } else { 1 });
        let told = Line {
            state,
            severity: Severity::Warning,
            condition: "test",
            backend: None,
            cause: "test".to_owned(),
            why: "somebody ran pulsegate alert-test".to_owned(),
            event_id: format!("test-{stamp}"),
            since: when::rfc3339(at),
            sentence: sentence.to_owned(),
        };
        Self {
            first: id.clone(),
            id,
            receiver: receiver.to_owned(),
            source: source.to_owned(),
            upstream: None,
            at,
            repeats: false,
            told: vec![told],
        }
    }

    /// What holds after this message.
    pub(super) fn holding(&self) -> usize {
        self.told.iter().filter(|told| told.state != ConditionState::Resolved).count()
    }

    /// Of what holds; where nothing does, of what is over.
    pub(super) fn severity(&self) -> Severity {
        let all = self.holding() == 0;
        let these = self.told.iter().filter(|told| all || told.state != ConditionState::Resolved);
        these.map(|told| told.severity).max().unwrap_or(Severity::Warning)
    }

    /// "orders", or who tells.
    pub(super) fn subject(&self) -> &str {
        self.upstream.as_deref().unwrap_or(&self.source)
    }

    /// One line that says it all: `[FIRING:2] orders: nobody is eligible, and 1 more`.
    pub(super) fn title(&self) -> String {
        let holding = self.holding();
        let flaps = self.told.first().is_some_and(|told| matches!(told.state, ConditionState::Flapping(_)));
        let word = match holding {
            0 => "RESOLVED".to_owned(),
            _ if self.repeats => format!("STILL FIRING:{holding}"),
            _ if flaps => format!("FLAPPING:{holding}"),
            _ => format!("FIRING:{holding}"),
        };
        let first = self.told.first().map_or("", |told| told.sentence.as_str());
        let more = match self.told.len().saturating_sub(1) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        one_line(&format!("[{word}] {}: {first}{more}", self.subject()), SENTENCE)
    }

    /// The conditions that are named, and how many are not.
    pub(super) fn named(&self) -> (&[Line], usize) {
        let named = self.told.get(..NAMED).unwrap_or(&self.told);
        (named, self.told.len() - named.len())
    }
}

impl Line {
    /// "critical", "resolved"…: what a line begins with.
    pub(super) fn mark(&self) -> &'static str {
        match self.state {
            ConditionState::Firing => self.severity.word(),
            ConditionState::Flapping(_) => "flapping",
            ConditionState::Resolved => "resolved",
            ConditionState::Still => "still",
        }
    }

    pub(super) fn holds(&self) -> bool {
        self.state != ConditionState::Resolved
    }
}
