//! How do the readers' complaints become sentences for people? serde speaks of its types; here they become what may be written, in
//! one place.

use super::vocabulary::meant;

/// A complaint in words for people: what was found, what is allowed, and a hint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InWords {
    pub found: String,
    pub allowed: String,
    pub hint: Option<String>,
}

/// What serde said of a value.
pub(super) fn in_words(complaint: &str) -> InWords {
    if let Some((found, expected)) = mismatch(complaint) {
        return InWords { found: value(found), allowed: kind(expected), hint: mapping_hint(found, expected) };
    }
    if let Some((_, expected)) =
        complaint.strip_prefix("invalid length ").and_then(|rest| rest.split_once(", expected "))
    {
        // A list where a mapping is wanted: its items were taken for values.
        let name = expected.split_once(" with ").map_or(expected, |(name, _)| name);
        return InWords { found: "a list".to_owned(), allowed: kind(name), hint: None };
    }
    if let Some((word, known)) = variant(complaint) {
        let hint = meant(word, &known).map(|name| format!("did you mean `{name}`?"));
        return InWords { found: format!("{word:?}"), allowed: known.join(", "), hint };
    }
    if let Some(field) = complaint.strip_prefix("missing field ") {
        return InWords { found: format!("no {field}"), allowed: field.to_owned(), hint: None };
    }
    InWords { found: complaint.to_owned(), allowed: String::new(), hint: None }
}

/// "invalid type: FOUND, expected EXPECTED"; also for values.
fn mismatch(complaint: &str) -> Option<(&str, &str)> {
    let rest = complaint.strip_prefix("invalid type: ").or_else(|| complaint.strip_prefix("invalid value: "))?;
    rest.rsplit_once(", expected ")
}

/// "unknown variant `x`, expected one of `a`, `b`" (or "`a` or `b`", or "`a`").
fn variant(complaint: &str) -> Option<(&str, Vec<&str>)> {
    let (word, known) = complaint.strip_prefix("unknown variant `")?.split_once("`, expected ")?;
    Some((word, known.split('`').skip(1).step_by(2).collect()))
}

/// serde's words for a value: "string \"x\"", "integer `5`", "null", "map"…
fn value(found: &str) -> String {
    match found {
        "null" | "unit value" => "nothing".to_owned(),
        "map" => "a mapping".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => match found.split_once(' ') {
            Some(("string", text)) => text.to_owned(),
            Some(("integer" | "boolean", text)) => text.trim_matches('`').to_owned(),
            _ => found.trim_start_matches("floating point ").trim_matches('`').to_owned(),
        },
    }
}

fn kind(expected: &str) -> String {
    match expected {
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "f64" => "a number".to_owned(),
        "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list, such as [a, b]".to_owned(),
        "a string" | "path string" => "text (in quotes where YAML takes it for something else)".to_owned(),
        "a map" => "a mapping, such as { name: value }".to_owned(),
        _ => match expected.strip_prefix("struct ") {
            Some(name) => format!("keys such as `{}`", key_of(name)),
            None if expected.starts_with("enum ") || expected.contains("variant") => "one word".to_owned(),
            None => expected.to_owned(),
        },
    }
}

/// `path:/ready` lacks a space; a bare word stands where a mapping of one is wanted.
fn mapping_hint(found: &str, expected: &str) -> Option<String> {
    let text = found.strip_prefix("string \"")?.strip_suffix('"')?;
    let key = key_of(expected.strip_prefix("struct ")?);
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
            Some(format!("a blank is missing after the colon: `{name}: {}`", value.trim_start()))
        }
        _ => Some(format!("did you mean `{{ {key}: {text} }}`?")),
    }
}

