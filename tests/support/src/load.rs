//! An open-loop load: requests leave by the clock, whether the ones before were answered or not, and each is timed from the
//! moment it was due. A closed loop would wait for a slow backend and hide it.
//!
//! The client is a well-behaved one: it keeps connections, tries the next address when one refuses, and sends a request again
//! only when not a byte of it had left over a connection that the other side closed.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;

type Sender = SendRequest<Full<Bytes>>;

/// One request as its client saw it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// From the start of the load to the moment it was due.
    pub due: Duration,
    pub took: Duration,
    /// The status, or what went wrong.
    pub result: Result<u16, String>,
}

impl Outcome {
    pub fn ok(&self) -> bool {
        matches!(self.result, Ok(200..=299))
    }
}

/// What is asked, again and again.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub method: &'static str,
    pub host: &'static str,
    pub path: &'static str,
}

/// A client that waits so long for an answer has none: long enough for a busy machine, and shorter than a test waits.
const GIVES_UP: Duration = Duration::from_secs(20);

/// Who is asked, and how patiently.
#[derive(Clone)]
pub struct Target {
    /// The next is tried when one refuses the connection, as a balancer in front would do.
    pub addresses: Vec<SocketAddr>,
    pub tls: Option<TlsConnector>,
    pub patience: Duration,
    /// A connection is left after so many requests; 0 = never.
    pub requests_per_connection: u32,
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self { addresses: vec![address], tls: None, patience: GIVES_UP, requests_per_connection: 0 }
    }
}

/// A load that runs.
#[derive(Debug)]
pub struct Load {
    running: JoinHandle<Vec<Outcome>>,
    over: Arc<AtomicBool>,
}

impl Load {
    /// `rate` requests per second for `length`.
    pub fn of(request: Request, target: impl Into<Target>, rate: u32, length: Duration) -> Self {
        let client = Arc::new(Client::new(target.into()));
        Self::by(request, move || client.clone(), rate, length)
    }

    /// As [`Self::of`], but that it goes on until [`Self::ended`].
    pub fn until_ended(request: Request, target: impl Into<Target>, rate: u32) -> Self {
        let client = Arc::new(Client::new(target.into()));
        Self::by(request, move || client.clone(), rate, Duration::MAX)
    }

    /// As [`Self::of`], each request to the gateway that `balancer` names at that moment.
    pub fn to(
        request: Request,
        mut balancer: impl FnMut() -> SocketAddr + Send + 'static,
        rate: u32,
        length: Duration,
    ) -> Self {
        let mut clients = BTreeMap::new();
        let client = move || {
            let gateway = balancer();
            Arc::clone(clients.entry(gateway).or_insert_with(|| Arc::new(Client::new(gateway.into()))))
        };
        Self::by(request, client, rate, length)
    }

    #[allow(clippy::disallowed_methods, reason = "a load is timed by the real clock")]
    fn by(
        request: Request,
        mut client: impl FnMut() -> Arc<Client> + Send + 'static,
        rate: u32,
        length: Duration,
    ) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let running = tokio::spawn(async move {
            let begun = Instant::now();
            let total = (length.as_secs_f64() * f64::from(rate)) as u32;
            let mut requests = JoinSet::new();
            for number in 0..total {
                let due = Duration::from_secs_f64(f64::from(number) / f64::from(rate));
                sleep_until(begun + due).await;
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let client = client();
                requests.spawn(async move {
                    let result = client.ask(request).await.map(|(status, _)| status);
                    Outcome { due, took: begun.elapsed() - due, result }
                });
            }
            requests.join_all().await
        });
        Self { running, over }
    }

    pub async fn outcomes(self) -> Vec<Outcome> {
        self.running.await.expect("the load")
    }

    /// Asks nothing more, and waits for what was asked.
    pub async fn ended(self) -> Vec<Outcome> {
        self.over.store(true, Ordering::Relaxed);
        self.outcomes().await
    }
}

/// Connections to one target.
pub struct Client {
    target: Target,
    /// The last one used is used first; with the number of requests that it has carried.
    idle: Mutex<Vec<(Sender, u32)>>,
}

impl Client {
    pub fn new(target: Target) -> Self {
        Self { target, idle: Mutex::new(Vec::new()) }
    }

    /// One request and its whole answer, or what went wrong, in words.
    pub async fn ask(&self, request: Request) -> Result<(u16, HeaderMap), String> {
        let answer = timeout(self.target.patience, self.exchange(request)).await;
        answer.unwrap_or_else(|_| Err("the client lost its patience".to_owned()))
    }

    async fn exchange(&self, what: Request) -> Result<(u16, HeaderMap), String> {
        let body = if what.method == "POST" { Bytes::from_static(b"a little body") } else { Bytes::new() };
        let mut request = http::Request::builder()
            .method(what.method)
            .uri(what.path)
            .header("host", what.host)
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        loop {
            let idle = self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop();
            let (mut sender, carried) = match idle {
                Some(idle) => idle,
                None => (self.connect().await?, 0),
            };
            let answer = match sender.try_send_request(request).await {
                Ok(answer) => answer,
                Err(mut error) => match error.take_message() {
                    // Not a byte of it had left: the connection was closed before.
                    Some(unsent) if carried > 0 => {
                        request = unsent;
                        continue;
                    }
                    _ => return Err(format!("{:?}", error.error())),
                },
            };
            return self.read(answer, sender, carried + 1).await;
        }
    }

    async fn read(
        &self,
        answer: http::Response<hyper::body::Incoming>,
        mut sender: Sender,
        carried: u32,
    ) -> Result<(u16, HeaderMap), String> {
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        body.collect().await.map_err(|error| format!("body of a {status}: {error:?}"))?;
        if carried != self.target.requests_per_connection && sender.ready().await.is_ok() {
            self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((sender, carried));
        }
        Ok((status, head.headers))
    }

    async fn connect(&self) -> Result<Sender, String> {
        let mut refused = String::new();
        for address in &self.target.addresses {
            let stream = match TcpStream::connect(address).await {
                Ok(stream) => stream,
                Err(error) => {
                    refused = format!("connect: {error}");
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let Some(tls) = &self.target.tls else { return handshake(stream).await };
            let name = ServerName::try_from("localhost").map_err(|error| error.to_string())?;
            let stream = tls.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
            return handshake(stream).await;
        }
        Err(refused)
    }
}

async fn handshake<S>(stream: S) -> Result<Sender, String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(sender)
}
