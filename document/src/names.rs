//! What does the name of a member promise? Names are compared without case and punctuation, like words.

use super::words::{compact, parts};
use pulsegate_core::health::document::Meaning;

/// A word about the object that holds it, whatever the word.
#[rustfmt::skip]
const STATUS: &[&str] = &[
    "status", "state", "health", "healthstatus", "healthstate", "overallstatus", "overallhealth", "overall", "globalstatus", "outcome",
    "servicestatus", "serverstatus", "systemstatus", "appstatus", "applicationstatus", "currentstatus", "statusname", "statustext",
];

/// A word about it only where a list knows it: most of the time something else stands there.
#[rustfmt::skip]
const PERHAPS_STATUS: &[&str] = &[
    "result", "value", "level", "severity", "statusmessage", "message", "msg", "response", "text", "title", "description", "detail", "data",
    "ping", "healthcheck", "healthz", "code", "statuscode",
];

/// Questions whose yes is good.
#[rustfmt::skip]
const GOOD: &[&str] = &[
    "healthy", "ishealthy", "ok", "isok", "up", "isup", "alive", "isalive", "live", "islive", "ready", "isready", "available", "isavailable",
    "success", "successful", "issuccessful", "succeeded", "passed", "pass", "passing", "online", "isonline", "connected", "isconnected",
    "running", "isrunning", "operational", "reachable", "isreachable", "serving", "working",
];

/// Questions whose yes is bad.
const BAD: &[&str] = &[
    "failed",
    "hasfailed",
    "failing",
    "down",
    "isdown",
    "unhealthy",
    "unavailable",
    "errored",
    "haserrors",
    "error",
    "broken",
    "offline",
];
const BADLY: &[(&str, Meaning)] = &[
    ("degraded", Meaning::Degraded),
    ("isdegraded", Meaning::Degraded),
    ("warning", Meaning::Degraded),
    ("draining", Meaning::Drain),
    ("isdraining", Meaning::Drain),
    ("shuttingdown", Meaning::Drain),
    ("isshuttingdown", Meaning::Drain),
    ("maintenance", Meaning::Drain),
    ("inmaintenance", Meaning::Drain),
    ("maintenancemode", Meaning::Drain),
];

/// What explains a word, the most telling first.
#[rustfmt::skip]
const MESSAGE: &[&str] = &[
    "message", "msg", "error", "errormessage", "reason", "output", "failure", "exception", "cause", "notificationmessage", "description",
    "detail", "statusmessage", "shortsummary", "title", "details", "data", "info", "errors", "stacktrace", "trace",
];

/// What a part in a list is called.
#[rustfmt::skip]
const NAME: &[&str] = &[
    "name", "checkname", "check", "checker", "component", "componentid", "componentname", "service", "servicename", "checkid", "key", "label",
    "module", "dependency", "id", "serviceid", "title",
];

/// Members that hold the parts, and only them.
#[rustfmt::skip]
const PARTS: &[&str] = &[
    "components", "checks", "entries", "results", "services", "dependencies", "healthchecks", "checkresults", "healthcheckresults",
    "subsystems", "indicators", "probes", "statuses", "contributors", "tests", "connections", "resources", "subcomponents", "subchecks",
];
/// Members that may hold them beside other things.
const PERHAPS_PARTS: &[&str] = &[
    "details",
    "info",
    "data",
    "items",
    "children",
    "modules",
    "systems",
    "reports",
    "summary",
    "healthcheck",
    "detail",
];

/// Members that hold the document itself.
const ENVELOPE: &[&str] =
    &["data", "result", "response", "payload", "body", "health", "healthcheck", "report", "status", "healthreport"];

/// Members that hold the parts of which the name itself says how they are.
#[rustfmt::skip]
const VERDICTS: &[(&str, Meaning)] = &[
    ("error", Meaning::Fail), ("errors", Meaning::Fail), ("failures", Meaning::Fail), ("failed", Meaning::Fail), ("failing", Meaning::Fail),
    ("failedchecks", Meaning::Fail), ("unhealthy", Meaning::Fail), ("problems", Meaning::Fail), ("exceptions", Meaning::Fail),
    ("critical", Meaning::Fail), ("down", Meaning::Fail), ("warnings", Meaning::Degraded), ("degraded", Meaning::Degraded),
    ("healthy", Meaning::Pass), ("passed", Meaning::Pass), ("passing", Meaning::Pass), ("succeeded", Meaning::Pass), ("up", Meaning::Pass),
];

