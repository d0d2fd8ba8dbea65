//! Which requests of a route went to somebody else as well? Copies to its mirror, and hedges to another backend.

use crate::telemetry::instruments::{Counters, Registry};
use crate::telemetry::table;
use std::sync::Arc;

#[derive(Debug)]
pub struct Routes {
    mirrored: Arc<Counters<2>>,
    hedged: Arc<Counters<2>>,
}

impl Routes {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self { mirrored: registry.counters(&table::MIRRORED), hedged: registry.counters(&table::HEDGED) }
    }

    pub fn hedged(&self, route: &str, result: &'static str) {
        self.hedged.inc([route, result]);
    }

    pub fn mirrored(&self, route: &str, sent: bool) {
        self.mirrored.inc([route, if sent { "sent" } else { "dropped" }]);
    }
}
