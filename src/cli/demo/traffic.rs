//! A little traffic for the demo: a steady stream of GETs through the gateway, counted as a client sees them.

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// 100 requests a second.
const PACE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// What clients saw.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub requests: AtomicU64,
    pub failures: AtomicU64,
}

/// Sends until it is aborted.
pub(super) fn start(gateway: SocketAddr, counts: Arc<Counts>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let Ok(uri) = format!("http://{gateway}/hello").parse::<http::Uri>() else { return };
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            pace.tick().await;
            let (request, counts) = (client.get(uri.clone()), counts.clone());
            tokio::spawn(async move {
                let answered =
                    matches!(timeout(PATIENCE, request).await, Ok(Ok(answer)) if answer.status().is_success());
                counts.requests.fetch_add(1, Ordering::Relaxed);
                counts.failures.fetch_add(u64::from(!answered), Ordering::Relaxed);
            });
        }
    })
}
