//! How do log records leave the process? As lines on stderr, text or JSON, through the `log` facade. Nobody who has something to say waits for
//! whoever reads it: lines leave by a thread of their own, and are dropped and counted where nobody does.
//!
//! `RUST_LOG` wins over the configured level, and an operator's order over both, until it is taken back. The libraries below us are held
//! to warnings unless `RUST_LOG` says otherwise, and pingora's proxy to silence: what goes wrong with a request is ours to tell, once.
//! Every record is one line: what strangers wrote is escaped.

use super::lines::{Health, Lines, Manner};
use super::{escape, panics};
use crate::clock::Clock;
use crate::clock::when;
use arc_swap::ArcSwap;
use env_filter::{Builder, Filter};
use log::kv::{self, Key, Value, VisitSource};
use log::{Log, Metadata, Record};
use pulsegate_core::plan::{LogFormat, LoggingPlan};
use serde_json::{Map, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

/// Libraries that talk about every connection at `info`.
const NOISY: [&str; 9] = [
    "pingora",
    "pingora_core",
    "pingora_pool",
    "hyper",
    "hyper_util",
    "h2",
    "hickory_resolver",
    "hickory_net",
    "rustls",
];

/// The levels that can be asked for.
pub const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The logger of this process, where it is ours.
static OURS: OnceLock<Logger> = OnceLock::new();

/// What happens is told as it happens.
const MANNER: Manner = Manner { thread: "log", log: "the log", gathering: Duration::ZERO, tells_gaps: true };

struct Logger {
    clock: Clock,
    lines: Lines,
    json: AtomicBool,
    filter: ArcSwap<Filter>,
    wishes: Mutex<Wishes>,
}

/// Who wants which level.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wishes {
    configured: String,
    /// `RUST_LOG`.
    environment: Option<String>,
    ordered: Option<String>,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Verbosity {
    /// A level, or the filter of `RUST_LOG`.
    pub level: String,
    /// `configuration`, `environment` or `order`.
    pub by: &'static str,
    pub configured: String,
    pub format: &'static str,
}

/// How the log fares: of the process, not of one gateway in it.
pub fn health() -> &'static Health {
    static HEALTH: OnceLock<Health> = OnceLock::new();
    HEALTH.get_or_init(Health::default)
}

/// Blocks until everything so far is written, but for about two seconds at most. For the end of the process.
pub fn flush() {
    if let Some(ours) = OURS.get() {
        ours.lines.flush();
    }
}

/// Sets the process's logger, which is told of panics, too. A second call changes nothing: the first logger stays, and `false` is returned; so it
/// is where the system has no thread left.
pub fn init(plan: &LoggingPlan, clock: Clock) -> bool {
    if OURS.get().is_some() {
        return false;
    }
    let Ok(lines) = Lines::start(MANNER, std::io::stderr(), health().clone()) else { return false };
    let wishes = Wishes { configured: plan.level.clone(), environment: std::env::var("RUST_LOG").ok(), ordered: None };
    let filter = filter(&wishes);
    let most = filter.filter();
    let logger = Logger {
        clock,
        lines,
        json: AtomicBool::new(plan.format == LogFormat::Json),
        filter: ArcSwap::from_pointee(filter),
        wishes: Mutex::new(wishes),
    };
    if OURS.set(logger).is_err() {
        return false;
    }
    let set = OURS.get().is_some_and(|ours| log::set_logger(ours).is_ok());
    if set {
        log::set_max_level(most);
        panics::tell();
    }
    set
}

/// What a reloaded plan says of level and format is in force from now on.
pub fn apply(plan: &LoggingPlan) {
    let Some(ours) = OURS.get() else { return };
    ours.json.store(plan.format == LogFormat::Json, Ordering::Relaxed);
    ours.wish(|wishes| wishes.configured.clone_from(&plan.level));
}

/// A level until further notice, one of [`LEVELS`]; `None` takes the order back. `None` is the answer where the logger is not ours.
pub fn order(level: Option<&str>) -> Option<Verbosity> {
    let ours = OURS.get()?;
    ours.wish(|wishes| wishes.ordered = level.map(str::to_owned));
    Some(ours.verbosity())
}

/// What is in force; `None` where the logger is not ours.
pub fn verbosity() -> Option<Verbosity> {
    OURS.get().map(Logger::verbosity)
}

impl Logger {
    fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut wishes);
        let filter = filter(&wishes);
        let most = filter.filter();
        self.filter.store(std::sync::Arc::new(filter));
        log::set_max_level(most);
    }

    fn verbosity(&self) -> Verbosity {
        let wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let format = if self.json.load(Ordering::Relaxed) { LogFormat::Json } else { LogFormat::Text };
        let (level, by) = wishes.in_force();
        Verbosity { level: level.to_owned(), by, format: format.word(), configured: wishes.configured.clone() }
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.load().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.filter.load().matches(record) {
            return;
        }
        let format = if self.json.load(Ordering::Relaxed) { LogFormat::Json } else { LogFormat::Text };
        let mut line = line(format, self.clock.wall(self.clock.now()), record);
        line.push('\n');
        self.lines.put(&line);
    }

    fn flush(&self) {
        self.lines.flush();
    }
}

