//! What is said when something happened? One match turns each [`EventKind`] into a [`Line`] and a [`Tally`].
//!
//! The names (`backend.transition`…) and the keys of the fields are stable: people grep and alert by them. The history of the admin
//! API uses the same lines, so that no two places can tell one event differently. Nothing here decides how grave a
//! standing is beyond the level of its line.

use super::admin_write::{AdminWrite, WriteResult};
use crate::clock::when;
use log::Level;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::event::{Disagreement, EjectedBy, Event, EventKind, PastEvent, Remembered};
use pulsegate_core::health::order::Steer;
use pulsegate_core::health::standing::Cause;
use pulsegate_core::plan::{Detector, ProbeKind};
use std::time::Duration;

/// An event, told.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub level: Level,
    /// The stable name.
    pub name: &'static str,
    /// A sentence.
    pub message: String,
    /// Stable keys, in the order in which they are written.
    pub fields: Vec<(&'static str, String)>,
}

impl Line {
    fn new(level: Level, name: &'static str, message: impl Into<String>) -> Self {
        Self { level, name, message: message.into(), fields: Vec::new() }
    }

    fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.fields.push((key, value.to_string()));
        self
    }

    fn about(self, backend: &BackendId) -> Self {
        self.with("upstream", &backend.upstream).with("backend", &backend.address)
    }

    /// Writes it to the process's log.
    pub(super) fn emit(&self) {
        let name = ("event", self.name);
        let fields: Vec<(&str, &str)> =
            std::iter::once(name).chain(self.fields.iter().map(|(key, value)| (*key, value.as_str()))).collect();
        log::logger().log(
            &log::Record::builder()
                .level(self.level)
                .target("pulsegate::event")
                .args(format_args!("{}", self.message))
                .key_values(&fields.as_slice())
                .build(),
        );
    }
}

/// Tells the event, and names the counter that it moves with the labels, where there is one.
pub fn tell(event: &Event) -> (Line, Option<Tally<'_>>) {
    let (line, tally) = match &event.kind {
        EventKind::Transition { backend, from, to, counter, why, earliest_return } => (
            transition(event.at, backend, (*from, *to), *counter, why, *earliest_return),
            Some(Tally::Transition { upstream: &backend.upstream, to: *to }),
        ),
        EventKind::Ejected { backend, cause, nth, duration, why } => {
            let tally = Tally::Ejected { upstream: &backend.upstream, cause: *cause };
            (ejected(backend, *cause, *nth, *duration, why), Some(tally))
        }
        EventKind::EjectionRefused { backend, fit, pool, floor, why } => {
            (ejection_refused(backend, [*fit, *pool, *floor], why), Some(Tally::EjectionRefused(&backend.upstream)))
        }
        EventKind::Disagreement { backend, what, over, why } => (
            disagreement(backend, *what, *over, why),
            (!over).then_some(Tally::Disagreement { upstream: &backend.upstream, what: *what }),
        ),
        EventKind::PoolHeld { upstream, held, why } => {
            (pool_held(upstream, *held, why), held.then_some(Tally::PoolHeld(upstream)))
        }
        EventKind::WouldEject { backend, detector, why } => (
            would_eject(backend, *detector, why),
            Some(Tally::WouldEject { upstream: &backend.upstream, detector: *detector }),
        ),
        EventKind::TimeoutsHeld { backend, why } => (
            Line::new(Level::Warn, "backend.timeouts_held", why).about(backend),
            Some(Tally::TimeoutsHeld(&backend.upstream)),
        ),
        EventKind::ProbeHint { backend, hint } => {
            (Line::new(Level::Warn, "backend.probe_hint", hint).about(backend), None)
        }
        EventKind::DocumentLeaks { backend, what } => (document_leaks(backend, what), None),
        EventKind::NeedsRestart { backend, kind, why, .. } => (
            needs_restart(backend, *kind, why),
            Some(Tally::NeedsRestart { upstream: &backend.upstream, probe: *kind }),
        ),
        EventKind::Restarted { backend, from, to } => {
            (restarted(backend, from, to), Some(Tally::Restarted(&backend.upstream)))
        }
        EventKind::Steered { backend, what, by, lasts, reason } => {
            (steered(backend, *what, by, *lasts, reason.as_deref()), None)
        }
        EventKind::OrderOver { backend, what, by } => (order_over(backend, *what, by), None),
        EventKind::MemberJoined { backend } => {
            (Line::new(Level::Info, "backend.joined", "joined the pool").about(backend), None)
        }
        EventKind::MemberLeft { backend } => {
            (Line::new(Level::Info, "backend.left", "left the pool").about(backend), None)
        }
        EventKind::DiscoveryKept { upstream, source, why } => {
            (discovery_kept(upstream, source, why), Some(Tally::DiscoveryKept(upstream)))
        }
        EventKind::PoolEmpty { upstream, empty } => pool_empty(upstream, *empty),
        EventKind::FirstRoundDone { took } => (first_round_done(*took), None),
        EventKind::Reconfigured { added, removed, changed } => (reconfigured(*added, *removed, *changed), None),
    };
    (line.with("event_id", event.full_id()), tally)
}

