//! What does a field of a line hold? One match from the field to its value, and how a value is written in text and in JSON.

use crate::telemetry::escape;
use crate::telemetry::request::RequestRecord;
use crate::telemetry::tries::Tries;
use pulsegate_core::base::hex;
use pulsegate_core::base::identity::Address;
use pulsegate_core::http::redact::{self, REDACTED};
use pulsegate_core::plan::AccessPlan;
use pulsegate_core::plan::access_log::Field;
use std::borrow::Cow;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use super::stamp;

/// Text of a client beyond this is cut: lines wait in memory while their reader is slow, and clients choose what they send.
const LONGEST: usize = 1024;

pub enum Value<'a> {
    Absent,
    Moment(SystemTime),
    /// A trace's.
    Id(u128),
    /// From strangers, or from the configuration.
    Text(Cow<'a, str>),
    Ip(IpAddr),
    Address(&'a Address),
    Number(u64),
    Millis(Duration),
    Tries(&'a Tries),
}

/// The value of a field, whatever the form of the line.
pub fn of<'a>(field: Field, plan: &AccessPlan, at: SystemTime, record: &RequestRecord<'a>) -> Value<'a> {
    match field {
        Field::Time => Value::Moment(at),
        Field::Client => Value::Ip(record.client),
        Field::Method => text(record.method),
        Field::Host => text(record.host),
        Field::Path => text(record.path),
        Field::Query => query(plan, record.query),
        Field::Protocol => text(record.protocol),
        Field::Status => Value::Number(record.status.into()),
        Field::GrpcStatus => record.grpc_status.map_or(Value::Absent, |status| Value::Number(status.into())),
        Field::Route => optional(record.route),
        Field::Upstream => optional(record.upstream),
        Field::Backend => record.backend.map_or(Value::Absent, Value::Address),
        Field::Attempts => Value::Number(record.attempts.into()),
        Field::Tries if record.attempts == 0 => Value::Absent,
        Field::Tries => Value::Tries(record.tries),
        Field::TookMs => Value::Millis(record.took),
        Field::HeadMs => record.head_took.map_or(Value::Absent, Value::Millis),
        Field::QueueMs if record.queued.is_zero() => Value::Absent,
        Field::QueueMs => Value::Millis(record.queued),
        Field::UpstreamMs => record.upstream_took.map_or(Value::Absent, Value::Millis),
        Field::StalledMs if record.stalled.is_zero() => Value::Absent,
        Field::StalledMs => Value::Millis(record.stalled),
        Field::BytesIn => Value::Number(record.bytes_in),
        Field::BytesOut => Value::Number(record.bytes_out),
        Field::Reason => optional(record.reason),
        Field::RetryStopped => optional(record.retry_stopped),
        Field::Listener => text(record.listener),
        Field::RequestId => text(record.id()),
        Field::TraceId => record.trace_id.map_or(Value::Absent, Value::Id),
    }
}

/// A request header; several of one name as one, as HTTP means them.
pub fn header<'a>(name: &str, plan: &AccessPlan, record: &RequestRecord<'a>) -> Value<'a> {
    let Some(headers) = record.headers else { return Value::Absent };
    let Some(first) = headers.line(name, 0) else { return Value::Absent };
    if plan.redacted.headers.iter().any(|secret| secret == name) {
        return text(REDACTED);
    }
    let mut value = String::from_utf8_lossy(first);
    for more in (1..).map_while(|number| headers.line(name, number)) {
        let value = value.to_mut();
        value.push_str(", ");
        value.push_str(&String::from_utf8_lossy(more));
    }
    // An address that names where somebody comes from has a query of its own.
    if matches!(name, "referer" | "location") && value.contains('?') {
        value = Cow::Owned(redact::query(&value, &plan.redacted.query).into_owned());
    }
    Value::Text(short(value))
}

fn query<'a>(plan: &AccessPlan, query: &'a str) -> Value<'a> {
    if query.is_empty() { Value::Absent } else { Value::Text(short(redact::query(query, &plan.redacted.query))) }
}

fn text(value: &str) -> Value<'_> {
    Value::Text(short(Cow::Borrowed(value)))
}

fn optional(value: Option<&str>) -> Value<'_> {
    value.map_or(Value::Absent, text)
}

fn short(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.len() <= LONGEST {
        return value;
    }
    let end = (0..=LONGEST).rev().find(|end| value.is_char_boundary(*end)).unwrap_or_default();
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(value.get(..end).unwrap_or_default()),
        Cow::Owned(mut value) => {
            value.truncate(end);
            Cow::Owned(value)
        }
    }
}

