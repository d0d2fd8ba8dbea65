//! How is what a board knows written down for another process? As versioned JSON with durations in nanoseconds.
//!
//! The reader may be newer or older than the writer: a version that it does not know is left aside as a whole (everybody is then
//! probed anew), a field that it does not know is left aside by itself.

use super::history;
use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::board::{
    Found, Handover, Known, KnownCheck, KnownEjection, KnownLife, KnownOrder, KnownOrders, KnownPassive, KnownProbe,
    KnownSource, WEIGHT_AT_MOST,
};
use pulsegate_core::health::counter::Counter;
use pulsegate_core::health::order::Order;
use pulsegate_core::health::reading::{Severity, Steps};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::health::startup::Phase;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

const VERSION: u32 = 1;

#[derive(Deserialize, Serialize)]
struct Document {
    version: u32,
    backends: Vec<Backend>,
    sources: Vec<Source>,
}

#[derive(Deserialize, Serialize)]
struct Backend {
    upstream: String,
    address: Place,
    left: Option<u64>,
    orders: Orders,
    asked_drain: Option<u64>,
    check: Option<Check>,
    /// A process before this one may not know of it.
    #[serde(default)]
    life: Life,
    passive: Passive,
    ejected_for: String,
    ramp: Option<u64>,
    /// The word of the standing.
    cause: String,
    stands_for: u64,
    #[serde(default)]
    history: Vec<history::Entry>,
}

#[derive(Deserialize, Serialize)]
struct Orders {
    standing: Option<Given<OrderWord>>,
    weight: Option<Given<u32>>,
}