/// An entry of a backend's history in words. Its backend is not repeated.
pub fn told(entry: &Remembered) -> PastEvent {
    let event = match entry {
        Remembered::Past(told) => return told.clone(),
        Remembered::Own(event) => event,
    };
    let (line, _) = tell(event);
    let repeated = ["upstream", "backend", "event_id"];
    let details = line.fields.into_iter().filter(|(key, _)| !repeated.contains(key));
    PastEvent {
        id: event.full_id(),
        at: event.at,
        event: line.name.to_owned(),
        message: line.message,
        details: details.map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

/// The audit line of a call that wanted to change something. No event of the board, so it has no id.
pub fn admin_write(write: &AdminWrite<'_>) -> Line {
    let level = if write.result == WriteResult::Denied { Level::Warn } else { Level::Info };
    let message = format!("{} {} by {}: {}", write.action, write.result.word(), write.by, write.detail);
    Line::new(level, "admin.write", message)
        .with("action", write.action)
        .with("what", write.what)
        .with("by", write.by)
        .with("from", write.from)
        .with("result", write.result.word())
}

/// The counter that an event moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally<'a> {
    Transition { upstream: &'a str, to: Cause },
    Ejected { upstream: &'a str, cause: EjectedBy },
    EjectionRefused(&'a str),
    Disagreement { upstream: &'a str, what: Disagreement },
    PoolHeld(&'a str),
    WouldEject { upstream: &'a str, detector: Detector },
    TimeoutsHeld(&'a str),
    DiscoveryKept(&'a str),
    PoolEmptied(&'a str),
    NeedsRestart { upstream: &'a str, probe: ProbeKind },
    Restarted(&'a str),
}

fn transition(
    at: Timestamp,
    backend: &BackendId,
    (from, to): (Cause, Cause),
    (value, threshold): (u32, u32),
    why: &str,
    earliest_return: Option<Timestamp>,
) -> Line {
    let line = Line::new(gravity(to), "backend.transition", format!("{from} -> {to}: {why}"))
        .about(backend)
        .with("from", from)
        .with("to", to)
        .with("counter", format_args!("{value}/{threshold}"));
    match earliest_return {
        Some(earliest) => line.with("earliest_return_ms", earliest.since(at).as_millis()),
        None => line,
    }
}

/// Losing a backend that should serve is a warning; what an operator or the backend itself asked for, and every return, is information.
/// So are the transitions of an ejection and of a failed liveness probe: `backend.ejected` and `backend.not_alive` have said the same louder.
fn gravity(to: Cause) -> Level {
    match to {
        Cause::Down | Cause::NotReady | Cause::Degraded => Level::Warn,
        Cause::ForcedDown
        | Cause::Drained
        | Cause::ForcedUp
        | Cause::Ejected
        | Cause::NotAlive
        | Cause::Draining
        | Cause::Starting
        | Cause::Unchecked
        | Cause::Trial
        | Cause::Ramping
        | Cause::Up => Level::Info,
    }
}

fn ejected(backend: &BackendId, cause: EjectedBy, nth: u32, duration: Duration, why: &str) -> Line {
    Line::new(Level::Warn, "backend.ejected", format!("ejected for {}: {why}", when::span(duration)))
        .about(backend)
        .with("cause", cause.word())
        .with("nth", nth)
        .with("duration_ms", duration.as_millis())
}

fn ejection_refused(backend: &BackendId, [fit, pool, floor]: [u32; 3], why: &str) -> Line {
    let message = format!("not ejected, since {fit} of {pool} backends are fit and {floor} must stay: {why}");
    Line::new(Level::Warn, "backend.ejection_refused", message)
        .about(backend)
        .with("fit", fit)
        .with("pool", pool)
        .with("floor", floor)
}

fn document_leaks(backend: &BackendId, what: &str) -> Line {
    let message =
        format!("its readiness document tells {what} to everybody who can ask it; nothing of it is shown here");
    Line::new(Level::Warn, "backend.document_leaks", message).about(backend).with("what", what)
}

fn needs_restart(backend: &BackendId, kind: ProbeKind, why: &str) -> Line {
    let message = format!("must be restarted by whoever owns it: {why}");
    let line = match kind {
        ProbeKind::Startup => Line::new(Level::Error, "backend.not_started", message),
        ProbeKind::Readiness | ProbeKind::Liveness => Line::new(Level::Error, "backend.not_alive", message),
    };
    line.about(backend).with("probe", kind)
}

fn restarted(backend: &BackendId, from: &str, to: &str) -> Line {
    let message = format!("another instance answers at its address: {to:?} after {from:?}; it begins anew");
    Line::new(Level::Info, "backend.restarted", message).about(backend).with("instance", to)
}

fn disagreement(backend: &BackendId, what: Disagreement, over: bool, why: &str) -> Line {
    let line = if over {
        Line::new(Level::Info, "backend.disagreement_over", why)
    } else {
        Line::new(Level::Warn, "backend.disagreement", why)
    };
    line.about(backend).with("what", what.word())
}

fn pool_held(upstream: &str, held: bool, why: &str) -> Line {
    let line = if held {
        Line::new(Level::Error, "upstream.held", why)
    } else {
        Line::new(Level::Warn, "upstream.hold_over", why)
    };
    line.with("upstream", upstream)
}

fn would_eject(backend: &BackendId, detector: Detector, why: &str) -> Line {
    let message = format!("not ejected, since {} only watches: {why}", detector.word());
    Line::new(Level::Info, "backend.would_eject", message).about(backend).with("detector", detector.word())
}

fn steered(backend: &BackendId, what: Steer, by: &str, lasts: Option<Duration>, reason: Option<&str>) -> Line {
    let span = lasts.map(|lasts| format!(" for {}", when::span(lasts))).unwrap_or_default();
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let line = Line::new(Level::Info, "backend.steered", format!("{what} by {by}{span}{because}")).about(backend);
    let line = line.with("order", what).with("by", by);
    match lasts {
        Some(lasts) => line.with("for_ms", lasts.as_millis()),
        None => line,
    }
}

fn order_over(backend: &BackendId, what: Steer, by: &str) -> Line {
    let message = format!("the time of an order is over: {what} by {by}");
    Line::new(Level::Info, "backend.order_over", message).about(backend).with("order", what).with("by", by)
}

fn discovery_kept(upstream: &str, source: &str, why: &str) -> Line {
    Line::new(Level::Warn, "discovery.kept", format!("the last set of backends stays: {why}"))
        .with("upstream", upstream)
        .with("source", source)
}

fn first_round_done(took: Duration) -> Line {
    let message = format!("every backend has its first verdict after {}", when::span(took));
    Line::new(Level::Info, "probes.first_round_done", message).with("took_ms", took.as_millis())
}

fn reconfigured(added: usize, removed: usize, changed: usize) -> Line {
    let upstreams = if changed == 1 { "upstream" } else { "upstreams" };
    let message = format!("backends: {added} added, {removed} removed; {changed} {upstreams} redefined");
    Line::new(Level::Info, "config.in_force", message)
        .with("added", added)
        .with("removed", removed)
        .with("changed", changed)
}

fn pool_empty(upstream: &str, empty: bool) -> (Line, Option<Tally<'_>>) {
    if empty {
        let line = Line::new(Level::Error, "upstream.empty", "nobody is eligible").with("upstream", upstream);
        (line, Some(Tally::PoolEmptied(upstream)))
    } else {
        (Line::new(Level::Info, "upstream.serving", "somebody is eligible again").with("upstream", upstream), None)
    }
}

#[cfg(test)]
mod tests;
