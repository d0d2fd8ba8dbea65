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

impl WebhookPlan {
    /// Unsigned, and tried as often as its kind deserves.
    pub fn to(name: &str, kind: WebhookKind, url: WebhookUrl) -> Self {
        Self {
            name: name.into(),
            attempts: kind.attempts(),
            kind,
            url,
            headers: Vec::new(),
            secret: None,
            ca: None,
            timeout: Duration::from_secs(5),
        }
    }
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

impl WebhookKind {
    /// People wait for what they are told, so that it is tried for longer.
    pub const fn attempts(&self) -> u32 {
        match self {
            Self::Generic => 4,
            Self::Slack | Self::PagerDuty { .. } => 10,
        }
    }
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

impl SmtpPlan {
    /// By TLS, at the usual port, for nobody who must log in.
    pub fn to(name: &str, host: &str, from: &str, to: Vec<String>) -> Self {
        let tls = SmtpTls::default();
        Self {
            name: name.into(),
            host: host.to_owned(),
            port: tls.port(),
            tls,
            login: None,
            from: from.to_owned(),
            to,
            ca: None,
            timeout: Duration::from_secs(20),
            attempts: 10,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpTls {
    /// The connection begins in plain and must become TLS before anything is said.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// For a relay on this machine.
    None,
}

impl SmtpTls {
    /// Where mail servers take it so.
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where incoming webhooks of chats are, the path is the secret.
    #[test]
    fn a_target_is_shown_without_its_path() {
        for (https, shown) in [(true, "https://hooks.example.com:443/…"), (false, "http://hooks.example.com:443/…")]
        {
            let path = "/services/s3cret?key=s3cret".to_owned();
            let target = HttpTarget { https, host: "hooks.example.com".to_owned(), port: 443, path };
            assert_eq!(format!("{target:?}"), shown);
            let plan = WebhookPlan::to("chat", WebhookKind::Slack, WebhookUrl::Known(target));
            assert!(!format!("{plan:?}").contains("s3cret"));
        }
    }
}