#[derive(Deserialize, Serialize)]
struct Given<T> {
    what: T,
    by: String,
    ago: u64,
    remaining: Option<u64>,
    reason: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Socket(std::net::SocketAddr),
    Unix(std::path::PathBuf),
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum OrderWord {
    Drain,
    ForceUp,
    ForceDown,
}

#[derive(Deserialize, Serialize)]
struct Check {
    /// Value, rise, fall.
    counter: Option<(u32, u32, u32)>,
    not_ready: bool,
    joined: u64,
    passed_once: bool,
    only_timeouts: bool,
    /// Unknown to older binaries, as is the next.
    degraded: Option<String>,
    drains: Option<String>,
    last: Option<Probe>,
    #[serde(default)]
    before: Vec<Probe>,
    last_failure: String,
    #[serde(default)]
    stranger: bool,
}

#[derive(Default, Deserialize, Serialize)]
struct Life {
    startup: Option<Check>,
    progress: Option<Progress>,
    liveness: Option<Check>,
    instances: [Option<String>; 3],
}

#[derive(Deserialize, Serialize)]
struct Progress {
    started: bool,
    /// No startup probe has ended.
    unasked: bool,
    failed_within: Option<u64>,
    ago: u64,
    passes: u32,
    failures: u32,
}

#[derive(Deserialize, Serialize)]
struct Probe {
    ago: u64,
    took: u64,
    passed: bool,
    status: Option<u16>,
    text: String,
    connect: Option<u64>,
    tls: Option<u64>,
    first_byte: Option<u64>,
}

#[derive(Deserialize, Serialize)]
struct Passive {
    out: Option<Ejection>,
    trial: Option<u64>,
    level: u32,
    level_for: u64,
}

#[derive(Deserialize, Serialize)]
struct Ejection {
    remaining: u64,
    length: u64,
    nth: u32,
    readiness_lies: bool,
}

#[derive(Deserialize, Serialize)]
struct Source {
    upstream: String,
    source: String,
    found: Vec<FoundBackend>,
}

#[derive(Deserialize, Serialize)]
struct FoundBackend {
    address: Place,
    weight: u32,
    backup: bool,
}

pub(super) fn write(handover: &Handover) -> Value {
    let room = history::Room::for_backends(handover.backends.len());
    let document = Document {
        version: VERSION,
        backends: handover.backends.iter().map(|known| backend(known, room)).collect(),
        sources: handover.sources.iter().map(source).collect(),
    };
    // Plain structs without maps: writing them cannot fail.
    serde_json::to_value(document).unwrap_or_default()
}

/// # Errors
/// Why it is left aside, as a sentence.
pub(super) fn read(value: Value) -> Result<Handover, String> {
    let version = value.get("version").and_then(Value::as_u64);
    if version != Some(u64::from(VERSION)) {
        let shown = version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
        return Err(format!(
            "the health that was handed over has {shown}, this binary knows {VERSION}; backends are probed anew"
        ));
    }
    let document: Document = serde_json::from_value(value).map_err(|error| {
        format!("the health that was handed over cannot be read ({error}); backends are probed anew")
    })?;
    Ok(Handover {
        backends: document.backends.into_iter().filter_map(known).collect(),
        sources: document.sources.into_iter().map(known_source).collect(),
    })
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn place(address: &Address) -> Place {
    match address {
        Address::Socket(address) => Place::Socket(*address),
        Address::Unix(path) => Place::Unix(path.clone()),
    }
}

fn address(place: Place) -> Address {
    match place {
        Place::Socket(address) => Address::Socket(address),
        Place::Unix(path) => Address::Unix(path),
    }
}

fn backend(known: &Known, room: history::Room) -> Backend {
    Backend {
        upstream: known.id.upstream.to_string(),
        address: place(&known.id.address),
        left: known.left.map(nanos),
        orders: orders(&known.orders),
        asked_drain: known.asked_drain.map(nanos),
        check: known.check.as_ref().map(|known| check(known, room)),
        life: life(&known.life, room),
        passive: passive(&known.passive),
        ejected_for: known.ejected_for.clone(),
        ramp: known.ramp.map(nanos),
        cause: known.cause.word().to_owned(),
        stands_for: nanos(known.stands_for),
        history: history::write(room.of(&known.history)),
    }
}

/// A standing that this binary has no word for is not taken over: the backend is probed anew.
fn known(backend: Backend) -> Option<Known> {
    Some(Known {
        id: BackendId { upstream: backend.upstream.into(), address: address(backend.address) },
        left: backend.left.map(Duration::from_nanos),
        orders: known_orders(backend.orders),
        asked_drain: backend.asked_drain.map(Duration::from_nanos),
        check: backend.check.map(known_check),
        life: known_life(backend.life),
        passive: known_passive(&backend.passive),
        ejected_for: backend.ejected_for,
        ramp: backend.ramp.map(Duration::from_nanos),
        cause: Cause::ALL.into_iter().find(|cause| cause.word() == backend.cause)?,
        stands_for: Duration::from_nanos(backend.stands_for),
        history: history::read(backend.history),
    })
}

fn orders(known: &KnownOrders) -> Orders {
    let word = |order| match order {
        Order::Drain => OrderWord::Drain,
        Order::ForceUp => OrderWord::ForceUp,
        Order::ForceDown => OrderWord::ForceDown,
    };
    Orders {
        standing: known.standing.as_ref().map(|order| given(order, word)),
        weight: known.weight.as_ref().map(|order| given(order, |weight| weight)),
    }
}

fn given<T: Copy, W>(known: &KnownOrder<T>, word: impl Fn(T) -> W) -> Given<W> {
    Given {
        what: word(known.what),
        by: known.by.to_string(),
        ago: nanos(known.ago),
        remaining: known.remaining.map(nanos),
        reason: known.reason.as_ref().map(ToString::to_string),
    }
}

fn known_orders(orders: Orders) -> KnownOrders {
    let order = |word| match word {
        OrderWord::Drain => Order::Drain,
        OrderWord::ForceUp => Order::ForceUp,
        OrderWord::ForceDown => Order::ForceDown,
    };
    KnownOrders {
        standing: orders.standing.map(|given| known_order(given, order)),
        weight: orders.weight.map(|given| known_order(given, |weight| weight.min(WEIGHT_AT_MOST))),
    }
}

fn known_order<W, T>(given: Given<W>, what: impl Fn(W) -> T) -> KnownOrder<T> {
    KnownOrder {
        what: what(given.what),
        by: given.by.into(),
        ago: Duration::from_nanos(given.ago),
        remaining: given.remaining.map(Duration::from_nanos),
        reason: given.reason.map(Into::into),
    }
}

fn check(known: &KnownCheck, room: history::Room) -> Check {
    Check {
        counter: known.counter.map(Counter::parts),
        not_ready: known.severity == Severity::NotReady,
        joined: nanos(known.joined),
        passed_once: known.passed_once,
        only_timeouts: known.only_timeouts,
        degraded: known.degraded.clone(),
        drains: known.drains.clone(),
        last: known.last.as_ref().map(probe),
        before: room.of(&known.before).iter().map(probe).collect(),
        last_failure: known.last_failure.clone(),
        stranger: known.stranger,
    }
}

fn life(known: &KnownLife, room: history::Room) -> Life {
    let progress = |(phase, ago, passes, failures): (Phase, Duration, u32, u32)| Progress {
        started: phase == Phase::Started,
        unasked: phase == Phase::Unasked,
        failed_within: match phase {
            Phase::Failed { within } => Some(nanos(within)),
            Phase::Unasked | Phase::Starting | Phase::Started => None,
        },
        ago: nanos(ago),
        passes,
        failures,
    };
    Life {
        startup: known.startup.as_ref().map(|known| check(known, room)),
        progress: known.progress.map(progress),
        liveness: known.liveness.as_ref().map(|known| check(known, room)),
        instances: known.instances.clone(),
    }
}

fn known_life(life: Life) -> KnownLife {
    let progress = |progress: Progress| {
        let phase = match progress.failed_within {
            _ if progress.started => Phase::Started,
            _ if progress.unasked => Phase::Unasked,
            Some(within) => Phase::Failed { within: Duration::from_nanos(within) },
            None => Phase::Starting,
        };
        (phase, Duration::from_nanos(progress.ago), progress.passes, progress.failures)
    };
    KnownLife {
        startup: life.startup.map(known_check),
        progress: life.progress.map(progress),
        liveness: life.liveness.map(known_check),
        instances: life.instances,
    }
}

fn probe(known: &KnownProbe) -> Probe {
    Probe {
        ago: nanos(known.ago),
        took: nanos(known.took),
        passed: known.passed,
        status: known.status,
        text: known.text.clone(),
        connect: known.steps.connect.map(nanos),
        tls: known.steps.tls.map(nanos),
        first_byte: known.steps.first_byte.map(nanos),
    }
}

fn known_check(check: Check) -> KnownCheck {
    KnownCheck {
        counter: check.counter.map(Counter::from_parts),
        severity: if check.not_ready { Severity::NotReady } else { Severity::Down },
        joined: Duration::from_nanos(check.joined),
        passed_once: check.passed_once,
        only_timeouts: check.only_timeouts,
        degraded: check.degraded,
        drains: check.drains,
        last: check.last.map(known_probe),
        before: check.before.into_iter().map(known_probe).collect(),
        last_failure: check.last_failure,
        stranger: check.stranger,
    }
}

fn known_probe(probe: Probe) -> KnownProbe {
    KnownProbe {
        ago: Duration::from_nanos(probe.ago),
        took: Duration::from_nanos(probe.took),
        passed: probe.passed,
        status: probe.status,
        text: probe.text,
        steps: Steps {
            connect: probe.connect.map(Duration::from_nanos),
            tls: probe.tls.map(Duration::from_nanos),
            first_byte: probe.first_byte.map(Duration::from_nanos),
        },
    }
}

fn passive(known: &KnownPassive) -> Passive {
    Passive {
        out: known.out.map(|out| Ejection {
            remaining: nanos(out.remaining),
            length: nanos(out.length),
            nth: out.nth,
            readiness_lies: out.readiness_lies,
        }),
        trial: known.trial.map(nanos),
        level: known.level,
        level_for: nanos(known.level_for),
    }
}

fn known_passive(passive: &Passive) -> KnownPassive {
    KnownPassive {
        out: passive.out.as_ref().map(|out| KnownEjection {
            remaining: Duration::from_nanos(out.remaining),
            length: Duration::from_nanos(out.length),
            nth: out.nth,
            readiness_lies: out.readiness_lies,
        }),
        trial: passive.trial.map(Duration::from_nanos),
        level: passive.level,
        level_for: Duration::from_nanos(passive.level_for),
    }
}

fn source(known: &KnownSource) -> Source {
    let found =
        |found: &Found| FoundBackend { address: place(&found.address), weight: found.weight, backup: found.backup };
    Source {
        upstream: known.upstream.to_string(),
        source: known.source.clone(),
        found: known.found.iter().map(found).collect(),
    }
}

fn known_source(source: Source) -> KnownSource {
    let found =
        |found: FoundBackend| Found { address: address(found.address), weight: found.weight, backup: found.backup };
    KnownSource {
        upstream: source.upstream.into(),
        source: source.source,
        found: source.found.into_iter().map(found).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_check() -> KnownCheck {
        let second = Duration::from_secs(1);
        let probe = KnownProbe {
            ago: Duration::from_nanos(1_000_000_001),
            took: Duration::from_millis(3),
            passed: false,
            status: Some(503),
            text: "answered 503".to_owned(),
            steps: Steps { connect: Some(second), tls: None, first_byte: Some(Duration::from_nanos(7)) },
        };
        KnownCheck {
            counter: Some(Counter::from_parts((3, 2, 3))),
            severity: Severity::NotReady,
            joined: second * 60,
            passed_once: true,
            only_timeouts: false,
            degraded: Some("says DEGRADED".to_owned()),
            drains: Some("answered 503: OUT_OF_SERVICE".to_owned()),
            last: Some(probe.clone()),
            before: vec![probe.clone(), probe.clone()],
            last_failure: "no answer".to_owned(),
            stranger: true,
        }
    }

    fn everything() -> Handover {
        let second = Duration::from_secs(1);
        let check = a_check();
        let life = |phase| KnownLife {
            startup: Some(check.clone()),
            progress: Some((phase, second * 3, 1, 2)),
            liveness: Some(check.clone()),
            instances: [None, Some("a7".to_owned()), None],
        };
        let phases = [Phase::Unasked, Phase::Starting, Phase::Failed { within: second }, Phase::Started];
        let mut phases = phases.into_iter().cycle();
        let mut known = |address, cause, orders| Known {
            id: BackendId { upstream: "pool".into(), address },
            left: Some(second * 7),
            orders,
            asked_drain: Some(second * 2),
            check: Some(check.clone()),
            life: life(phases.next().unwrap_or(Phase::Unasked)),
            passive: KnownPassive {
                out: Some(KnownEjection { remaining: second * 4, length: second * 10, nth: 2, readiness_lies: true }),
                trial: Some(second),
                level: 2,
                level_for: second * 30,
            },
            ejected_for: "5 failures in a row (limit 5)".to_owned(),
            ramp: Some(second * 3),
            cause,
            stands_for: second * 5,
            history: vec![history::tests::told(9)],
        };
        let socket = Address::Socket(([10, 0, 0, 1], 80).into());
        let steered = |order| KnownOrders {
            standing: Some(KnownOrder {
                what: order,
                by: "ops".into(),
                ago: second * 8,
                remaining: Some(second * 9),
                reason: Some("a new disk".into()),
            }),
            weight: Some(KnownOrder { what: 7, by: "token".into(), ago: second, remaining: None, reason: None }),
        };
        let orders = [Order::Drain, Order::ForceUp, Order::ForceDown].map(steered);
        let mut backends: Vec<Known> =
            Cause::ALL.into_iter().map(|cause| known(socket.clone(), cause, KnownOrders::default())).collect();
        backends.extend(orders.map(|orders| known(Address::Unix("/run/app.sock".into()), Cause::Up, orders)));
        Handover {
            backends,
            sources: vec![KnownSource {
                upstream: "pool".into(),
                source: "dns app:80".to_owned(),
                found: vec![Found { address: socket.clone(), weight: 3, backup: true }],
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        assert_eq!(read(write(&everything())).unwrap(), everything());
        assert_eq!(read(write(&Handover::default())).unwrap(), Handover::default());
    }

    #[test]
    fn an_unknown_version_is_left_aside_with_a_sentence() {
        let mut newer = write(&everything());
        newer["version"] = 2.into();
        assert!(read(newer).unwrap_err().contains("has version 2, this binary knows 1"));
        assert!(read(Value::Null).unwrap_err().contains("no version"));
    }

    #[test]
    fn an_unknown_field_is_left_aside_and_an_unknown_standing_costs_one_backend() {
        let mut newer = write(&everything());
        newer["backends"][0]["colour"] = "green".into();
        newer["backends"][1]["cause"] = "levitating".into();
        assert_eq!(read(newer).unwrap().backends.len(), everything().backends.len() - 1);
    }

    #[test]
    fn a_process_from_before_the_other_probes_is_understood() {
        let mut older = write(&everything());
        for backend in older["backends"].as_array_mut().unwrap() {
            backend.as_object_mut().unwrap().remove("life");
            backend["check"].as_object_mut().unwrap().remove("stranger");
        }
        assert!(read(older).unwrap().backends.iter().all(|known| known.life == KnownLife::default()));
    }

    #[test]
    fn numbers_out_of_bounds_are_brought_into_them() {
        let mut strange = write(&everything());
        strange["backends"][0]["check"]["counter"] = serde_json::json!([4_000_000_000_u32, 0, 4_294_967_295_u32]);
        let last = strange["backends"].as_array().unwrap().len() - 1;
        strange["backends"][last]["orders"]["weight"]["what"] = 4_000_000_000_u32.into();
        let weight = read(strange).unwrap().backends.pop().and_then(|known| known.orders.weight);
        assert_eq!(weight.map(|order| order.what), Some(WEIGHT_AT_MOST));
    }
}
