//! Do the tables of `docs/health-model.md` say what the code does? The truth table is played against `combine`, the table of probe
//! answers against `judge`, and every default against the reference.

use super::markdown::{bare, rows};
use super::{documents, read};
use pulsegate_core::health::combine::{Active, Facts, Passive, combine};
use pulsegate_core::health::document::{Document, Meaning, Said};
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::order::Order;
use pulsegate_core::health::reading::{GrpcAnswer, GrpcSaid, HttpAnswer, Reading, ReadingResult};
use pulsegate_core::health::standing::Cause;
use pulsegate_core::health::verdict::{Severity, Verdict};
use pulsegate_core::plan::{GrpcCheck, HttpCheck, ProbeCheck, ProbeKind, ProbePlan};
use pulsegate_core::traffic::outcome::{AttemptEnd, LetGo, Outcome, classify};
use std::collections::BTreeMap;
use std::time::Duration;

const PAGE: &str = "docs/health-model.md";

/// A cell of the truth table that does not matter.
const ANY: &str = "";

const ORDERS: [(&str, Option<Order>); 4] = [
    ("none", None),
    ("force down", Some(Order::ForceDown)),
    ("drain", Some(Order::Drain)),
    ("force up", Some(Order::ForceUp)),
];
const PASSIVES: [(&str, Passive); 3] =
    [("clear", Passive::Clear), ("ejected", Passive::Ejected), ("on trial", Passive::Trial)];
const ACTIVES: [(&str, Active); 7] = [
    ("none", Active::Unprobed),
    ("unchecked", Active::Unchecked),
    ("starting", Active::Starting),
    ("not ready", Active::NotReady),
    ("down", Active::Down),
    ("not alive", Active::NotAlive),
    ("up", Active::Up),
];
const WORDS: [(&str, bool); 2] = [("no", false), ("yes", true)];

#[test]
fn the_truth_table_is_that_of_combine() {
    let table = rows(&read(PAGE), "first that applies");
    for (order_word, order) in ORDERS {
        for (passive_word, passive) in PASSIVES {
            for (active_word, active) in ACTIVES {
                for yes in 0..8_usize {
                    let [(drain_word, asks_drain), (degraded_word, degraded), (ramp_word, ramps)] =
                        [yes & 1, yes >> 1 & 1, yes >> 2].map(|which| WORDS[which]);
                    let ramp = if ramps { 0.5 } else { 1.0 };
                    let facts = Facts {
                        order,
                        passive,
                        active,
                        asks_drain,
                        degraded,
                        degraded_share: 0.5,
                        ramp,
                        ejected_until: None,
                        probes_return: None,
                        drain_until: None,
                        order_until: None,
                    };
                    let words = [order_word, passive_word, active_word, drain_word, degraded_word, ramp_word];
                    let row = table.iter().find(|row| applies(row, words));
                    let row = row.unwrap_or_else(|| panic!("no row of the truth table applies to {words:?}"));
                    assert_eq!(bare(&row[7]), combine(&facts).cause.word(), "{words:?}: the page says row {}", row[0]);
                }
            }
        }
    }
}

fn applies(row: &[String], words: [&str; 6]) -> bool {
    row[1..7].iter().zip(words).all(|(cell, word)| cell == ANY || cell == word)
}

#[test]
fn every_row_of_the_truth_table_is_needed_and_says_who_gets_traffic() {
    let table = rows(&read(PAGE), "first that applies");
    let causes: Vec<&str> = Cause::ALL.into_iter().map(Cause::word).collect();
    assert_eq!(table.iter().map(|row| bare(&row[7])).collect::<Vec<_>>(), causes);
    for (row, cause) in table.iter().zip(Cause::ALL) {
        assert!(row[1..7].iter().all(|cell| {
            let words = ORDERS.map(|(word, _)| word).into_iter().chain(PASSIVES.map(|(word, _)| word));
            let mut words = words.chain(ACTIVES.map(|(word, _)| word)).chain(WORDS.map(|(word, _)| word));
            cell == ANY || words.any(|word| word == cell)
        }));
        assert_eq!(row[8].starts_with("yes"), cause.eligible(), "{row:?}");
    }
}

fn grpc(said: GrpcSaid) -> ReadingResult {
    ReadingResult::Grpc(GrpcAnswer { said, sighting: Default::default() })
}

fn refused(code: u16) -> ReadingResult {
    grpc(GrpcSaid::Status { code, message: String::new() })
}

