//! How is load made? A closed loop finds the capacity; an open loop, which does not wait for slow answers, finds the latency.
//!
//! The open loop sends at planned moments and measures from the planned moment: a gateway that stalls is charged for every
//! request that should have been sent meanwhile (G. Tene, "How not to measure latency", 2013).

use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

const REQUEST: &[u8] = b"GET /orders/4711?expand=items HTTP/1.1\r\nHost: orders.example.com\r\nUser-Agent: bench/1\r\n\
    Accept: application/json\r\nAccept-Encoding: identity\r\n\r\n";

/// One keep-alive connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(port: u16) -> io::Result<Self> {
        Self::over(TcpStream::connect(("127.0.0.1", port)).await?)
    }

    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// One request, one whole answer, which must be a 200.
    pub async fn exchange(&mut self) -> io::Result<()> {
        self.stream.write_all(REQUEST).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(length) = answer_length(&self.buffer)? {
                if self.buffer.len() >= length {
                    return Ok(());
                }
            }
        }
    }
}

/// The length of the answer, head and body, once its head is here.
fn answer_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    match length {
        Some(length) if head.starts_with("http/1.1 200") => Ok(Some(end + 4 + length)),
        _ => Err(io::Error::other(format!("an unexpected answer: {head}"))),
    }
}

/// As fast as it goes over `connections` for `length`; the number of answers.
pub async fn closed(port: u16, connections: usize, length: Duration) -> u64 {
    let until = Instant::now() + length;
    let count = Rc::new(Cell::new(0));
    let tasks = LocalSet::new();
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let count = count.clone();
        clients.spawn_local_on(
            async move {
                let mut client = Client::connect(port).await.expect("a connection");
                while Instant::now() < until {
                    client.exchange().await.expect("an answer");
                    count.set(count.get() + 1);
                }
            },
            &tasks,
        );
    }
    tasks
        .run_until(async { while clients.join_next().await.transpose().expect("no client panics").is_some() {} })
        .await;
    count.get()
}

/// `rate` requests a second for `length`; microseconds from the planned moment to the end of the answer.
pub async fn open(port: u16, connections: usize, rate: f64, length: Duration) -> Histogram<u64> {
    let empty = Histogram::new_with_max(60_000_000_000, 3).expect("a histogram");
    let latencies = Rc::new(RefCell::new(empty.clone()));
    let begun = Instant::now() + Duration::from_millis(50);
    let gap = Duration::from_secs_f64(connections as f64 / rate);
    let tasks = LocalSet::new();
    let mut clients = JoinSet::new();
    for number in 0..connections {
        let latencies = latencies.clone();
        clients.spawn_local_on(
            async move {
                let mut client = Client::connect(port).await.expect("a connection");
                let mut planned = begun + gap.mul_f64(number as f64 / connections as f64);
                while planned < begun + length {
                    sleep_until(planned).await;
                    // The timer wakes on whole milliseconds; what it is late is ours, not the gateway's.
                    let from = if planned.elapsed() < Duration::from_millis(2) { Instant::now() } else { planned };
                    client.exchange().await.expect("an answer");
                    latencies.borrow_mut().saturating_record(from.elapsed().as_nanos() as u64);
                    planned += gap;
                }
            },
            &tasks,
        );
    }
    tasks
        .run_until(async { while clients.join_next().await.transpose().expect("no client panics").is_some() {} })
        .await;
    latencies.replace(empty)
}
