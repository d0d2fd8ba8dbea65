//! What does one access-log line look like?
//!
//! Both forms have the same keys in the same order. Absent values are left out of the text and `null` nowhere: a key that is
//! there has a value.

use crate::domain::plan::LogFormat;
use crate::telemetry::RequestRecord;
use crate::telemetry::{escape, when};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

#[derive(Serialize)]
struct Fields<'a> {
    time: String,
    client: String,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    protocol: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<String>,
    attempts: u32,
    took_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_ms: Option<f64>,
    bytes_in: u64,
    bytes_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_stopped: Option<&'a str>,
    listener: &'a str,
    request_id: &'a str,
}

/// One JSON object and a line end.
pub fn json(at: SystemTime, record: &RequestRecord<'_>) -> String {
    let fields = Fields {
        time: when::rfc3339(at),
        client: record.client.to_string(),
        method: record.method,
        host: record.host,
        path: cut(record.path),
        protocol: record.protocol,
        status: record.status,
        route: record.route,
        upstream: record.upstream,
        backend: record.backend.map(ToString::to_string),
        attempts: record.attempts,
        took_ms: millis(record.took),
        upstream_ms: record.upstream_took.map(millis),
        bytes_in: record.bytes_in,
        bytes_out: record.bytes_out,
        reason: record.reason,
        retry_stopped: record.retry_stopped,
        listener: record.listener,
        request_id: record.request_id,
    };
    let mut line = serde_json::to_string(&fields).unwrap_or_default();
    line.push('\n');
    line
}

/// `time=… client=… method=…` and a line end.
pub fn text(at: SystemTime, record: &RequestRecord<'_>) -> String {
    let mut line = String::with_capacity(384);
    number(&mut line, "time", when::rfc3339(at));
    number(&mut line, "client", record.client);
    escape::pair(&mut line, "method", record.method);
    escape::pair(&mut line, "host", record.host);
    escape::pair(&mut line, "path", cut(record.path));
    escape::pair(&mut line, "protocol", record.protocol);
    number(&mut line, "status", record.status);
    optional(&mut line, "route", record.route);
    optional(&mut line, "upstream", record.upstream);
    if let Some(backend) = record.backend {
        escape::pair(&mut line, "backend", &backend.to_string());
    }
    number(&mut line, "attempts", record.attempts);
    number(&mut line, "took_ms", millis(record.took));
    if let Some(took) = record.upstream_took {
        number(&mut line, "upstream_ms", millis(took));
    }
    number(&mut line, "bytes_in", record.bytes_in);
    number(&mut line, "bytes_out", record.bytes_out);
    optional(&mut line, "reason", record.reason);
    optional(&mut line, "retry_stopped", record.retry_stopped);
    escape::pair(&mut line, "listener", record.listener);
    escape::pair(&mut line, "request_id", record.request_id);
    line.push('\n');
    line
}

/// What is known of a client whose connection or head was refused; `refused` in place of a status.
pub fn refusal(format: LogFormat, at: SystemTime, listener: &str, client: IpAddr, reason: &str) -> String {
    let (time, client) = (when::rfc3339(at), client.to_string());
    let fields = [("time", &*time), ("client", &*client), ("listener", listener), ("refused", reason)];
    let mut line = match format {
        LogFormat::Json => serde_json::json!(BTreeMap::from(fields)).to_string(),
        LogFormat::Text => {
            let mut line = String::new();
            fields.iter().for_each(|(key, value)| escape::pair(&mut line, key, value));
            line
        }
    };
    line.push('\n');
    line
}

/// Values that are ours and cannot need quotes: numbers, addresses, dates.
fn number(line: &mut String, key: &str, value: impl std::fmt::Display) {
    let space = if line.is_empty() { "" } else { " " };
    let _ = write!(line, "{space}{key}={value}");
}

fn optional(line: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        escape::pair(line, key, value);
    }
}

/// Milliseconds with microseconds behind the point.
fn millis(span: Duration) -> f64 {
    span.as_micros() as f64 / 1000.0
}

/// A path beyond this is cut: lines wait in memory while their reader is slow, and a client chooses its paths.
const PATH: usize = 1024;

fn cut(path: &str) -> &str {
    let end = (0..=PATH.min(path.len())).rev().find(|end| path.is_char_boundary(*end));
    end.and_then(|end| path.get(..end)).unwrap_or_default()
}
