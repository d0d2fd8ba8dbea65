//! HTTP/2 in clear text, on the level of streams: a backend whose every stream a test answers, and a client that a test drives.

use super::{free_address, pause};
use bytes::Bytes;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// One stream, as the backend got it.
#[derive(Debug)]
pub struct Call {
    pub request: Parts,
    pub body: RecvStream,
    pub respond: SendResponse<Bytes>,
}

impl Call {
    /// Sends the head of a 200.
    pub fn head(&mut self, fields: &[(&str, &str)]) -> SendStream<Bytes> {
        let mut response = Response::builder().status(StatusCode::OK);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        self.respond.send_response(response.body(()).expect("a head"), false).expect("an open stream")
    }

    /// A whole answer.
    pub fn answer(mut self, body: &str) {
        self.head(&[]).send_data(Bytes::copy_from_slice(body.as_bytes()), true).expect("an open stream");
    }
}

/// A backend that speaks h2c; `/ready` answers by itself.
#[derive(Debug)]
pub struct H2Backend {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    /// Every connection says goodbye when this changes.
    pub goodbye: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl H2Backend {
    pub async fn start<F: Future<Output = ()> + Send + 'static>(
        handler: impl Fn(Call) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::with(h2::server::Builder::new(), Duration::ZERO, handler).await
    }

    /// With settings of its own, which it sends so long after a connection has come.
    pub async fn with<F: Future<Output = ()> + Send + 'static>(
        settings: h2::server::Builder,
        hesitates: Duration,
        handler: impl Fn(Call) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).await.expect("the backend's port");
        let connections = Arc::new(AtomicUsize::new(0));
        let goodbye = watch::Sender::new(());
        let (count, leave) = (connections.clone(), goodbye.clone());
        let task = tokio::spawn(async move {
            let mut all = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (handler, count, leave) = (handler.clone(), count.clone(), leave.subscribe());
                let settings = settings.clone();
                all.spawn(async move {
                    pause(hesitates).await;
                    serve(stream, &settings, handler, count, leave).await;
                });
            }
        });
        Self { address, connections, goodbye, task }
    }

    /// Every connection is cut, and none comes any more.
    pub fn kill(&self) {
        self.task.abort();
    }
}

impl Drop for H2Backend {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn serve<F: Future<Output = ()> + Send + 'static>(
    stream: TcpStream,
    settings: &h2::server::Builder,
    handler: impl Fn(Call) -> F + Clone + Send + Sync + 'static,
    connections: Arc<AtomicUsize>,
    mut goodbye: watch::Receiver<()>,
) {
    let Ok(mut connection) = settings.handshake(stream).await else { return };
    let mut streams = tokio::task::JoinSet::new();
    let mut counted = false;
    let mut said = false;
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            _ = goodbye.changed(), if !said => {
                said = true;
                connection.graceful_shutdown();
                continue;
            }
        };
        let Some(Ok((request, respond))) = accepted else { return };
        let (request, body) = request.into_parts();
        let call = Call { request, body, respond };
        if call.request.uri.path() == "/ready" {
            call.answer("ready");
            continue;
        }
        if !std::mem::replace(&mut counted, true) {
            connections.fetch_add(1, Ordering::Relaxed);
        }
        let handler = handler.clone();
        streams.spawn(async move { handler(call).await });
    }
}

/// A client's connection.
#[derive(Debug)]
pub struct H2Client {
    pub send: SendRequest<Bytes>,
    /// Ends with the connection, with its error where there is one.
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

impl H2Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::with(address, &h2::client::Builder::new()).await
    }

    pub async fn with(address: SocketAddr, builder: &h2::client::Builder) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway");
        let (send, connection) = builder.handshake(stream).await.expect("a handshake");
        Self { send, connection: tokio::spawn(connection) }
    }

    /// Opens a stream.
    pub async fn open(&mut self, request: Request<()>, end: bool) -> (h2::client::ResponseFuture, SendStream<Bytes>) {
        let mut ready = self.send.clone().ready().await.expect("room for a stream");
        ready.send_request(request, end).expect("a stream")
    }

    /// The whole answer to a GET.
    pub async fn get(&mut self, path: &str) -> Answer {
        let (response, _) = self.open(get(path), true).await;
        Answer::of(response).await.expect("an answer")
    }
}

pub fn get(path: &str) -> Request<()> {
    Request::builder().uri(format!("http://a.example{path}")).body(()).expect("a request")
}

pub fn post(path: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method("POST").uri(format!("http://a.example{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    pub async fn of(response: h2::client::ResponseFuture) -> Result<Self, h2::Error> {
        let (head, mut stream) = response.await?.into_parts();
        let mut body = Vec::new();
        while let Some(chunk) = stream.data().await {
            let chunk = chunk?;
            stream.flow_control().release_capacity(chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        let trailers = stream.trailers().await?;
        Ok(Self { status: head.status.as_u16(), headers: head.headers, body, trailers })
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What a gRPC caller is told, wherever it stands.
    pub fn grpc_status(&self) -> Option<&str> {
        let trailer = self.trailers.as_ref().and_then(|trailers| trailers.get("grpc-status"));
        trailer.or_else(|| self.headers.get("grpc-status")).and_then(|status| status.to_str().ok())
    }
}
