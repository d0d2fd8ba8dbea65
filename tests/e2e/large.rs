//! Does a large body cost memory? A gibibyte up and a gibibyte down, over HTTP/1 and HTTP/2, with the gateway's resident memory read
//! meanwhile.

use super::PULSEGATE;
use super::pool_with;
use bytes::Bytes;
use h2::{RecvStream, SendStream};
use std::net::SocketAddr;
use std::time::Duration;
use support::gateway::Gateway;
use support::h2::{H2Backend, H2Client, get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const GIB: usize = 1 << 30;
const WARM: usize = 8 << 20;
const PIECE: usize = 64 * 1024;
/// How much the resident memory may grow.
const GROWTH: u64 = 16 << 20;

async fn resident(gateway: &Gateway) -> u64 {
    let metrics = gateway.get("/metrics").await.expect("metrics");
    let value = metrics.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    value.and_then(|value| value.trim().parse::<f64>().ok()).expect("the gateway's memory") as u64
}

/// Runs `work` and says how far the memory grew while it ran, compared with the moment before.
async fn growth(gateway: &Gateway, work: impl Future<Output = ()>) -> u64 {
    let before = resident(gateway).await;
    let mut most = before;
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            () = &mut work => return most.max(resident(gateway).await) - before,
            () = support::pause(Duration::from_millis(100)) => most = most.max(resident(gateway).await),
        }
    }
}

/// GET /N sends N bytes; POST takes what its Content-Length says and answers with the count.
async fn plain_backend() -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(plain_exchange(stream));
        }
    });
    (address, accepting)
}

async fn plain_exchange(mut stream: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    if head.starts_with("post") {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
        let taken = read_all(&mut stream, length).await;
        return stream.write_all(answer(&taken.to_string()).as_bytes()).await.ok();
    }
    let length = head.split(['/', ' ']).nth(2)?.parse().unwrap_or(0);
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    write_all(&mut stream, length).await;
    Some(())
}

fn answer(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

async fn read_all(stream: &mut TcpStream, length: usize) -> usize {
    let mut buffer = vec![0; PIECE];
    let mut taken = 0;
    while taken < length {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => taken += read,
            _ => break,
        }
    }
    taken
}

async fn write_all(stream: &mut TcpStream, length: usize) {
    let piece = vec![b'x'; PIECE];
    let mut left = length;
    while left > 0 {
        let now = left.min(PIECE);
        stream.write_all(&piece[..now]).await.expect("a reader");
        left -= now;
    }
}

async fn plain_down(gateway: &Gateway, length: usize) {
    let mut stream = TcpStream::connect(gateway.address).await.expect("the gateway");
    let request = format!("GET /{length} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the gateway");
    let taken = read_all(&mut stream, usize::MAX).await;
    assert!((length..length + 4096).contains(&taken), "{taken} bytes of {length}");
}

async fn plain_up(gateway: &Gateway, length: usize) {
    let mut stream = TcpStream::connect(gateway.address).await.expect("the gateway");
    let request = format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the gateway");
    write_all(&mut stream, length).await;
    let mut said = String::new();
    stream.read_to_string(&mut said).await.expect("an answer");
    assert!(said.ends_with(&format!("\r\n\r\n{length}")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_each_way_costs_no_memory_over_http1() {
    let (address, accepting) = plain_backend().await;
    let yaml = pool_with(&[address], "    timeouts: { total: none }\n")
        .replace("readiness: { path: /ready,", "readiness: { path: /0,");
    let gateway = PULSEGATE.start(&yaml).await;
    plain_down(&gateway, WARM).await;
    plain_up(&gateway, WARM).await;
    let down = growth(&gateway, plain_down(&gateway, GIB)).await;
    let up = growth(&gateway, plain_up(&gateway, GIB)).await;
    println!("1 GiB over HTTP/1: {} KiB more going down, {} KiB going up", down >> 10, up >> 10);
    assert!(down < GROWTH && up < GROWTH, "{down} bytes going down, {up} going up");
    accepting.abort();
}

async fn stream_out(out: &mut SendStream<Bytes>, length: usize) {
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let mut left = length;
    while left > 0 {
        out.reserve_capacity(left.min(PIECE));
        let room = std::future::poll_fn(|cx| out.poll_capacity(cx)).await.expect("an open stream").expect("room");
        let now = room.min(left).min(PIECE);
        out.send_data(piece.slice(..now), now == left).expect("an open stream");
        left -= now;
    }
}

async fn stream_in(body: &mut RecvStream) -> usize {
    let mut taken = 0;
    while let Some(chunk) = body.data().await {
        let length = chunk.expect("a piece").len();
        body.flow_control().release_capacity(length).expect("an open stream");
        taken += length;
    }
    taken
}

async fn stream_down(client: &mut H2Client, length: usize) {
    let (response, _) = client.open(get(&format!("/{length}")), true).await;
    assert_eq!(stream_in(&mut response.await.expect("an answer").into_body()).await, length);
}

async fn stream_up(client: &mut H2Client, length: usize) {
    let (response, mut out) = client.open(post("/", &[]), false).await;
    stream_out(&mut out, length).await;
    let mut body = response.await.expect("an answer").into_body();
    assert_eq!(body.data().await.expect("a count").expect("a count"), length.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_each_way_costs_no_memory_over_http2() {
    let backend = H2Backend::start(|mut call| async move {
        let path = call.request.uri.path().to_owned();
        match path.trim_start_matches('/').parse() {
            Ok(length) => stream_out(&mut call.head(&[]), length).await,
            Err(_) => {
                let taken = stream_in(&mut call.body).await;
                call.answer(&taken.to_string());
            }
        }
    })
    .await;
    let gateway =
        PULSEGATE.start(&pool_with(&[backend.address], "    protocol: http2\n    timeouts: { total: none }\n")).await;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1 << 20).initial_connection_window_size(4 << 20);
    let mut client = H2Client::with(gateway.address, &builder).await;
    stream_down(&mut client, WARM).await;
    stream_up(&mut client, WARM).await;
    let down = growth(&gateway, stream_down(&mut client, GIB)).await;
    let up = growth(&gateway, stream_up(&mut client, GIB)).await;
    println!("1 GiB over HTTP/2: {} KiB more going down, {} KiB going up", down >> 10, up >> 10);
    assert!(down < GROWTH && up < GROWTH, "{down} bytes going down, {up} going up");
}
