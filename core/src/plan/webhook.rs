//! What is in force for who outside is told: where it is, in which words it is told, who signs, how long it may take.

use super::TokenSource;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Somebody outside who is told by POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookPlan {
    pub name: Arc<str>,
    pub kind: WebhookKind,
    pub url: WebhookUrl,
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

/// What a webhook understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookKind {
    /// A JSON document of ours.
    Generic,
    /// A message for a channel, by an incoming webhook.
    Slack,
    /// Events API v2. The key says for which service.
    PagerDuty { routing_key: TokenSource },
}

/// Where a webhook is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookUrl {
    Known(HttpTarget),
    /// The URL is the secret.
    Secret(TokenSource),
}

/// A URL, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpTarget {
    pub https: bool,
    pub host: String,
    pub port: u16,
    /// With query.
    pub path: String,
}

impl std::fmt::Debug for HttpTarget {
    /// The path may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}/…", if self.https { "https" } else { "http" }, self.host, self.port)
    }
}

/// Somebody who is told by e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpPlan {
    pub name: Arc<str>,
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// With the password's source.
    pub login: Option<(String, TokenSource)>,
    pub from: String,
    pub to: Vec<String>,
    /// PEM file of the CA; `None` = the system's roots.
    pub ca: Option<PathBuf>,
    /// Of one attempt, in total.
    pub timeout: Duration,
    /// Until it is given up.
    pub attempts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// The connection begins in plain and must become TLS before anything is said.
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// For a relay on this machine.
    None,
}
