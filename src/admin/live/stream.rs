//! What goes out on one stream? A whole state, then everything after it; nothing ever waits for a slow reader.
//!
//! A reader that fell behind gets a whole state again; one that takes nothing at all for [`PATIENCE`] is cut, so that it holds no
//! place for ever.

use super::{Live, Message};
use crate::admin::server::Stay;
use crate::admin::view;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

/// Silence is broken by a comment after this: both ends know that the other is there.
const BEAT: Duration = Duration::from_secs(2);
/// A message that is not taken within this ends the stream.
const PATIENCE: Duration = Duration::from_secs(20);

/// `GET /live`.
pub async fn open(State(live): State<Arc<Live>>, stay: Option<Extension<Stay>>) -> Response {
    let Some((place, news)) = live.join() else {
        let sentence = format!(
            "{} pages are open already, and more would take the places of those who scrape and steer; close one, and this one comes back by itself",
            super::STREAMS
        );
        let mut response = view::problem(StatusCode::SERVICE_UNAVAILABLE, "Too many streams", &sentence);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    };
    let held = stay.map(|Extension(stay)| stay.hold());
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let _ = feed(live, news, sender).await;
        drop((place, held));
    });
    let kind = (header::CONTENT_TYPE, "text/event-stream; charset=utf-8");
    // Proxies in front (nginx) would keep it back until their buffer is full.
    let unbuffered = (header::HeaderName::from_static("x-accel-buffering"), "no");
    ([kind, unbuffered], Body::new(Flow(receiver))).into_response()
}

/// Nobody reads any more.
struct Gone;

async fn feed(
    live: Arc<Live>,
    mut news: broadcast::Receiver<Message>,
    sender: mpsc::Sender<Bytes>,
) -> Result<(), Gone> {
    let mut stop = live.stop.clone();
    send(&sender, Bytes::from_static(b"retry: 1000\n\n")).await?;
    'whole: loop {
        let state = live.state().await;
        send(&sender, state.text).await?;
        loop {
            let next = tokio::select! {
                () = super::stopped(&mut stop) => return Ok(()),
                () = sender.closed() => return Err(Gone),
                next = timeout(BEAT, news.recv()) => next,
            };
            match next {
                Ok(Ok(message)) if message.number > state.number => send(&sender, message.text).await?,
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Lagged(_))) => continue 'whole,
                Ok(Err(RecvError::Closed)) => return Ok(()),
                Err(_) => send(&sender, Bytes::from_static(b":\n\n")).await?,
            }
        }
    }
}

async fn send(sender: &mpsc::Sender<Bytes>, text: Bytes) -> Result<(), Gone> {
    match timeout(PATIENCE, sender.send(text)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone),
    }
}

/// The body: what comes through the channel.
struct Flow(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Flow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
