//! What happens on an HTTP/2 connection? Stream after stream, each checked and then served by a task of its own, while this one keeps the
//! connection moving.
//!
//! A connection ends by GOAWAY: when the process leaves, when it rests for the keep-alive time, when its client takes nothing
//! for as long, when it leaves a frame, a header block or a request's body unfinished, or when it does nothing but break requests and take
//! them back.

use super::connection::Connection;
use super::refuse::refuse_stream;
use super::rooms::{Rooms, visit};
use super::wire::{News, Progress, Wire};
use super::{Front, Stage};
use crate::clock::turn;
use crate::proxy::downstream::{BrokenStream, ClientSide, H2Client};
use crate::proxy::wire;
use crate::proxy::{ConnectionFacts, Served};
use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderName, Request};
use pulsegate_core::base::own::Own;
use pulsegate_core::http::head::{StreamHead, Unserved, check_stream, codec_bound};
use pulsegate_core::http::http2::glitches::Glitches;
use pulsegate_core::plan::ListenerPlan;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

/// What a client may have under way on one stream, bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What we may have under way on one stream, bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// Between looks at whether the client takes anything.
const LOOK: Duration = Duration::from_secs(5);
/// A goodbye may take so long.
const GOODBYE: Duration = Duration::from_secs(5);

/// How a stream ended, as far as its connection must know.
struct Ended {
    glitch: bool,
    /// The connection should take no further streams.
    leaves: bool,
    /// Its answer broke off.
    broken: Option<BrokenStream>,
}

/// A stream that has come.
type Came = Result<(Request<RecvStream>, SendResponse<Bytes>), h2::Error>;

/// One that is served.
struct Stream {
    front: Arc<Front>,
    facts: ConnectionFacts,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    ends: mpsc::UnboundedSender<Ended>,
}

thread_local! {
    static ROOMS: Rooms<Stream, ()> = const { Rooms::new() };
}

/// Nothing came, and all that there was to be written has been.
struct Written;

/// A connection that is driven.
struct Driven {
    server: server::Connection<Wire, Bytes>,
    connection: Box<Connection>,
    plan: Own<ListenerPlan>,
    progress: Arc<Progress>,
    ends: mpsc::UnboundedSender<Ended>,
    glitches: Glitches,
    /// Streams whose answers broke off, which are reset behind what was written of them.
    broken: Vec<BrokenStream>,
    streams: u32,
    served: u32,
    /// Since when no stream is open, or the goodbye is said.
    rests: Instant,
    /// It has said goodbye; cut at this moment at the latest, where there is one.
    leaving: Option<Option<Instant>>,
}

/// Serves the connection to its end, from what was read of it already on.
pub(super) async fn serve(mut connection: Box<Connection>, wire: Box<wire::Wire>) {
    let (socket, before) = wire.into_parts();
    let plan = connection.look().clone();
    let progress = Arc::new(Progress::default());
    let clock = connection.front.proxy.clock();
    let wire = Wire::new(socket, before, progress.clone(), &plan.limits, clock);
    let Ok(Ok(server)) = timeout(plan.limits.head_timeout, options(&plan).handshake(wire)).await else {
        return connection.count_refusal("http2_handshake");
    };
    let (ends, mut ended) = mpsc::unbounded_channel();
    let mut driven = Driven {
        server,
        glitches: Glitches::new(clock.now()),
        rests: clock.instant(clock.now()),
        connection,
        plan,
        progress,
        ends,
        streams: 0,
        served: 0,
        broken: Vec::new(),
        leaving: None,
    };
    driven.run(&mut ended).await;
}

fn options(plan: &ListenerPlan) -> server::Builder {
    let mut options = server::Builder::new();
    options
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(codec_bound(plan.limits.head_bytes)).unwrap_or(u32::MAX))
        // h2 would end a connection with the 1024th stream that it ever broke on it, however long that took: `Glitches` counts them by time.
        .max_local_error_reset_streams(None)
        .max_concurrent_streams(plan.limits.streams)
        .enable_connect_protocol();
    options
}

