//! How does the process leave? Readiness first, then the listeners, then what is in flight, and not a moment longer than needed.

use super::Gateway;
use crate::admin::Phase;
use crate::clock::when;
use crate::front::{Listener, Stage};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Connections of a process that was succeeded may ask once more for at least so long: a client that asks often is told to go by an answer, and
/// nobody's request crosses our close.
const ONCE_MORE: Duration = Duration::from_secs(2);

impl Gateway {
    /// Fails `/readyz` and answers with `Connection: close` for `shutdown.delay`, stops accepting, waits for connections
    /// to end (at most `shutdown.grace`), then stops the admin listener and flushes the logs.
    pub async fn leave(self) {
        let plan = &self.plan.shutdown;
        let when = if plan.delay.is_zero() { "now".to_owned() } else { format!("in {}", when::span(plan.delay)) };
        log::info!("leaving: /readyz fails now; listeners close {when}");
        self.own_listeners.phase.send_replace(Phase::Leaving);
        self.stage.send_replace(Stage::Announcing);
        // The delay is for balancers in front that ask /readyz: time itself is the condition here.
        sleep(plan.delay).await;
        self.close().await;
    }

    /// Another process accepts on our sockets. Leaves at once, as far as new clients and the admin listener are concerned; open
    /// connections may ask once more, and end with the answer.
    pub(super) async fn retire(self) {
        log::info!("leaving: another process accepts on the same listeners; what is in flight here finishes");
        self.own_listeners.phase.send_replace(Phase::Leaving);
        self.telemetry.alerts.end();
        self.own_listeners.stop();
        self.stage.send_replace(Stage::HandedOver);
        let once_more = self.plan.shutdown.delay.max(ONCE_MORE);
        let _ = timeout(once_more, self.all_gone()).await;
        self.close().await;
    }

    async fn close(self) {
        let grace = self.plan.shutdown.grace;
        self.stage.send_replace(Stage::Closing);
        if timeout(grace, self.all_gone()).await.is_err() {
            let left: u32 = self.ever_listened().map(|listener| listener.clients.total()).sum();
            log::warn!("leaving: {left} connections are still open after shutdown.grace ({grace:?}); cutting them");
        }
        self.own_listeners.stop();
        self.telemetry.alerts.end();
        self.telemetry.life.flush().await;
        log::info!("left");
    }

    /// Returns when no listener accepts and the last connection has ended.
    async fn all_gone(&self) {
        for listener in self.ever_listened() {
            listener.gone().await;
        }
    }

    fn ever_listened(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().chain(&self.closed_listeners)
    }
}