/// Members that say who, where, when and how long, but not how it is.
#[rustfmt::skip]
const ASIDE: &[&str] = &[
    "name", "service", "servicename", "serviceid", "app", "application", "appname", "type", "kind", "build", "commit", "revision", "sha",
    "gitsha", "branch", "tag", "release", "releaseid", "host", "hostname", "instance", "pid", "env", "environment", "stage", "profile",
    "region", "zone", "datacenter", "dc", "cluster", "node", "pod", "namespace", "container", "notes", "note", "links", "link", "ip", "ips",
    "address", "port", "language", "runtime", "platform", "os", "arch", "author", "license", "copyright", "expires", "expiry", "started",
    "documentation", "docs", "path", "method", "debug", "dev", "development", "production", "readonly", "role", "mode", "engine", "driver",
    "title", "description", "message", "msg", "detail", "metrics", "memory", "cpu", "threads", "tags", "groups", "greeting", "hello",
    "maintainer", "owner", "team", "product", "vendor", "server", "timed_out", "color", "colour", "slot", "unit", "metrictype", "stacktrace",
];
/// The same by the last part of a longer name: `startedAt`, `response_time`, `git.commit.id`.
#[rustfmt::skip]
const ASIDE_ENDS: &[&str] = &[
    "at", "on", "time", "timestamp", "date", "datetime", "version", "id", "duration", "uptime", "ms", "seconds", "secs", "sec", "count",
    "total", "url", "uri", "name", "elapsed", "latency", "millis", "nanos", "bytes", "percent", "out", "sha", "hash", "size", "now", "took", "level",
    "log", "policy", "strategy", "format",
];

/// Longer names are in no list, and not worth the comparison.
const LONGEST: usize = 32;

fn rank(list: &[&str], name: &str) -> Option<usize> {
    if name.len() > LONGEST {
        return None;
    }
    let name = compact(name);
    list.iter().position(|known| *known == name)
}

fn any(list: &[&str], name: &str) -> bool {
    rank(list, name).is_some()
}

pub(super) fn is_status(name: &str) -> bool {
    any(STATUS, name)
}

/// The smaller, the more it is meant.
pub(super) fn status_rank(name: &str) -> Option<usize> {
    rank(STATUS, name)
}

pub(super) fn perhaps_status_rank(name: &str) -> Option<usize> {
    rank(PERHAPS_STATUS, name)
}

pub(super) fn message_rank(name: &str) -> Option<usize> {
    rank(MESSAGE, name)
}

pub(super) fn name_rank(name: &str) -> Option<usize> {
    rank(NAME, name)
}

pub(super) fn is_message(name: &str) -> bool {
    any(MESSAGE, name)
}

pub(super) fn holds_parts(name: &str) -> bool {
    any(PARTS, name)
}

pub(super) fn may_hold_parts(name: &str) -> bool {
    any(PERHAPS_PARTS, name)
}

pub(super) fn is_aside(name: &str) -> bool {
    any(ASIDE, name)
        || name.len() <= LONGEST && parts(name).last().is_some_and(|last| ASIDE_ENDS.contains(&last.as_str()))
}

pub(super) fn may_be_an_envelope(name: &str) -> bool {
    any(ENVELOPE, name)
}

/// What the answer to a question means; `None`: the name asks nothing, or the answer says nothing.
pub(super) fn answer_means(name: &str, yes: bool) -> Option<Meaning> {
    if name.len() > LONGEST {
        return None;
    }
    let name = compact(name);
    if GOOD.contains(&name.as_str()) {
        return Some(if yes { Meaning::Pass } else { Meaning::Fail });
    }
    if BAD.contains(&name.as_str()) {
        return Some(if yes { Meaning::Fail } else { Meaning::Pass });
    }
    BADLY.iter().find(|(known, _)| yes && *known == name).map(|(_, means)| *means)
}

/// How those are that stand under such a name.
pub(super) fn verdict(name: &str) -> Option<Meaning> {
    if name.len() > LONGEST {
        return None;
    }
    let name = compact(name);
    VERDICTS.iter().find(|(known, _)| *known == name).map(|(_, means)| *means)
}
