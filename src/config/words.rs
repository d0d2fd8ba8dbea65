//! How do the readers' complaints become sentences for people? serde speaks of its types; here they become what may be written, in
//! one place. And what other gateways call our keys: one table, for everybody who comes from there.

use super::strict::nearest;

/// A complaint, told: what was found, what is allowed, and a hint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub found: String,
    pub allowed: String,
    pub hint: Option<String>,
}

/// Words of other gateways, and ours in the order in which they are tried.
const SYNONYMS: [(&str, &[&str]); 77] = [
    ("access_log", &["access"]),
    ("algorithm", &["policy", "balance"]),
    ("backend", &["upstream", "backends"]),
    ("base_ejection_time", &["base_ejection"]),
    ("bind", &["address", "listeners"]),
    ("ca_cert", &["ca"]),
    ("ca_file", &["ca"]),
    ("cert", &["certificate"]),
    ("cert_file", &["certificate"]),
    ("check", &["readiness"]),
    ("check_interval", &["period"]),
    ("cluster", &["upstream"]),
    ("clusters", &["upstreams"]),
    ("connect_timeout", &["connect"]),
    ("consecutive_5xx", &["consecutive_failures"]),
    ("consecutive_gateway_failure", &["consecutive_failures"]),
    ("down_threshold", &["failure_threshold"]),
    ("endpoint", &["path", "address"]),
    ("endpoints", &["backends"]),
    ("expect_status", &["expected_statuses"]),
    ("expected_status", &["expected_statuses"]),
    ("fail_duration", &["base_ejection"]),
    ("fail_timeout", &["base_ejection"]),
    ("fall", &["failure_threshold"]),
    ("fastinter", &["fast_period"]),
    ("health", &["readiness"]),
    ("health_check", &["readiness"]),
    ("health_checks", &["readiness"]),
    ("healthcheck", &["readiness"]),
    ("healthy_panic_threshold", &["panic_threshold"]),
    ("healthy_threshold", &["success_threshold"]),
    ("hosts", &["backends"]),
    ("inter", &["period"]),
    ("interval", &["period", "window"]),
    ("ip_hash", &["hash"]),
    ("key_file", &["key"]),
    ("lb_policy", &["policy", "balance"]),
    ("least_conn", &["least_request"]),
    ("least_connections", &["least_request"]),
    ("leastconn", &["least_request"]),
    ("listen", &["address", "listeners"]),
    ("load_balancer", &["balance"]),
    ("load_balancing", &["balance"]),
    ("log", &["logging"]),
    ("log_level", &["level"]),
    ("max_connections", &["connections"]),
    ("max_ejection_percent", &["minimum_fit"]),
    ("max_ejection_time", &["max_ejection"]),
    ("max_fails", &["consecutive_failures"]),
    ("maxconn", &["connections"]),
    ("nbthread", &["threads"]),
    ("nodes", &["backends"]),
    ("outlier", &["passive"]),
    ("outlier_detection", &["passive"]),
    ("passive_health_check", &["passive"]),
    ("pools", &["upstreams"]),
    ("private_key", &["key"]),
    ("probe", &["readiness"]),
    ("proxy_pass", &["upstream"]),
    ("readiness_probe", &["readiness"]),
    ("resolver", &["servers"]),
    ("rise", &["success_threshold"]),
    ("rr", &["round_robin"]),
    ("server_name", &["sni", "host"]),
    ("servers", &["backends"]),
    ("service", &["upstream"]),
    ("services", &["upstreams"]),
    ("slowstart", &["slow_start"]),
    ("source", &["hash"]),
    ("target", &["upstream"]),
    ("targets", &["backends"]),
    ("unhealthy_threshold", &["failure_threshold"]),
    ("up_threshold", &["success_threshold"]),
    ("uri", &["path"]),
    ("url", &["address", "path"]),
    ("worker_processes", &["threads"]),
    ("workers", &["threads"]),
];

/// What `word` is called here, in the order in which to try. Case and the style of joining words make no difference.
pub(super) fn ours(word: &str) -> &'static [&'static str] {
    let snake = snake(word);
    SYNONYMS.iter().find(|(theirs, _)| *theirs == snake).map_or(&[], |(_, ours)| ours)
}

/// `outlierDetection` and `outlier-detection` → `outlier_detection`.
fn snake(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(if c == '-' { '_' } else { c.to_ascii_lowercase() });
    }
    out
}

/// The known word that was meant, by its name elsewhere or as a slip of the finger.
pub(super) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let translated = ours(word).iter().find_map(|ours| known.iter().find(|name| *name == ours));
    translated.copied().or_else(|| nearest(word, known))
}

/// Tells what serde said of a value.
pub(super) fn tell(complaint: &str) -> Told {
    if let Some((found, expected)) = mismatch(complaint) {
        return Told { found: value(found), allowed: kind(expected), hint: mapping_hint(found, expected) };
    }
    if let Some((_, expected)) =
        complaint.strip_prefix("invalid length ").and_then(|rest| rest.split_once(", expected "))
    {
        // A list where a mapping is wanted: its items were taken for values.
        let name = expected.split_once(" with ").map_or(expected, |(name, _)| name);
        return Told { found: "a list".to_owned(), allowed: kind(name), hint: None };
    }
    if let Some((word, known)) = variant(complaint) {
        let hint = meant(word, &known).map(|name| format!("did you mean `{name}`?"));
        return Told { found: format!("{word:?}"), allowed: known.join(", "), hint };
    }
    if let Some(field) = complaint.strip_prefix("missing field ") {
        return Told { found: format!("no {field}"), allowed: field.to_owned(), hint: None };
    }
    Told { found: complaint.to_owned(), allowed: String::new(), hint: None }
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
    fn the_table_is_sorted_and_says_nothing_twice() {
        assert!(SYNONYMS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn words_of_other_gateways() {
        for (theirs, known, ours) in [
            ("rise", &["success_threshold", "failure_threshold"][..], "success_threshold"),
            ("outlierDetection", &["passive", "panic_threshold"], "passive"),
            ("fail-timeout", &["base_ejection"], "base_ejection"),
            ("roundrobin", &["least_request", "round_robin"], "round_robin"),
            ("leastconn", &["least_request", "round_robin"], "least_request"),
        ] {
            assert_eq!(meant(theirs, known), Some(ours), "{theirs}");
        }
        assert_eq!(meant("path", &["panic_threshold", "passive"]), None, "only guess when close");
    }

    #[test]
    fn complaints_are_told_without_the_names_of_types() {
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
            assert_eq!(tell(complaint), Told { found: found.into(), allowed: allowed.into(), hint }, "{complaint}");
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
