//! What may be asked of a backend, written here or pasted from elsewhere?

use super::*;

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
    let summary = crate::config::summary(&load_text(&yaml, Path::new(".")).expect("a plan").plan);
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
    let told = |yaml: &str| crate::config::summary(&load_text(yaml, Path::new(".")).expect("a plan").plan);
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
