//! What do streams that share a connection to a backend cost each other? Nothing while the connection lasts: not what is not read, not what
//! the backend does not take, and not a limit that nobody had been told of.

use super::{PULSEGATE, pool_with};
use bytes::Bytes;
use h2::RecvStream;
use http::Response;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::client::Client;
use support::frames::{ACK, Frames, HEADERS, SETTINGS};
use support::gateway::Gateway;
use support::h2::{Answer, Call, H2Backend, H2Client, get, post};
use support::{PATIENCE, eventually, free_address};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What one stream may have on its way to us, unread.
const STREAM_WINDOW: usize = 256 * 1024;

fn h2_pool(backend: std::net::SocketAddr, more: &str) -> String {
    pool_with(&[backend], &format!("    protocol: http2\n{more}"))
}

/// An endless answer, as fast as it is taken; how much of it was taken.
async fn endless(mut call: Call, taken: &AtomicUsize) {
    let mut out = call.head(&[]);
    loop {
        out.reserve_capacity(16 * 1024);
        let Some(Ok(room)) = std::future::poll_fn(|cx| out.poll_capacity(cx)).await else { return };
        taken.fetch_add(room, Ordering::Relaxed);
        if out.send_data(Bytes::from(vec![0; room]), false).is_err() {
            return;
        }
    }
}

/// Endless where it is asked for `/big`, a kilobyte elsewhere.
async fn big_or_small(taken: &Arc<AtomicUsize>) -> H2Backend {
    let taken = taken.clone();
    H2Backend::start(move |call| {
        let taken = taken.clone();
        async move {
            if call.request.uri.path() == "/big" { endless(call, &taken).await } else { call.answer(&"x".repeat(1024)) }
        }
    })
    .await
}

/// Five answers that nobody reads.
async fn unread(client: &mut H2Client) -> Vec<Response<RecvStream>> {
    let mut unread = Vec::new();
    for _ in 0..5 {
        let (response, _) = client.open(get("/big"), true).await;
        unread.push(response.await.unwrap());
    }
    unread
}

