//! How does a page stay up to date? By `GET /live`: a whole state, then what changed, once a second, and events at once.
//!
//! One computation serves all streams, and there is none while nobody listens. Whatever it costs the board and this process is bounded:
//! after one that took long, the next one waits ten times as long.

mod news;
mod picture;
mod stream;

use self::news::{KEPT, News, Timeline};
use self::picture::{Delta, Picture, Process};
use super::desk::Desk;
use super::view::Now;
use axum::body::Bytes;
use axum::{Router, routing::get};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::event::Event;
use pulsegate_core::traffic::series::PERIOD;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, sleep_until};

/// Streams at once: an eighth of the listener's connections.
pub const STREAMS: usize = 32;
/// Between two deltas.
const PACE: Duration = Duration::from_secs(1);
/// Events of one burst are one message.
const BURST: Duration = Duration::from_millis(20);
/// Messages that wait for a slow reader; beyond them it gets a whole state.
const WAITING: usize = 32;
/// A state that is this old is made anew for whoever comes.
const FRESH: Duration = Duration::from_millis(500);

pub fn routes<S>(live: Arc<Live>) -> Router<S> {
    Router::new().route("/live", get(stream::open)).with_state(live)
}

/// One message of the stream, framed.
#[derive(Clone, Debug)]
pub struct Message {
    number: u64,
    text: Bytes,
}

/// What all streams share.
#[derive(Debug)]
pub struct Live {
    desk: Arc<Desk>,
    /// Turns true when the listener ends.
    stop: watch::Receiver<bool>,
    messages: broadcast::Sender<Message>,
    places: Arc<Semaphore>,
    /// Held while something is made or sent: a state and the messages after it fit together.
    known: Mutex<Known>,
    somebody: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// Of the newest message.
    number: u64,
    made: Option<Timestamp>,
    picture: Picture,
    timeline: Timeline,
    samples: u64,
    /// The state in words, until something changes.
    state: Option<Bytes>,
}

#[derive(Serialize)]
struct Whole<'a> {
    now: u64,
    samples: u64,
    period_ms: u128,
    #[serde(flatten)]
    picture: &'a Picture,
    timeline: &'a VecDeque<News>,
}

#[derive(Serialize)]
struct Change<'a> {
    now: u64,
    samples: u64,
    #[serde(flatten)]
    delta: &'a Delta,
}

#[derive(Serialize)]
struct Events<'a> {
    now: u64,
    /// So many before these are only in the log.
    missed: u64,
    events: &'a [News],
}

