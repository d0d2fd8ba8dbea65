//! How late is this machine? A control beside whatever is measured by the real clock: a thread that asks for short sleeps, and notes by how
//! much each was overslept. A bound on real time is a bound of its own plus some multiples of that: it holds on a busy machine too, and on
//! an idle one it is as tight as it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(5);

/// The thread looks on while this lives.
#[derive(Debug)]
pub struct Lateness(Arc<AtomicU64>);

impl Lateness {
    #[allow(clippy::disallowed_methods, reason = "what is measured is real time")]
    pub fn watch() -> Self {
        let worst = Arc::new(AtomicU64::new(0));
        let seen = Arc::downgrade(&worst);
        std::thread::spawn(move || {
            while let Some(worst) = seen.upgrade() {
                let begun = Instant::now();
                sleep(NAP);
                let late = begun.elapsed().saturating_sub(NAP);
                worst.fetch_max(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX), Relaxed);
            }
        });
        Self(worst)
    }

    /// The latest that anybody was woken so far.
    pub fn worst(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }
}
