//! What is known of a call that wants to change something? For the audit log.

use std::net::SocketAddr;

/// A call of the admin API that wants to change something.
#[derive(Clone, Debug)]
pub struct AdminWrite<'a> {
    /// The token's name, or where it came from when there are no tokens.
    pub by: &'a str,
    pub from: SocketAddr,
    /// One of a fixed set of words.
    pub action: &'static str,
    /// The path that was asked, or the upstream and the backend.
    pub what: &'a str,
    pub result: WriteResult,
    /// A sentence.
    pub detail: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    Applied,
    /// It could not be done.
    Refused,
    /// Who asked may not.
    Denied,
}

impl WriteResult {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Denied => "denied",
        }
    }
}
