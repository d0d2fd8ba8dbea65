//! How does one wait for what is mostly done at once? It is asked first, where it lies; a timer is made only for what is not done yet.
//!
//! A timer takes what it watches into itself, and what is written to a client or a backend is large: moving it costs more than writing a
//! small head.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// What comes of it now. `Pending`: go on with it, so that somebody is woken when it is done.
pub async fn at_once<T>(mut work: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await
}

/// # Errors
/// It is not done within this time.
pub async fn within<T>(time: Duration, mut work: Pin<&mut impl Future<Output = T>>) -> Result<T, Elapsed> {
    match at_once(work.as_mut()).await {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => timeout(time, work).await,
    }
}
