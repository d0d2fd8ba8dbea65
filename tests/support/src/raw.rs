//! A scripted upstream on raw sockets: what it answers to each request is a list of steps, and it keeps the exact bytes that it saw.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// One step of an answer.
#[derive(Clone, Debug)]
pub enum Step {
    Send(Vec<u8>),
    /// Lets time pass between two sends.
    Wait(Duration),
    /// Goes on when the gate is open.
    Until(Gate),
    /// Opens it.
    Open(Gate),
    /// Ends the connection with a FIN.
    Close,
    /// Ends the connection with a RST.
    Reset,
    /// Says nothing more and keeps the connection.
    Hang,
}

/// Holds answers back until a test has seen what it waits for, or tells a test how far an answer is.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub async fn opened(&self) {
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

pub fn send(text: impl AsRef<[u8]>) -> Step {
    Step::Send(text.as_ref().to_vec())
}

/// A complete 200 with this body.
pub fn ok(body: &str) -> Step {
    send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// Decides what a request (its head as text, its number) is answered with.
type Script = Arc<dyn Fn(&str, usize) -> Vec<Step> + Send + Sync>;

/// The upstream.
pub struct Raw {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
    crowd: Arc<Crowd>,
    accepting: JoinHandle<()>,
}

/// How many requests are being answered, and how many were at most.
#[derive(Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A request as it came in.
#[derive(Clone, Debug)]
struct Request {
    /// The number of its connection.
    connection: usize,
    /// Head and body.
    text: String,
}

impl Request {
    fn is_probe(&self) -> bool {
        self.text.starts_with("GET /ready ")
    }
}

impl Raw {
    /// Answers `/ready` with 200; everything else by the script.
    pub async fn start(script: impl Fn(&str, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::start_with_ready(with_ready(script)).await
    }

    /// How many requests it had to answer at once, at most; probes left out.
    pub fn most_at_once(&self) -> usize {
        self.crowd.most.load(Ordering::SeqCst)
    }

    /// Answers everything, probes included, by the script.
    pub async fn start_with_ready(script: impl Fn(&str, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a port"), script)
    }

    /// As [`Self::start`], at an address where nobody has listened so far.
    pub async fn start_at(
        address: SocketAddr,
        script: impl Fn(&str, usize) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind(address).await.expect("the port"), with_ready(script))
    }

    fn on(socket: TcpListener, script: impl Fn(&str, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let address = socket.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let crowd: Arc<Crowd> = Arc::default();
        let (script, log, all): (Script, _, _) = (Arc::new(script), Arc::clone(&seen), Arc::clone(&crowd));
        let accepting = tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = socket.accept().await else { return };
                tokio::spawn(converse(stream, connection, Arc::clone(&script), Arc::clone(&log), Arc::clone(&all)));
            }
        });
        Self { address, seen, crowd, accepting }
    }

    /// The requests so far, probes left out, as they came in (head and body).
    pub fn seen(&self) -> Vec<String> {
        self.requests(|request| request.text.clone())
    }

    /// On how many connections they came.
    pub fn connections(&self) -> usize {
        self.requests(|request| request.connection).into_iter().collect::<BTreeSet<_>>().len()
    }

    fn requests<T>(&self, what: impl Fn(&Request) -> T) -> Vec<T> {
        self.seen.lock().expect("the log").iter().filter(|request| !request.is_probe()).map(what).collect()
    }
}

struct Answering<'a>(&'a Crowd);

impl<'a> Answering<'a> {
    fn begin(crowd: &'a Crowd) -> Self {
        let now = crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
        crowd.most.fetch_max(now, Ordering::SeqCst);
        Self(crowd)
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

fn with_ready(
    script: impl Fn(&str, usize) -> Vec<Step> + Send + Sync + 'static,
) -> impl Fn(&str, usize) -> Vec<Step> + Send + Sync + 'static {
    move |head, number| {
        if head.starts_with("GET /ready ") { vec![ok("ready"), Step::Close] } else { script(head, number) }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn converse(
    mut stream: TcpStream,
    connection: usize,
    script: Script,
    log: Arc<Mutex<Vec<Request>>>,
    crowd: Arc<Crowd>,
) {
    let mut buffer = Vec::new();
    while let Some(text) = read_request(&mut stream, &mut buffer).await {
        let number = {
            let mut log = log.lock().expect("the log");
            let number = log.iter().filter(|request| !request.is_probe()).count();
            log.push(Request { connection, text: text.clone() });
            number
        };
        // Counted until its answer begins: whoever sees that may send the next one.
        let mut _answering = (!text.starts_with("GET /ready ")).then(|| Answering::begin(&crowd));
        for step in script(&text, number) {
            match step {
                Step::Send(bytes) => {
                    _answering = None;
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Step::Wait(length) => tokio::time::sleep(length).await,
                Step::Until(gate) => gate.opened().await,
                Step::Open(gate) => gate.open(),
                Step::Close => return,
                Step::Reset => {
                    let _ = stream.set_zero_linger();
                    return;
                }
                Step::Hang => {
                    let mut scratch = [0; 1024];
                    while stream.read(&mut scratch).await.is_ok_and(|read| read > 0) {}
                    return;
                }
            }
        }
    }
}

/// A head, and a body by its Content-Length or its chunks.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(head_end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let (head, rest) = (&buffer[..head_end], &buffer[head_end + 4..]);
            let lower = String::from_utf8_lossy(head).to_ascii_lowercase();
            let length =
                lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
            let complete = if lower.contains("transfer-encoding: chunked") {
                rest.windows(5).position(|five| five == b"0\r\n\r\n").map(|at| at + 5)
            } else {
                Some(length.unwrap_or(0)).filter(|length| rest.len() >= *length)
            };
            if let Some(body) = complete {
                let end = head_end + 4 + body;
                let request = String::from_utf8_lossy(&buffer[..end]).into_owned();
                buffer.drain(..end);
                return Some(request);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
