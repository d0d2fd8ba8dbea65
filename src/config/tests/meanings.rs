//! What can be read, and cannot be meant?

use super::*;

#[test]
fn the_end_of_a_clients_direction_means_one_of_two_things() {
    let listener = |word: &str| {
        format!(
            "listeners: [{{ address: \"127.0.0.1:8080\", half_closed_clients: {word} }}]\nroutes: [{{ respond: {{}} }}]\n"
        )
    };
    for word in ["cancel", "answer"] {
        assert!(load_text(&listener(word), Path::new(".")).is_ok(), "{word}");
    }
    says(&listener("keep"), &["1: listeners.0.half_closed_clients: found \"keep\", allowed: cancel, answer"]);
}

#[test]
fn connections_of_http2_are_no_single_clients() {
    says(
        &upstream("    protocol: http2\n    connection_auth: bind\n"),
        &[
            "7: upstreams.a.connection_auth: found `bind` with `protocol: http2`, allowed: `protocol: http1` for backends with NTLM: connections of \
           HTTP/2 are shared by all clients, and none can be one client's; or `share`, where every request is authenticated for itself",
        ],
    );
    for keys in [
        "    protocol: http2\n    connection_auth: share\n",
        "    connection_auth: bind\n",
        "    connection_auth: share\n",
    ] {
        assert!(load_text(&upstream(keys), Path::new(".")).is_ok(), "{keys}");
    }
}

#[test]
fn sockets_that_exclude_each_other() {
    let with = |listeners: &str, admin: &str| {
        format!("listeners: [{listeners}]\nroutes: [{{ respond: {{}} }}]\nadmin: {{ address: \"{admin}\" }}\n")
    };
    let listener = |address: &str| format!("{{ address: \"{address}\" }}");
    for (one, other, clash) in [
        ("127.0.0.1:7380", "127.0.0.1:7380", true),
        ("127.0.0.1:7380", "0.0.0.0:7380", true),
        ("0.0.0.0:7380", "10.0.0.1:7380", true),
        ("[::]:7380", "[::1]:7380", true),
        ("[::]:7380", "0.0.0.0:7380", false),
        ("127.0.0.1:7380", "127.0.0.2:7380", false),
        ("127.0.0.1:7380", "0.0.0.0:7381", false),
        ("127.0.0.1:0", "127.0.0.1:0", false),
    ] {
        let two = with(&format!("{}, {}", listener(one), listener(other)), "127.0.0.1:1");
        let beside_admin = with(&listener(one), other);
        for yaml in [two, beside_admin] {
            // Anywhere but on loopback the admin listener needs tokens too, which is another sentence.
            let errors = load_text(&yaml, Path::new(".")).err().unwrap_or_default();
            let clashes = errors.iter().any(|error| error.to_string().contains(" already"));
            assert_eq!(clashes, clash, "{yaml}");
        }
    }
    says(
        &with(&listener("0.0.0.0:7380"), "127.0.0.1:7380"),
        &[
            "3: admin.address: found 127.0.0.1:7380, which the listener 0.0.0.0:7380 takes already, allowed: a port of its own (`admin: { address: … }`), or `admin: off`",
        ],
    );
}

#[test]
fn a_backend_that_is_the_gateway_itself_is_a_loop() {
    for (listener, backend, warned) in [
        ("127.0.0.1:8080", "127.0.0.1:8080", true),
        ("0.0.0.0:8080", "127.0.0.1:8080", true),
        ("0.0.0.0:8080", "10.0.0.7:8080", false),
        ("127.0.0.1:8080", "127.0.0.1:9090", true),
        ("127.0.0.1:8080", "127.0.0.1:8081", false),
    ] {
        let yaml = format!(
            "listeners: [{{ address: \"{listener}\" }}]\nroutes: [{{ upstream: a }}]\nupstreams:\n  a:\n    backends:\n      - {backend}\n    readiness: {{ path: / }}\n"
        );
        let warnings = warnings(&yaml);
        assert_eq!(warnings.len() == 1 && warnings[0].starts_with("6: upstreams.a.backends.0"), warned, "{warnings:?}");
    }
}

#[test]
fn settings_that_do_nothing_are_told() {
    let told = |keys: &str| {
        warnings(&format!(
            "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: a }}]\nupstreams:\n  a:\n{keys}\n"
        ))
    };
    let two = "    backends: [\"10.0.0.1:1\", \"10.0.0.2:1\"]\n    readiness: { path: /ready";
    for (keys, word) in [
        (format!("{two} }}"), ""),
        (format!("{two} }}\n    slow_start: {{ duration: 5s }}"), ""),
        ("    backends: [\"10.0.0.1:1\"]\n    readiness: { path: /ready }".to_owned(), ""),
        (
            "    backends: [\"10.0.0.1:1\"]\n    readiness: { path: /ready }\n    slow_start: { duration: 5s }"
                .to_owned(),
            "a ramp with one",
        ),
        (format!("{two} }}\n    passive: {{ minimum_fit: 90% }}"), "90% of 2, which is all of them"),
        (
            format!("{two} }}\n    passive: {{ failure_ratio: 0%, consecutive_failures: 0 }}"),
            "neither consecutive_failures",
        ),
        (format!("{two} }}\n    panic_threshold: 30%"), "30% with `when_none_eligible: fail_closed`"),
        (format!("{two} }}\n    panic_threshold: 30%\n    when_none_eligible: fail_open"), ""),
        (format!("{two}, initial_delay: 3s, startup_grace: 3s }}"), "no longer than initial_delay"),
        (format!("{two}, startup_grace: 900ms }}"), "shorter than the first probe"),
        (format!("{two}, startup_grace: 30s }}"), ""),
        (format!("{two} }}\n    hold: 70s"), "70s, more than the total"),
        (format!("{two} }}\n    timeouts: {{ per_try: 5s, total: 5s }}"), "no less than total"),
        (format!("{two} }}\n    timeouts: {{ per_try: 900ms }}"), "no less than per_try (900ms)"),
        (format!("{two} }}\n    timeouts: {{ per_try: 900ms, expect_continue: 300ms }}"), ""),
    ] {
        let warnings = told(&keys);
        let met = if word.is_empty() { warnings.is_empty() } else { warnings.iter().any(|one| one.contains(word)) };
        assert!(met, "{keys}: {word:?} {warnings:?}");
    }
}

#[test]
fn bounds_of_what_backends_answer_are_told_their_range() {
    for size in ["1023B", "2MiB"] {
        let told = errors(&upstream(&format!(
            "    limits: {{ response_head_bytes: {size} }}\n    readiness: {{ path: / }}\n"
        )));
        let bytes = if size == "2MiB" { "2097152" } else { "1023" };
        assert_eq!(
            told,
            [format!("6: upstreams.a.limits.response_head_bytes: found {bytes} bytes, allowed: 1KiB to 1MiB")]
        );
    }
    let told = errors(&upstream("    timeouts: { expect_continue: 0s }\n    readiness: { path: / }\n"));
    assert!(
        matches!(&*told, [one] if one.contains("timeouts.expect_continue: found 0s, allowed: more than 0s")),
        "{told:?}"
    );
}
