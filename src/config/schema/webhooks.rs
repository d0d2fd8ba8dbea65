//! What may be written of who outside is told, by POST or by e-mail?

use crate::config::values::Span;
use pulsegate_core::plan::SmtpTls;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Somebody outside who is told of events and alerts by POST.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct WebhookSpec {
    /// What it understands: `generic` (a JSON document), `slack` (an incoming webhook) or `pagerduty` (Events API v2). Default: `generic`.
    pub kind: Option<WebhookKindSpec>,
    /// `http://` or `https://`; or, where it is a secret, as Slack's always is, `file` or `env`. Default: PagerDuty's own for that kind.
    pub url: Option<UrlSpec>,
    /// The integration key of the service (`pagerduty`). Read again at every reload.
    pub routing_key: Option<SecretSpec>,
    /// What each body is signed with (`generic`: `webhook-signature`, HMAC-SHA256, as Standard Webhooks has it). Read again at every reload. Default:
    /// none.
    pub secret: Option<SecretSpec>,
    /// Sent along. Default: `{}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A PEM file of the CA. Default: the system's roots.
    pub ca: Option<PathBuf>,
    /// Of one attempt: connect, TLS and the head of the answer.
    pub timeout: Option<Span>,
    /// Until an event is given up, with pauses of 1 s, 2 s, 4 s… up to 30 s, or as long as `Retry-After` says.
    pub attempts: Option<u32>,
}

/// What a webhook understands.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum WebhookKindSpec {
    #[default]
    Generic,
    Slack,
    PagerDuty,
}

/// A URL, or where it is kept.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum UrlSpec {
    Known(String),
    Secret(SecretSpec),
}

impl<'de> Deserialize<'de> for UrlSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(url) => Ok(Self::Known(url)),
            other => serde_json::from_value(other).map(Self::Secret).map_err(D::Error::custom),
        }
    }
}

/// A secret, from one of `file` and `env`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SecretSpec {
    /// A file that holds nothing else.
    pub file: Option<PathBuf>,
    /// A variable of the environment that holds it.
    pub env: Option<String>,
}

/// Somebody who is told of alerts by e-mail.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SmtpSpec {
    /// `HOST` or `HOST:PORT` of the mail server.
    pub smarthost: String,
    /// `starttls`, `implicit` (TLS from the first byte) or `none` (on loopback only).
    pub tls: Option<SmtpTlsSpec>,
    /// Who logs in. Default: nobody.
    pub username: Option<String>,
    /// With this. Read again at every reload.
    pub password: Option<SecretSpec>,
    /// The sender, such as `Pulsegate <pulsegate@example.com>`.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// A PEM file of the server's CA. Default: the system's roots.
    pub ca: Option<PathBuf>,
    /// Of one attempt, from the connection to the server's word that it has the mail.
    pub timeout: Option<Span>,
    /// Until a mail is given up, with pauses of 1 s, 2 s, 4 s… up to 30 s.
    pub attempts: Option<u32>,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum SmtpTlsSpec {
    StartTls,
    Implicit,
    None,
}

impl SmtpTlsSpec {
    pub(in crate::config) fn plan(self) -> SmtpTls {
        match self {
            Self::StartTls => SmtpTls::StartTls,
            Self::Implicit => SmtpTls::Implicit,
            Self::None => SmtpTls::None,
        }
    }
}
