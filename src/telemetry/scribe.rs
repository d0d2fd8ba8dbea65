//! Who writes everything down, where somebody wants a record?

use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{Input, ProbeJob};
use pulsegate_core::health::event::Event;
use pulsegate_core::traffic::cell::Record;

/// Writes everything down that a replay needs. It is told on the path of requests and must never wait.
pub trait Scribe: Send + Sync + std::fmt::Debug {
    fn event(&self, event: &Event);
    /// The board is told this.
    fn heard(&self, input: &Input, now: Timestamp);
    fn probe_begins(&self, job: &ProbeJob);
    /// An attempt has ended.
    fn attempt(&self, backend: BackendKey, record: &Record);
    /// Waits until what was told is written, for a moment at most. For the end of the process.
    fn flush(&self);
}
