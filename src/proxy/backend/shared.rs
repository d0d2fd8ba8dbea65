//! Which HTTP/2 connections to backends are there, and who may use which? A shelf per backend, as for idle HTTP/1 connections, but
//! here a connection stays on its shelf while streams use it.
//!
//! A burst of first requests opens one connection, not one each: whoever comes while one is being opened waits for it. A
//! connection that said goodbye, broke, or left a request without an answer takes no new streams; those under way end by
//! themselves.

use crate::clock::Clock;
use crate::proxy::connection_pool::mark::Mark;
use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Error, SendStream};
use http::Request;
use pingora::protocols::Stream;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::response_head;
use pulsegate_core::traffic::ledger::Ledger;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What a backend may have under way towards us on one stream, bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What we may have under way towards it on one stream, bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// All shared connections of the process.
#[derive(Default)]
pub(in crate::proxy) struct Shared {
    shelves: Mutex<HashMap<u64, Shelf>>,
}

#[derive(Default)]
struct Shelf {
    open: Vec<Open>,
    /// Somebody opens one.
    opening: Option<watch::Receiver<()>>,
}

struct Open {
    send: SendRequest<Bytes>,
    state: Arc<State>,
    /// How long it is kept without a stream.
    idle: Duration,
}

#[derive(Default)]
struct State {
    streams: AtomicUsize,
    /// No new streams.
    retired: AtomicBool,
    /// When its last stream ended, nanoseconds of our clock.
    rested: AtomicU64,
    /// Where it is counted.
    ledger: Arc<Ledger>,
}

/// What somebody who wants a stream is told.
pub(in crate::proxy) enum Claim {
    Use(Seat),
    /// Somebody opens a connection: look again when this changes or ends.
    Wait(watch::Receiver<()>),
    /// Open one; whoever comes meanwhile waits until this is dropped.
    Open(Opening),
}

/// The right to open a connection for a shelf.
pub(in crate::proxy) struct Opening {
    shared: Arc<Shared>,
    shelf: u64,
    /// Dropped with this: those who wait look again.
    _done: watch::Sender<()>,
}

/// A place on a connection, for one stream.
pub(in crate::proxy) struct Seat {
    send: SendRequest<Bytes>,
    state: Arc<State>,
    clock: Clock,
}

impl Shared {
    /// A place on a connection of `shelf`, or what to do about it. With `limit` connections (0 = no limit) the least busy one is shared
    /// further: the backend's own limit of streams makes whoever comes wait.
    pub(in crate::proxy) fn claim(self: &Arc<Self>, shelf: u64, limit: u32, clock: Clock) -> Claim {
        let mut shelves = self.lock();
        let found = shelves.entry(shelf).or_default();
        found.open.retain(|open| !open.state.retired.load(Relaxed));
        let free = |open: &&Open| open.state.streams.load(Relaxed) < open.send.current_max_send_streams();
        if let Some(open) = found.open.iter().find(free) {
            return Claim::Use(Seat::take(open, clock));
        }
        if limit > 0
            && found.open.len() >= limit as usize
            && let Some(open) = found.open.iter().min_by_key(|open| open.state.streams.load(Relaxed))
        {
            return Claim::Use(Seat::take(open, clock));
        }
        match &found.opening {
            // An opening whose holder is gone counts for nothing.
            Some(opening) if opening.has_changed().is_ok() => Claim::Wait(opening.clone()),
            _ => {
                let (done, opening) = watch::channel(());
                found.opening = Some(opening);
                Claim::Open(Opening { shared: Arc::clone(self), shelf, _done: done })
            }
        }
    }

    /// Lets go of what nobody has used for its time.
    pub(in crate::proxy) fn sweep(&self, now: Timestamp) {
        self.lock().retain(|_, shelf| {
            shelf.open.retain(|open| {
                let state = &open.state;
                let rested = now.since(Timestamp(state.rested.load(Relaxed)));
                let rests = state.streams.load(Relaxed) == 0 && rested >= open.idle;
                !rests && !state.retired.load(Relaxed)
            });
            !shelf.open.is_empty() || shelf.opening.as_ref().is_some_and(|opening| opening.has_changed().is_ok())
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Shelf>> {
        // Held for a look and a push; a panic cannot leave it half done.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening {
    /// Begins HTTP/2 on `stream`, and takes the first place on it.
    ///
    /// # Errors
    /// The connection broke at once.
    pub(in crate::proxy) async fn begin(
        self,
        stream: Stream,
        clock: Clock,
        idle: Duration,
        head_limit: usize,
        ledger: &Arc<Ledger>,
    ) -> Result<Seat, Error> {
        let (send, connection) = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buffer_size(SEND_BUFFER)
            .max_header_list_size(u32::try_from(response_head::of_library(head_limit)).unwrap_or(u32::MAX))
            .enable_push(false)
            .handshake(stream)
            .await?;
        let state = Arc::new(State { ledger: Arc::clone(ledger), ..State::default() });
        let (retire, mark) = (Arc::clone(&state), Mark::idle(ledger));
        tokio::spawn(async move {
            let _ = connection.await;
            drop(mark);
            retire.retired.store(true, Relaxed);
        });
        let open = Open { send, state, idle };
        let seat = Seat::take(&open, clock);
        self.shared.lock().entry(self.shelf).or_default().open.push(open);
        Ok(seat)
    }
}

impl Seat {
    fn take(open: &Open, clock: Clock) -> Self {
        if open.state.streams.fetch_add(1, Relaxed) == 0 {
            open.state.ledger.taken();
        }
        Self { send: open.send.clone(), state: Arc::clone(&open.state), clock }
    }

    /// Opens the stream.
    ///
    /// # Errors
    /// The connection takes no more streams; it is retired.
    pub(super) fn send(
        &mut self,
        request: Request<()>,
        end: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), Error> {
        self.send.send_request(request, end).inspect_err(|_| self.retire())
    }

    pub(super) fn retire(&self) {
        self.state.retired.store(true, Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.state.rested.store(self.clock.now().0, Relaxed);
        if self.state.streams.fetch_sub(1, Relaxed) == 1 {
            self.state.ledger.rests();
        }
    }
}
