//! What would a proxy do that does everything wrong? The control: it believes the first Content-Length before any coding, ends heads at
//! bare line feeds, sends bytes on as they came, and keeps one connection to the backend for everybody.

use super::strict::find;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long it waits for the backend.
const PATIENCE: Duration = Duration::from_millis(100);

type Shared = Arc<Mutex<Option<TcpStream>>>;

/// The broken proxy.
#[derive(Debug)]
pub struct Broken {
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Broken {
    pub async fn start(backend: SocketAddr) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let shared = Shared::default();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = socket.accept().await {
                tokio::spawn(serve(client, backend, Arc::clone(&shared)));
            }
        });
        Self { address, accepting }
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut client: TcpStream, backend: SocketAddr, shared: Shared) {
    let mut buffer = Vec::new();
    while let Some(request) = message(&mut client, &mut buffer).await {
        let mut pooled = shared.lock().await;
        if pooled.is_none() {
            *pooled = TcpStream::connect(backend).await.ok();
        }
        let Some(upstream) = pooled.as_mut() else { return };
        let answer = match upstream.write_all(&request).await {
            Ok(()) => timeout(PATIENCE, message(upstream, &mut Vec::new())).await.ok().flatten(),
            Err(_) => None,
        };
        let Some(answer) = answer else {
            *pooled = None;
            return;
        };
        if client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// A head and a body by its Content-Length, else by its chunks, as raw bytes. What was read beyond an answer is lost.
async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(end) = end(buffer).filter(|end| *end <= buffer.len()) {
            return Some(buffer.drain(..end).collect());
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn end(buffer: &[u8]) -> Option<usize> {
    let ends = [(b"\n\n".as_slice(), 2), (b"\n\r\n", 3)];
    let head = ends.iter().filter_map(|(end, length)| find(buffer, end).map(|at| at + length)).min()?;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    if let Some(length) = value("content-length:") {
        return Some(head + length.parse::<usize>().unwrap_or(0));
    }
    match value("transfer-encoding:") {
        Some("chunked") => find(&buffer[head..], b"0\r\n\r\n").map(|at| head + at + 5),
        _ => Some(head),
    }
}
