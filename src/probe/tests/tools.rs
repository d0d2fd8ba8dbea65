//! A scripted backend, and a job that asks it.

use super::super::check::check;
use crate::clock::Clock;
use crate::tls::ClientConfigs;
use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::board::{ProbeJob, ProbeTicket};
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::http::proxy_protocol::Version;
use pulsegate_core::plan::{GrpcCheck, HttpCheck, ProbeCheck, ProbeKind, ProbePlan, UpstreamPlan, UpstreamTls};
use std::future::pending;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{JoinHandle, JoinSet};

/// A server that plays its script on every connection, until it is dropped.
pub(in crate::probe) struct Backend {
    pub(in crate::probe) address: SocketAddr,
    requests: Mutex<mpsc::UnboundedReceiver<String>>,
    _tasks: JoinSet<()>,
}

impl Backend {
    /// The head of the next request that was heard.
    pub(in crate::probe) async fn request(&self) -> String {
        self.requests.lock().await.recv().await.unwrap()
    }
}

/// One connection as the backend sees it; the request head is already read.
pub(in crate::probe) struct Peer {
    pub(in crate::probe) stream: TcpStream,
}

impl Peer {
    pub(in crate::probe) async fn say(&mut self, text: &str) {
        // The prober may have left already: that is not the script's concern.
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    /// Reads until nothing more comes: the bytes heard, or how it broke.
    pub(in crate::probe) async fn hear_the_end(&mut self) -> Result<usize, ErrorKind> {
        self.stream.read_to_end(&mut Vec::new()).await.map_err(|error| error.kind())
    }
}

pub(in crate::probe) async fn never() {
    pending::<()>().await;
}

pub(in crate::probe) async fn serve<F>(script: impl Fn(Peer) -> F + Send + Sync + 'static) -> Backend
where
    F: Future<Output = ()> + Send + 'static,
{
    serve_at("127.0.0.1:0", script).await
}

pub(in crate::probe) async fn serve_at<F>(at: &str, script: impl Fn(Peer) -> F + Send + Sync + 'static) -> Backend
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind(at).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, requests) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let script = Arc::new(script);
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (script, heard) = (script.clone(), heard.clone());
            connections.spawn(async move {
                let mut peer = Peer { stream };
                let _ = heard.send(head(&mut peer.stream).await);
                script(peer).await;
            });
        }
    });
    Backend { address, requests: Mutex::new(requests), _tasks: tasks }
}

/// A server that answers every request with `text` and closes.
pub(in crate::probe) async fn answering(text: &'static str) -> Backend {
    serve(async move |mut peer: Peer| peer.say(text).await).await
}

/// Answers one connection on a Unix socket; yields the request head.
pub(in crate::probe) fn serve_unix(path: &Path, text: &'static str) -> JoinHandle<String> {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = head(&mut stream).await;
        stream.write_all(text.as_bytes()).await.unwrap();
        head
    })
}

/// Up to the empty line, or to the end.
pub(in crate::probe) async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A probe of one backend.
pub(in crate::probe) struct Checked {
    pub(in crate::probe) address: Address,
    pub(in crate::probe) probe: ProbePlan,
    pub(in crate::probe) tls: Option<UpstreamTls>,
    /// The PROXY header that the upstream's connections begin with.
    pub(in crate::probe) header: Option<Version>,
}

impl Checked {
    pub(in crate::probe) fn http(backend: &Backend) -> Self {
        Self::with(backend, http_check())
    }

    pub(in crate::probe) fn with(backend: &Backend, check: HttpCheck) -> Self {
        Self::at(Address::Socket(backend.address), check)
    }

    pub(in crate::probe) fn at(address: Address, check: HttpCheck) -> Self {
        Self { address, probe: probe(ProbeCheck::Http(check)), tls: None, header: None }
    }

    pub(in crate::probe) fn tcp(backend: &Backend) -> Self {
        Self { address: Address::Socket(backend.address), probe: probe(ProbeCheck::Tcp), tls: None, header: None }
    }

    pub(super) fn grpc(address: SocketAddr, check: GrpcCheck) -> Self {
        Self { address: Address::Socket(address), probe: probe(ProbeCheck::Grpc(check)), tls: None, header: None }
    }

    pub(in crate::probe) fn job(&self, ticket: u64) -> ProbeJob {
        ProbeJob {
            late: Duration::ZERO,
            ticket: ProbeTicket(ticket),
            kind: ProbeKind::Readiness,
            backend: BackendId { upstream: "orders".into(), address: self.address.clone() },
            upstream: Arc::new(UpstreamPlan { send_proxy_protocol: self.header, ..upstream(self.tls.clone()) }),
            probe: Arc::new(self.probe.clone()),
        }
    }

    pub(in crate::probe) async fn read(&self) -> Reading {
        check(&self.job(1), &ClientConfigs::default(), Clock::start(), None).await
    }

    pub(in crate::probe) async fn result(&self) -> ReadingResult {
        self.read().await.result
    }

    /// The reason of a broken answer.
    pub(in crate::probe) async fn broken(&self) -> String {
        match self.result().await {
            ReadingResult::BrokenAnswer(why) => why,
            other => panic!("expected a broken answer, got {other:?}"),
        }
    }
}

pub(in crate::probe) fn http_check() -> HttpCheck {
    HttpCheck { document: None, ..HttpCheck::of(ProbeKind::Readiness, "/ready?deep=1") }
}

fn probe(kind: ProbeCheck) -> ProbePlan {
    ProbePlan { kind, timeout: Duration::from_secs(5), ..ProbePlan::default() }
}

fn upstream(tls: Option<UpstreamTls>) -> UpstreamPlan {
    UpstreamPlan { tls, ..UpstreamPlan::named("orders") }
}
