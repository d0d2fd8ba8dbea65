//! A backend as a process of its own: this test executable, started again with `PULSEGATE_BACKEND` set to its address.
//!
//! It answers every request after 10 ms with 8 KiB, `/ready` by its switch, and 500 while `failing`. SIGTERM lets it finish what is
//! in flight.

use super::{eventually, free_address};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{any, get};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

const ADDRESS: &str = "PULSEGATE_BACKEND";

/// Becomes a backend when this process was started as one; never returns then.
pub fn run_if_asked() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let address: SocketAddr = address.parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(serve(address));
    std::process::exit(0);
}

#[derive(Default)]
struct Switches {
    not_ready: AtomicBool,
    failing: AtomicBool,
}

async fn serve(address: SocketAddr) {
    let app = Router::new()
        .route("/ready", get(ready))
        .route("/switch/{name}/{value}", get(switch))
        .fallback(any(work))
        .with_state(Arc::new(Switches::default()));
    let socket = TcpListener::bind(address).await.expect("the backend's port");
    let mut terminate = signal(SignalKind::terminate()).expect("a signal handler");
    axum::serve(socket, app)
        .with_graceful_shutdown(async move {
            let _ = terminate.recv().await;
        })
        .await
        .expect("serving");
}

async fn ready(State(switches): State<Arc<Switches>>) -> StatusCode {
    if switches.not_ready.load(Ordering::Relaxed) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn switch(State(switches): State<Arc<Switches>>, Path((name, value)): Path<(String, bool)>) -> StatusCode {
    match name.as_str() {
        "ready" => switches.not_ready.store(!value, Ordering::Relaxed),
        "failing" => switches.failing.store(value, Ordering::Relaxed),
        _ => return StatusCode::NOT_FOUND,
    }
    StatusCode::NO_CONTENT
}

async fn work(State(switches): State<Arc<Switches>>) -> (StatusCode, String) {
    tokio::time::sleep(Duration::from_millis(10)).await;
    if switches.failing.load(Ordering::Relaxed) {
        (StatusCode::INTERNAL_SERVER_ERROR, "an exception".to_owned())
    } else {
        (StatusCode::OK, "x".repeat(8 * 1024))
    }
}

/// The handle of a backend process.
#[derive(Debug)]
pub struct Backend {
    pub address: SocketAddr,
    process: Child,
}

impl Backend {
    pub async fn start() -> Self {
        let address = free_address();
        let backend = Self { address, process: spawn(address) };
        backend.listening().await;
        backend
    }

    pub async fn restart(&mut self) {
        self.process = spawn(self.address);
        self.listening().await;
    }

    async fn listening(&self) {
        eventually("the backend listens", async || TcpStream::connect(self.address).await.is_ok()).await;
    }

    /// Flips a switch (`ready`, `failing`).
    pub async fn set(&self, name: &str, value: bool) {
        let mut stream = TcpStream::connect(self.address).await.expect("the backend");
        let request = format!("GET /switch/{name}/{value} HTTP/1.1\r\nHost: backend\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("the backend");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("the backend");
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    fn signal(&self, which: Signal) {
        kill(Pid::from_raw(self.process.id().cast_signed()), which).expect("the backend's process");
    }

    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.process.wait().expect("the backend's process");
    }

    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// SIGTERM, and the wait for its end.
    pub async fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
        let process = &mut self.process;
        eventually("the backend ends", async || process.try_wait().expect("the backend's process").is_some()).await;
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(address: SocketAddr) -> Child {
    Command::new(std::env::current_exe().expect("this executable"))
        .args(["backend_process", "--exact", "--nocapture"])
        .env(ADDRESS, address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("a backend process")
}