/// The answers of the page's probe table, as a probe reads them.
fn answers() -> BTreeMap<&'static str, Vec<ReadingResult>> {
    let http = |status| ReadingResult::status(status);
    let other = (200..600).filter(|status| !matches!(status, 200..=399 | 503 | 400 | 401 | 403 | 404 | 405));
    BTreeMap::from([
        ("2xx", (200..300).map(http).collect()),
        ("3xx", (300..400).map(http).collect()),
        ("503", vec![http(503)]),
        ("400, 401, 403, 404, 405", [400, 401, 403, 404, 405].map(http).into()),
        ("any other status", other.map(http).collect()),
        ("connected, no complete answer in time", vec![ReadingResult::TimedOut { connected: true }]),
        ("no connection in time", vec![ReadingResult::TimedOut { connected: false }]),
        ("connection refused or unreachable", vec![ReadingResult::ConnectFailed("refused".into())]),
        ("TLS handshake failed", vec![ReadingResult::TlsFailed("bad".into())]),
        ("reset, closed early, not HTTP", vec![ReadingResult::BrokenAnswer("reset".into())]),
        ("2xx in time, but not its whole body", vec![ReadingResult::HeadOnly { status: 200 }]),
        ("2xx, and a body beyond `body_bytes`", vec![ReadingResult::BodyTooLarge { status: 200, cap: 1 }]),
        ("2xx, and a document that says DOWN", vec![says(200, Some(Meaning::Fail))]),
        ("2xx, and a document that says DEGRADED", vec![says(200, Some(Meaning::Degraded))]),
        (
            "2xx or 503, and a document that says OUT_OF_SERVICE",
            [200, 503].map(|status| says(status, Some(Meaning::Drain))).into(),
        ),
        ("2xx, and a document with a word that no list knows", vec![says(200, None)]),
        ("2xx, and a document that cannot be understood", vec![garbage()]),
        ("503, whatever its document says else", [Some(Meaning::Pass), None].map(|means| says(503, means)).into()),
        ("TCP probe: connected", vec![ReadingResult::Connected]),
        ("gRPC: SERVING", vec![grpc(GrpcSaid::Health(1))]),
        ("gRPC: NOT_SERVING", vec![grpc(GrpcSaid::Health(2))]),
        ("gRPC: UNKNOWN, SERVICE_UNKNOWN", [0, 3].map(|status| grpc(GrpcSaid::Health(status))).into()),
        ("gRPC: NOT_FOUND, UNIMPLEMENTED, UNAUTHENTICATED, PERMISSION_DENIED", [5, 12, 16, 7].map(refused).into()),
        ("gRPC: UNAVAILABLE, RESOURCE_EXHAUSTED, DEADLINE_EXCEEDED", [14, 8, 4].map(refused).into()),
        ("gRPC: any other status", [1, 2, 3, 6, 9, 10, 11, 13, 15].map(refused).into()),
    ])
}

fn says(status: u16, means: Option<Meaning>) -> ReadingResult {
    let overall = Some(Said { word: "WORD".to_owned(), means });
    let document = Some(Box::new(Document { overall, ..Document::default() }));
    ReadingResult::Http(HttpAnswer { status, document, ..HttpAnswer::default() })
}

fn garbage() -> ReadingResult {
    let malformed = Some("ends in the middle".to_owned());
    let document = Some(Box::new(Document { malformed, ..Document::default() }));
    ReadingResult::Http(HttpAnswer { status: 200, document, ..HttpAnswer::default() })
}

#[test]
fn the_table_of_probe_answers_is_that_of_judge() {
    let mut answers = answers();
    for row in rows(&read(PAGE), "the probe got") {
        let readings =
            answers.remove(&*row[0]).unwrap_or_else(|| panic!("{:?} is no answer that a probe can get", row[0]));
        for result in readings {
            let reading = Reading::new(result, Duration::ZERO);
            let (says, kind) = match judge(&reading, &plan_for(&reading)) {
                Verdict::Pass { degraded: Some(_), .. } => ("passes, `degraded`", String::new()),
                Verdict::Pass { warning: None, .. } => ("passes", String::new()),
                Verdict::Pass { warning: Some(_), .. } => ("passes, with a warning", String::new()),
                Verdict::Drain { .. } => ("`draining`", String::new()),
                Verdict::Fail { kind, severity: Severity::NotReady, .. } => {
                    ("`not_ready`", format!("`{kind:?}`").to_lowercase())
                }
                Verdict::Fail { kind, hint: Some(_), .. } => {
                    ("`down`, with a hint", format!("`{kind:?}`").to_lowercase())
                }
                Verdict::Fail { kind, .. } => ("`down`", format!("`{kind:?}`").to_lowercase()),
            };
            assert_eq!((&*row[1], &*row[2]), (says, &*kind), "{reading:?}");
        }
    }
    assert!(answers.is_empty(), "the page does not say what becomes of {:?}", answers.keys());
}

fn plan_for(reading: &Reading) -> ProbePlan {
    match reading.result {
        ReadingResult::Grpc(_) => ProbePlan { kind: ProbeCheck::Grpc(GrpcCheck::default()), ..plan() },
        _ => plan(),
    }
}

fn plan() -> ProbePlan {
    let http = HttpCheck::of(ProbeKind::Readiness, "/");
    let (success_threshold, failure_threshold) = (1, 1);
    ProbePlan { kind: ProbeCheck::Http(http), success_threshold, failure_threshold, ..ProbePlan::default() }
}

