//! To what may a backend switch? To a protocol that it was asked for, and says so; and what is a wish for one at all?

use super::{PULSEGATE, pool_with};
use support::client::{Answer, Client};
use support::eventually;
use support::gateway::Gateway;
use support::h2::{self, H2Client};
use support::raw::{Raw, Step, ok, send};

/// A backend that switches whatever it is asked, and says of it what the request's path says: `~` are ends of lines, `_` are blanks.
async fn switching() -> Raw {
    Raw::start(|head, _| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let fields = path.trim_start_matches('/').replace('~', "\r\n").replace('_', " ");
        vec![send(format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n\r\n")), Step::Hang]
    })
    .await
}

async fn in_front_of(backend: &Raw) -> Gateway {
    PULSEGATE.start(&pool_with(&[backend.address], "    passive: { enabled: false }\n")).await
}

async fn ask(gateway: &Gateway, path: &str, fields: &str) -> Answer {
    let mut client = Client::connect(gateway.address).await;
    client.send(format!("GET /{path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")).await;
    client.answer().await
}

#[tokio::test]
async fn a_switch_to_what_was_not_asked_for_is_an_invalid_answer() {
    let backend = switching().await;
    let gateway = in_front_of(&backend).await;
    let wrong = [
        ("websocket", "Connection:Upgrade~Upgrade:tcp"),
        ("websocket", "Connection:Upgrade"),
        ("websocket", "Connection:Upgrade~Upgrade:"),
        ("websocket", "Connection:Upgrade~Upgrade:,"),
        ("websocket", "Connection:Upgrade~Upgrade:websocket,tcp"),
        ("websocket", "Connection:Upgrade~Upgrade:websocket~Upgrade:tcp"),
        ("websocket", "Connection:Upgrade~Upgrade:web_socket"),
        ("websocket", "Connection:Upgrade~Upgrade:h2c"),
        ("foo/1, foo/2", "Connection:Upgrade~Upgrade:foo/3"),
    ];
    for (asked, said) in wrong {
        let answer = ask(&gateway, said, &format!("Connection: Upgrade\r\nUpgrade: {asked}")).await;
        assert_eq!((answer.status, answer.reason().as_str()), (502, "bad_backend_answer"), "{asked}: {said}");
    }
    for fields in ["Upgrade: websocket", "Connection: upgrade", "X: y"] {
        let answer = ask(&gateway, "Connection:Upgrade~Upgrade:websocket", fields).await;
        assert_eq!((answer.status, answer.reason().as_str()), (502, "bad_backend_answer"), "{fields}");
    }
    assert_eq!(backend.connections(), backend.seen().len(), "none of their connections is used again");
    let address = backend.address.to_string();
    eventually("none is held", async || gateway.backend(&address).await["in_flight"] == 0).await;
    let series = "pulsegate_attempts_total{result=\"invalid_response\",upstream=\"pool\"} ";
    eventually("each is written down as what it was", async || {
        let metrics = gateway.get("/metrics").await.unwrap_or_default();
        metrics.lines().any(|line| line.strip_prefix(series) == Some(backend.seen().len().to_string().as_str()))
    })
    .await;
}

#[tokio::test]
async fn a_switch_to_one_of_those_that_were_asked_for_is_a_tunnel() {
    let backend = switching().await;
    let gateway = in_front_of(&backend).await;
    for (asked, said) in [
        ("websocket", "Connection:Upgrade~Upgrade:WebSocket"),
        ("WEBSOCKET", "connection:upgrade~upgrade:websocket"),
        ("websocket, tcp", "Connection:Upgrade~Upgrade:tcp"),
        (", websocket,,\ttcp ,", "Connection:Upgrade~Upgrade:,websocket"),
        ("foo/1, foo/2", "Connection:Upgrade~Upgrade:Foo/2"),
        ("foo", "Connection:Upgrade~Upgrade:foo/2"),
        ("tls, websocket", "Connection:Upgrade~Upgrade:tls~Upgrade:_websocket"),
    ] {
        let answer = ask(&gateway, said, &format!("Connection: Upgrade\r\nUpgrade: {asked}")).await;
        assert_eq!(answer.status, 101, "{asked}: {said}: {answer:?}");
        assert!(answer.header("upgrade").is_some(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_stream_is_told_of_no_tunnel_to_another_protocol() {
    let backend = switching().await;
    let gateway = in_front_of(&backend).await;
    let mut client = H2Client::connect(gateway.address).await;
    let mut request = h2::get("/Upgrade:udp");
    *request.method_mut() = http::Method::CONNECT;
    request.extensions_mut().insert(::h2::ext::Protocol::from("tcp"));
    let (response, _leaving) = client.open(request, false).await;
    let answer = h2::Answer::of(response).await.expect("an answer");
    assert!(answer.status == 502 && answer.text().contains("bad_backend_answer"), "{answer:?}");
}

#[tokio::test]
async fn what_is_no_list_of_protocols_asks_for_none() {
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let gateway = in_front_of(&backend).await;
    for upgrade in
        ["t cp", "websocket tcp", "web socket, tcp", "/13", "foo/", "foo/1/2", "foo /1", ",", "", "a;b", "h2c/1"]
    {
        let answer = ask(&gateway, "x", &format!("Connection: Upgrade\r\nUpgrade: {upgrade}")).await;
        let seen = answer.text().to_ascii_lowercase();
        assert_eq!(answer.status, 200, "{upgrade:?}: it goes on in HTTP/1.1");
        assert!(!seen.contains("upgrade:") && !seen.contains("connection:"), "{upgrade:?}: {seen}");
    }
    for upgrade in ["tcp", "foo/1", "a, b/2", ",a ,\tb,"] {
        let seen = ask(&gateway, "x", &format!("Connection: Upgrade\r\nUpgrade: {upgrade}")).await.text();
        assert!(seen.contains("Connection: Upgrade\r\n") && seen.contains("Upgrade: "), "{upgrade:?}: {seen}");
    }
}
