//! How does the process leave? Readiness first, then the listeners, then what is in flight, and not a moment longer than needed.

use super::Gateway;
use crate::admin::Phase;
use crate::front::Stage;
use crate::telemetry::when;
use tokio::time::{sleep, timeout};

impl Gateway {
    /// Fails `/readyz` and answers with `Connection: close` for `shutdown.delay`, stops accepting, waits for connections
    /// to end (at most `shutdown.grace`), then stops the admin listener and flushes the logs.
    pub async fn leave(self) {
        let plan = &self.plan.shutdown;
        let when = if plan.delay.is_zero() { "now".to_owned() } else { format!("in {}", when::span(plan.delay)) };
        log::info!("leaving: /readyz fails now; listeners close {when}");
        self.phase.send_replace(Phase::Leaving);
        self.stage.send_replace(Stage::Announcing);
        // The delay is for balancers in front that ask /readyz: time itself is the condition here.
        sleep(plan.delay).await;

        self.stage.send_replace(Stage::Closing);
        let all_gone = async {
            for listener in self.listeners.iter().chain(&self.closed_listeners) {
                listener.gone().await;
            }
        };
        if timeout(plan.grace, all_gone).await.is_err() {
            let left: u32 =
                self.listeners.iter().chain(&self.closed_listeners).map(|listener| listener.clients.total()).sum();
            log::warn!(
                "leaving: {left} connections are still open after shutdown.grace ({:?}); cutting them",
                plan.grace
            );
        }
        self.admin_stop.send_replace(true);
        self.telemetry.flush();
        log::info!("left");
    }
}
