//! What is known of a connection that is on its way? Who waits for it, until the backend has said how many streams it takes.
//!
//! One that is there has not failed to come, however late its SETTINGS are: they are awaited for as long as a connection may take, and
//! whoever has waited for them in vain looks for another.

use pulsegate_core::base::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A connection that is on its way.
pub(super) struct Expected {
    told: watch::Receiver<bool>,
    /// Held here for the one that opens it, and by each who waits for it.
    promised: Arc<()>,
    /// Since when it is there, and its SETTINGS alone are awaited.
    there: Option<Timestamp>,
}

/// A place on it, perhaps.
pub(in crate::proxy) struct Promise {
    told: watch::Receiver<bool>,
    _promised: Arc<()>,
    late: Option<Timestamp>,
}

impl Expected {
    /// By whoever opens it.
    pub(super) fn of(told: watch::Receiver<bool>) -> Self {
        Self { told, promised: Arc::default(), there: None }
    }

    /// It has come.
    pub(super) fn there(self, now: Timestamp) -> Self {
        Self { there: Some(now), ..self }
    }

    pub(super) fn is_told_by(&self, told: &watch::Receiver<bool>) -> bool {
        self.told.same_channel(told)
    }

    /// It has been there for so long without its SETTINGS.
    pub(super) fn is_late(&self, patience: Duration, now: Timestamp) -> bool {
        self.there.is_some_and(|there| now >= there + patience)
    }

    /// For one more, where it is to have room for so many, and is not late.
    pub(super) fn promise(&self, takes: usize, patience: Duration, now: Timestamp) -> Option<Promise> {
        (Arc::strong_count(&self.promised) < takes && !self.is_late(patience, now)).then(|| Promise {
            told: self.told.clone(),
            _promised: Arc::clone(&self.promised),
            late: self.there.map(|there| there + patience),
        })
    }

    /// True when the backend has said what it takes.
    pub(super) fn told(&self) -> watch::Receiver<bool> {
        self.told.clone()
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.told.has_changed().is_ok()
    }
}

impl Promise {
    /// When its SETTINGS are late, where nothing else is awaited: the connection is there.
    pub(in crate::proxy::backend) fn late(&self) -> Option<Timestamp> {
        self.late
    }

    /// Waits until the backend has said what it takes. False: the connection has ended, or did not come about.
    pub(in crate::proxy::backend) async fn kept(&mut self) -> bool {
        self.told.changed().await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);
    const NOW: Timestamp = Timestamp(5_000_000_000);

    #[test]
    fn whoever_waits_no_more_gives_the_place_back_that_was_promised() {
        let (_told, awaited) = watch::channel(false);
        let expected = Expected::of(awaited);
        let first = expected.promise(2, PATIENCE, NOW);
        assert!(first.is_some() && expected.promise(2, PATIENCE, NOW).is_none());
        drop(first);
        assert!(expected.promise(2, PATIENCE, NOW).is_some());
        assert!(expected.promise(1, PATIENCE, NOW).is_none(), "that is for the one that opens it");
    }

    #[test]
    fn settings_are_awaited_for_a_while_once_the_connection_is_there() {
        let (_told, awaited) = watch::channel(false);
        let expected = Expected::of(awaited);
        assert!(expected.promise(2, PATIENCE, NOW + 60 * PATIENCE).is_some_and(|promise| promise.late().is_none()));
        let expected = expected.there(NOW);
        let promise = expected.promise(2, PATIENCE, NOW + PATIENCE / 2);
        assert_eq!(promise.and_then(|promise| promise.late()), Some(NOW + PATIENCE));
        assert!(expected.promise(2, PATIENCE, NOW + PATIENCE).is_none());
    }
}
