//! What do other gateways call our keys, and which word was meant? One table, for everybody who comes from there; and the nearest known word,
//! for everybody who slips.

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

/// The known name that is close enough to be a slip of the finger.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let closest =
        known.iter().map(|name| (strsim::jaro_winkler(word, name), *name)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (closest.0 > 0.87).then_some(closest.1)
}

/// What Kubernetes calls the blocks of probes, and what we do.
pub(super) const PROBES: [(&str, &str); 3] =
    [("startupProbe", "startup"), ("readinessProbe", "readiness"), ("livenessProbe", "liveness")];

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
}