impl Value<'_> {
    /// ` key=value`; nothing where there is none.
    pub fn pair(&self, line: &mut String, key: &str) {
        match self {
            Self::Absent => {}
            Self::Text(value) => escape::pair(line, key, value),
            Self::Address(Address::Unix(_)) => escape::pair(line, key, &self.plain()),
            ours => {
                escape::key(line, key);
                ours.bare(line);
            }
        }
    }

    /// For a place between other text: escaped, `-` where there is none.
    pub fn place(&self, line: &mut String) {
        match self {
            Self::Absent => line.push('-'),
            Self::Text(value) if value.is_empty() => line.push('-'),
            Self::Text(value) => escape::text(line, value),
            Self::Address(Address::Unix(_)) => escape::text(line, &self.plain()),
            ours => ours.bare(line),
        }
    }

    /// `,"key":value`; nothing where there is none.
    pub fn member(&self, line: &mut String, key: &str) {
        if matches!(self, Self::Absent) {
            return;
        }
        if !line.ends_with('{') {
            line.push(',');
        }
        line.push('"');
        line.push_str(key);
        line.push_str("\":");
        self.json(line);
    }

    /// As [`Self::member`] with `,"key":` written already; its comma goes where nothing is in front.
    pub fn behind(&self, line: &mut String, member: &str) {
        if matches!(self, Self::Absent) {
            return;
        }
        let first = line.ends_with('{');
        line.push_str(member.strip_prefix(',').filter(|_| first).unwrap_or(member));
        self.json(line);
    }

    fn json(&self, line: &mut String) {
        match self {
            Self::Number(_) | Self::Millis(_) => self.bare(line),
            Self::Text(value) => string(line, value),
            Self::Address(Address::Unix(_)) => string(line, &self.plain()),
            Self::Tries(tries) => list(line, tries),
            Self::Absent | Self::Moment(_) | Self::Id(_) | Self::Ip(_) | Self::Address(_) => {
                line.push('"');
                self.bare(line);
                line.push('"');
            }
        }
    }

    fn plain(&self) -> String {
        let mut plain = String::new();
        self.bare(&mut plain);
        plain
    }

    /// As it is: of ours, and without anything to escape, but for text and the path of a socket.
    fn bare(&self, line: &mut String) {
        match self {
            Self::Absent => {}
            Self::Moment(at) => stamp::rfc3339(line, *at),
            Self::Id(id) => line.push_str(hex::of_trace(*id).text()),
            Self::Text(value) => line.push_str(value),
            Self::Ip(ip) => self::ip(line, *ip),
            Self::Address(Address::Socket(address)) => {
                socket(line, *address);
            }
            Self::Address(address) => {
                let _ = write!(line, "{address}");
            }
            Self::Number(number) => self::number(line, *number),
            Self::Millis(span) => millis(line, *span),
            Self::Tries(tries) => tried(line, tries),
        }
    }
}

fn tried(line: &mut String, tries: &Tries) {
    for (index, one) in tries.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(line, "{comma}{}/{}", one.backend.to_string().replace([' ', '"'], "_"), one.end.word());
        let _ = one.end.said().map(|said| write!(line, ":{said}"));
        line.push('/');
        millis(line, one.took);
    }
}

fn number(line: &mut String, number: u64) {
    line.push_str(itoa::Buffer::new().format(number));
}

fn ip(line: &mut String, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    line.push('.');
                }
                number(line, octet.into());
            }
        }
        IpAddr::V6(ip) => {
            let _ = write!(line, "{ip}");
        }
    }
}

fn socket(line: &mut String, address: SocketAddr) {
    match address {
        SocketAddr::V4(address) => {
            ip(line, IpAddr::V4(*address.ip()));
            line.push(':');
            number(line, address.port().into());
        }
        SocketAddr::V6(address) => {
            let _ = write!(line, "{address}");
        }
    }
}

/// Milliseconds, with as many of three places behind the point as say something.
fn millis(line: &mut String, span: Duration) {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    number(line, micros / 1000);
    let rest = micros % 1000;
    if rest > 0 {
        line.push('.');
        for place in [100, 10, 1].into_iter().take_while(|place| rest % (place * 10) > 0) {
            line.push(char::from(b'0' + (rest / place % 10) as u8));
        }
    }
}

fn list(line: &mut String, tries: &Tries) {
    line.push('[');
    for (index, one) in tries.iter().enumerate() {
        line.push_str(if index > 0 { ",{" } else { "{" });
        Value::Address(&one.backend).member(line, "backend");
        Value::Text(one.end.word().into()).member(line, "end");
        one.end.said().map_or(Value::Absent, |said| Value::Number(said.into())).member(line, "status");
        Value::Millis(one.took).member(line, "took_ms");
        line.push('}');
    }
    line.push(']');
}

/// A JSON string. What most of them are, plain letters, goes through without a look at each character.
pub fn string(line: &mut String, value: &str) {
    // Every byte is looked at, so that several can be at once.
    if value.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\')) {
        line.push('"');
        line.push_str(value);
        line.push('"');
    } else {
        line.push_str(&serde_json::to_string(value).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_no_idle_zeros() {
        for (micros, expected) in [
            (0, "0"),
            (9_000, "9"),
            (12_345, "12.345"),
            (12_340, "12.34"),
            (12_300, "12.3"),
            (5, "0.005"),
            (50, "0.05"),
        ] {
            let mut line = String::new();
            millis(&mut line, Duration::from_micros(micros));
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn strings_are_json_whatever_is_in_them() {
        for value in ["", "plain", "a \"quote\"", "back\\slash", "line\nbreak", "größe", "\u{1b}[0m", "\u{7f}"] {
            let mut line = String::new();
            string(&mut line, value);
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), value);
        }
    }
}
