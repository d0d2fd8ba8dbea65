//! A small backend for the demo: `/ready` says whether it is ready and how its database is, everything else is its work; each can be made
//! to fail.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One backend that can be made to fail, to die and to return on the same address.
pub(super) struct Backend {
    pub name: &'static str,
    pub address: SocketAddr,
    faults: Arc<Faults>,
    serving: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Faults {
    not_ready: AtomicBool,
    failing: AtomicBool,
}

impl Backend {
    /// # Errors
    /// No free port on loopback.
    pub(super) async fn start(name: &'static str) -> std::io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut backend = Self { name, address: socket.local_addr()?, faults: Arc::default(), serving: None };
        backend.serve(socket);
        Ok(backend)
    }

    fn serve(&mut self, socket: TcpListener) {
        let app = Router::new().route("/ready", get(ready)).fallback(work).with_state(self.faults.clone());
        self.serving = Some(tokio::spawn(async move {
            // Ends with the task; an accept error of the demo's own backend has nobody to be told.
            let _ = axum::serve(socket, app).await;
        }));
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.faults.not_ready.store(!ready, Ordering::Relaxed);
    }

    pub(super) fn set_failing(&self, failing: bool) {
        self.faults.failing.store(failing, Ordering::Relaxed);
    }

    /// Closes the socket and every connection, as a killed process does.
    pub(super) fn die(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Listens on the old address again.
    ///
    /// # Errors
    /// Somebody else took the port meanwhile.
    pub(super) async fn return_to_life(&mut self) -> std::io::Result<()> {
        let socket = TcpListener::bind(self.address).await?;
        self.serve(socket);
        Ok(())
    }
}

async fn ready(State(faults): State<Arc<Faults>>) -> (StatusCode, &'static str) {
    if faults.not_ready.load(Ordering::Relaxed) {
        let document = r#"{"status": "DOWN", "components": {"database": {"status": "DOWN", "message": "warming up"}}}"#;
        (StatusCode::SERVICE_UNAVAILABLE, document)
    } else {
        (StatusCode::OK, r#"{"status": "UP", "components": {"database": {"status": "UP"}}}"#)
    }
}

async fn work(State(faults): State<Arc<Faults>>) -> (StatusCode, &'static str) {
    if faults.failing.load(Ordering::Relaxed) {
        (StatusCode::INTERNAL_SERVER_ERROR, "an exception\n")
    } else {
        (StatusCode::OK, "hello\n")
    }
}
