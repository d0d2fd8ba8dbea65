//! Who answers a client that expects a 100 before it sends its body? The backend, and we where it says nothing.

use super::PULSEGATE;
use bytes::Bytes;
use http::Response;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use support::client::Client;
use support::gateway::Gateway;
use support::h2::{self, H2Backend, H2Client};
use support::raw::Raw;
use support::{PATIENCE, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What a backend does with a request that it has read the head of, by its path.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Says 100, and 200 behind the body.
    Continues,
    /// Answers at the head.
    Refuses,
    /// Waits for the body.
    Waits,
    /// Says 100 when the body is there, with its answer.
    IsLate,
    /// As `Continues`, with a 503 at the end.
    Fails,
    /// Says nothing at all.
    IsSilent,
    /// Waits for the body, and answers in HTTP/1.0.
    IsOld,
}

/// A backend that acts on heads.
struct Backend {
    address: SocketAddr,
    /// Every message as it came, by connection.
    seen: Arc<Mutex<Vec<(usize, String)>>>,
    task: JoinHandle<()>,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Backend {
    async fn start(does: Does) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, seen) = (socket.local_addr().expect("an address"), Arc::<Mutex<Vec<_>>>::default());
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = socket.accept().await else { return };
                tokio::spawn(converse(stream, connection, does, Arc::clone(&log)));
            }
        });
        Self { address, seen, task }
    }

    fn requests(&self) -> Vec<(usize, String)> {
        self.seen.lock().expect("the log").clone()
    }
}

async fn converse(mut stream: TcpStream, connection: usize, does: Does, log: Arc<Mutex<Vec<(usize, String)>>>) {
    let (mut text, mut number) = (String::new(), None);
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.unwrap_or_default();
        if read == 0 {
            return;
        }
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        let first = number.is_none();
        let index = *number.get_or_insert_with(|| {
            let mut log = log.lock().expect("the log");
            log.push((connection, String::new()));
            log.len() - 1
        });
        log.lock().expect("the log")[index].1.clone_from(&text);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let (whole, expects) = (body.len() >= length, head.contains("\r\nexpect: 100-continue"));
        let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        let answer = match does {
            Does::Continues | Does::Fails if first && expects => go_on.to_owned(),
            Does::Refuses => "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno".to_owned(),
            Does::IsSilent => continue,
            _ if !whole => continue,
            Does::Fails => "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Does::IsOld => "HTTP/1.0 200 OK\r\nContent-Length: 4\r\nConnection: keep-alive\r\n\r\ndone".to_owned(),
            Does::IsLate => format!("{go_on}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"),
            Does::Continues | Does::Waits => "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone".to_owned(),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if !answer.starts_with(go_on) || matches!(does, Does::IsLate) {
            (text, number) = (String::new(), None);
        }
    }
}

/// In front of these backends. Long enough for every machine, where a test wants the backend's word alone.
async fn gateway(backends: &[&Backend], timeouts: &str) -> Gateway {
    let list: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address)).collect();
    let more = "passive: { enabled: false }, balance: { policy: round_robin }";
    PULSEGATE
        .start(&format!(
            "routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [{}], timeouts: {{ {timeouts} }}, {more} }}\n",
            list.join(", ")
        ))
        .await
}

const PATIENT: &str = "expect_continue: 60s";

fn head(method: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
}

#[tokio::test]
async fn an_expectation_is_put_to_the_backend_and_its_100_is_the_client_s() {
    let backend = Backend::start(Does::Continues).await;
    let gateway = gateway(&[&backend], PATIENT).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..2 {
        client.send(head("POST")).await;
        assert_eq!(client.answer().await.status, 100);
        client.send("hello").await;
        let answer = client.answer().await;
        assert_eq!((answer.text().as_str(), answer.header("connection")), ("done", Some("keep-alive")));
    }
    let seen = backend.requests();
    assert!(seen.iter().all(|(connection, text)| *connection == 0 && text.ends_with("\r\n\r\nhello")), "{seen:?}");
    assert!(seen.iter().all(|(_, text)| text.to_lowercase().contains("\r\nexpect: 100-continue\r\n")), "{seen:?}");
}

#[tokio::test]
async fn a_refusal_at_the_head_comes_before_any_body_and_its_connections_end() {
    let backend = Backend::start(Does::Refuses).await;
    let gateway = gateway(&[&backend], PATIENT).await;
    for number in 0..3 {
        let mut client = Client::connect(gateway.address).await;
        client.send(head("POST")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text().as_str(), answer.header("connection")), (401, "no", Some("close")));
        client.ended().await;
        let seen = backend.requests();
        let (connection, text) = seen.last().expect("a request");
        assert!(*connection == number && text.ends_with("\r\n\r\n"), "a body, or a connection once more: {seen:?}");
    }
}

