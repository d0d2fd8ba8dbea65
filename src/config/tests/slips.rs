//! What is a slip called, and where is it found?

use super::*;

#[test]
fn types_are_told_in_words_of_the_file() {
    for (keys, expected) in [
        (
            "    readiness: path:/ready\n",
            "6: upstreams.a.readiness: found \"path:/ready\", allowed: keys such as `path` (a blank is missing after the colon: `path: /ready`)",
        ),
        (
            "    balance: roundrobin\n",
            "6: upstreams.a.balance: found \"roundrobin\", allowed: keys such as `policy` (did you mean `{ policy: roundrobin }`?)",
        ),
        (
            "    readiness: { path: /, port: 99999 }\n",
            "6: upstreams.a.readiness.port: found 99999, allowed: a whole number from 0 to 65535",
        ),
        (
            "    readiness: { path: /, expected_statuses: 2xx }\n",
            "6: upstreams.a.readiness.expected_statuses: found \"2xx\", allowed: a status or a range, such as 200 or \"200-299\"",
        ),
        (
            "    readiness: { path: /, expected_statuses: { a: 1 } }\n",
            "6: upstreams.a.readiness.expected_statuses: found a mapping, allowed: a word or a number, or a list of them",
        ),
        (
            "    readiness: { path: /, period: 2 }\n",
            "6: upstreams.a.readiness.period: found 2, allowed: a duration with its unit, such as 500ms, 2s or 1m, of at most 1000 days",
        ),
        (
            "    balance: { policy: roundrobin }\n    readiness: { path: / }\n",
            "6: upstreams.a.balance.policy: found \"roundrobin\", allowed: least_request, round_robin, peak_ewma, random, hash (did you mean `round_robin`?)",
        ),
        (
            "    balance: { policy: leastconn }\n    readiness: { path: / }\n",
            "6: upstreams.a.balance.policy: found \"leastconn\", allowed: least_request, round_robin, peak_ewma, random, hash (did you mean `least_request`?)",
        ),
    ] {
        says(&upstream(keys), &[expected]);
    }
}

#[test]
fn unknown_keys_are_told_what_they_are_called_or_where_they_belong() {
    for (keys, expected) in [
        (
            "    readiness: { path: /, rise: 2, fall: 3, interval: 2s }\n",
            &[
                "6: upstreams.a.readiness.fall: found the unknown key `fall` (it is called `failure_threshold` here)",
                "6: upstreams.a.readiness.interval: found the unknown key `interval` (it is called `period` here)",
                "6: upstreams.a.readiness.rise: found the unknown key `rise` (it is called `success_threshold` here)",
            ][..],
        ),
        (
            "    readiness: { path: / }\n    outlierDetection: { consecutive_5xx: 5 }\n",
            &[
                "7: upstreams.a.outlierDetection: found the unknown key `outlierDetection` (it is called `passive` here)",
            ],
        ),
        (
            "    readiness: { path: / }\n    max_fails: 3\n",
            &[
                "7: upstreams.a.max_fails: found the unknown key `max_fails` (`consecutive_failures` is a key of `passive`)",
            ],
        ),
        (
            "    readiness:\n    path: /ready\n",
            &[
                "6: upstreams.a.readiness: found nothing, allowed: keys such as `path`, indented below it (to say nothing about `readiness`, leave it out)",
                "7: upstreams.a.path: found the unknown key `path` (`path` is a key of `readiness`: indent it more)",
            ],
        ),
        (
            "    readiness: { path: / }\n    slow_strat: { duration: 1s }\n",
            &["7: upstreams.a.slow_strat: found the unknown key `slow_strat` (did you mean `slow_start`?)"],
        ),
    ] {
        says(&upstream(keys), expected);
    }
    let nothing_near = errors(&upstream("    readiness: { path: /, xyzzy: 1 }\n"));
    assert!(nothing_near[0].contains("found the unknown key `xyzzy`, allowed: body_bytes, "), "{nothing_near:?}");
}

#[test]
fn a_key_without_a_value_never_means_none() {
    for (keys, key) in [
        ("    readiness:\n", "readiness"),
        ("    tls:\n    readiness: { path: / }\n", "tls"),
        ("    readiness: { path: /, port: }\n", "readiness.port"),
    ] {
        let errors = errors(&upstream(keys));
        assert!(errors.len() == 1 && errors[0].contains(&format!("upstreams.a.{key}: found nothing")), "{errors:?}");
    }
}

