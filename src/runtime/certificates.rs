//! What happens when certificate files change? They are in force for the next handshake, without a reload; nothing else notices.
//!
//! A look at the files' stamps every second finds a renewal, whatever tool makes it: a write in place, a rename, or the swap of a
//! symbolic link above it, which notifications of the file system miss. It is done by the one task that reloads, so that
//! neither can overtake the other.

use super::Gateway;
use crate::front::Terms;
use std::sync::Arc;
use std::time::Duration;

/// Between looks.
pub(super) const LOOK: Duration = Duration::from_secs(1);

impl Gateway {
    /// Reads again what has changed. A file that cannot be used is told once, and its last good version stays.
    pub fn renew_certificates(&self) {
        let mut renewed = false;
        for listener in &self.listeners {
            let terms = listener.terms.load();
            let (Some(tls), Some(plan)) = (&terms.tls, &terms.plan.tls) else { continue };
            let Some(renewal) = tls.renew(plan, terms.plan.http2) else { continue };
            let name = &terms.plan.name;
            for (line, warning) in &renewal.renewed {
                log::info!("listener {name}: {line}; open connections go on");
                if let Some(why) = warning {
                    log::warn!("listener {name}: {why}");
                }
            }
            for why in &renewal.refused {
                log::warn!("listener {name}: {why}; the last good one stays in use");
            }
            renewed |= !renewal.renewed.is_empty();
            listener.terms.store(Arc::new(Terms { plan: terms.plan.clone(), tls: Some(renewal.now) }));
        }
        if renewed {
            self.show_certificates();
        }
    }

    /// Tells the metrics what is in force.
    pub(super) fn show_certificates(&self) {
        let mut ends = Vec::new();
        for listener in &self.listeners {
            let terms = listener.terms.load();
            for identity in terms.tls.iter().flat_map(|tls| tls.identities()) {
                let end = |name: &str| (terms.plan.name.to_string(), name.to_owned(), identity.facts.not_after);
                // One without names is the first, for everybody who asks for none.
                let nameless = identity.facts.names.is_empty().then(|| end(""));
                ends.extend(identity.facts.names.iter().map(|name| end(name)).chain(nameless));
            }
        }
        self.telemetry.certificates(&ends);
    }
}
