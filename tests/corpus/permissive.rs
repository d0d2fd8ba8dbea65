//! What does the most forgiving backend make of the bytes it gets? It keeps all of them, splits requests however anybody ever
//! did, and answers each with its first line, so that a client can tell whose answer it got.
//!
//! Some paths make it do more: `/app/early` is answered at the head and its body is taken for the next request (CL.0),
//! `/app/early-401` is answered 401 so, `/app/mute` says no 100 where one is expected and `/app/late` only with its answer, `/app/no-upgrade` is answered 426, `/app/switch` 101, and what [`answer_path`] says with a row of the corpus of answers.

use super::pace::Pace;
use super::rows::{Answer, Then};
use super::strict::find;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What came over one connection.
#[derive(Clone, Debug, Default)]
struct Seen {
    bytes: Vec<u8>,
    /// How much of it was judged already.
    judged: usize,
    ended: bool,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// The backend.
#[derive(Debug)]
pub struct Permissive {
    pub address: SocketAddr,
    log: Log,
    accepting: JoinHandle<()>,
}

impl Permissive {
    pub async fn start(answers: &[Answer]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let log = Log::default();
        let (kept, answers): (Log, Arc<[Answer]>) = (Arc::clone(&log), answers.into());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(converse(stream, Arc::clone(&kept), Arc::clone(&answers)));
            }
        });
        Self { address, log, accepting }
    }

    /// Shows what was not judged yet to `judge`, connection by connection; it says how much it has judged.
    pub fn judge(&self, mut judge: impl FnMut(&[u8]) -> usize) {
        for seen in self.log.lock().expect("the log").iter_mut().filter(|seen| seen.judged < seen.bytes.len()) {
            seen.judged += judge(&seen.bytes[seen.judged..]);
        }
    }

    /// Connections on which a request began that never ended, and that are still open.
    pub fn loose_ends(&self) -> usize {
        let log = self.log.lock().expect("the log");
        log.iter().filter(|seen| seen.judged < seen.bytes.len() && !seen.ended).count()
    }
}

impl Drop for Permissive {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn converse(stream: TcpStream, log: Log, answers: Arc<[Answer]>) {
    let number = {
        let mut log = log.lock().expect("the log");
        log.push(Seen::default());
        log.len() - 1
    };
    serve(stream, &log, number, &answers).await;
    log.lock().expect("the log")[number].ended = true;
}

async fn serve(mut stream: TcpStream, log: &Log, number: usize, answers: &[Answer]) {
    let _ = stream.set_nodelay(true);
    let (mut buffer, mut continued) = (Vec::new(), false);
    loop {
        while let Some((first_line, used)) = split(&buffer) {
            buffer.drain(..used);
            continued = false;
            let (writes, then) = answer(&first_line, answers);
            for bytes in writes {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            if then == Then::Close {
                return;
            }
        }
        if !continued && waits_for_100(&buffer) {
            continued = true;
            if stream.write_all(CONTINUE).await.is_err() {
                return;
            }
        }
        let before = buffer.len();
        if !stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
            return;
        }
        log.lock().expect("the log")[number].bytes.extend_from_slice(&buffer[before..]);
    }
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A head is there that expects a 100, and its body is not.
fn waits_for_100(buffer: &[u8]) -> bool {
    let Some(end) = find(buffer, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
    head.contains("\r\nexpect: 100-continue") && !head.contains(" /app/mute") && !head.contains(" /app/late")
}

/// Where a row's answer is to be had at this pace.
pub fn answer_path(number: usize, pace: Pace) -> String {
    format!("/answer/{pace:?}/{number}")
}

/// The row that such a path names.
fn row<'a>(path: &str, answers: &'a [Answer]) -> Option<(&'a Answer, Pace)> {
    let (pace, number) = path.strip_prefix("/answer/")?.split_once('/')?;
    let pace = [Pace::Whole, Pace::Drip].into_iter().find(|known| format!("{known:?}") == pace)?;
    Some((answers.get(number.parse::<usize>().ok()?)?, pace))
}

/// The writes of an answer, and what comes behind them.
fn answer(first_line: &str, answers: &[Answer]) -> (Vec<Vec<u8>>, Then) {
    let path = first_line.split(' ').nth(1).unwrap_or_default();
    if let Some((row, pace)) = row(path, answers) {
        return (row.writes(pace), row.then);
    }
    let head = match path {
        "/app/early-401" => "HTTP/1.1 401 Unauthorized\r\n",
        "/app/late" => "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        "/app/no-upgrade" => "HTTP/1.1 426 Upgrade Required\r\n",
        "/app/switch" => {
            let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n";
            return (vec![switch.into()], Then::Keep);
        }
        _ => "HTTP/1.1 200 OK\r\n",
    };
    let body = if first_line.starts_with("HEAD ") { "" } else { first_line };
    let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", first_line.len());
    (vec![answer.into_bytes()], Then::Keep)
}

/// The first line of the next request, and how many bytes the request takes.
fn split(buffer: &[u8]) -> Option<(String, usize)> {
    let blank = buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)).count();
    let bytes = &buffer[blank..];
    let ends = [(b"\n\n".as_slice(), 2), (b"\n\r\n", 3), (b"\r\r", 2)];
    let head = ends.iter().filter_map(|(end, length)| find(bytes, end).map(|at| at + length)).min()?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let first = String::from_utf8_lossy(&bytes[..head]).lines().next().unwrap_or_default().trim().to_owned();
    let body = &bytes[head..];
    let used = if first.contains("/app/early") {
        0
    } else if text.lines().any(|line| line.trim_start().starts_with("transfer-encoding") && line.contains("chunked")) {
        chunks(body)?
    } else {
        text.lines().find_map(length).filter(|length| *length <= body.len() || *length < 1 << 40).unwrap_or(0)
    };
    (used <= body.len()).then_some((first, blank + head + used))
}

/// The first digits behind anything that looks like Content-Length.
fn length(line: &str) -> Option<usize> {
    let (_, value) = line.trim_start().strip_prefix("content-length")?.split_once(':')?;
    let digits: String = value.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Sizes with anything around them, lines that end in anything.
fn chunks(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = at + body.get(at..)?.iter().position(|byte| *byte == b'\n')? + 1;
        let line = String::from_utf8_lossy(&body[at..end]).trim().trim_start_matches(['+', '-']).to_owned();
        let line = line.strip_prefix("0x").unwrap_or(&line);
        let digits: String = line.chars().take_while(char::is_ascii_hexdigit).collect();
        let size = usize::from_str_radix(&digits, 16).unwrap_or(0);
        if size == 0 {
            let trailers = body.get(end..)?;
            return if trailers.starts_with(b"\r\n") {
                Some(end + 2)
            } else {
                find(trailers, b"\n\r\n")
                    .map(|at| end + at + 3)
                    .or_else(|| trailers.starts_with(b"\n").then_some(end + 1))
            };
        }
        at = end.checked_add(size)?;
        let rest = body.get(at..)?;
        at += if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
    }
}
