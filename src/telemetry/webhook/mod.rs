//! Who outside is told what happened? The one sender of webhooks: whatever calls somebody goes through here.
//!
//! Each webhook has a bounded queue and one task of its own, so that one that hangs keeps no other waiting. Handing a notice over never
//! waits: what does not fit is dropped and counted. A notice is tried several times, with growing pauses, and then given up.

mod delivery;
mod notice;
mod sign;
#[cfg(test)]
mod tests;

pub use notice::Notice;

use crate::config::read_secret;
use crate::domain::plan::WebhookPlan;
use crate::tls::ClientConfigs;
use arc_swap::ArcSwap;
use delivery::Endpoint;
use prometheus::{IntCounter, IntCounterVec};
use sign::Signer;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Notices that wait for one webhook; more are dropped.
const QUEUE: usize = 256;
/// The pause after the first failed attempt; it doubles with each, ± half of it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The webhooks in force.
pub struct Webhooks {
    lanes: ArcSwap<Vec<Lane>>,
    /// By webhook and result.
    notices: IntCounterVec,
    configs: Arc<ClientConfigs>,
    first_pause: Duration,
}

/// A webhook that can be told: its secret is read.
#[derive(Clone, Debug)]
pub struct Ready {
    plan: Arc<WebhookPlan>,
    signer: Option<Signer>,
}

#[derive(Clone, Debug)]
struct Lane {
    ready: Ready,
    queue: mpsc::Sender<Notice>,
    dropped: IntCounter,
}

/// Reads what the webhooks of a plan need.
///
/// # Errors
/// A sentence for each secret that cannot be used.
pub fn prepare(plans: &[Arc<WebhookPlan>]) -> Result<Vec<Ready>, Vec<String>> {
    let (mut ready, mut problems) = (Vec::new(), Vec::new());
    for plan in plans {
        let signer = plan.secret.as_ref().map(|source| read_secret(source).and_then(|secret| Signer::new(&secret)));
        match signer.transpose() {
            Ok(signer) => ready.push(Ready { plan: Arc::clone(plan), signer }),
            Err(why) => problems.push(format!("webhooks.{}.secret: {why}", plan.name)),
        }
    }
    if problems.is_empty() { Ok(ready) } else { Err(problems) }
}

impl Webhooks {
    pub fn new(notices: IntCounterVec) -> Self {
        Self { lanes: ArcSwap::default(), notices, configs: Arc::default(), first_pause: FIRST_PAUSE }
    }

    /// From now on these. What waits for one that is gone or changed is still delivered as it was meant.
    pub fn apply(&self, ready: Vec<Ready>) {
        let before = self.lanes.load_full();
        let lane = |ready: Ready| match before.iter().find(|lane| lane.ready.is(&ready)) {
            Some(lane) => lane.clone(),
            None => self.open(ready),
        };
        let lanes: Vec<Lane> = ready.into_iter().map(lane).collect();
        for gone in before.iter().filter(|old| lanes.iter().all(|new| new.ready.plan.name != old.ready.plan.name)) {
            for result in ["delivered", "failed", "dropped"] {
                // One that never came about has no series.
                let _ = self.notices.remove_label_values(&[&*gone.ready.plan.name, result]);
            }
        }
        self.lanes.store(Arc::new(lanes));
    }

    fn open(&self, ready: Ready) -> Lane {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let count = |result| self.notices.with_label_values(&[&*ready.plan.name, result]);
        let worker = Worker {
            endpoint: Endpoint {
                plan: Arc::clone(&ready.plan),
                signer: ready.signer.clone(),
                configs: self.configs.clone(),
            },
            delivered: count("delivered"),
            failed: count("failed"),
            first_pause: self.first_pause,
        };
        let dropped = count("dropped");
        tokio::spawn(worker.work(waiting));
        Lane { ready, queue, dropped }
    }

    /// Hands `notice` over to the webhook `name`. Never waits. One that a reload has just taken away is told nothing.
    pub fn tell(&self, name: &str, notice: Notice) {
        let lanes = self.lanes.load();
        let Some(lane) = lanes.iter().find(|lane| &*lane.ready.plan.name == name) else { return };
        if let Err(mpsc::error::TrySendError::Full(notice)) = lane.queue.try_send(notice) {
            lane.dropped.inc();
            log::warn!("webhook {name}: {QUEUE} notices wait already, event {} is not sent", notice.event_id);
        }
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.lanes.load().iter().map(|lane| &lane.ready.plan.name)).finish()
    }
}

impl Ready {
    /// The same place, told in the same way.
    fn is(&self, other: &Self) -> bool {
        self.plan == other.plan && self.signer == other.signer
    }
}

/// Delivers to one webhook, a notice at a time.
struct Worker {
    endpoint: Endpoint,
    delivered: IntCounter,
    failed: IntCounter,
    first_pause: Duration,
}

impl Worker {
    async fn work(self, mut waiting: mpsc::Receiver<Notice>) {
        while let Some(notice) = waiting.recv().await {
            self.deliver(&notice).await;
        }
    }

    async fn deliver(&self, notice: &Notice) {
        let plan = &self.endpoint.plan;
        let mut pause = self.first_pause;
        for attempt in 1..=plan.attempts.max(1) {
            let failed = match self.endpoint.send(notice).await {
                Ok(()) => {
                    self.delivered.inc();
                    return log::info!("webhook {} was told event {}", plan.name, notice.event_id);
                }
                Err(failed) => failed,
            };
            if failed.is_final() || attempt >= plan.attempts {
                self.failed.inc();
                let (tries, why) = (if attempt == 1 { "try" } else { "tries" }, failed.why());
                return log::error!(
                    "webhook {}: event {} given up after {attempt} {tries}: {why}",
                    plan.name,
                    notice.event_id
                );
            }
            log::warn!("webhook {}: event {} failed, to be tried again: {}", plan.name, notice.event_id, failed.why());
            sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
