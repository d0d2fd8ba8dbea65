//! What does a backend process do? It answers HTTP/1.1 with keep-alive, and misbehaves as it is told over its control port.
//!
//! Written on the bare socket: no HTTP library resets a connection in the middle of a head on demand.

use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// The variable that makes this executable a backend: its address and that of its control port.
pub(crate) const ROLE: &str = "PULSEGATE_BACKEND";
const BODY: usize = 8 * 1024;
const FIRST_REQUEST: Duration = Duration::from_secs(60);

/// Where in an answer the connection breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    Never,
    BeforeHead,
    InHead,
    AfterHead,
}

/// How it behaves right now. `/ready` obeys only `ready` and `listen`.
#[derive(Clone, Debug)]
struct Behaviour {
    /// Milliseconds that an answer takes.
    delay: u64,
    /// Milliseconds over which the body drips.
    drip: u64,
    /// Milliseconds of silence behind an answer after which its connection is closed, give or take a third.
    idle: u64,
    /// The status of `/ready`.
    ready: u16,
    /// Of a hundred answers, so many have `status`.
    failing: u32,
    status: u16,
    reset: Break,
    /// When not, the port refuses connections, and those there were are gone.
    listen: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            delay: 10,
            drip: 0,
            idle: 60_000,
            ready: 200,
            failing: 0,
            status: 500,
            reset: Break::Never,
            listen: true,
        }
    }
}

impl Behaviour {
    /// One line from the control port: a name and a value.
    fn learn(&mut self, line: &str) -> Option<()> {
        let (name, value) = line.trim().split_once(' ')?;
        match name {
            "delay" => self.delay = value.parse().ok()?,
            "drip" => self.drip = value.parse().ok()?,
            "idle" => self.idle = value.parse().ok()?,
            "ready" => self.ready = value.parse().ok()?,
            "failing" => self.failing = value.parse().ok()?,
            "status" => self.status = value.parse().ok()?,
            "listen" => self.listen = value.parse().ok()?,
            "reset" => {
                self.reset = match value {
                    "never" => Break::Never,
                    "before-head" => Break::BeforeHead,
                    "in-head" => Break::InHead,
                    "after-head" => Break::AfterHead,
                    _ => return None,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// What all connections share.
struct Shared {
    port: u16,
    behaviour: watch::Sender<Behaviour>,
    /// SIGTERM has arrived: what is in flight is finished, and nothing else.
    leaving: watch::Sender<bool>,
    open: AtomicUsize,
    answers: AtomicU32,
}

/// Becomes a backend when this process was started as one; never returns then.
pub fn run_if_asked() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let addresses: Vec<SocketAddr> =
        role.split(' ').map(|address| address.parse().expect("an address and a control address")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(addresses[0], addresses[1]));
    std::process::exit(0);
}

async fn run(address: SocketAddr, control: SocketAddr) {
    let shared = Arc::new(Shared {
        port: address.port(),
        behaviour: watch::Sender::new(Behaviour::default()),
        leaving: watch::Sender::new(false),
        open: AtomicUsize::new(0),
        answers: AtomicU32::new(0),
    });
    let control = TcpListener::bind(control).await.expect("the control port");
    tokio::spawn(obey(control, shared.clone()));
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
    tokio::select! {
        () = accept(address, &shared) => {}
        _ = terminate.recv() => {}
    }
    shared.leaving.send_replace(true);
    while shared.open.load(Ordering::Relaxed) > 0 {
        sleep(Duration::from_millis(5)).await;
    }
}

/// The control port: every line is answered by `ok` or `no`.
async fn obey(control: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((mut stream, _)) = control.accept().await else { continue };
        let (reader, mut writer) = stream.split();
        let mut lines = BufReader::new(reader).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut known = None;
            shared.behaviour.send_modify(|behaviour| known = behaviour.learn(&line));
            let answer = if known.is_some() { "ok\n" } else { "no\n" };
            let _ = writer.write_all(answer.as_bytes()).await;
        }
    }
}

/// Accepts while it is told to listen.
async fn accept(address: SocketAddr, shared: &Arc<Shared>) {
    let mut behaviour = shared.behaviour.subscribe();
    loop {
        let _ = behaviour.wait_for(|behaviour| behaviour.listen).await;
        let listener = TcpListener::bind(address).await.expect("the backend's port");
        loop {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => drop(tokio::spawn(serve(stream, shared.clone()))),
                _ = behaviour.wait_for(|behaviour| !behaviour.listen) => break,
            }
        }
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    shared.open.fetch_add(1, Ordering::Relaxed);
    let _ = stream.set_nodelay(true);
    let (mut behaviour, mut leaving) = (shared.behaviour.subscribe(), shared.leaving.subscribe());
    let mut buffer = Vec::with_capacity(4096);
    // A first request is waited for: nobody opens a connection to leave it idle.
    let mut patience = FIRST_REQUEST;
    loop {
        let request = tokio::select! {
            biased;
            request = timeout(patience, read_request(&mut stream, &mut buffer)) => request,
            _ = behaviour.wait_for(|behaviour| !behaviour.listen) => break,
            _ = leaving.wait_for(|leaving| *leaving) => break,
        };
        let Ok(Ok(path)) = request else { break };
        let last = *leaving.borrow();
        let answered = answer(&mut stream, &shared, &path, last).await;
        if last || !matches!(answered, Ok(true)) {
            break;
        }
        patience = idle_time(behaviour.borrow().idle);
    }
    shared.open.fetch_sub(1, Ordering::Relaxed);
}

fn idle_time(millis: u64) -> Duration {
    Duration::from_millis(millis * 2 / 3 + fastrand::u64(0..=millis * 2 / 3))
}

/// One request with its body; its path.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<String> {
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if buffer.len() >= whole {
                buffer.drain(..whole);
                return Ok(head.split(' ').nth(1).unwrap_or_default().to_owned());
            }
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(ended());
        }
    }
}

