//! Is what is said of connections and of bodies on one side true on that side, whatever the other side said?

use super::{PULSEGATE, pool};
use support::client::Client;
use support::eventually;
use support::raw::{Raw, Step, ok, send};

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_says_so_to_http10() {
    let backend = Raw::start(|head, _| match head.split(' ').nth(1) {
        Some("/chunks") => vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")],
        Some("/until-close") => vec![send("HTTP/1.1 200 OK\r\n\r\nhello"), Step::Close],
        Some("/none") => vec![send("HTTP/1.1 204 No Content\r\n\r\n")],
        _ => vec![ok("hello")],
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for (path, body, goes_on) in
        [("/chunks", "hello", false), ("/until-close", "hello", false), ("/none", "", true), ("/length", "hello", true)]
    {
        let mut client = Client::connect(gateway.address).await;
        client.send(format!("GET {path} HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")).await;
        let answer = client.answer().await;
        let said = if goes_on { "keep-alive" } else { "close" };
        assert_eq!((answer.text().as_str(), answer.header("connection")), (body, Some(said)), "{path}");
        assert_eq!(answer.header("transfer-encoding"), None, "{path}");
        if goes_on {
            assert_eq!(client.get("/length").await.text(), "hello", "{path}");
        } else {
            client.ended().await;
        }
    }
}

#[tokio::test]
async fn a_close_among_the_lines_of_a_client_ends_its_connection() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for lines in ["Connection: x-y\r\nConnection: close", "Connection: \u{e9}, close", "Connection: keep-alive, close"]
    {
        let mut client = Client::connect(gateway.address).await;
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n")).await;
        let answer = client.answer().await;
        assert_eq!((answer.text().as_str(), answer.header("connection")), ("hello", Some("close")), "{lines}");
        client.ended().await;
    }
}

#[tokio::test]
async fn a_close_among_the_lines_of_a_backend_ends_its_connection() {
    let backend = Raw::start(|_, _| {
        vec![send("HTTP/1.1 200 OK\r\nConnection: x-y\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")]
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..3 {
        let answer = client.get("/").await;
        assert_eq!((answer.text().as_str(), answer.header("connection")), ("hello", Some("keep-alive")));
    }
    assert_eq!(backend.connections(), 3);
}

#[tokio::test]
async fn chunks_are_framed_anew_towards_both_sides() {
    let backend = Raw::start(|_, _| {
        vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0005;a=\"b;c\" ; d\r\nhello\r\n0;e\r\nX-Sum: 1\r\n\r\n")]
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0005;a=\"b;c\" ; d\r\nhello\r\n0;e\r\nX-Sum: 1\r\n\r\n")
        .await;
    let mut heard = String::new();
    while !heard.ends_with("0\r\n\r\n") {
        heard.push_str(&String::from_utf8_lossy(&client.bytes().await));
    }
    for seen in [heard, backend.seen().pop().expect("a request")] {
        let (_, body) = seen.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body, "5\r\nhello\r\n0\r\n\r\n");
    }
}

#[tokio::test]
async fn what_is_no_extension_ends_the_exchange() {
    let backend = Raw::start(|head, _| {
        let size = head.split(' ').nth(1).and_then(|path| path.strip_prefix('/')).unwrap_or_default().replace('_', " ");
        vec![send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5{size}\r\nhello\r\n0\r\n\r\n"))]
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for size in [";", ";a=", ";a_b", ";a_", ";=b", ";(a)"] {
        let mut client = Client::connect(gateway.address).await;
        client.send(format!("GET /{size} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert!(client.whole_answer().await.is_none(), "{size}");
        let mut client = Client::connect(gateway.address).await;
        let size = size.replace('_', " ");
        client
            .send(format!(
                "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5{size}\r\nhello\r\n0\r\n\r\n"
            ))
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"), "{size}");
    }
    assert!(
        backend.seen().iter().all(|request| request.starts_with("GET ")),
        "the beginning of a malformed body went on"
    );
}

/// Neither a backend nor an answer of our own.
#[tokio::test]
async fn what_came_with_a_head_and_is_no_body_is_refused_before_anybody_is_asked() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let yaml =
        pool(&[backend.address]).replace("routes: [", "routes: [{ match: { path: /own }, respond: { body: ours } }, ");
    let gateway = PULSEGATE.start(&yaml).await;
    for path in ["/", "/own"] {
        for body in ["x\r\n", "5\r\nhelloX\r\n", "5\r\nhello\r\n0\r\nno field\r\n\r\n"] {
            let mut client = Client::connect(gateway.address).await;
            client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.reason().as_str()), (400, "malformed_request"), "{path} {body:?}");
        }
    }
    let refused = || gateway.output().matches("refused=malformed_request").count();
    eventually("all are refused as what they are", async || refused() == 6).await;
    assert!(!gateway.output().contains("attempts="), "{}", gateway.output());
}

#[tokio::test]
async fn a_client_that_owes_the_rest_of_its_body_is_told_that_its_connection_ends() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let limits = "    limits: { body_idle_timeout: 1s }";
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), limits).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    client.ended().await;
}

#[tokio::test]
async fn what_is_said_of_trailers_is_said_for_this_connection() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET /te HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "hello");
    let seen = backend.seen().pop().unwrap_or_default().to_lowercase();
    assert!(seen.contains("\r\nte: trailers\r\n") && seen.contains("\r\nconnection: te\r\n"), "{seen}");
}
