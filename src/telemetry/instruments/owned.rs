//! What is kept under labels that somebody owns? It goes with its owner, and nothing is kept for whoever is not there.

use super::handles::{Handles, Near};
use super::owners::Terms;
use crate::telemetry::table::Label;
use std::sync::Arc;
use std::thread::LocalKey;

/// Things of type `H` by the values of `N` labels.
#[derive(Debug)]
pub struct Owned<H, const N: usize> {
    labels: &'static [Label],
    terms: Arc<Terms>,
    handles: Handles<H, N>,
}

/// Whatever the registry sweeps.
pub(super) trait Swept: Send + Sync + std::fmt::Debug {
    /// Drops what nobody owns any more.
    fn sweep(&self);
}

impl<H, const N: usize> Owned<H, N> {
    pub(super) fn new(labels: &'static [Label], terms: Arc<Terms>) -> Self {
        Self { labels, terms, handles: Handles::default() }
    }

    /// Calls `act` with what is kept under these labels; makes it first where there is none. Nothing where nobody owns it: who is late with
    /// news of something that was removed is late.
    ///
    /// An owner that goes at this moment takes it along. It is asked about within the lock that a sweep takes, after the owners have changed: what is made before is
    /// swept, and what comes after is not made.
    pub fn with(&self, labels: [&str; N], make: impl FnOnce() -> H, act: impl FnOnce(&H)) {
        self.handles.with(labels, || self.terms.has(self.labels, &labels).then(make), act);
    }

    /// As [`Self::with`], for what every request looks for: its thread keeps it near.
    pub fn with_near(
        &self,
        near: &'static LocalKey<Near<H, N>>,
        labels: [&str; N],
        make: impl FnOnce() -> H,
        act: impl FnOnce(&H),
    ) {
        self.handles.with_near(near, labels, || self.terms.has(self.labels, &labels).then(make), act);
    }

    pub(super) fn each(&self, look: impl FnMut([&str; N], &H)) {
        self.handles.each(look);
    }

    pub fn retain(&self, keep: impl Fn([&str; N]) -> bool) {
        self.handles.retain(keep);
    }
}

impl<H: Send + Sync + std::fmt::Debug, const N: usize> Swept for Owned<H, N> {
    fn sweep(&self) {
        self.retain(|labels| self.terms.has(self.labels, &labels));
    }
}