/// Answers one request; `false` when the connection was broken off on purpose.
async fn answer(stream: &mut TcpStream, shared: &Shared, path: &str, last: bool) -> io::Result<bool> {
    let behaviour = shared.behaviour.borrow().clone();
    if path == "/ready" {
        stream.write_all(head(shared.port, behaviour.ready, 0, last).as_bytes()).await?;
        return Ok(true);
    }
    sleep(Duration::from_millis(behaviour.delay)).await;
    // Spread evenly: of any hundred answers in a row, so many fail.
    let number = shared.answers.fetch_add(1, Ordering::Relaxed);
    let fails = (number + 1) * behaviour.failing / 100 > number * behaviour.failing / 100;
    let head = head(shared.port, if fails { behaviour.status } else { 200 }, BODY, last);
    let sent = match behaviour.reset {
        Break::Never => head.len(),
        Break::BeforeHead => 0,
        Break::InHead => head.len() / 2,
        Break::AfterHead => head.len(),
    };
    stream.write_all(&head.as_bytes()[..sent]).await?;
    if behaviour.reset != Break::Never {
        // What was written arrives first: a reset may overtake it otherwise.
        sleep(Duration::from_millis(2)).await;
        SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
        return Ok(false);
    }
    drip(stream, behaviour.drip).await?;
    Ok(true)
}

async fn drip(stream: &mut TcpStream, millis: u64) -> io::Result<()> {
    let body = [b'x'; BODY];
    if millis == 0 {
        return stream.write_all(&body).await;
    }
    for part in body.chunks(BODY / 8) {
        stream.write_all(part).await?;
        sleep(Duration::from_millis(millis / 8)).await;
    }
    Ok(())
}

fn head(port: u16, status: u16, length: usize, last: bool) -> String {
    let connection = if last { "Connection: close\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status} As told\r\nX-Backend: {port}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n{connection}\r\n"
    )
}
