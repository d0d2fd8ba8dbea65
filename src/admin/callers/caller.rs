//! What is known of somebody who asks? A name for the audit log, and what they may.

use pulsegate_core::plan::Scopes;
use std::sync::Arc;

/// Somebody who was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// For the audit log.
    pub name: Arc<str>,
    pub scopes: Scopes,
}

/// Who asked, by the name of the token or of the certificate: an extension of every request that is let in.
#[derive(Clone, Debug)]
pub struct Who(pub Arc<str>);
