//! An open-loop load: requests leave by the clock, whether the ones before were answered or not, and each is timed from the
//! moment it was due. A closed loop would wait for a slow backend and hide it.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

const CLIENT_PATIENCE: Duration = Duration::from_secs(5);

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

/// A load that runs.
#[derive(Debug)]
pub struct Load(JoinHandle<Vec<Outcome>>);

impl Load {
    /// `rate` requests per second for `length`.
    pub fn start(gateway: SocketAddr, method: &'static str, rate: u32, length: Duration) -> Self {
        Self::of(Request { method, host: "test", path: "/work" }, gateway, rate, length)
    }

    /// As [`Self::start`], of one particular request.
    pub fn of(request: Request, gateway: SocketAddr, rate: u32, length: Duration) -> Self {
        Self::to(request, move || gateway, rate, length)
    }

    /// As [`Self::of`], each request to the gateway that `balancer` names at that moment.
    #[allow(clippy::disallowed_methods, reason = "a load is timed by the real clock")]
    pub fn to(
        request: Request,
        mut balancer: impl FnMut() -> SocketAddr + Send + 'static,
        rate: u32,
        length: Duration,
    ) -> Self {
        Self(tokio::spawn(async move {
            let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
            let begun = Instant::now();
            let total = (length.as_secs_f64() * f64::from(rate)) as u32;
            let mut requests = JoinSet::new();
            for number in 0..total {
                let due = Duration::from_secs_f64(f64::from(number) / f64::from(rate));
                sleep_until(begun + due).await;
                let (client, gateway) = (client.clone(), balancer());
                requests.spawn(async move {
                    let result = timeout(CLIENT_PATIENCE, send(&client, gateway, request)).await;
                    let result = result.unwrap_or_else(|_| Err("the client lost its patience".to_owned()));
                    Outcome { due, took: begun.elapsed() - due, result }
                });
            }
            requests.join_all().await
        }))
    }

    pub async fn outcomes(self) -> Vec<Outcome> {
        self.0.await.expect("the load")
    }
}

async fn send<C>(client: &Client<C, Full<Bytes>>, gateway: SocketAddr, what: Request) -> Result<u16, String>
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    let body = if what.method == "POST" { Bytes::from_static(b"a little body") } else { Bytes::new() };
    let request = http::Request::builder()
        .method(what.method)
        .uri(format!("http://{gateway}{}", what.path))
        .header("host", what.host)
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    let answer = client.request(request).await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status().as_u16();
    answer.into_body().collect().await.map_err(|error| format!("body of a {status}: {error:?}"))?;
    Ok(status)
}
