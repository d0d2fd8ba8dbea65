//! How long did each step of a probe take? A watch that outlives the probe: of one that is given up, the steps that it reached count.

use crate::clock::Clock;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::reading::Steps;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A step that was not reached.
const OPEN: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Watch {
    clock: Clock,
    /// When the step under way began.
    began: AtomicU64,
    connect: AtomicU64,
    tls: AtomicU64,
    first_byte: AtomicU64,
}

impl Watch {
    pub(super) fn start(clock: Clock) -> Self {
        let open = || AtomicU64::new(OPEN);
        Self { clock, began: AtomicU64::new(clock.now().0), connect: open(), tls: open(), first_byte: open() }
    }

    pub(super) fn connected(&self) {
        self.ended(&self.connect);
    }

    pub(super) fn secured(&self) {
        self.ended(&self.tls);
    }

    /// The answer's head is there.
    pub(super) fn heard(&self) {
        self.ended(&self.first_byte);
    }

    pub(super) fn steps(&self) -> Steps {
        let step = |step: &AtomicU64| Some(step.load(Relaxed)).filter(|nanos| *nanos != OPEN).map(Duration::from_nanos);
        Steps { connect: step(&self.connect), tls: step(&self.tls), first_byte: step(&self.first_byte) }
    }

    fn ended(&self, step: &AtomicU64) {
        let now = self.clock.now();
        let began = Timestamp(self.began.swap(now.0, Relaxed));
        step.store(u64::try_from(now.since(began).as_nanos()).unwrap_or(OPEN), Relaxed);
    }
}
