//! What is in force for a webhook: where it is, who signs, how long it may take.

use super::TokenSource;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Somebody outside who is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookPlan {
    pub name: Arc<str>,
    pub https: bool,
    pub host: String,
    pub port: u16,
    /// With query. Not shown: it may be a secret.
    pub path: String,
    /// Sent along.
    pub headers: Vec<(String, String)>,
    /// What the body is signed with.
    pub secret: Option<TokenSource>,
    /// PEM file of the CA; `None` = the system's roots.
    pub ca: Option<PathBuf>,
    /// Of one attempt, in total.
    pub timeout: Duration,
    /// Until it is given up.
    pub attempts: u32,
}
