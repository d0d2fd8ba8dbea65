//! How do log records leave the process? As lines on stderr, text or JSON, through the `log` facade.
//!
//! `RUST_LOG` wins over the configured level. The libraries below us are held to warnings unless `RUST_LOG` says otherwise, and
//! pingora's proxy to silence: what goes wrong with a request is ours to tell, once. Every record is one line: what strangers
//! wrote is escaped.

use super::escape;
use super::when;
use crate::control::Clock;
use crate::domain::plan::{LogFormat, LoggingPlan};
use log::Record;
use log::kv::{self, Key, Value, VisitSource};
use serde_json::{Map, json};
use std::io::Write;
use std::time::SystemTime;

/// Libraries that talk about every connection at `info`.
const NOISY: [&str; 8] =
    ["pingora", "pingora_core", "pingora_pool", "hyper", "hyper_util", "hickory_resolver", "hickory_net", "rustls"];

/// Sets the process's logger. A second call changes nothing: the first logger stays, and `false` is returned.
pub fn init(plan: &LoggingPlan, clock: Clock) -> bool {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| default_filter(&plan.level));
    let format = plan.format;
    env_logger::Builder::new()
        .parse_filters(&filter)
        .target(env_logger::Target::Stderr)
        .format(move |out, record| writeln!(out, "{}", line(format, clock.wall(clock.now()), record)))
        .try_init()
        .is_ok()
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
    fn libraries_are_held_to_warnings() {
        assert!(default_filter("debug").starts_with("debug,pingora_proxy=off,"));
        assert!(default_filter("debug").contains(",pingora_core=warn"));
        assert!(default_filter("error").contains(",pingora_core=error"));
    }
}
