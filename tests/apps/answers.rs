//! How long do the services themselves take to say how they are? The control beside a bound of real time: whatever they keep a probe waiting
//! for, they keep a question of ours waiting for at that time.

use crate::services::Instance;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::load::{Client, Request};
use support::pause;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// On a machine that has little else to do.
const USUAL: Duration = Duration::from_millis(250);
const PACE: Duration = Duration::from_millis(200);

/// Each instance is asked again and again, until it is over.
pub struct Answers {
    over: Arc<AtomicBool>,
    asking: Vec<JoinHandle<Duration>>,
}

impl Answers {
    /// With the host that each of them knows.
    pub fn watch<'a>(instances: impl IntoIterator<Item = (&'a Instance, &'static str)>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ask = |(instance, host): (&Instance, _)| {
            let (address, over) = (instance.address, Arc::clone(&over));
            tokio::spawn(async move {
                let mut slowest = USUAL;
                while !over.load(Ordering::Relaxed) {
                    slowest = slowest.max(answer(Client::new(address.into()), host).await);
                    pause(PACE).await;
                }
                slowest
            })
        };
        let asking = instances.into_iter().map(ask).collect();
        Self { over, asking }
    }

    /// The slowest of all, those included that are still awaited.
    pub async fn slowest(self) -> Duration {
        self.over.store(true, Ordering::Relaxed);
        let mut slowest = USUAL;
        for asking in self.asking {
            slowest = slowest.max(asking.await.expect("its questions"));
        }
        slowest
    }
}

#[allow(clippy::disallowed_methods, reason = "what is measured happens in real time")]
async fn answer(client: Client, host: &'static str) -> Duration {
    let begun = Instant::now();
    // What it says is the gateway's affair.
    let _ = client.ask(Request { method: "GET", host, path: "/ready" }).await;
    begun.elapsed()
}