/// The ends of the page's table of outcomes.
fn ends() -> BTreeMap<&'static str, Vec<AttemptEnd>> {
    let status = |status| AttemptEnd::Response { status };
    let aborted = |millis, head_seen| AttemptEnd::ClientAborted { waited: Duration::from_millis(millis), head_seen };
    let let_go = |why, millis, head_seen| AttemptEnd::LetGo { why, waited: Duration::from_millis(millis), head_seen };
    BTreeMap::from([
        (
            "a whole answer below 500, 501 or 505",
            (200..500).filter(|s| *s != 429).chain([501, 505]).map(status).collect(),
        ),
        ("429", vec![status(429)]),
        ("any other 5xx", (500..600).filter(|s| !matches!(s, 501 | 505)).map(status).collect()),
        (
            "no connection, or TLS failed",
            vec![
                AttemptEnd::ConnectFailed { timed_out: false },
                AttemptEnd::ConnectFailed { timed_out: true },
                AttemptEnd::TlsFailed,
            ],
        ),
        ("no response head within `timeouts.per_try`", vec![AttemptEnd::PerTryTimeout]),
        ("reset before a head, on a new connection", vec![AttemptEnd::ResetBeforeHead { reused: false }]),
        ("reset before a head, on a reused connection", vec![AttemptEnd::ResetBeforeHead { reused: true }]),
        ("an answer that is not HTTP", vec![AttemptEnd::InvalidResponse]),
        ("a head beyond `limits.response_head_bytes`", vec![AttemptEnd::HeadTooLarge]),
        ("a body that breaks off or falls silent", vec![AttemptEnd::BrokenBody { status: 200 }]),
        ("the client left after 1 s or more without a head", vec![aborted(1000, false), aborted(60_000, false)]),
        ("the client left otherwise", vec![aborted(999, false), aborted(60_000, true)]),
        (
            "it was given up after 1 s or more without a head: `timeouts.total`, the caller's deadline, or a hedge that won",
            [LetGo::TotalTimeout, LetGo::Deadline, LetGo::Overtaken].map(|why| let_go(why, 1000, false)).into(),
        ),
        (
            "it was given up otherwise: these, `timeouts.idle`, or a client that takes nothing",
            vec![
                let_go(LetGo::TotalTimeout, 999, false),
                let_go(LetGo::Deadline, 60_000, true),
                let_go(LetGo::IdleTimeout, 60_000, true),
                let_go(LetGo::ClientStalled, 60_000, true),
            ],
        ),
        (
            "HTTP/2: not processed, at a connection's end or over a limit that came later",
            vec![AttemptEnd::NotProcessed { excused: true }],
        ),
        ("HTTP/2: refused though there was room", vec![AttemptEnd::NotProcessed { excused: false }]),
        ("HTTP/2: no stream was free in time", vec![AttemptEnd::NoRoom]),
        ("it went down meanwhile, and `on_down` is `close_all`", vec![AttemptEnd::CutOff]),
        ("the gateway itself ended it", vec![AttemptEnd::Ours]),
    ])
}

#[test]
fn the_table_of_outcomes_is_that_of_classify() {
    let mut ends = ends();
    for row in rows(&read(PAGE), "the attempt ended with") {
        for end in ends.remove(&*row[0]).unwrap_or_else(|| panic!("{:?} is no end of an attempt", row[0])) {
            let says = match classify(&end, Duration::from_secs(1)) {
                Outcome::Success => "success",
                Outcome::Failure(_) => "failure",
                Outcome::SoftFailure => "soft failure",
                Outcome::Ignored => "blames nobody",
            };
            assert_eq!(row[1], says, "{end:?}");
        }
    }
    assert!(ends.is_empty(), "the page does not say what becomes of {:?}", ends.keys());
}

/// Every key of the reference with its default, without the part that all upstreams and listeners share.
fn defaults() -> BTreeMap<String, String> {
    let short = |key: &str| key.replace("upstreams.NAME.", "").replace("listeners[].", "");
    rows(&pulsegate::config::reference(), "key").iter().map(|row| (short(bare(&row[0])), row[1].clone())).collect()
}

#[test]
fn every_default_in_a_document_is_that_of_the_reference() {
    let defaults = defaults();
    let mut seen = 0;
    for name in documents().iter().filter(|name| *name != "docs/reference.md") {
        for row in rows(&read(name), "key") {
            let expected = defaults.get(bare(&row[0])).unwrap_or_else(|| panic!("{name}: {} is no key", row[0]));
            assert_eq!(row[1], *expected, "{name}: {}", row[0]);
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} defaults were compared");
}

#[test]
fn the_page_has_a_reason_for_every_default_that_decides_about_health() {
    let page = rows(&read(PAGE), "key");
    let groups = ["readiness.", "passive.", "slow_start.", "retries.", "retry_budget.", "timeouts."];
    let alone = ["when_none_eligible", "panic_threshold", "drain_keeps_sessions", "balance.policy", "start.wait"];
    for (key, default) in defaults() {
        let decides = groups.iter().any(|group| key.starts_with(group)) || alone.contains(&&*key);
        if decides && !default.is_empty() && !key.contains(".tls.") {
            let row = page.iter().find(|row| bare(&row[0]) == key);
            let why = row.and_then(|row| row.get(2)).unwrap_or_else(|| panic!("{PAGE} has no row for `{key}`"));
            assert!(why.len() > 10, "`{key}` has no reason");
        }
    }
}
