//! What does one access-log line look like?
//!
//! Text and JSON have the same keys in the same order. Absent values are left out of the text and `null` nowhere: a key that is
//! there has a value.

use super::stamp;
use super::value::{self, Value};
use crate::telemetry::escape;
use crate::telemetry::request::RequestRecord;
use pulsegate_core::plan::access_log::{Field, Part};
use pulsegate_core::plan::{AccessForm, AccessPlan};
use std::net::IpAddr;
use std::time::SystemTime;

/// The line of a request, with its line end, behind the lines that are there.
pub fn request(line: &mut String, plan: &AccessPlan, at: SystemTime, record: &RequestRecord<'_>) {
    match &plan.form {
        AccessForm::Text => text(line, plan, at, record),
        AccessForm::Json => json(line, plan, at, record),
        AccessForm::Common => common(line, plan, at, record),
        AccessForm::Combined => combined(line, plan, at, record),
        AccessForm::Template(template) => {
            for part in &template.0 {
                match part {
                    Part::Text(text) => line.push_str(text),
                    Part::Field(field) => value::of(*field, plan, at, record).place(line),
                    Part::Header(name) => value::header(name, plan, record).place(line),
                }
            }
        }
    }
    line.push('\n');
}

/// `time=… client=… method=…`
fn text(line: &mut String, plan: &AccessPlan, at: SystemTime, record: &RequestRecord<'_>) {
    for (name, field) in Field::ALL {
        if is_told(field, plan, record) {
            value::of(field, plan, at, record).pair(line, name);
        }
    }
    for name in &plan.headers {
        if let Value::Text(value) = value::header(name, plan, record) {
            escape::pair(line, &format!("header.{name}"), &value);
        }
    }
}

/// One object.
fn json(line: &mut String, plan: &AccessPlan, at: SystemTime, record: &RequestRecord<'_>) {
    line.push('{');
    for (member, field) in Field::MEMBERS {
        if is_told(field, plan, record) {
            value::of(field, plan, at, record).behind(line, member);
        }
    }
    if !plan.headers.is_empty() {
        line.push_str(",\"headers\":{");
        for name in &plan.headers {
            value::header(name, plan, record).member(line, name);
        }
        line.push('}');
    }
    line.push('}');
}

fn is_told(field: Field, plan: &AccessPlan, record: &RequestRecord<'_>) -> bool {
    match field {
        Field::Query => plan.query,
        Field::Tries => !record.tries.went_well(),
        _ => true,
    }
}

/// `client - - [24/Nov/2026:08:15:30 +0000] "GET /path HTTP/1.1" 200 512`
fn common(line: &mut String, plan: &AccessPlan, at: SystemTime, record: &RequestRecord<'_>) {
    let place = |field, line: &mut String| value::of(field, plan, at, record).place(line);
    place(Field::Client, line);
    line.push_str(" - - [");
    stamp::common(line, at);
    line.push_str("] \"");
    place(Field::Method, line);
    line.push(' ');
    place(Field::Path, line);
    if plan.query && !record.query.is_empty() {
        place(Field::Query, line);
    }
    line.push(' ');
    place(Field::Protocol, line);
    line.push_str("\" ");
    place(Field::Status, line);
    line.push(' ');
    place(Field::BytesOut, line);
}

/// The common form with ` "referrer" "user agent"` behind it.
fn combined(line: &mut String, plan: &AccessPlan, at: SystemTime, record: &RequestRecord<'_>) {
    common(line, plan, at, record);
    for name in ["referer", "user-agent"] {
        line.push_str(" \"");
        value::header(name, plan, record).place(line);
        line.push('"');
    }
}

/// What is known of a client whose connection or head was refused; `refused` in place of a status. Nothing that others would take for a
/// request is made of it: forms without names of fields have it as text.
pub fn refusal(line: &mut String, form: &AccessForm, at: SystemTime, listener: &str, client: IpAddr, reason: &str) {
    let is_json = *form == AccessForm::Json;
    let fields = [
        ("time", Value::Moment(at)),
        ("client", Value::Ip(client)),
        ("listener", Value::Text(listener.into())),
        ("refused", Value::Text(reason.into())),
    ];
    if is_json {
        line.push('{');
    }
    for (name, value) in &fields {
        if is_json { value.member(line, name) } else { value.pair(line, name) }
    }
    line.push_str(if is_json { "}\n" } else { "\n" });
}
