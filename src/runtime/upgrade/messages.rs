//! What do the two processes say to each other? Both may be of different versions, so each names the language that it speaks.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::SocketAddr;

/// The language of this file. It changes when an older process would misunderstand.
pub(super) const LANGUAGE: u32 = 1;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Message {
    /// New: may I take over?
    Hello { language: u32, version: String, pid: u32 },
    /// Old: these are my sockets, which follow in this order, and this is what I know.
    Offer {
        version: String,
        pid: u32,
        sockets: Vec<SocketAddr>,
        /// Signs sticky cookies; the folder and the check of the peer keep it among us.
        sticky_key: [u8; 16],
        health: Value,
    },
    /// New: I could serve now.
    Ready,
    /// Old: then do; this is what I know by now.
    Farewell {
        health: Value,
        /// What receivers of alerts were told; a process before this one may not know of it.
        #[serde(default)]
        alerts: Value,
    },
    /// New: I do.
    Accepting,
    /// Either: this comes to nothing.
    Refused { why: String },
}

impl Message {
    pub(super) fn hello() -> Self {
        Self::Hello { language: LANGUAGE, version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() }
    }

    /// For sentences about a message that was not expected.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::Offer { .. } => "offer",
            Self::Ready => "ready",
            Self::Farewell { .. } => "farewell",
            Self::Accepting => "accepting",
            Self::Refused { .. } => "refused",
        }
    }
}
