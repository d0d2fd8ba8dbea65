//! What happens when certificate files change? They are in force for the next handshake, without a reload; nothing else notices.
//!
//! A look at the files' stamps every second finds a renewal, whatever tool makes it: a write in place, a rename, or the swap of a
//! symbolic link above it, which notifications of the file system miss. It is done by the one task that reloads, so that
//! neither can overtake the other.

use super::Gateway;
use crate::admin::Secure;
use crate::front::Terms;
use crate::telemetry::ADMIN;
use crate::tls::{Certificates, Renewal};
use pulsegate_core::plan::ListenerTls;
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
            let Some(renewal) = renew(&terms.plan.name, tls, plan, terms.plan.http2) else { continue };
            renewed |= !renewal.renewed.is_empty();
            listener.terms.store(Arc::new(Terms { plan: terms.plan.clone(), tls: Some(renewal.now) }));
        }
        if let Some(secure) = self.own_listeners.secure.load_full()
            && let Some(renewal) = renew(ADMIN, &secure.certificates, &secure.plan, false)
        {
            renewed |= !renewal.renewed.is_empty();
            let now = Secure { plan: secure.plan.clone(), certificates: renewal.now };
            self.own_listeners.secure.store(Some(Arc::new(now)));
        }
        if renewed {
            self.show_certificates();
        }
    }

    /// Tells the metrics what is in force.
    pub(super) fn show_certificates(&self) {
        let mut ends = Vec::new();
        let mut show = |listener: &str, certificates: &Certificates| {
            for identity in certificates.identities() {
                let end = |name: &str| (listener.to_owned(), name.to_owned(), identity.facts.not_after);
                // One without names is the first, for everybody who asks for none.
                let nameless = identity.facts.names.is_empty().then(|| end(""));
                ends.extend(identity.facts.names.iter().map(|name| end(name)).chain(nameless));
            }
        };
        for listener in &self.listeners {
            let terms = listener.terms.load();
            terms.tls.iter().for_each(|tls| show(&terms.plan.name, tls));
        }
        if let Some(secure) = self.own_listeners.secure.load().as_ref() {
            show(ADMIN, &secure.certificates);
        }
        self.telemetry.life.certificates(&ends);
    }
}

/// Reads again what has changed of one listener's files, and says what became of them.
fn renew(name: &str, certificates: &Certificates, plan: &ListenerTls, http2: bool) -> Option<Renewal> {
    let renewal = certificates.renew(plan, http2)?;
    for (line, warning) in &renewal.renewed {
        log::info!("listener {name}: {line}; open connections go on");
        if let Some(why) = warning {
            log::warn!("listener {name}: {why}");
        }
    }
    for why in &renewal.refused {
        log::warn!("listener {name}: {why}; the last good one stays in use");
    }
    Some(renewal)
}
