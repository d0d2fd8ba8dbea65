//! Who has left? Clients that close, reset or take back what they asked while it waits for something.

use super::PULSEGATE;
use super::pool_with;
use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, SendStream};
use support::client::Client;
use support::gateway::Gateway;
use support::h2::{H2Backend, H2Client, post};
use support::raw::{Raw, Step, ok, send};
use support::{eventually, free_address};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// How somebody leaves who has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Closes,
    HalfCloses,
    HalfClosesBehindAnotherRequest,
    HalfClosesBehindItsBody,
    Resets,
    ResetsBehindAnotherRequest,
    TakesItsStreamBack,
    EndsItsConnection,
}

const WAYS: [Way; 8] = [
    Way::Closes,
    Way::HalfCloses,
    Way::HalfClosesBehindAnotherRequest,
    Way::HalfClosesBehindItsBody,
    Way::Resets,
    Way::ResetsBehindAnotherRequest,
    Way::TakesItsStreamBack,
    Way::EndsItsConnection,
];

/// Somebody who has sent a POST to `/left`.
enum Asker {
    Http1(Client),
    Http2 { client: H2Client, _response: ResponseFuture, stream: SendStream<Bytes> },
}

impl Asker {
    async fn ask(gateway: &Gateway, way: Way) -> Self {
        if matches!(way, Way::TakesItsStreamBack | Way::EndsItsConnection) {
            let mut client = H2Client::connect(gateway.address).await;
            let (response, stream) = client.open(post("/left", &[]), true).await;
            return Self::Http2 { client, _response: response, stream };
        }
        let body = if way == Way::HalfClosesBehindItsBody { "x".repeat(50_000) } else { String::new() };
        let mut client = Client::connect(gateway.address).await;
        client.send(format!("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
        if matches!(way, Way::HalfClosesBehindAnotherRequest | Way::ResetsBehindAnotherRequest) {
            client.send("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        }
        Self::Http1(client)
    }

    /// Whoever half-closes is still there to read.
    async fn leave(self, way: Way) -> Option<Client> {
        match (self, way) {
            (Self::Http1(mut client), Way::HalfCloses)
            | (Self::Http1(mut client), Way::HalfClosesBehindAnotherRequest | Way::HalfClosesBehindItsBody) => {
                client.stream.shutdown().await.unwrap();
                return Some(client);
            }
            (Self::Http1(client), Way::Resets | Way::ResetsBehindAnotherRequest) => {
                client.stream.set_zero_linger().unwrap();
            }
            (Self::Http1(_), _) => {}
            (Self::Http2 { client, mut stream, .. }, Way::TakesItsStreamBack) => {
                stream.send_reset(Reason::CANCEL);
                // The connection has time to say so.
                tokio::spawn(async move {
                    let _client = client;
                    std::future::pending::<()>().await;
                });
            }
            (Self::Http2 { client, .. }, _) => client.connection.abort(),
        }
        None
    }
}

async fn queued(gateway: &Gateway) -> String {
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    let of = "pulsegate_queue_requests{upstream=\"pool\"} ";
    metrics.lines().find_map(|line| line.strip_prefix(of)).unwrap_or_default().to_owned()
}

async fn until_queued(gateway: &Gateway, count: &str) {
    eventually(&format!("{count} wait in the queue"), async || queued(gateway).await == count).await;
}

pub async fn until_in_flight(gateway: &Gateway, address: &str, count: u64) {
    let what = format!("{count} are in flight");
    eventually(&what, async || gateway.backend(address).await["in_flight"] == count).await;
}

/// Whose request came to nothing is in the log.
pub async fn until_left(gateway: &Gateway, path: &str) {
    let line = |line: &str| line.contains(&format!("path={path}")) && line.contains("status=499");
    eventually("it is logged as left", async || gateway.output().lines().any(line)).await;
}

fn paths(backend: &Raw) -> Vec<String> {
    backend.seen().iter().map(|seen| seen.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn abandoned_posts_in_the_queue_are_never_sent_and_their_places_are_free_at_once() {
    for way in WAYS {
        let backend =
            Raw::start(|head, _| if head.starts_with("POST /first") { vec![Step::Hang] } else { vec![ok("done")] });
        let backend = backend.await;
        let limits = "    limits: { requests_per_backend: 1, queue: 2, queue_timeout: 60s }\n    timeouts: { per_try: 90s, total: 90s }\n";
        let gateway = PULSEGATE.start(&pool_with(&[backend.address], limits)).await;
        let mut first = Client::connect(gateway.address).await;
        first.send("POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        until_in_flight(&gateway, &backend.address.to_string(), 1).await;
        let (one, two) = (Asker::ask(&gateway, way).await, Asker::ask(&gateway, way).await);
        until_queued(&gateway, "2").await;
        let _still_there = (one.leave(way).await, two.leave(way).await);
        until_queued(&gateway, "0").await;
        let mut last = Client::connect(gateway.address).await;
        last.send("POST /last HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        until_queued(&gateway, "1").await;
        drop(first);
        assert_eq!(last.answer().await.text(), "done", "{way:?}");
        assert_eq!(paths(&backend), ["/first", "/last"], "{way:?}");
    }
}

#[tokio::test]
async fn whoever_leaves_while_nobody_is_eligible_is_not_asked_for_later() {
    let address = free_address();
    let gateway = PULSEGATE.start(&pool_with(&[address], "    hold: 60s\n")).await;
    eventually("it is down", async || gateway.standing_of(&address.to_string()).await == "down").await;
    let mut held = Client::connect(gateway.address).await;
    held.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // Behind bytes that nobody reads.
    held.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n").await;
    held.stream.shutdown().await.unwrap();
    until_left(&gateway, "/left").await;
    let backend = Raw::start_at(address, |_, _| vec![ok("back")]).await;
    eventually("it is up", async || gateway.standing_of(&address.to_string()).await == "up").await;
    assert_eq!(Client::connect(gateway.address).await.get("/after").await.text(), "back");
    assert_eq!(paths(&backend), ["/after"]);
}

#[tokio::test]
async fn whoever_leaves_before_the_first_verdicts_is_not_asked_for_later() {
    let backend = Raw::start(|_, _| vec![ok("done")]).await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "")).await;
    // One more pool, of which nothing is known as long as its probe waits.
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let late = format!(
        "  late:\n    backends: [\"{}\"]\n    readiness: {{ path: /ready, timeout: 90s, period: 90s }}\nstart: {{ wait: 90s }}\n",
        socket.local_addr().expect("an address")
    );
    let routes = "routes: [{ match: { path: /left }, upstream: late }, { upstream: pool }]";
    gateway.reload(&(pool_with(&[backend.address], &late).replace("routes: [{ upstream: pool }]", routes))).await;
    for way in [Way::HalfClosesBehindAnotherRequest, Way::Resets, Way::TakesItsStreamBack] {
        let before = gateway.output().matches("status=499").count();
        let asker = Asker::ask(&gateway, way).await;
        let _still_there = asker.leave(way).await;
        eventually("it has left", async || gateway.output().matches("status=499").count() > before).await;
    }
    assert_eq!(Client::connect(gateway.address).await.get("/other").await.text(), "done");
}

/// An upstream without probes, of one backend that accepts connections and says nothing.
async fn silent(more: &str) -> (TcpListener, String) {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = socket.local_addr().expect("an address");
    (socket, format!("routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{address}\"]\n{more}"))
}

#[tokio::test]
async fn whoever_leaves_while_a_connection_is_opened_gives_its_place_back() {
    // The handshake is part of it.
    let more = "    tls: { verify: false, sni: a.example }\n    timeouts: { connect: 90s, total: 90s }\n";
    for protocol in ["http1", "http2"] {
        let (socket, yaml) = silent(&format!("{more}    protocol: {protocol}\n")).await;
        let gateway = PULSEGATE.start(&yaml).await;
        let address = socket.local_addr().unwrap().to_string();
        for way in [Way::Closes, Way::HalfClosesBehindAnotherRequest, Way::Resets, Way::TakesItsStreamBack] {
            let asker = Asker::ask(&gateway, way).await;
            until_in_flight(&gateway, &address, 1).await;
            let _still_there = asker.leave(way).await;
            until_in_flight(&gateway, &address, 0).await;
        }
    }
}

#[tokio::test]
async fn whoever_resets_while_the_backend_does_not_read_gives_its_place_back() {
    let (socket, yaml) = silent("    timeouts: { idle: 90s, total: 90s }\n").await;
    let gateway = PULSEGATE.start(&yaml).await;
    let address = socket.local_addr().unwrap().to_string();
    let mut client = Client::connect(gateway.address).await;
    client.send("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n").await;
    // Until nothing moves any more.
    let piece = [b'x'; 65_536];
    let mut full = 0;
    eventually("the way to the backend is full", async || {
        full += 1;
        while client.stream.try_write(&piece).is_ok() {
            full = 0;
        }
        full > 20
    })
    .await;
    until_in_flight(&gateway, &address, 1).await;
    client.stream.set_zero_linger().unwrap();
    drop(client);
    until_in_flight(&gateway, &address, 0).await;
    until_left(&gateway, "/left").await;
}

#[tokio::test]
async fn whoever_resets_while_a_stream_is_not_read_gives_its_place_back() {
    let backend = H2Backend::start(|call| async move {
        let _call = call;
        std::future::pending::<()>().await;
    })
    .await;
    let more = "    protocol: http2\n    timeouts: { idle: 90s, per_try: 90s, total: 90s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], more)).await;
    let address = backend.address.to_string();
    let mut client = Client::connect(gateway.address).await;
    client.send("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n").await;
    client.send("x".repeat(200_000)).await;
    until_in_flight(&gateway, &address, 1).await;
    client.stream.set_zero_linger().unwrap();
    drop(client);
    until_in_flight(&gateway, &address, 0).await;
    // And one whose FIN stands behind what its backend does not take, as far as the system has room for it.
    let mut client = Client::connect(gateway.address).await;
    client
        .send(format!("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000)))
        .await;
    until_in_flight(&gateway, &address, 1).await;
    client.stream.shutdown().await.unwrap();
    until_in_flight(&gateway, &address, 0).await;
}

#[tokio::test]
async fn whoever_leaves_without_reading_the_answer_gives_its_place_back() {
    let backend = Raw::start(|_, _| {
        let head = send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        std::iter::once(head).chain(std::iter::repeat_n(send("x".repeat(65_536)), 10_000)).collect()
    })
    .await;
    let more = "    timeouts: { idle: 90s, per_try: 90s, total: 90s }\n";
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], more)).await;
    let address = backend.address.to_string();
    for way in [Way::HalfCloses, Way::Resets] {
        let asker = Asker::ask(&gateway, way).await;
        until_in_flight(&gateway, &address, 1).await;
        let _still_there = asker.leave(way).await;
        until_in_flight(&gateway, &address, 0).await;
    }
}

#[tokio::test]
async fn whoever_left_behind_a_pipelined_request_is_seen_while_the_backend_thinks() {
    for keys in ["", "    half_closed_clients: answer"] {
        let backend = Raw::start(|_, _| vec![Step::Hang]).await;
        let gateway = PULSEGATE.start_with(&pool_with(&[backend.address], ""), keys).await;
        let way = if keys.is_empty() { Way::HalfClosesBehindAnotherRequest } else { Way::ResetsBehindAnotherRequest };
        let asker = Asker::ask(&gateway, way).await;
        until_in_flight(&gateway, &backend.address.to_string(), 1).await;
        eventually("the backend has it", async || backend.seen().len() == 1).await;
        let _still_there = asker.leave(way).await;
        until_in_flight(&gateway, &backend.address.to_string(), 0).await;
        assert_eq!(backend.seen().len(), 1, "{keys}");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_not_mirrored_either() {
    let live = Raw::start(|head, _| if head.contains("/first") { vec![Step::Hang] } else { vec![ok("done")] }).await;
    let mirror = Raw::start(|_, _| vec![ok("copy")]).await;
    let yaml = format!(
        "{}  shadow:\n    backends: [\"{}\"]\n",
        pool_with(&[live.address], "    limits: { requests_per_backend: 1, queue: 2, queue_timeout: 60s }\n    timeouts: { per_try: 90s, total: 90s }\n")
            .replace("{ upstream: pool }", "{ upstream: pool, mirror: { upstream: shadow } }"),
        mirror.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut first = Client::connect(gateway.address).await;
    first.send("POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    until_in_flight(&gateway, &live.address.to_string(), 1).await;
    let asker = Asker::ask(&gateway, Way::Resets).await;
    until_queued(&gateway, "1").await;
    asker.leave(Way::Resets).await;
    until_left(&gateway, "/left").await;
    drop(first);
    until_in_flight(&gateway, &live.address.to_string(), 0).await;
    assert_eq!(Client::connect(gateway.address).await.get("/last").await.text(), "done");
    eventually("the last is copied", async || paths(&mirror).contains(&"/last".to_owned())).await;
    assert!(!paths(&mirror).contains(&"/left".to_owned()), "{:?}", paths(&mirror));
}
