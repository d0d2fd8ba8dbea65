//! How does a shared connection come about? Somebody has the right to open it, everybody else waits until the backend has said how many
//! streams it takes.

use super::Shared;
use super::line::Line;
use super::seat::{Open, Seat, State};
use crate::clock::Clock;
use crate::proxy::connection_pool::mark::Mark;
use bytes::Bytes;
use h2::Error;
use h2::client::{Builder, Connection};
use pingora::protocols::Stream;
use pulsegate_core::http::response_head;
use pulsegate_core::traffic::ledger::Ledger;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;

/// What a backend may have under way towards us on one stream, bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// As much as HTTP/2 knows. It never binds: a stream whose client does not read fills its own window and holds up nobody else.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// So many streams on one connection, whatever the backend takes: h2 gives the connection's window back by halves, and as many full
/// streams leave one of them.
pub(super) const STREAMS: usize = (CONNECTION_WINDOW / 2 / STREAM_WINDOW) as usize;
/// What we may have under way towards it on one stream, bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// What h2 says of the number of streams until the backend has stated one: no backend can state this.
pub(super) const UNSTATED: usize = usize::MAX - 1;

/// The right to open a connection for a shelf.
pub(in crate::proxy) struct Opening {
    shared: Arc<Shared>,
    shelf: u64,
    line: Arc<Line>,
    /// True when the backend has said how many it takes. Dropped with this: those who wait look again.
    told: watch::Sender<bool>,
}

/// A connection that is on its way.
pub(super) struct Expected {
    told: watch::Receiver<bool>,
    /// How many wait for it, with the one that opens it.
    promised: usize,
}

impl Expected {
    /// For one more, where it is to have room for so many.
    pub(super) fn promise(&mut self, takes: usize) -> Option<watch::Receiver<bool>> {
        (self.promised < takes).then(|| {
            self.promised += 1;
            self.told.clone()
        })
    }

    /// True when the backend has said what it takes.
    pub(super) fn told(&self) -> watch::Receiver<bool> {
        self.told.clone()
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.told.has_changed().is_ok()
    }
}

impl Opening {
    pub(super) fn of(shared: Arc<Shared>, shelf: u64, line: Arc<Line>) -> (Self, Expected) {
        let (told, awaited) = watch::channel(false);
        (Self { shared, shelf, line, told }, Expected { told: awaited, promised: 1 })
    }

    /// Begins HTTP/2 on `stream`, and takes the first place on it: the only one until its SETTINGS have come.
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
            .initial_max_send_streams(UNSTATED)
            .max_send_buffer_size(SEND_BUFFER)
            .max_header_list_size(u32::try_from(response_head::of_library(head_limit)).unwrap_or(u32::MAX))
            .enable_push(false)
            .handshake(stream)
            .await?;
        let state = Arc::new(State::of(Arc::clone(ledger), Arc::clone(&self.line)));
        let mut shelves = self.shared.lock();
        let found = shelves.entry(self.shelf).or_default();
        let ours = self.told.subscribe();
        let at = found.coming.iter().position(|expected| expected.told.same_channel(&ours));
        let expected = at.map(|at| found.coming.swap_remove(at));
        let open = Open::new(send, Arc::clone(&state), idle, expected);
        let seat = Seat::take(&open, clock);
        found.open.push(open);
        drop(shelves);
        tokio::spawn(drive(connection, self.told, state, Mark::idle(ledger)));
        Ok(seat)
    }
}

/// Keeps the connection moving to its end, and says when it has room.
async fn drive(mut connection: Connection<Stream, Bytes>, told: watch::Sender<bool>, state: Arc<State>, mark: Mark) {
    let (mut told, mut takes) = (Some(told), UNSTATED);
    poll_fn(|cx| poll(&mut connection, &mut told, &mut takes, &state, cx)).await;
    drop(mark);
    state.retire();
}

fn poll(
    connection: &mut Connection<Stream, Bytes>,
    told: &mut Option<watch::Sender<bool>>,
    takes: &mut usize,
    state: &State,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let polled = Pin::new(&mut *connection).poll(cx).map(drop);
    if told.is_some() || state.is_waited() {
        let now = connection.max_concurrent_send_streams();
        if std::mem::replace(takes, now) != now {
            if let Some(told) = told.take() {
                told.send_replace(true);
            }
            state.ring();
        }
    }
    polled
}
