//! Whose is a series? What its labels name, as long as the configuration in force has it.
//!
//! The rule for all families: a series whose owner is gone goes when the configuration changes, nothing brings it back while the owner is
//! not there, and where the owner comes back, it begins at 0.

use crate::telemetry::table::Label;
use arc_swap::ArcSwap;
use pulsegate_core::plan::Plan;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What the admin listener is called beside the listeners of the configuration.
pub const ADMIN: &str = "admin";

/// All that may own a series, by name.
#[derive(Debug, Default)]
pub struct Owners {
    routes: BTreeSet<Box<str>>,
    upstreams: BTreeSet<Box<str>>,
    listeners: BTreeSet<Box<str>>,
    receivers: BTreeSet<Box<str>>,
}

impl Owners {
    pub fn of(plan: &Plan) -> Self {
        let admin = plan.admin.address.map(|_| Box::from(ADMIN));
        Self {
            routes: plan.routes.iter().map(|route| Box::from(&*route.name)).collect(),
            upstreams: plan.upstreams.iter().map(|upstream| Box::from(&*upstream.name)).collect(),
            listeners: plan.listeners.iter().map(|listener| Box::from(&*listener.name)).chain(admin).collect(),
            receivers: plan.receivers().iter().map(|receiver| Box::from(&**receiver)).collect(),
        }
    }

    pub fn upstreams(&self) -> impl Iterator<Item = &str> {
        self.upstreams.iter().map(|name| &**name)
    }

    /// Are all there whom these labels name? An empty name is nobody's: a request that found no route has one.
    fn have(&self, labels: &[Label], values: &[&str]) -> bool {
        labels.iter().zip(values).all(|(label, value)| value.is_empty() || self.has(*label, value))
    }

    fn has(&self, label: Label, name: &str) -> bool {
        match label {
            Label::Route => self.routes.contains(name),
            Label::Upstream => self.upstreams.contains(name),
            Label::Listener => self.listeners.contains(name),
            Label::Receiver => self.receivers.contains(name),
            // Read anew whenever somebody asks; what they stand beside has an owner.
            Label::Backend | Label::Component | Label::Certificate => true,
            Label::Word(_) => true,
        }
    }
}

/// What holds for all families at this moment.
#[derive(Debug, Default)]
pub(super) struct Terms {
    owners: ArcSwap<Owners>,
    /// Do histograms that begin now have native buckets?
    native: AtomicBool,
}

impl Terms {
    pub(super) fn has(&self, labels: &[Label], values: &[&str]) -> bool {
        self.owners.load().have(labels, values)
    }

    pub(super) fn change(&self, owners: Owners) {
        self.owners.store(owners.into());
    }

    pub(super) fn native(&self) -> bool {
        self.native.load(Relaxed)
    }

    /// True where that is a change.
    pub(super) fn want_native(&self, wanted: bool) -> bool {
        self.native.swap(wanted, Relaxed) != wanted
    }
}
