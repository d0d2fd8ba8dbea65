//! Who outside is told what happened? The one sender: whatever calls or writes to somebody goes through here, by HTTP or as mail.
//!
//! Each receiver has a bounded queue and one task of its own, so that one that hangs keeps no other waiting. Handing a notice over never
//! waits: what does not fit is dropped and counted. A notice is tried several times, with growing pauses, and then given up.

mod delivery;
mod failed;
mod mail;
mod notice;
mod post;
mod ready;
mod sign;
#[cfg(test)]
mod tests;

pub(super) use notice::json;
pub use notice::{Content, Mail, Notice};
pub use ready::{Ready, Way, prepare};

use crate::telemetry::instruments::{Counter, Counters};
use crate::tls::ClientConfigs;
use arc_swap::ArcSwap;
use delivery::Endpoint;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// Notices that wait for one webhook; more are dropped.
const QUEUE: usize = 256;
/// The pause after the first failed attempt; it doubles with each, ± half of it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The webhooks in force.
pub struct Webhooks {
    lanes: ArcSwap<Vec<Lane>>,
    /// By webhook and result.
    notices: Arc<Counters<2>>,
    configs: Arc<ClientConfigs>,
    first_pause: Duration,
}

#[derive(Clone, Debug)]
struct Lane {
    ready: Ready,
    queue: mpsc::Sender<Notice>,
    /// How many wait or are under way.
    pending: watch::Sender<usize>,
    dropped: Arc<Counter>,
}

impl Webhooks {
    pub fn new(notices: Arc<Counters<2>>) -> Self {
        Self { lanes: ArcSwap::default(), notices, configs: Arc::default(), first_pause: FIRST_PAUSE }
    }

    /// From now on these. What waits for one that is gone or changed is still delivered as it was meant.
    pub fn apply(&self, ready: Vec<Ready>) {
        let before = self.lanes.load_full();
        let lane = |ready: Ready| match before.iter().find(|lane| lane.ready == ready) {
            Some(lane) => lane.clone(),
            None => self.open(ready),
        };
        let lanes: Vec<Lane> = ready.into_iter().map(lane).collect();
        self.lanes.store(Arc::new(lanes));
    }

    fn open(&self, ready: Ready) -> Lane {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let count = |result| self.notices.get([&*ready.name, result]);
        let pending = watch::Sender::new(0);
        let worker = Worker {
            endpoint: Endpoint { ready: ready.clone(), configs: self.configs.clone() },
            pending: pending.clone(),
            delivered: count("delivered"),
            failed: count("failed"),
            first_pause: self.first_pause,
        };
        let dropped = count("dropped");
        tokio::spawn(worker.work(waiting));
        Lane { ready, queue, pending, dropped }
    }

    /// Hands over to the receiver `name` what `render` makes for it. Never waits.
    pub fn tell_as(&self, name: &str, render: impl FnOnce(&Way) -> Vec<Notice>) {
        let lanes = self.lanes.load();
        let Some(lane) = lanes.iter().find(|lane| &*lane.ready.name == name) else { return };
        for notice in render(&lane.ready.way) {
            lane.take(notice);
        }
    }

    /// Waits until everything that was handed over has arrived or was given up, for `patience` at most. For the end of the process.
    pub async fn flush(&self, patience: Duration) {
        let lanes = self.lanes.load_full();
        let all = async {
            for lane in lanes.iter() {
                let _ = lane.pending.subscribe().wait_for(|pending| *pending == 0).await;
            }
        };
        let _ = timeout(patience, all).await;
    }

    /// Hands `notice` over to the webhook `name`. Never waits. One that a reload has just taken away is told nothing.
    pub fn tell(&self, name: &str, notice: Notice) {
        self.tell_as(name, |_| vec![notice]);
    }
}

impl Lane {
    fn take(&self, notice: Notice) {
        self.pending.send_modify(|pending| *pending += 1);
        if let Err(mpsc::error::TrySendError::Full(notice) | mpsc::error::TrySendError::Closed(notice)) =
            self.queue.try_send(notice)
        {
            self.pending.send_modify(|pending| *pending -= 1);
            self.dropped.inc();
            let (title, id) = (self.ready.title(), &notice.event_id);
            log::warn!("{title}: {QUEUE} notices wait already, event {id} is not sent");
        }
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lanes.load().iter().map(|lane| &lane.ready.name)).finish()
    }
}

/// Delivers to one webhook, a notice at a time.
struct Worker {
    endpoint: Endpoint,
    pending: watch::Sender<usize>,
    delivered: Arc<Counter>,
    failed: Arc<Counter>,
    first_pause: Duration,
}

impl Worker {
    async fn work(self, mut waiting: mpsc::Receiver<Notice>) {
        while let Some(notice) = waiting.recv().await {
            self.deliver(&notice).await;
            self.pending.send_modify(|pending| *pending -= 1);
        }
    }

    async fn deliver(&self, notice: &Notice) {
        let (title, id) = (self.endpoint.ready.title(), &notice.event_id);
        let attempts = self.endpoint.ready.attempts.max(1);
        let mut pause = self.first_pause;
        for attempt in 1..=attempts {
            let failed = match self.endpoint.send(notice).await {
                Ok(_) => {
                    self.delivered.inc();
                    return log::info!("{title} was told event {id}");
                }
                Err(failed) => failed,
            };
            if failed.is_final() || attempt >= attempts {
                self.failed.inc();
                let (tries, why) = (if attempt == 1 { "try" } else { "tries" }, failed.why());
                return log::error!("{title}: event {id} given up after {attempt} {tries}: {why}");
            }
            log::warn!("{title}: event {id} failed, to be tried again: {}", failed.why());
            let own = pause.mul_f64(0.5 + fastrand::f64());
            sleep(failed.retry_after().map_or(own, |asked| own.max(asked))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Tells one receiver once, now.
///
/// # Errors
/// Why it did not take it, as a sentence.
pub async fn tell_once(ready: &Ready, notice: &Notice) -> Result<String, String> {
    let endpoint = Endpoint { ready: ready.clone(), configs: Arc::default() };
    endpoint.send(notice).await.map_err(|failed| failed.why().to_owned())
}