/// Listens to events always, and looks at the backends while somebody looks; until the listener ends.
pub async fn run(live: Arc<Live>) {
    let (clock, mut stop) = (live.desk.source.clock(), live.stop.clone());
    let mut events = live.desk.telemetry.events();
    let mut due = clock.now();
    loop {
        let watched = live.messages.receiver_count() > 0;
        if !watched {
            live.known.lock().await.forget();
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            event = events.recv() => match event {
                Ok(event) => live.tell(gathered(&mut events, event).await).await,
                Err(RecvError::Lagged(missed)) => live.tell((Vec::new(), missed)).await,
                Err(RecvError::Closed) => return,
            },
            () = live.somebody.notified() => {}
            () = sleep_until(clock.instant(due)), if watched => {
                let began = clock.now();
                live.known.lock().await.renew(&live.messages, &live.desk).await;
                due = clock.now() + PACE.max(clock.now().since(began) * 10);
            }
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The event and those that come in the same burst; and how many more there were.
async fn gathered(events: &mut broadcast::Receiver<Event>, first: Event) -> (Vec<Event>, u64) {
    sleep(BURST).await;
    let (mut burst, mut missed) = (vec![first], 0);
    loop {
        match events.try_recv() {
            Ok(event) => burst.push(event),
            Err(broadcast::error::TryRecvError::Lagged(more)) => missed += more,
            Err(_) => break,
        }
    }
    if burst.len() > KEPT {
        missed += (burst.len() - KEPT) as u64;
        burst.drain(..burst.len() - KEPT);
    }
    (burst, missed)
}

impl Live {
    pub fn new(desk: Arc<Desk>, stop: watch::Receiver<bool>) -> Self {
        Self {
            desk,
            stop,
            messages: broadcast::Sender::new(WAITING),
            places: Arc::new(Semaphore::new(STREAMS)),
            known: Mutex::default(),
            somebody: Notify::new(),
        }
    }

    /// A place and everything from now on; `None` when all places are taken.
    fn join(&self) -> Option<(OwnedSemaphorePermit, broadcast::Receiver<Message>)> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let messages = self.messages.subscribe();
        self.somebody.notify_one();
        Some((place, messages))
    }

    /// Everything that is known, in one message. It has the number of the last one that is in it.
    async fn state(&self) -> Message {
        let mut known = self.known.lock().await;
        let now = self.desk.now();
        if known.made.is_none_or(|made| now.at.since(made) >= FRESH) {
            known.renew(&self.messages, &self.desk).await;
        }
        known.state(now)
    }

    async fn tell(&self, (events, missed): (Vec<Event>, u64)) {
        let now = self.desk.now();
        let events: Vec<News> = events.iter().map(|event| news::own(event, now)).collect();
        let mut known = self.known.lock().await;
        events.iter().for_each(|news| known.timeline.push(news.clone()));
        known.send(&self.messages, "events", &Events { now: now.unix_ms(now.at), missed, events: &events });
    }
}

impl Known {
    /// Nobody looks: the picture takes no memory. The timeline stays.
    fn forget(&mut self) {
        if self.made.take().is_some() {
            self.picture = Picture::default();
            self.state = None;
        }
    }

    /// Asks the board, and sends what changed since the last time.
    async fn renew(&mut self, messages: &broadcast::Sender<Message>, desk: &Arc<Desk>) {
        let reports = desk.source.reports().await;
        if reports.is_empty() && !self.picture.pools.is_empty() && !desk.source.snapshot().pools.is_empty() {
            // The board has ended: what is known is the last that there is.
            return;
        }
        let before = std::mem::take(&mut self.picture);
        let mut timeline = std::mem::take(&mut self.timeline);
        let desk = Arc::clone(desk);
        // Of ten thousand backends this is work that requests and probes must not wait for.
        let made = spawn_blocking(move || {
            let now = desk.now();
            timeline.complete(&reports, now);
            let next = before.next(&reports, &desk.recent(), process(&desk, now), now);
            let delta = before.delta(&next);
            (next, timeline, delta, desk.traffic.samples(), now)
        });
        let Ok((next, timeline, delta, samples, now)) = made.await else { return };
        (self.picture, self.timeline, self.samples) = (next, timeline, samples);
        self.made = Some(now.at);
        self.send(messages, "delta", &Change { now: now.unix_ms(now.at), samples, delta: &delta });
    }

    fn send(&mut self, messages: &broadcast::Sender<Message>, event: &str, data: &impl Serialize) {
        self.state = None;
        self.number += 1;
        if messages.receiver_count() > 0 {
            let _ = messages.send(Message { number: self.number, text: framed(self.number, event, data) });
        }
    }

    fn state(&mut self, now: Now) -> Message {
        let text = self.state.take().unwrap_or_else(|| {
            let whole = Whole {
                now: now.unix_ms(self.made.unwrap_or(now.at)),
                samples: self.samples,
                period_ms: PERIOD.as_millis(),
                picture: &self.picture,
                timeline: self.timeline.newest(),
            };
            framed(self.number, "state", &whole)
        });
        self.state = Some(text.clone());
        Message { number: self.number, text }
    }
}

fn process(desk: &Desk, now: Now) -> Process {
    Process {
        version: env!("CARGO_PKG_VERSION"),
        phase: desk.phase.borrow().word(),
        started: now.unix_ms(now.started),
        reload_refused: desk.reload.borrow().error.clone(),
    }
}

/// JSON has no line breaks of its own.
fn framed(number: u64, event: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("id: {number}\nevent: {event}\ndata: {data}\n\n"))
}
