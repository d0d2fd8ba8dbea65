//! Who tells the demo's story? A reporter that prints every event that matters, with its cause, and counts ejections.

use crate::control::Reporter;
use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::event::{Event, EventKind};
use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Prints one line per event.
#[derive(Debug)]
pub(super) struct Narrator {
    names: HashMap<Address, &'static str>,
    pub ejections: AtomicU64,
    /// The story begins with the first event.
    begun: OnceLock<Timestamp>,
}

impl Narrator {
    pub(super) fn new(names: HashMap<Address, &'static str>) -> Self {
        Self { names, ejections: AtomicU64::new(0), begun: OnceLock::new() }
    }

    fn name(&self, backend: &BackendId) -> &str {
        self.names.get(&backend.address).copied().unwrap_or("?")
    }
}

impl Reporter for Narrator {
    fn report(&self, event: &Event) {
        let seconds = event.at.since(*self.begun.get_or_init(|| event.at)).as_secs_f64();
        match &event.kind {
            EventKind::Transition { backend, from, to, why, .. } => {
                println!("{seconds:6.2}s   {:<6} {from} -> {to}: {why}", self.name(backend));
            }
            EventKind::Ejected { backend, duration, why, .. } => {
                self.ejections.fetch_add(1, Ordering::Relaxed);
                println!(
                    "{seconds:6.2}s   {:<6} ejected for {:.1} s: {why}",
                    self.name(backend),
                    duration.as_secs_f64()
                );
            }
            EventKind::EjectionRefused { backend, why, .. } => {
                println!("{seconds:6.2}s   {:<6} not ejected: {why}", self.name(backend));
            }
            _ => {}
        }
    }
}