async fn six_others_are_answered(gateway: &Gateway) {
    let mut six = JoinSet::new();
    for other in 0..6 {
        let address = gateway.address;
        six.spawn(async move {
            for _ in 0..20 {
                if other % 2 == 0 {
                    assert_eq!(H2Client::connect(address).await.get("/small").await.body.len(), 1024);
                } else {
                    let mut client = Client::connect(address).await;
                    client.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n").await;
                    assert_eq!(client.answer().await.text().len(), 1024);
                }
            }
        });
    }
    timeout(PATIENCE, six.join_all()).await.expect("the answers of others wait for streams that nobody reads");
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_that_nobody_reads_hold_up_nobody_else() {
    let taken = Arc::new(AtomicUsize::new(0));
    let backend = big_or_small(&taken).await;
    let gateway = PULSEGATE.start(&h2_pool(backend.address, "")).await;
    let mut client = H2Client::connect(gateway.address).await;
    let unread = unread(&mut client).await;
    eventually("each has filled its own window", async || taken.load(Ordering::Relaxed) >= 5 * STREAM_WINDOW).await;
    six_others_are_answered(&gateway).await;
    for response in &unread {
        assert!(!response.body().is_end_stream(), "it hangs all the same");
    }
    assert_eq!(backend.connections.load(Ordering::Relaxed), 1, "all of them share a connection");
    assert!(!gateway.output().contains("path=/big"), "none of the five has ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_http1_that_read_nothing_hold_up_nobody_else() {
    let taken = Arc::new(AtomicUsize::new(0));
    let backend = big_or_small(&taken).await;
    let gateway = PULSEGATE.start(&h2_pool(backend.address, "")).await;
    let mut unread = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        unread.push(stream);
    }
    let mut before = 0;
    eventually("nothing moves any more", async || {
        support::pause(Duration::from_millis(200)).await;
        let now = taken.load(Ordering::Relaxed);
        now >= 5 * STREAM_WINDOW && std::mem::replace(&mut before, now) == now
    })
    .await;
    six_others_are_answered(&gateway).await;
}

/// Reads nothing where it is asked for `/stuck`, and has then so many bytes; elsewhere it answers with the length of what it read.
async fn reads_or_not(held: &Arc<AtomicUsize>) -> H2Backend {
    let count = held.clone();
    H2Backend::start(move |mut call| {
        let count = count.clone();
        async move {
            while call.request.uri.path() == "/stuck" {
                count.store(call.body.flow_control().used_capacity(), Ordering::Relaxed);
                support::pause(Duration::from_millis(10)).await;
            }
            let mut length = 0;
            while let Some(Ok(piece)) = call.body.data().await {
                length += piece.len();
                let _ = call.body.flow_control().release_capacity(piece.len());
            }
            call.answer(&length.to_string());
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_a_backend_does_not_take_holds_up_no_others() {
    // More than the window of the connection, all of it, and what leaves too little of it.
    for (length, end) in [(256 * 1024, true), (65_535, false), (65_535, true), (65_000, false)] {
        let held = Arc::new(AtomicUsize::new(0));
        let backend = reads_or_not(&held).await;
        let gateway = PULSEGATE.start(&h2_pool(backend.address, "")).await;
        let mut client = H2Client::connect(gateway.address).await;
        let (_response, mut out) = client.open(post("/stuck", &[]), false).await;
        out.send_data(Bytes::from(vec![0; length]), end).unwrap();
        let all = length.min(65_535);
        eventually("the backend has what its window takes", async || held.load(Ordering::Relaxed) == all).await;
        for round in 0..5 {
            let mut other = Client::connect(gateway.address).await;
            other
                .send(&format!("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n{}", "x".repeat(5000)))
                .await;
            let answer = timeout(PATIENCE, other.answer()).await.expect("a request waits for uploads of others");
            assert_eq!(answer.text(), "5000", "round {round} beside {length} bytes");
        }
        assert_eq!(backend.connections.load(Ordering::Relaxed), 2, "the others share one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_an_upload_that_is_not_taken_there_is_room_where_no_other_connection_may_be() {
    let held = Arc::new(AtomicUsize::new(0));
    let backend = reads_or_not(&held).await;
    let gateway = PULSEGATE.start(&h2_pool(backend.address, "    limits: { connections_per_backend: 1 }\n")).await;
    let mut client = H2Client::connect(gateway.address).await;
    let (_response, mut out) = client.open(post("/stuck", &[]), false).await;
    out.send_data(Bytes::from(vec![0; 40_000]), false).unwrap();
    eventually("the backend has it", async || held.load(Ordering::Relaxed) == 40_000).await;
    let mut other = Client::connect(gateway.address).await;
    other.send(&format!("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n{}", "x".repeat(5000))).await;
    assert_eq!(other.answer().await.text(), "5000");
    assert_eq!(backend.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn the_time_that_an_answer_waited_for_its_client_is_told() {
    let taken = Arc::new(AtomicUsize::new(0));
    let backend = big_or_small(&taken).await;
    let gateway = PULSEGATE.start(&h2_pool(backend.address, "    timeouts: { idle: 1s }\n")).await;
    let mut client = H2Client::connect(gateway.address).await;
    let _unread = unread(&mut client).await;
    let stalled = |line: &str| {
        let word = line.split(' ').find_map(|word| word.strip_prefix("stalled_ms="));
        word.and_then(|word| word.parse::<f64>().ok()).unwrap_or_default()
    };
    eventually("each is cut by its own deadline, which says why", async || {
        let output = gateway.output();
        let cut = output.lines().filter(|line| line.contains("path=/big") && line.contains("reason=client_stalled"));
        cut.filter(|line| stalled(line) >= 900.0).count() == 5
    })
    .await;
    H2Client::connect(gateway.address).await.get("/small").await;
    eventually("it is logged", async || gateway.output().contains("path=/small")).await;
    let output = gateway.output();
    assert!(output.lines().any(|line| line.contains("path=/small") && !line.contains("stalled_ms=")), "{output}");
}

/// So many requests at once; how many got a 200.
async fn at_once(gateway: &Gateway, requests: usize) -> usize {
    let client = H2Client::connect(gateway.address).await;
    let mut all = JoinSet::new();
    for _ in 0..requests {
        let mut client = H2Client { send: client.send.clone(), connection: tokio::spawn(async { Ok(()) }) };
        all.spawn(async move {
            let (response, _) = client.open(post("/x", &[]), true).await;
            Answer::of(response).await.map_or(0, |answer| answer.status)
        });
    }
    all.join_all().await.iter().filter(|status| **status == 200).count()
}

async fn failures(gateway: &Gateway, backend: std::net::SocketAddr) -> String {
    gateway.backend(&backend.to_string()).await.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_on_a_new_connection_meets_no_limit_that_was_not_known() {
    let mut settings = h2::server::Builder::new();
    settings.max_concurrent_streams(5);
    let backend = H2Backend::with(settings, Duration::from_millis(100), |call| async {
        support::pause(Duration::from_millis(100)).await;
        call.answer("hello");
    })
    .await;
    let gateway =
        PULSEGATE.start(&h2_pool(backend.address, "    timeouts: { connect: 10s, per_try: 15s, total: 20s }\n")).await;
    assert_eq!(at_once(&gateway, 60).await, 60);
    assert!(!gateway.output().contains("not_processed"), "no stream is refused");
    let connections = backend.connections.load(Ordering::Relaxed);
    assert!((2..=12).contains(&connections), "the excess opens connections, {connections} of them");
    let seen = failures(&gateway, backend.address).await;
    assert!(seen.contains("\"standing\":\"up\""), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_room_on_the_connections_that_there_may_be_waits_and_blames_nobody() {
    let mut settings = h2::server::Builder::new();
    settings.max_concurrent_streams(1);
    let backend = H2Backend::with(settings, Duration::ZERO, |call| async {
        support::pause(Duration::from_secs(1)).await;
        call.answer("hello");
    })
    .await;
    let more = "    limits: { connections_per_backend: 1 }\n    timeouts: { connect: 3s, per_try: 4s, total: 60s }\n";
    let gateway = PULSEGATE.start(&h2_pool(backend.address, more)).await;
    assert_eq!(at_once(&gateway, 6).await, 6, "none waits as long as the one before it, and each has its own time");
    assert_eq!(backend.connections.load(Ordering::Relaxed), 1);
}

/// Allows a hundred streams, and one only when five are there.
async fn narrows(listener: TcpListener, refused: Arc<AtomicUsize>) {
    let narrow = Arc::new(AtomicUsize::new(100));
    while let Ok((stream, _)) = listener.accept().await {
        let (refused, narrow) = (refused.clone(), narrow.clone());
        tokio::spawn(async move {
            let mut frames = Frames::serve(stream).await?;
            frames.allow(u32::try_from(narrow.load(Ordering::Relaxed)).unwrap()).await?;
            let mut open = Vec::new();
            loop {
                let frame = frames.read().await?;
                match frame.kind {
                    SETTINGS if frame.flags & ACK == 0 => frames.write(SETTINGS, ACK, 0, &[]).await?,
                    HEADERS if narrow.load(Ordering::Relaxed) == 1 => frames.answer(frame.stream).await?,
                    HEADERS => open.push(frame.stream),
                    _ => {}
                }
                if open.len() == 5 {
                    narrow.store(1, Ordering::Relaxed);
                    frames.allow(1).await?;
                    for stream in open.drain(1..) {
                        refused.fetch_add(1, Ordering::Relaxed);
                        frames.refuse(stream).await?;
                    }
                    frames.answer(open.remove(0)).await?;
                }
            }
            #[allow(unreachable_code, reason = "it names the type of the error")]
            Ok::<(), std::io::Error>(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_over_a_limit_that_came_later_is_asked_again_at_the_same_backend() {
    let address = free_address();
    let refused = Arc::new(AtomicUsize::new(0));
    let backend = tokio::spawn(narrows(TcpListener::bind(address).await.unwrap(), refused.clone()));
    let config = format!(
        "routes: [{{ upstream: pool, retries: {{ limit: 0 }} }}]\nupstreams:\n  pool:\n    backends: [\"{address}\"]\n    protocol: http2\n    readiness: {{ tcp: true, period: 300ms }}\n"
    );
    let gateway = PULSEGATE.start(&config).await;
    assert_eq!(at_once(&gateway, 5).await, 5);
    assert_eq!(refused.load(Ordering::Relaxed), 4);
    assert!(!gateway.output().contains("not_processed"), "{}", gateway.output());
    let seen = failures(&gateway, address).await;
    assert!(seen.contains("\"standing\":\"up\""), "{seen}");
    backend.abort();
}
