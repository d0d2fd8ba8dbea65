//! What does a client see of an answer that breaks off as soon as it has begun? What the log says that it got: the head, and what came of the
//! body, but never the end of it.

use super::PULSEGATE;
use h2::Reason;
use std::net::SocketAddr;
use support::client::Client;
use support::frames::{ACK, DATA, END_HEADERS, Frames, HEADERS, RST_STREAM, SETTINGS};
use support::gateway::Gateway;
use support::h2::{H2Client, get};
use support::raw::{Gate, Raw, Step, send};
use support::raw_h2::{GOAWAY, block, frame};
use support::{PATIENCE, eventually, free_address};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const INTERNAL_ERROR: [u8; 4] = [0, 0, 0, 2];

#[derive(Clone, Copy, Debug)]
enum End {
    Reset,
    Goodbye,
    Lost,
}

/// Begins an answer of ten bytes, and breaks off, in one write.
async fn breaks_off(listener: TcpListener, body: &'static str, end: End) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut frames = Frames::serve(stream).await?;
            frames.allow(100).await?;
            loop {
                let read = frames.read().await?;
                match read.kind {
                    SETTINGS if read.flags & ACK == 0 => frames.write(SETTINGS, ACK, 0, &[]).await?,
                    HEADERS => {
                        frames.write_at_once(&broken(read.stream, body, end)).await?;
                        if !matches!(end, End::Reset) {
                            frames.end().await?;
                        }
                    }
                    _ => {}
                }
            }
            #[allow(unreachable_code, reason = "it names the type of the error")]
            Ok::<(), std::io::Error>(())
        });
    }
}

fn broken(stream: u32, body: &str, end: End) -> Vec<u8> {
    let mut all = frame(HEADERS, END_HEADERS, stream, &block(&[(":status", "200"), ("content-length", "10")]));
    if !body.is_empty() {
        all.extend(frame(DATA, 0, stream, body.as_bytes()));
    }
    match end {
        End::Reset => all.extend(frame(RST_STREAM, 0, stream, &INTERNAL_ERROR)),
        End::Goodbye => all.extend(frame(GOAWAY, 0, 0, &[&stream.to_be_bytes()[..], &INTERNAL_ERROR[..]].concat())),
        End::Lost => {}
    }
    all
}

async fn http2(body: &'static str, end: End) -> (SocketAddr, JoinHandle<()>) {
    let address = free_address();
    let listener = TcpListener::bind(address).await.unwrap();
    (address, tokio::spawn(breaks_off(listener, body, end)))
}

async fn before(backend: SocketAddr, more: &str) -> Gateway {
    let config = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{backend}\"]\n    readiness: {{ tcp: true, period: 300ms }}\n{more}"
    );
    PULSEGATE.start(&config).await
}

/// Each client sees the head, this much of the body, and that it broke off; and so the log says.
async fn each_client_sees(gateway: &Gateway, body: &str, what: &str) {
    for round in 0..5 {
        let mut older = Client::connect(gateway.address).await;
        older.send("GET /older HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let mut seen = Vec::new();
        timeout(PATIENCE, older.stream.read_to_end(&mut seen)).await.expect("an end in time").expect("no reset");
        let seen = String::from_utf8(seen).unwrap();
        let (head, came) = seen.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{what}, {round}: {seen:?}"));
        assert!(head.starts_with("HTTP/1.1 200 "), "{what}, {round}: {seen:?}");
        assert_eq!(came, body, "{what}, {round}");

        let mut newer = H2Client::connect(gateway.address).await;
        let (response, _) = newer.open(get("/newer"), true).await;
        let response = timeout(PATIENCE, response).await.expect("a head in time");
        let mut rest = response.unwrap_or_else(|error| panic!("{what}, {round}: {error}")).into_body();
        let mut came = Vec::new();
        let broke = loop {
            match timeout(PATIENCE, rest.data()).await.expect("an end in time").expect("it is broken off") {
                Ok(piece) => came.extend_from_slice(&piece),
                Err(error) => break error,
            }
        };
        assert_eq!(String::from_utf8_lossy(&came), body, "{what}, {round}");
        assert_eq!(broke.reason(), Some(Reason::INTERNAL_ERROR), "{what}, {round}");
    }
    eventually("the log says what they saw", async || {
        let output = gateway.output();
        let lines = output.lines().filter(|line| line.contains("status=200") && line.contains("backend_broke_off"));
        lines.count() == 10
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_http2_that_breaks_with_its_head_leaves_the_head_and_what_came() {
    for body in ["", "hello"] {
        for end in [End::Reset, End::Goodbye, End::Lost] {
            let (address, task) = http2(body, end).await;
            let gateway = before(address, "    protocol: http2\n").await;
            each_client_sees(&gateway, body, &format!("{end:?} behind {body:?}")).await;
            task.abort();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_http1_that_breaks_with_its_head_leaves_the_head_and_what_came() {
    for body in ["", "hello"] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{body}");
        let backend = Raw::start(move |_, _| vec![send(&answer), Step::Close]).await;
        let gateway = before(backend.address, "").await;
        each_client_sees(&gateway, body, &format!("behind {body:?}")).await;
    }
}

/// Never reads a body; answers with a head, and with its body when the gate is open.
async fn answers_unread(listener: TcpListener, gate: Gate) {
    while let Ok((stream, _)) = listener.accept().await {
        let gate = gate.clone();
        tokio::spawn(async move {
            let mut frames = Frames::serve(stream).await?;
            frames.allow(100).await?;
            loop {
                let read = frames.read().await?;
                if read.kind == SETTINGS && read.flags & ACK == 0 {
                    frames.write(SETTINGS, ACK, 0, &[]).await?;
                }
                if read.kind == HEADERS {
                    // The gateway has more for it than its window takes.
                    let mut taken = 0;
                    while taken < 65_535 {
                        let piece = frames.read().await?;
                        taken += if piece.kind == DATA { piece.payload.len() } else { 0 };
                    }
                    let head = block(&[(":status", "200"), ("content-length", "5")]);
                    frames.write(HEADERS, END_HEADERS, read.stream, &head).await?;
                    gate.opened().await;
                    frames.write(DATA, support::frames::END_STREAM, read.stream, b"hello").await?;
                }
            }
            #[allow(unreachable_code, reason = "it names the type of the error")]
            Ok::<(), std::io::Error>(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_an_answer_does_not_wait_while_the_backend_takes_nothing() {
    let (address, gate) = (free_address(), Gate::default());
    let task = tokio::spawn(answers_unread(TcpListener::bind(address).await.unwrap(), gate.clone()));
    let gateway = before(address, "    protocol: http2\n").await;
    let mut client = Client::connect(gateway.address).await;
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000))).await;
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let byte = timeout(PATIENCE, client.stream.read_u8()).await.expect("the head does not wait for the body");
        seen.push(byte.unwrap());
    }
    gate.open();
    let mut body = [0; 5];
    timeout(PATIENCE, client.stream.read_exact(&mut body)).await.expect("a body in time").unwrap();
    assert_eq!(&body, b"hello");
    task.abort();
}
