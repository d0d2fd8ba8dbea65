//! Does a connection to a backend carry a request, or does it wait for one? Each has a mark with it that counts it for as long as it lives.

use pulsegate_core::traffic::ledger::Ledger;
use std::sync::Arc;

/// One connection in its upstream's counts.
#[derive(Debug)]
pub struct Mark {
    ledger: Arc<Ledger>,
    busy: bool,
}

impl Mark {
    /// Of a connection that nobody uses yet.
    pub fn idle(ledger: &Arc<Ledger>) -> Self {
        ledger.opened();
        Self { ledger: Arc::clone(ledger), busy: false }
    }

    /// Of a connection that was opened for a request.
    pub fn busy(ledger: &Arc<Ledger>) -> Self {
        let mut mark = Self::idle(ledger);
        mark.take();
        mark
    }

    pub fn take(&mut self) {
        if !std::mem::replace(&mut self.busy, true) {
            self.ledger.taken();
        }
    }

    pub fn rest(&mut self) {
        if std::mem::take(&mut self.busy) {
            self.ledger.rests();
        }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.rest();
        self.ledger.closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_counted_from_its_beginning_to_its_end() {
        let ledger = Arc::new(Ledger::default());
        let (mut one, two) = (Mark::busy(&ledger), Mark::idle(&ledger));
        assert_eq!(ledger.connections(), (1, 1));
        one.rest();
        one.rest();
        assert_eq!(ledger.connections(), (0, 2));
        one.take();
        drop(two);
        assert_eq!(ledger.connections(), (1, 0));
        drop(one);
        assert_eq!(ledger.connections(), (0, 0));
    }
}
