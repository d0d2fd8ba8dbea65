//! What happens when certificate files change? They are in force for the next handshake, without a reload; nothing else notices.
//!
//! A look at the files' stamps every second finds a renewal, whatever tool makes it: a write in place, a rename, or the swap of a
//! symbolic link above it, which notifications of the file system miss. The look is taken on a thread that serves nobody; what it found is put in
//! force by the one task that reloads, so that neither can overtake the other. A file that hangs is left out until it answers: what a look has found
//! beside it is found again by the next.

use super::Gateway;
use crate::admin::Secure;
use crate::front::Terms;
use crate::telemetry::ADMIN;
use crate::tls::{Certificates, ClientConfigs, Renewal};
use pulsegate_core::plan::ListenerPlan;
use std::sync::Arc;
use std::time::Duration;

/// Between looks.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// For one file. All others are looked at only when it is given up: soon.
pub(super) const ONE_FILE: Duration = Duration::from_secs(2);

/// What is looked at: everything that is read of files and kept.
pub(super) struct Look {
    listeners: Vec<(Arc<ListenerPlan>, Certificates)>,
    admin: Option<Arc<Secure>>,
    clients: Arc<ClientConfigs>,
}

/// What has changed.
pub(super) struct Looked {
    listeners: Vec<(Arc<ListenerPlan>, Renewal)>,
    admin: Option<(Arc<Secure>, Renewal)>,
}

impl Look {
    /// Reads again what has changed. It blocks for as long as the files do: on a thread that serves nobody. A file that cannot be used is told once, and
    /// its last good version stays.
    pub(super) fn look(self) -> Looked {
        self.clients.look();
        let renewed = |(plan, known): (Arc<ListenerPlan>, Certificates)| {
            let renewal = known.renew(plan.tls.as_ref()?, plan.http2)?;
            Some((plan, renewal))
        };
        let admin = self.admin.and_then(|secure| {
            let renewal = secure.certificates.renew(&secure.plan, false)?;
            Some((secure, renewal))
        });
        Looked { listeners: self.listeners.into_iter().filter_map(renewed).collect(), admin }
    }
}

impl Gateway {
    pub(super) fn look(&self) -> Look {
        let known = self.listeners.iter().filter_map(|listener| {
            let terms = listener.terms.load();
            Some((terms.plan.clone(), terms.tls.clone()?))
        });
        Look { listeners: known.collect(), admin: self.own_listeners.secure.load_full(), clients: self.clients.clone() }
    }

    /// What has changed is in force from the next handshake on; unless a reload was faster, which has read the files by itself.
    pub(super) fn renew(&self, looked: Looked) {
        let mut renewed = false;
        for (plan, renewal) in looked.listeners {
            let same = self.listeners.iter().find(|listener| Arc::ptr_eq(&listener.terms.load().plan, &plan));
            if let Some(listener) = same {
                renewed |= tell(&plan.name, &renewal);
                listener.terms.store(Arc::new(Terms { plan, tls: Some(renewal.now) }));
            }
        }
        let secure = &self.own_listeners.secure;
        if let Some((before, renewal)) = looked.admin
            && secure.load().as_ref().is_some_and(|now| Arc::ptr_eq(now, &before))
        {
            renewed |= tell(ADMIN, &renewal);
            secure.store(Some(Arc::new(Secure { plan: before.plan.clone(), certificates: renewal.now })));
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

/// Says what became of one listener's files; true: something is new.
fn tell(name: &str, renewal: &Renewal) -> bool {
    for (line, warning) in &renewal.renewed {
        log::info!("listener {name}: {line}; open connections go on");
        if let Some(why) = warning {
            log::warn!("listener {name}: {why}");
        }
    }
    for why in &renewal.refused {
        log::warn!("listener {name}: {why}; the last good one stays in use");
    }
    !renewal.renewed.is_empty()
}
