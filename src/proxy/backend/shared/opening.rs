//! How does a shared connection come about? Somebody has the right to open it, everybody else waits until the backend has said how many
//! streams it takes.

use super::Shared;
use super::expected::Expected;
use super::line::Line;
use super::seat::{Open, Seat, State};
use super::settings::{self, UNSTATED};
use crate::clock::Clock;
use crate::proxy::connection_pool::mark::Mark;
use crate::proxy::wire::Socket;
use crate::proxy::worker::Worker;
use bytes::Bytes;
use h2::Error;
use h2::client::Connection;
use pulsegate_core::traffic::ledger::Ledger;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;

/// The right to open a connection for a shelf.
pub(in crate::proxy) struct Opening {
    shared: Arc<Shared>,
    shelf: u64,
    line: Arc<Line>,
    /// True when the backend has said how many it takes. Dropped with this: those who wait look again.
    told: watch::Sender<bool>,
}

impl Opening {
    pub(super) fn of(shared: Arc<Shared>, shelf: u64, line: Arc<Line>) -> (Self, Expected) {
        let (told, awaited) = watch::channel(false);
        (Self { shared, shelf, line, told }, Expected::of(awaited))
    }

    /// Begins HTTP/2 on `socket`, driven by this worker for as long as it lives, and takes the first place on it: the only one until its SETTINGS have come.
    ///
    /// # Errors
    /// The connection broke at once.
    pub(in crate::proxy) async fn begin(
        self,
        socket: Socket,
        clock: Clock,
        idle: Duration,
        head_limit: usize,
        ledger: &Arc<Ledger>,
        worker: &Worker,
    ) -> Result<Seat, Error> {
        let (send, connection) = settings::client(head_limit).handshake(socket).await?;
        let state = Arc::new(State::of(Arc::clone(ledger), Arc::clone(&self.line)));
        let mut shelves = self.shared.lock();
        let found = shelves.entry(self.shelf).or_default();
        let ours = self.told.subscribe();
        let at = found.coming.iter().position(|expected| expected.is_told_by(&ours));
        let expected = at.map(|at| found.coming.swap_remove(at).there(clock.now()));
        let open = Open::new(send, Arc::clone(&state), idle, expected);
        let seat = Seat::take(&open, clock);
        found.open.push(open);
        drop(shelves);
        worker.spawn(drive(connection, self.told, state, Mark::idle(ledger)));
        Ok(seat)
    }
}

/// Keeps the connection moving to its end, and says when it has room.
async fn drive(mut connection: Connection<Socket, Bytes>, told: watch::Sender<bool>, state: Arc<State>, mark: Mark) {
    let (mut told, mut takes) = (Some(told), UNSTATED);
    poll_fn(|cx| poll(&mut connection, &mut told, &mut takes, &state, cx)).await;
    drop(mark);
    state.retire();
}

fn poll(
    connection: &mut Connection<Socket, Bytes>,
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
