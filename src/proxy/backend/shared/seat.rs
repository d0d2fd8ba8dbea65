//! What is a place on a shared connection, and what does the connection know of those who have one?

use super::expected::Expected;
use super::line::Line;
use super::settings::{STREAMS, UNSTATED, UPLOADED};
use crate::clock::Clock;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Error, SendStream};
use http::Request;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::ledger::Ledger;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;

/// A connection that is there.
pub(super) struct Open {
    send: SendRequest<Bytes>,
    state: Arc<State>,
    /// How long it is kept without a stream.
    idle: Duration,
    /// Its SETTINGS have not come: who waits for them.
    settling: Option<Expected>,
}

/// What is known of a connection.
pub(super) struct State {
    streams: AtomicUsize,
    /// No new streams.
    retired: AtomicBool,
    /// When its last stream ended, nanoseconds of our clock.
    rested: AtomicU64,
    /// Streams whose uploads wait for a window.
    waiting: AtomicUsize,
    /// Bytes of the uploads of its streams. Nobody tells which of them the backend has taken, and given back of the window.
    uploaded: AtomicUsize,
    /// Where it is counted.
    ledger: Arc<Ledger>,
    line: Arc<Line>,
}

/// A place on a connection, for one stream.
pub(in crate::proxy) struct Seat {
    send: SendRequest<Bytes>,
    state: Arc<State>,
    clock: Clock,
    /// Its SETTINGS had not come when this one was taken.
    settling: Option<watch::Receiver<bool>>,
    /// How many streams the backend took, as far as was known when this one was opened.
    known: usize,
    /// Its upload waits for a window.
    waits: bool,
    /// Bytes of its upload.
    uploaded: usize,
}

impl Open {
    pub(super) fn new(send: SendRequest<Bytes>, state: Arc<State>, idle: Duration, settling: Option<Expected>) -> Self {
        Self { send, state, idle, settling }
    }

    /// It takes streams, and will go on to.
    pub(super) fn is_kept(&mut self) -> bool {
        self.settling.take_if(|expected| !expected.is_awaited());
        !self.state.retired.load(Relaxed)
    }

    /// Nobody has used it for its time, or it takes nobody.
    pub(super) fn is_done(&self, now: Timestamp) -> bool {
        let rested = now.since(Timestamp(self.state.rested.load(Relaxed)));
        self.state.streams.load(Relaxed) == 0 && (rested >= self.idle || self.stated() == Some(0))
    }

    /// How many streams the backend takes, once it has said so.
    pub(super) fn stated(&self) -> Option<usize> {
        let stated = self.send.current_max_send_streams();
        (stated != UNSTATED).then(|| stated.min(STREAMS))
    }

    /// How many it takes for all that is known: one that is late to say so takes one.
    pub(super) fn takes(&self, patience: Duration, now: Timestamp) -> Option<usize> {
        let late = self.settling.as_ref().is_some_and(|expected| expected.is_late(patience, now));
        self.stated().or(late.then_some(1))
    }

    /// For one more stream. Nobody knows whether a second is taken before the first SETTINGS have come.
    pub(super) fn has_room(&self) -> bool {
        self.state.streams.load(Relaxed) < self.stated().unwrap_or(1)
    }

    /// An upload waits for a window, and it may be the connection's, or uploads may have used that up: another would wait behind them.
    pub(super) fn holds_uploads_up(&self) -> bool {
        self.state.waiting.load(Relaxed) > 0 || self.state.uploaded.load(Relaxed) >= UPLOADED
    }

    /// While its SETTINGS have not come.
    pub(super) fn expected(&self) -> Option<&Expected> {
        self.settling.as_ref()
    }
}

impl State {
    pub(super) fn of(ledger: Arc<Ledger>, line: Arc<Line>) -> Self {
        let (streams, waiting, uploaded) = (AtomicUsize::default(), AtomicUsize::default(), AtomicUsize::default());
        let rested = AtomicU64::default();
        Self { streams, retired: AtomicBool::default(), rested, waiting, uploaded, ledger, line }
    }

    pub(super) fn retire(&self) {
        self.retired.store(true, Relaxed);
        self.line.ring();
    }

    pub(super) fn is_waited(&self) -> bool {
        self.line.is_waited()
    }

    /// There may be room.
    pub(super) fn ring(&self) {
        self.line.ring();
    }
}

impl Seat {
    pub(super) fn take(open: &Open, clock: Clock) -> Self {
        if open.state.streams.fetch_add(1, Relaxed) == 0 {
            open.state.ledger.taken();
        }
        let (send, state) = (open.send.clone(), Arc::clone(&open.state));
        let settling = open.settling.as_ref().map(Expected::told);
        Self { send, state, clock, settling, known: UNSTATED, waits: false, uploaded: 0 }
    }

    /// Waits until the backend has said what it takes, or its connection has ended.
    pub(in crate::proxy::backend) async fn settled(&mut self) {
        if let Some(mut told) = self.settling.take() {
            // It fails when the connection has ended, which shows in what comes next.
            let _ = told.wait_for(|told| *told).await;
        }
    }

    /// The backend has announced that it takes tunnels (RFC 8441).
    pub(in crate::proxy::backend) fn takes_tunnels(&self) -> bool {
        self.send.is_extended_connect_protocol_enabled()
    }

    /// Opens the stream.
    ///
    /// # Errors
    /// The connection takes no more streams; it is retired.
    pub(in crate::proxy::backend) fn send(
        &mut self,
        request: Request<()>,
        end: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), Error> {
        self.known = self.send.current_max_send_streams();
        self.send.send_request(request, end).inspect_err(|_| self.retire())
    }

    pub(in crate::proxy::backend) fn retire(&self) {
        self.state.retire();
    }

    /// The backend takes fewer streams than it was known to take when this one was opened: that it refuses it is nobody's fault.
    pub(in crate::proxy::backend) fn met_a_new_limit(&self) -> bool {
        self.send.current_max_send_streams() < self.known
    }

    /// So many bytes more of its upload.
    pub(in crate::proxy::backend) fn note_upload(&mut self, bytes: usize) {
        self.uploaded += bytes;
        self.state.uploaded.fetch_add(bytes, Relaxed);
    }

    /// Whether its upload waits for a window.
    pub(in crate::proxy::backend) fn note_waiting(&mut self, waits: bool) {
        match (std::mem::replace(&mut self.waits, waits), waits) {
            (false, true) => drop(self.state.waiting.fetch_add(1, Relaxed)),
            (true, false) => drop(self.state.waiting.fetch_sub(1, Relaxed)),
            (false, false) | (true, true) => {}
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.note_waiting(false);
        self.state.uploaded.fetch_sub(self.uploaded, Relaxed);
        self.state.rested.store(self.clock.now().0, Relaxed);
        if self.state.streams.fetch_sub(1, Relaxed) == 1 {
            self.state.ledger.rests();
        }
        self.state.line.ring();
    }
}
