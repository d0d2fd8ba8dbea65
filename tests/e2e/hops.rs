//! Where has a request been, how far may it go, and who may have its trace recorded? The loop mark, Max-Forwards, Via, and parents of strangers.

use super::{PULSEGATE, pool, pool_with};
use support::client::{Answer, Client};
use support::gateway::Gateway;
use support::raw::{Raw, ok};
use support::{eventually, free_address};

async fn ask(gateway: &Gateway, head: &str) -> Answer {
    let mut client = Client::connect(gateway.address).await;
    client.send(format!("{head}\r\n\r\n")).await;
    client.answer().await
}

/// A gateway with a second listener that is its own backend.
async fn circle(limits: &str) -> Gateway {
    let inner = free_address();
    let listener = format!("{limits}\n  - name: inner\n    address: \"{inner}\"\n{limits}");
    PULSEGATE
        .start_with(
            &format!("routes: [{{ upstream: me }}]\nupstreams:\n  me: {{ backends: [\"{inner}\"] }}\n"),
            &listener,
        )
        .await
}

/// How many requests this gateway has answered, as its log says.
async fn logged(gateway: &Gateway, count: usize) {
    let lines = || gateway.output().lines().filter(|line| line.contains("request_id=")).count();
    eventually(&format!("{count} requests in the log"), async || lines() >= count).await;
    assert_eq!(lines(), count, "{}", gateway.output());
}

#[tokio::test]
async fn a_loop_ends_with_an_answer_that_says_so() {
    let gateway = circle("").await;
    let answer = ask(&gateway, "GET / HTTP/1.1\r\nHost: a").await;
    assert_eq!((answer.status, answer.reason().as_str()), (508, "loop_detected"));
    // Eight marks are lawful, so nine times it is passed on and the tenth time refused.
    logged(&gateway, 10).await;
}

#[tokio::test]
async fn how_often_a_request_may_come_back_is_a_key() {
    let gateway = circle("    limits: { loops: 1 }").await;
    assert_eq!(ask(&gateway, "GET / HTTP/1.1\r\nHost: a").await.status, 508);
    logged(&gateway, 3).await;
}

#[tokio::test]
async fn a_request_that_comes_back_lawfully_goes_on_and_marks_of_others_do_not_count() {
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let inner = free_address();
    let yaml = format!(
        "routes:\n  - {{ match: {{ path: /in }}, upstream: app }}\n  - {{ upstream: me, replace_prefix: /in }}\nupstreams:\n  app: {{ backends: [\"{}\"] }}\n  me: {{ \
         backends: [\"{inner}\"] }}\n",
        backend.address
    );
    let gateway = PULSEGATE.start_with(&yaml, &format!("\n  - name: inner\n    address: \"{inner}\"")).await;
    let others = "CDN-Loop: other; a=b".to_owned() + &", other".repeat(40);
    let answer = ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: cdn-loop\r\n{others}")).await;
    let seen = answer.text();
    assert_eq!(answer.status, 200, "{seen}");
    let field = |line: &'_ str| {
        line.split_once(": ")
            .filter(|(name, _)| name.eq_ignore_ascii_case("cdn-loop"))
            .map(|(_, marks)| marks.to_owned())
    };
    let marks: Vec<String> = seen.lines().filter_map(field).collect();
    let own: Vec<&str> =
        marks.iter().flat_map(|line| line.split(", ")).filter(|mark| mark.starts_with("pulsegate-")).collect();
    assert!(own.len() == 2 && own[0] == own[1], "{marks:?}");
    assert!(marks.iter().any(|line| line.starts_with("other; a=b, other")), "{marks:?}");
}

