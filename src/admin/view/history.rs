//! What happened to a backend? Told with the same lines as the log, event ids included.

use super::Now;
use crate::telemetry::event;
use pulsegate_core::health::event::Remembered;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub event_id: String,
    pub at: String,
    pub event: String,
    pub message: String,
    /// What the log line carries besides.
    pub details: BTreeMap<String, String>,
}

pub fn entry(remembered: &Remembered, now: Now) -> Entry {
    let told = event::told(remembered);
    Entry {
        event_id: told.id,
        at: now.date(told.at),
        event: told.event,
        message: told.message,
        details: told.details.into_iter().collect(),
    }
}
