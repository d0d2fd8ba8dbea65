//! Where is written down what a forwarded request came to for its client? In the ledger of its upstream; what it means, the domain says.

use super::exchange::Exchange;
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::ledger::{Ended, Entry, entry};
use pulsegate_core::traffic::outcome::{AttemptEnd, classify};
use pulsegate_core::traffic::retry::SLOW_AFTER;
use pulsegate_core::traffic::snapshot::Pool;

impl Exchange<'_> {
    /// The last attempt was at `member` and ended so; `retried`: another had failed before.
    pub(super) fn settle(&self, pool: &Pool, member: &Endpoint, end: &AttemptEnd, retried: bool) {
        if self.is_copy {
            return;
        }
        let outcome = classify(end, SLOW_AFTER);
        let ended = Ended { outcome, retried, in_rotation: member.eligible(), share_out: pool.share_out };
        match entry(&ended) {
            Entry::SeenToFail if member.cell.saw_failure(self.clock().now()) => pool.ledger.detected(1),
            entry => pool.ledger.saved(entry),
        }
    }
}