/// The key that is most often written in the mapping of a type: what "such as" names.
pub(super) fn key_of(name: &str) -> &'static str {
    match name {
        "AdminOnSpec" | "ListenerSpec" | "SourceSpec" => "address",
        "AlertRouteSpec" => "receivers",
        "AlertsSpec" => "routes",
        "BalanceSpec" => "policy",
        "BudgetSpec" => "ratio",
        "DegradedSpec" => "weight",
        "DocumentRulesSpec" => "critical",
        "DrainHeaderSpec" => "name",
        "ExpectSpec" | "MomentSpec" => "at",
        "FlappingSpec" => "every",
        "FlapsSpec" => "transitions",
        "FoundSpec" => "upstream",
        "LoadSpec" => "requests_per_second",
        "EditsSpec" => "set",
        "LimitsSpec" => "body_bytes",
        "ListenerTlsSpec" => "certificate",
        "OtlpSpec" => "endpoint",
        "TracingSpec" => "otlp",
        "MirrorSpec" | "RouteSpec" => "upstream",
        "ProxyProtocolSpec" => "from",
        "RecordSpec" => "file",
        "UpstreamLimitsSpec" => "requests",
        "LoggingSpec" => "level",
        "PassiveSpec" => "consecutive_failures",
        "ProbingSpec" => "concurrency",
        "RedirectSpec" => "location",
        "RespondSpec" => "status",
        "RetriesSpec" => "limit",
        "ShutdownSpec" => "grace",
        "SecretSpec" => "env",
        "SlowStartSpec" => "duration",
        "SmtpSpec" => "smarthost",
        "StartSpec" => "wait",
        "StickySpec" => "cookie",
        "TimeoutsSpec" => "per_try",
        "UpstreamSpec" => "backends",
        "UpstreamTlsSpec" => "sni",
        "WebhookSpec" => "url",
        _ => "path",
    }
}

/// What was found where exactly one of several was wanted: none of them, or which. `None`: one.
pub fn not_exactly_one(choices: &[(&str, bool)]) -> Option<String> {
    let quoted = |names: Vec<&str>, last: &str| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        match quoted.split_last() {
            Some((end, rest)) if !rest.is_empty() => format!("{} {last} {end}", rest.join(", ")),
            _ => quoted.concat(),
        }
    };
    let there: Vec<&str> = choices.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    match there.len() {
        0 => Some(format!("none of {}", quoted(choices.iter().map(|(name, _)| *name).collect(), "and"))),
        1 => None,
        _ => Some(format!("{} together", quoted(there, "and"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_have_no_names_of_types() {
        for (complaint, found, allowed, hint) in [
            (
                r#"invalid type: string "path:/ready", expected struct ProbeSpec"#,
                "\"path:/ready\"",
                "keys such as `path`",
                Some("a blank is missing after the colon: `path: /ready`"),
            ),
            (
                r#"invalid type: string "round_robin", expected struct BalanceSpec"#,
                "\"round_robin\"",
                "keys such as `policy`",
                Some("did you mean `{ policy: round_robin }`?"),
            ),
            ("invalid value: integer `99999`, expected u16", "99999", "a whole number from 0 to 65535", None),
            ("invalid type: null, expected a sequence", "nothing", "a list, such as [a, b]", None),
            (
                "unknown variant `roundrobin`, expected one of `least_request`, `round_robin`",
                "\"roundrobin\"",
                "least_request, round_robin",
                Some("did you mean `round_robin`?"),
            ),
            ("missing field `address`", "no `address`", "`address`", None),
        ] {
            let hint = hint.map(str::to_owned);
            assert_eq!(
                in_words(complaint),
                InWords { found: found.into(), allowed: allowed.into(), hint },
                "{complaint}"
            );
        }
    }

    #[test]
    fn none_or_which() {
        assert_eq!(not_exactly_one(&[("a", false), ("b", false)]).as_deref(), Some("none of `a` and `b`"));
        assert_eq!(not_exactly_one(&[("a", true), ("b", false)]), None);
        assert_eq!(
            not_exactly_one(&[("a", true), ("b", true), ("c", true)]).as_deref(),
            Some("`a`, `b` and `c` together")
        );
    }
}
