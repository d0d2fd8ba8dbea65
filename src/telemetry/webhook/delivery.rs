//! How does one notice get to its receiver? By the receiver's own way, under one deadline.

use super::failed::{Failed, for_now};
use super::notice::Notice;
use super::ready::{Ready, Way};
use super::{mail, post};
use crate::tls::ClientConfigs;
use std::sync::Arc;
use tokio::time::timeout;

/// One receiver as it is reached.
pub(super) struct Endpoint {
    pub(super) ready: Ready,
    pub(super) configs: Arc<ClientConfigs>,
}

impl Endpoint {
    /// Returns what the receiver answered.
    pub(super) async fn send(&self, notice: &Notice) -> Result<String, Failed> {
        let (patience, outcome) = match &self.ready.way {
            Way::Http(http) => {
                (http.plan.timeout, timeout(http.plan.timeout, post::send(http, notice, &self.configs)).await)
            }
            Way::Mail(mailer) => (mailer.plan.timeout, timeout(mailer.plan.timeout, mail::send(mailer, notice)).await),
        };
        outcome.unwrap_or_else(|_| Err(for_now(format!("no answer within {patience:?}"))))
    }
}