#[test]
fn addresses_are_told_their_slip() {
    let backend = |text: &str| {
        let yaml = format!(
            "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: a }}]\nupstreams: {{ a: {{ backends: [\"{text}\"], readiness: {{ path: / }} }} }}\n"
        );
        errors(&yaml).join("\n")
    };
    for (text, hint) in [
        ("127.0.0.1:73020", "(port 73020 is beyond 65535)"),
        ("http://10.0.0.7:8000/x", "(leave http:// out: 10.0.0.7:8000)"),
        ("10.0.0.7", "(the port is missing: 10.0.0.7:8000)"),
        ("::1", "(the port is missing: [::1]:8000)"),
        ("orders:8000", "(a name is written { dns: \"orders:8000\" })"),
    ] {
        assert!(backend(text).ends_with(hint), "{}", backend(text));
    }
    let listener = |text: &str| {
        errors(&format!("listeners: [{{ address: \"{text}\" }}]\nroutes: [{{ respond: {{}} }}]\n")).join("\n")
    };
    for (text, hint) in [
        (":7380", "(write 0.0.0.0:7380 for every address of this machine)"),
        ("*:7380", "(write 0.0.0.0:7380 for every address of this machine)"),
        ("localhost:7380", "(write 127.0.0.1:7380)"),
        ("127.0.0.1:73800", "(port 73800 is beyond 65535)"),
    ] {
        assert!(listener(text).ends_with(hint), "{}", listener(text));
    }
}

#[test]
fn keys_that_are_missing_or_too_many_are_named() {
    let routes = |routes: &str| format!("listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes:\n{routes}");
    says(
        &routes("  - upstream: a\n"),
        &["3: routes.0.upstream: found \"a\", which is not defined (no upstreams are defined)"],
    );
    says(
        &routes("  - match: { path: /a }\n"),
        &["3: routes.0: found none of `upstream`, `split`, `redirect` and `respond`, allowed: exactly one of them"],
    );
    says(
        &routes("  - respond: {}\n    redirect: { location: / }\n"),
        &["3: routes.0: found `redirect` and `respond` together, allowed: exactly one of them"],
    );
    says(
        &upstream("    readiness: { path: /, tcp: true }\n"),
        &["6: upstreams.a.readiness: found `path` and `tcp: true` together, allowed: exactly one of them"],
    );
}

#[test]
fn a_variable_that_is_not_set_is_told_once() {
    let yaml = "listeners: [{ address: \"${NOBODY_SETS_THIS}\" }]\nroutes: [{ respond: {} }]\nadmin: { address: \"${NOR_THIS}\" }\n";
    says(
        yaml,
        &[
            "1: listeners.0.address: found ${NOBODY_SETS_THIS}, which is not set, allowed: a variable of the environment, or ${NAME:-default}",
            "3: admin.address: found ${NOR_THIS}, which is not set, allowed: a variable of the environment, or ${NAME:-default}",
        ],
    );
}

#[test]
fn a_tab_is_called_a_tab() {
    says(
        "listeners:\n\t- address: a\n",
        &["2: found YAML that cannot be read (a tab; YAML wants blanks for indentation)"],
    );
}

#[test]
fn errors_come_in_the_order_of_their_lines() {
    let yaml = "\
threads: many
upstreams:
  a: { backends: [nonsense], readiness: { path: x } }
routes:
  - upstream: b
listeners:
  - address: c
admin: { address: d }
";
    let errors = errors(yaml);
    let lines: Vec<usize> =
        errors.iter().map(|error| error.split(':').next().and_then(|line| line.parse().ok()).unwrap_or(0)).collect();
    assert!(lines.is_sorted() && lines.len() == 6, "{errors:#?}");
}

#[test]
fn a_mistake_does_not_hide_those_beside_it() {
    let yaml = upstream(
        "    readiness: { path: ready, port: 99999, expected_statuses: 2xx }\n    balance: round\n    passive: { window: 3 }\n",
    );
    let told = errors(&yaml.replace("127.0.0.1:7301", "127.0.0.1:73010"));
    let places: Vec<&str> = told.iter().filter_map(|error| error.split(": ").nth(1)).collect();
    assert_eq!(
        places,
        [
            "upstreams.a.backends.0",
            "upstreams.a.readiness.port",
            "upstreams.a.readiness.path",
            "upstreams.a.readiness.expected_statuses",
            "upstreams.a.balance",
            "upstreams.a.passive.window",
        ],
        "{told:#?}"
    );
    let told = errors("listeners: [{ address: 5 }]\nroutes: [{ upstream: [x] }]\n");
    assert_eq!(told.len(), 2, "nothing that follows from another: {told:#?}");
}
