//! Whole configurations: what compiles, and every diagnostic of what does not, word by word.

use super::{example, load_text, schema};
use serde_json::{Value, json};
use std::path::Path;

/// A working configuration around these keys of its one upstream.
fn upstream(keys: &str) -> String {
    format!(
        "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: a }}]\nupstreams:\n  a:\n    backends: [\"127.0.0.1:7301\"]\n{keys}"
    )
}

fn told(diagnostics: &[super::Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(|one| one.to_string().trim_start_matches("./<text>:").to_owned()).collect()
}

fn errors(yaml: &str) -> Vec<String> {
    told(&load_text(yaml, Path::new(".")).map(|_| ()).expect_err(yaml))
}

fn warnings(yaml: &str) -> Vec<String> {
    told(&load_text(yaml, Path::new(".")).unwrap_or_else(|errors| panic!("{yaml}: {errors:?}")).warnings)
}

#[track_caller]
fn says(yaml: &str, expected: &[&str]) {
    assert_eq!(errors(yaml), expected, "{yaml}");
}

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

fn pasted(backends: &str, block: &str) -> String {
    format!(
        "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: a }}]\nupstreams:\n  a:\n    backends: [{backends}]\n    readinessProbe:\n{block}"
    )
}

#[test]
fn a_pasted_probe_says_what_it_asks() {
    let two = "\"127.0.0.1:7301\", \"127.0.0.1:7302\"";
    let get = "      httpGet: { path: /ready, port: 7301 }\n";
    let yaml = pasted(two, get);
    assert_eq!(
        warnings(&yaml),
        [
            "6: upstreams.a.readiness.port: found port 7301, which is not the port of every backend; port 7301 is asked at every backend; leave it out to ask each at its own"
        ]
    );
    let summary = super::summary(&load_text(&yaml, Path::new(".")).expect("a plan").plan);
    assert!(
        summary.contains("readiness: GET http://…:7301/ready (Host: the backend's address), every 10s (±10 %), timeout 1s, 1 pass in, 3 failures out"),
        "{summary}"
    );
    let health_port = pasted("\"10.0.0.1:8000\", \"10.0.0.2:8000\"", "      httpGet: { path: /ready, port: 8081 }\n");
    assert_eq!(warnings(&health_port), [""; 0], "one endpoint for each, on purpose");
}

#[test]
fn a_pasted_probe_that_can_mean_nothing_here_is_refused() {
    let one = "\"127.0.0.1:7301\"";
    for (block, words) in [
        (
            "      httpGet: { path: / }\n      exec: { command: [x] }\n",
            "readinessProbe.exec: found a command, which cannot be run",
        ),
        ("      exec: { command: [x] }\n", "`httpGet: { path: /ready }`"),
        ("      grpc: { port: 1, service: a }\n      tcpSocket: {}\n", "found `grpc` and `tcpSocket` together"),
        ("      grpc: { prot: 1 }\n", "did you mean `port`?"),
        ("      grpc: { port: health }\n", "found the named port \"health\""),
        ("      httpGet: { path: / }\n      tcpSocket: {}\n", "found `httpGet` and `tcpSocket` together"),
        ("      periodSeconds: 3\n", "found none of `httpGet`, `grpc` and `tcpSocket`"),
        ("      httpGet: { path: /, scheme: HTTPS }\n", "found HTTPS for an upstream without `tls`"),
        ("      httpGet: { path: /, prot: 1 }\n", "did you mean `port`?"),
        ("      httpGet: { path: / }\n      periodSeconds: 3s\n", "periodSeconds: found no whole number"),
    ] {
        let errors = errors(&pasted(one, block));
        assert!(errors.len() == 1 && errors[0].contains(words), "{block}: {errors:?}");
    }
}

#[test]
fn a_grpc_probe_is_written_or_pasted() {
    let told = |yaml: &str| super::summary(&load_text(yaml, Path::new(".")).expect("a plan").plan);
    let pasted = told(&pasted("\"127.0.0.1:7301\"", "      grpc: { port: 7301, service: orders.v1 }\n"));
    assert!(pasted.contains("readiness: gRPC health of orders.v1 at http://…:7301 (authority: the"), "{pasted}");
    let ours = |probe: &str| {
        format!(
            "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: a }}]\nupstreams:\n  a:\n    backends: [\"127.0.0.1:1\"]\n    readiness: {probe}\n"
        )
    };
    let whole = told(&ours("{ grpc: { authority: \"orders:9\" } }"));
    assert!(whole.contains("gRPC health of the server as a whole at http://… (authority: orders:9)"), "{whole}");
    for (probe, words) in [
        ("{ grpc: {}, path: / }", "found `path` and `grpc` together"),
        ("{ grpc: {}, method: GET }", "found `method` for a gRPC check"),
        ("{ grpc: { authority: \"a b\" } }", "grpc.authority: found \"a b\""),
        ("{ tcp: true, identity: { header: a, equals: b } }", "a TCP probe, which reads no answer"),
        ("{ path: /, identity: { header: a, json: $.a, equals: b } }", "found `header` and `json` together"),
        ("{ path: /, identity: { header: \"a b\", equals: b } }", "identity.header: found \"a b\""),
        ("{ path: /, identity: { header: a, equals: \"\" } }", "identity.equals: found an empty name"),
        ("{ path: /, instance: {} }", "found none of `header` and `json`"),
        ("{ grpc: {}, instance: { json: $.a } }", "which has no JSON"),
        ("{ path: /, instance: { json: \"$.a[\" } }", "instance.json: found \"$.a[\""),
    ] {
        let errors = errors(&ours(probe));
        assert!(errors.len() == 1 && errors[0].contains(words), "{probe}: {errors:?}");
    }
}

/// Every key of the schema with a value that no key takes: no answer may speak of the program's types.
#[test]
fn rules_for_a_document_are_told_their_slips() {
    let readiness = |document: &str| upstream(&format!("    readiness: {{ path: /, document: {document} }}\n"));
    let place = "6: upstreams.a.readiness.document";
    for (document, expected) in [
        ("on", format!("{place}: found \"on\", allowed: off, auto")),
        ("[db]", format!("{place}: found a list, allowed: off, auto, or keys such as `critical`")),
        ("{ unknown_word: warn }", format!("{place}.unknown_word: found \"warn\", allowed: pass, degraded, fail")),
        (
            "{ degraded: 30% }",
            format!(
                "{place}.degraded: found \"30%\", allowed: keys such as `weight` (did you mean `{{ weight: 30% }}`?)"
            ),
        ),
        (
            "{ degraded: { weight: 0% } }",
            format!(
                "{place}.degraded.weight: found 0%, allowed: more than 0% (a backend that must get nothing while it is degraded should say DOWN)"
            ),
        ),
        (
            "{ critical: [\"\"] }",
            format!(
                "{place}.critical: found a component without a name, allowed: names as the document writes them, such as db"
            ),
        ),
        (
            "{ assert: [{ path: $.a }] }",
            format!(
                "{place}.assert.0: found none of `below`, `at_most`, `above`, `at_least`, `equals`, `not_equals`, `present` and `absent`, allowed: exactly one of them"
            ),
        ),
        (
            "{ assert: [{ path: $.a, below: 1, present: true }] }",
            format!("{place}.assert.0: found `below` and `present` together, allowed: exactly one of them"),
        ),
        (
            "{ assert: [{ path: $.a, below: many }] }",
            format!("{place}.assert.0.below: found \"many\", allowed: a number"),
        ),
    ] {
        says(&readiness(document), &[&expected]);
    }
    let bad_path = errors(&readiness("{ assert: [{ path: \"$.a[\", present: true }] }")).join(" ");
    assert!(
        bad_path.contains("assert.0.path: found \"$.a[\", at byte ") && bad_path.contains("a JSONPath"),
        "{bad_path}"
    );
}

#[test]
fn rules_for_a_document_that_have_no_effect_are_told() {
    let place = "6: upstreams.a.readiness.document";
    for (readiness, expected) in [
        ("path: /, document: auto", None),
        ("path: /, method: HEAD", None),
        ("path: /, method: HEAD, document: off", None),
        (
            "path: /, method: head, document: auto",
            Some(format!("{place}: found rules for a document, with `method: HEAD`")),
        ),
        (
            "tcp: true, document: { ignore: [mail] }",
            Some(format!("{place}: found rules for a document, with a probe by TCP or gRPC")),
        ),
        (
            "path: /, document: { ignore: [mail], critical: [mail] }",
            Some(format!("{place}.critical: found \"mail\", which `ignore` names too")),
        ),
    ] {
        let told = warnings(&upstream(&format!("    readiness: {{ {readiness} }}\n")));
        match expected {
            None => assert!(told.iter().all(|one| !one.contains("document")), "{told:?}"),
            Some(begins) => assert!(told.iter().any(|one| one.starts_with(&begins)), "{told:?}"),
        }
    }
}

#[test]
fn no_diagnostic_speaks_of_types() {
    let mut seen = 0;
    for wrong in [json!(-7), json!(true), json!([[1]]), json!({ "zzz": 1 }), json!("?"), json!(null), json!(1e30)] {
        for path in super::reference::paths(&schema()) {
            let yaml = nested(&path, &wrong).to_string();
            for error in load_text(&yaml, Path::new(".")).map(|_| Vec::new()).unwrap_or_else(|errors| told(&errors)) {
                let foreign = [
                    "Spec",
                    "struct",
                    "enum",
                    "variant",
                    "sequence",
                    "usize",
                    "u16",
                    "u32",
                    "u64",
                    "i64",
                    "expected ",
                    "null",
                    "floating",
                ];
                let word = foreign.iter().find(|word| error.contains(**word) && !error.contains("expected_statuses"));
                assert!(word.is_none(), "{path} = {wrong}: {error}");
                seen += 1;
            }
        }
    }
    assert!(seen > 1000, "only {seen} diagnostics were looked at");
}

/// A document with `value` at `path` (`a.b[].c`, `NAME` for any name).
fn nested(path: &str, value: &Value) -> Value {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let inner = rest.map_or_else(|| value.clone(), |rest| nested(rest, value));
    match first.strip_suffix("[]") {
        Some(name) => json!({ name: [inner] }),
        None => json!({ first: inner }),
    }
}

#[test]
fn the_example_says_every_default_once_it_is_uncommented() {
    let lines = example();
    let yaml: String = lines.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line))).collect();
    let loaded = load_text(&yaml, Path::new(".")).unwrap_or_else(|errors| panic!("{yaml}\n{errors:#?}"));
    let short = "listeners: [{ address: \"0.0.0.0:8080\" }]\nroutes: [{ upstream: mine }]\nupstreams: { mine: { backends: [\"10.0.0.7:8000\"], readiness: { path: /ready } } }\n";
    let mut short = load_text(short, Path::new(".")).expect("a plan").plan;
    // What is not said is shown by its words.
    short.routes[0].name = loaded.plan.routes[0].name.clone();
    // That it was said is all that differs: a total that somebody wrote bounds callers too.
    short.routes[0].timeouts.total_is_written = true;
    assert_eq!(format!("{:#?}", loaded.plan), format!("{short:#?}"));
}

#[test]
fn every_other_way_of_the_example_is_well_indented() {
    let lines = example();
    let twice = |line: &str| {
        let once = line.strip_prefix("# ").unwrap_or(line);
        let indent = once.len() - once.trim_start().len();
        once.trim_start()
            .strip_prefix("# ")
            .map_or_else(|| once.to_owned(), |key| format!("{}{key}", " ".repeat(indent)))
    };
    let yaml: String = lines.lines().filter(|line| !line.starts_with("##")).map(|line| twice(line) + "\n").collect();
    // A word, or settings of its own: both at once are no YAML.
    let both = [
        "tls: inherit",
        "access: true",
        "consecutive_failures: 5",
        "failure_ratio: 50%",
        "document: auto",
        "document: off",
    ];
    let yaml = both.iter().fold(yaml, |yaml, word| yaml.replace(word, word.split_inclusive(':').next().unwrap()));
    super::yaml::parse(&yaml).unwrap_or_else(|error| panic!("{yaml}\n{error:?}"));
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