impl Wishes {
    fn in_force(&self) -> (&str, &'static str) {
        match (&self.ordered, &self.environment) {
            (Some(level), _) => (level, "order"),
            (None, Some(filter)) => (filter, "environment"),
            (None, None) => (&self.configured, "configuration"),
        }
    }
}

fn filter(wishes: &Wishes) -> Filter {
    let filter = match wishes.in_force() {
        (filter, "environment") => filter.to_owned(),
        (level, _) => default_filter(level),
    };
    Builder::new().parse(&filter).build()
}

/// The filter that `level` stands for. A level stricter than a warning holds for the libraries too.
fn default_filter(level: &str) -> String {
    let for_libraries = if matches!(level, "off" | "error") { level } else { "warn" };
    let mut filter = format!("{level},pingora_proxy=off");
    for library in NOISY {
        filter.push_str(&format!(",{library}={for_libraries}"));
    }
    filter
}

fn line(format: LogFormat, at: SystemTime, record: &Record<'_>) -> String {
    match format {
        LogFormat::Text => text(at, record),
        LogFormat::Json => json(at, record),
    }
}

/// `2026-11-24T08:00:00.250Z WARN pulsegate::event up -> down: refused event=backend.transition upstream=orders …`
fn text(at: SystemTime, record: &Record<'_>) -> String {
    let mut line = format!("{} {:<5} {} ", when::rfc3339(at), record.level(), record.target());
    escape::control(&mut line, &record.args().to_string());
    let mut pairs = Pairs(|key: &str, value: &str| escape::pair(&mut line, key, value));
    let _ = record.key_values().visit(&mut pairs);
    line
}

/// One object per line: `timestamp`, `level`, `target`, `message`, then the fields.
fn json(at: SystemTime, record: &Record<'_>) -> String {
    let mut object = Map::new();
    object.insert("timestamp".into(), json!(when::rfc3339(at)));
    object.insert("level".into(), json!(record.level().as_str().to_ascii_lowercase()));
    object.insert("target".into(), json!(record.target()));
    object.insert("message".into(), json!(record.args().to_string()));
    let mut pairs = Pairs(|key: &str, value: &str| {
        object.entry(key).or_insert_with(|| json!(value));
    });
    let _ = record.key_values().visit(&mut pairs);
    serde_json::Value::Object(object).to_string()
}

/// Hands each field of a record to a closure.
struct Pairs<F>(F);

impl<'kvs, F: FnMut(&str, &str)> VisitSource<'kvs> for Pairs<F> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        (self.0)(key.as_str(), &value.to_string());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level;

    fn written(format: LogFormat, message: &str, fields: &[(&str, &str)]) -> String {
        let at = SystemTime::UNIX_EPOCH;
        line(
            format,
            at,
            &Record::builder()
                .args(format_args!("{message}"))
                .level(Level::Warn)
                .target("pulsegate::event")
                .key_values(&fields)
                .build(),
        )
    }

    #[test]
    fn a_text_line_has_time_level_target_message_and_fields() {
        assert_eq!(
            written(LogFormat::Text, "up -> down: refused", &[("event", "backend.transition"), ("why", "a b")]),
            "1970-01-01T00:00:00.000Z WARN  pulsegate::event up -> down: refused event=backend.transition why=\"a b\""
        );
    }

    #[test]
    fn a_json_line_is_one_flat_object() {
        let line =
            written(LogFormat::Json, "up -> down", &[("event", "backend.transition"), ("message", "not this one")]);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let expected = json!({
            "timestamp": "1970-01-01T00:00:00.000Z",
            "level": "warn",
            "target": "pulsegate::event",
            "message": "up -> down",
            "event": "backend.transition",
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_message_cannot_start_a_line_of_its_own() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = written(format, "bad\n1970-01-01T00:00:00.000Z ERROR forged", &[("k", "a\r\nb")]);
            assert_eq!(line.lines().count(), 1, "{line}");
        }
    }

    #[test]
    fn an_order_wins_over_the_environment_and_that_over_the_configuration() {
        let configured = "warn".to_owned();
        let mut wishes = Wishes { configured, environment: None, ordered: None };
        assert_eq!(wishes.in_force(), ("warn", "configuration"));
        wishes.environment = Some("pulsegate=trace".into());
        assert_eq!(wishes.in_force(), ("pulsegate=trace", "environment"));
        wishes.ordered = Some("debug".into());
        assert_eq!(wishes.in_force(), ("debug", "order"));
        assert_eq!(filter(&wishes).filter(), log::LevelFilter::Debug);
        for level in LEVELS {
            wishes.ordered = Some(level.into());
            let most = filter(&wishes).filter().to_string().to_ascii_lowercase();
            assert_eq!(most, level);
        }
    }

    #[test]
    fn libraries_are_held_to_warnings() {
        assert!(default_filter("debug").starts_with("debug,pingora_proxy=off,"));
        assert!(default_filter("debug").contains(",pingora_core=warn"));
        assert!(default_filter("error").contains(",pingora_core=error"));
    }
}