impl Driven {
    async fn run(&mut self, ended: &mut mpsc::UnboundedReceiver<Ended>) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stuck = None;
        let progress = self.progress.clone();
        loop {
            let until = self.until();
            // While the process announces its leaving, a connection that has just come may still ask once.
            let last = if self.served > 0 { Stage::Announcing } else { Stage::Closing };
            let writes = !self.broken.is_empty();
            tokio::select! {
                moved = moved(&mut self.server, writes, &progress) => match moved {
                    Ok(Some(Ok((request, respond)))) => self.take(request, respond),
                    Ok(Some(Err(error))) => return self.note_end(&error),
                    Ok(None) => return,
                    Err(Written) => self.broken.drain(..).for_each(BrokenStream::reset),
                },
                Some(end) = ended.recv() => self.note(end),
                news = progress.news() => match news {
                    News::Late => self.end_late(),
                    News::Broken(streams) => (0..streams).for_each(|_| self.note_glitch()),
                },
                () = poll_fn(|cx| self.connection.ear.poll(last, cx)), if self.leaving.is_none() => self.leave(None),
                () = sleep_until(until.unwrap_or(self.rests)), if until.is_some() => {
                    if self.leaving.is_some() {
                        return;
                    }
                    self.leave(Some(GOODBYE));
                }
                now = look.tick() => if self.is_stuck(&mut stuck, now) {
                    return self.connection.count_refusal("slow_reader");
                },
            }
        }
    }

    /// When the connection has rested long enough, or its goodbye is over.
    fn until(&self) -> Option<Instant> {
        let patience = match self.leaving {
            Some(until @ Some(_)) => return until,
            // h2 waits for the client to confirm the goodbye; one that has no streams need not be waited for.
            Some(None) => GOODBYE,
            None => self.plan.limits.keepalive_timeout,
        };
        (self.streams == 0).then(|| self.rests + patience)
    }

    /// The codec has ended the connection: over what its client sent, unless the goodbye was ours.
    fn note_end(&self, error: &h2::Error) {
        if error.is_library() && self.leaving.is_none() {
            self.connection.count_refusal("http2_protocol_error");
        }
    }

    fn leave(&mut self, within: Option<Duration>) {
        self.server.graceful_shutdown();
        self.rests = self.now();
        self.leaving = Some(within.map(|within| self.now() + within));
    }

    fn take(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        self.plan = self.connection.look().clone();
        self.served += 1;
        if let Err(unserved) = check(&request, self.plan.limits.head_bytes) {
            self.connection.count_refusal(unserved.reason());
            return self.refuse(&request, respond, unserved);
        }
        self.streams += 1;
        let (front, facts, ends) = (self.connection.front.clone(), self.facts(), self.ends.clone());
        let served = visit(&ROOMS, one_stream, Stream { front, facts, request, respond, ends });
        self.connection.worker().spawn(turn(Box::pin(served)));
        let limit = self.plan.limits.keepalive_requests;
        if limit > 0 && self.served >= limit && self.leaving.is_none() {
            self.leave(None);
        }
    }

    fn facts(&self) -> ConnectionFacts {
        self.connection.facts.clone()
    }

    fn note(&mut self, end: Ended) {
        self.broken.extend(end.broken);
        self.streams = self.streams.saturating_sub(1);
        self.rests = self.now();
        if end.glitch {
            self.note_glitch();
        }
        if end.leaves && self.leaving.is_none() {
            self.leave(None);
        }
    }

    fn refuse(&mut self, request: &Request<RecvStream>, mut respond: SendResponse<Bytes>, unserved: Unserved) {
        match unserved {
            Unserved::Answered(problem) => {
                refuse_stream(respond, problem, request.method(), request.headers());
                self.note_glitch();
            }
            // It counts when it leaves, as those do that h2 breaks by itself.
            Unserved::Reset => respond.send_reset(Reason::PROTOCOL_ERROR),
        }
    }

    /// A client that owes the rest of a frame can be read no further: nothing that it sends behind it could be told from it.
    fn end_late(&mut self) {
        self.connection.count_refusal("unfinished_frame");
        self.end_at_once();
    }

    fn end_at_once(&mut self) {
        self.server.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        self.leaving = Some(Some(self.now() + GOODBYE));
    }

    fn note_glitch(&mut self) {
        let ends = matches!(self.leaving, Some(Some(_)));
        if !self.glitches.spend(self.connection.front.proxy.clock().now()) && !ends {
            self.connection.count_refusal("too_many_glitches");
            self.end_at_once();
        }
    }

    /// The client has taken nothing for the keep-alive time, though something waits for it. `stuck`: since when, and at which byte.
    fn is_stuck(&self, stuck: &mut Option<(Instant, u64)>, now: Instant) -> bool {
        let at = self.progress.blocked_at();
        match (at, *stuck) {
            (Some(at), Some((since, before))) if at == before => {
                now.saturating_duration_since(since) >= self.plan.limits.keepalive_timeout
            }
            (at, _) => {
                *stuck = at.map(|at| (now, at));
                false
            }
        }
    }

    fn now(&self) -> Instant {
        let clock = self.connection.front.proxy.clock();
        clock.instant(clock.now())
    }
}

async fn one_stream(stream: Stream) {
    let Stream { front, facts, request, respond, ends } = stream;
    let mut client = ClientSide::H2(Box::new(H2Client::new(request, respond)));
    let fate = front.proxy.serve(&mut client, &facts).await;
    let served = client.end(fate).await;
    let (glitch, leaves) = (matches!(served, Served::Left), matches!(served, Served::Leaves));
    let broken = if let Served::Broken(stream) = served { Some(stream) } else { None };
    // The connection may have ended before its stream.
    let _ = ends.send(Ended { glitch, leaves, broken });
}

/// Until a stream comes, or the end; `writes`: or until everything has been written.
async fn moved(
    server: &mut server::Connection<Wire, Bytes>,
    writes: bool,
    progress: &Progress,
) -> Result<Option<Came>, Written> {
    poll_fn(|cx| match server.poll_accept(cx) {
        Poll::Ready(came) => Poll::Ready(Ok(came)),
        // Whatever it has to write it has tried to.
        Poll::Pending if writes && progress.blocked_at().is_none() => Poll::Ready(Err(Written)),
        Poll::Pending => Poll::Pending,
    })
    .await
}

fn check(request: &Request<RecvStream>, limit: usize) -> Result<(), Unserved> {
    let uri = request.uri();
    let head = StreamHead {
        method: request.method().as_str(),
        scheme: uri.scheme_str(),
        authority: uri.authority().map(http::uri::Authority::as_str),
        path: uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str),
        protocol: request.extensions().get::<h2::ext::Protocol>().map(h2::ext::Protocol::as_str),
    };
    let fields = request.headers().iter().map(|(name, value)| (HeaderName::as_str(name), value.as_bytes()));
    check_stream(&head, limit, fields)
}
