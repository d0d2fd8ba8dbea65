//! What may be written of a webhook.

use crate::config::values::Span;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Somebody outside who is told of events: by POST, with an event as a JSON document.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct WebhookSpec {
    /// `http://` or `https://`.
    pub url: String,
    /// What each body is signed with (`webhook-signature`, HMAC-SHA256, as Standard Webhooks has it). Read again at every reload. Default:
    /// none.
    pub secret: Option<SecretSpec>,
    /// Sent along. Default: `{}`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A PEM file of the CA. Default: the system's roots.
    pub ca: Option<PathBuf>,
    /// Of one attempt: connect, TLS and the head of the answer. Default: `5s`.
    pub timeout: Option<Span>,
    /// Until an event is given up, with pauses of 1 s, 2 s, 4 s… Default: `4`.
    pub attempts: Option<u32>,
}

/// A secret, from one of `file` and `env`: at least 16 bytes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SecretSpec {
    /// A file that holds nothing else.
    pub file: Option<PathBuf>,
    /// A variable of the environment that holds it.
    pub env: Option<String>,
}