#[tokio::test]
async fn where_the_backend_says_nothing_we_say_the_100() {
    for does in [Does::Waits, Does::IsLate] {
        let backend = Backend::start(does).await;
        let gateway = gateway(&[&backend], "expect_continue: 100ms").await;
        let mut client = Client::connect(gateway.address).await;
        for _ in 0..2 {
            client.send(head("POST")).await;
            assert_eq!(client.answer().await.status, 100, "{does:?}");
            client.send("hello").await;
            assert_eq!(client.answer().await.text(), "done", "{does:?}: one 100 is enough");
        }
        let seen = backend.requests();
        assert!(seen.iter().all(|(_, text)| text.to_lowercase().contains("\r\nexpect: ")), "{does:?}");
        // Who never says that it wants the body may take it for a request.
        assert_eq!(seen[0].0 == seen[1].0, matches!(does, Does::IsLate), "{does:?}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_wait_goes_on_and_nobody_says_a_100() {
    let backend = Backend::start(Does::Waits).await;
    let gateway = gateway(&[&backend], PATIENT).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..2 {
        client.send(head("POST") + "hello").await;
        let answer = client.answer().await;
        assert_eq!((answer.text().as_str(), answer.header("connection")), ("done", Some("keep-alive")));
    }
    let seen = backend.requests();
    assert!(seen[0].0 != seen[1].0, "its own connection ends: {seen:?}");
}

#[tokio::test]
async fn the_clock_of_the_attempt_runs_while_a_100_is_awaited() {
    let backend = Backend::start(Does::IsSilent).await;
    let gateway = gateway(&[&backend], "expect_continue: 60s, per_try: 200ms").await;
    let mut client = Client::connect(gateway.address).await;
    client.send(head("POST")).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.reason().as_str()), (504, "backend_timeout"));
    client.ended().await;
    assert!(backend.requests()[0].1.ends_with("\r\n\r\n"), "no body was sent in vain");
}

#[tokio::test]
async fn a_backend_of_http10_is_not_asked() {
    let backend = Backend::start(Does::IsOld).await;
    let gateway = gateway(&[&backend], PATIENT).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.text(), "done");
    client.send(head("POST")).await;
    assert_eq!(client.answer().await.status, 100);
    client.send("hello").await;
    assert_eq!(client.answer().await.text(), "done");
    assert!(backend.requests().iter().all(|(_, text)| !text.to_lowercase().contains("expect")));
}

#[tokio::test]
async fn a_retry_expects_nothing_that_is_here() {
    // The body is here: the first asked for it, and failed.
    let (fails, good) = (Backend::start(Does::Fails).await, Backend::start(Does::Waits).await);
    let behind = gateway(&[&fails, &good], "expect_continue: 100ms").await;
    let mut client = Client::connect(behind.address).await;
    while fails.requests().is_empty() {
        client.send(head("PUT")).await;
        assert_eq!(client.answer().await.status, 100);
        client.send("hello").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    }
    let (_, retried) = good.requests().pop().expect("a retry");
    assert!(retried.ends_with("hello") && !retried.to_lowercase().contains("expect"), "{retried}");
}

#[tokio::test]
async fn a_copy_expects_nothing() {
    let (backend, copies) = (Backend::start(Does::Continues).await, Raw::start(|_, _| vec![]).await);
    let yaml = format!(
        "routes: [{{ upstream: pool, mirror: {{ upstream: copies }} }}]\nupstreams:\n  pool: {{ backends: [\"{}\"], timeouts: {{ {PATIENT} }} \
         }}\n  copies: {{ backends: [\"{}\"] }}\n",
        backend.address, copies.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    client.send(head("POST")).await;
    assert_eq!(client.answer().await.status, 100);
    client.send("hello").await;
    assert_eq!(client.answer().await.text(), "done");
    eventually("a copy", async || !copies.seen().is_empty()).await;
    let copy = copies.seen().pop().expect("a copy").to_lowercase();
    assert!(copy.ends_with("hello") && !copy.contains("expect"), "{copy}");
}

#[tokio::test]
async fn expectations_go_from_stream_to_stream() {
    let backend = H2Backend::start(|mut call| async move {
        assert_eq!(call.request.headers["expect"], "100-continue");
        call.respond.send_informational(Response::builder().status(100).body(()).unwrap()).unwrap();
        let body = call.body.data().await.unwrap().unwrap();
        call.answer(std::str::from_utf8(&body).unwrap());
    })
    .await;
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{}\"], protocol: http2, timeouts: {{ {PATIENT} }} }}\n",
        backend.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = H2Client::connect(gateway.address).await;
    let (mut response, mut out) = client.open(h2::post("/", &[("expect", "100-continue")]), false).await;
    let interim = timeout(PATIENCE, poll_fn(|cx| response.poll_informational(cx))).await.expect("in time");
    assert_eq!(interim.expect("a 100").expect("a 100").status(), 100);
    out.send_data(Bytes::from_static(b"hello"), true).unwrap();
    assert_eq!(h2::Answer::of(response).await.unwrap().text(), "hello");
}

#[tokio::test]
async fn empty_elements_of_a_list_of_expectations_are_none() {
    let backend = Backend::start(Does::Continues).await;
    let gateway = gateway(&[&backend], PATIENT).await;
    let asked = |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{fields}\r\n\r\n");
    for fields in [
        "Expect: 100-continue,",
        "Expect: ,100-continue",
        "Expect: , 100-Continue ,\t,",
        "Expect: 100-continue, 100-CONTINUE",
        "Expect: 100-continue,\r\nexpect: ,100-continue",
        "Expect:\r\nExpect: 100-continue",
    ] {
        let mut client = Client::connect(gateway.address).await;
        client.send(asked(fields)).await;
        assert_eq!(client.answer().await.status, 100, "{fields:?}");
        client.send("hello").await;
        assert_eq!(client.answer().await.text(), "done", "{fields:?}");
    }
    let seen = backend.requests();
    assert!(seen.iter().all(|(_, text)| text.to_lowercase().contains("\r\nexpect: 100-continue\r\n")), "{seen:?}");
    for fields in ["Expect: 100-continue, x", "Expect: 100-continue\r\nExpect: x", "Expect: ,", "Expect:"] {
        let mut client = Client::connect(gateway.address).await;
        client.send(asked(fields)).await;
        assert_eq!(client.answer().await.status, 417, "{fields:?}");
    }
}