#[tokio::test]
async fn options_goes_no_further_than_it_says() {
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let yaml = pool(&[backend.address]).replace(
        "{ upstream: pool }",
        "{ match: { path: /shut }, upstream: pool, deny: [\"0.0.0.0/0\"] }, { upstream: pool }",
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let options = async |path: &str, fields: &str| {
        ask(&gateway, &format!("OPTIONS {path} HTTP/1.1\r\nHost: a\r\n{fields}")).await
    };
    for path in ["/", "*"] {
        let answer = options(path, "Max-Forwards: 0").await;
        assert_eq!(answer.status, 200, "{path}");
        let allow = answer.header("allow").unwrap_or_default().to_owned();
        assert!(["GET", "POST", "OPTIONS"].iter().all(|method| allow.contains(method)), "{allow}");
        assert!(!allow.contains("TRACE") && answer.body.is_empty(), "{allow}");
    }
    assert_eq!(options("/shut", "Max-Forwards: 0").await.status, 403);
    assert!(backend.seen().is_empty());
    for (fields, told) in [
        ("Max-Forwards: 1", "Max-Forwards: 0\r\n"),
        ("Max-Forwards: 70", "Max-Forwards: 69\r\n"),
        ("Max-Forwards: 99999999999999999999999", "Max-Forwards: 99999999999999999999998\r\n"),
    ] {
        let seen = options("/", fields).await.text();
        assert!(seen.to_ascii_lowercase().contains(&told.to_ascii_lowercase()), "{fields}: {seen}");
    }
    // The field says nothing for other methods.
    for fields in ["Max-Forwards: 0", "Max-Forwards: many", "Max-Forwards: 1\r\nMax-Forwards: 1"] {
        let seen = ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}")).await.text();
        assert!(seen.to_ascii_lowercase().contains(&format!("{}\r\n", fields.to_ascii_lowercase())), "{seen}");
    }
}

#[tokio::test]
async fn who_cannot_be_told_how_far_to_go_does_not_go_at_all() {
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for fields in [
        "Max-Forwards: 0\r\nMax-Forwards: 0",
        "Max-Forwards: 1\r\nMax-Forwards: 1",
        "Max-Forwards: 0, 0",
        "Max-Forwards: 3,",
        "Max-Forwards: many",
        "Max-Forwards: -1",
        "Max-Forwards: 1.5",
        "Max-Forwards:",
    ] {
        let answer = ask(&gateway, &format!("OPTIONS / HTTP/1.1\r\nHost: a\r\n{fields}")).await;
        assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"), "{fields:?}");
    }
    assert!(backend.seen().is_empty(), "{:?}", backend.seen());
}

/// It asks about the server, and is no path that a prefix could be taken from.
#[tokio::test]
async fn what_is_asked_of_the_whole_server_keeps_its_asterisk() {
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let routes = "{ match: { path: / }, upstream: pool, replace_prefix: /v1 }";
    let yaml = pool(&[backend.address]).replace("{ upstream: pool }", routes);
    let gateway = PULSEGATE.start(&yaml).await;
    let seen = ask(&gateway, "OPTIONS * HTTP/1.1\r\nHost: a").await.text();
    assert!(seen.starts_with("OPTIONS * HTTP/1.1\r\n"), "{seen}");
}

#[tokio::test]
async fn via_is_added_where_it_is_wanted() {
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let seen = ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 before").await.text().to_ascii_lowercase();
    assert!(seen.contains("via: 1.0 before\r\n") && !seen.contains("pulsegate\r\n"), "{seen}");
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), "    headers: { via: true }").await;
    let seen = ask(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 before").await.text().to_ascii_lowercase();
    assert!(seen.contains("via: 1.0 before\r\n") && seen.contains("via: 1.1 pulsegate\r\n"), "{seen}");
    let seen = ask(&gateway, "GET / HTTP/1.0\r\nHost: a").await.text().to_ascii_lowercase();
    assert!(seen.contains("via: 1.0 pulsegate\r\n"), "{seen}");
}

#[tokio::test]
async fn a_stranger_s_word_records_no_trace_and_a_trusted_proxy_s_does() {
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let told = async |ratio: &str, listener: &str| {
        let tracing = format!("tracing: {{ otlp: {{ endpoint: \"http://{}\" }}, ratio: {ratio} }}\n", free_address());
        let gateway = PULSEGATE.start_with(&(pool_with(&[backend.address], "") + &tracing), listener).await;
        let seen = ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: {PARENT}\r\ntracestate: a=1"))
            .await
            .text();
        let parent = seen.lines().find_map(|line| line.strip_prefix("traceparent: ")).unwrap_or_default().to_owned();
        assert!(parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "the trace goes on: {seen}");
        assert!(seen.contains("tracestate: a=1"), "{seen}");
        parent
    };
    // Not recorded here, and nobody behind us is told to record it.
    assert_eq!(told("0%", "").await, PARENT.replace("-01", "-00"));
    let recorded = told("0%", "    trusted_proxies: [127.0.0.1]").await;
    assert!(recorded.ends_with("-01") && recorded != PARENT, "{recorded}");
    let recorded = told("100%", "").await;
    assert!(recorded.ends_with("-01") && recorded != PARENT, "{recorded}");
}
