//! Whom did routes not let in? Counted for each route, and told in the log once in a while: a flood of the denied costs no flood of lines.

use crate::telemetry::instruments::{Counters, Owned, Registry};
use crate::telemetry::table::{self, Label};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::admission::Denial;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// From one line about a route to the next of the same kind.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Admission {
    ip_denied: Arc<Counters<1>>,
    rate_limited: Arc<Counters<1>>,
    would_rate_limit: Arc<Counters<1>>,
    shielded: Arc<Counters<1>>,
    /// By route and reason.
    lines: Arc<Owned<Lines, 2>>,
}

/// When the next line may come, and how many were kept back since the last.
#[derive(Debug, Default)]
struct Lines {
    quiet_until: AtomicU64,
    kept_back: AtomicU64,
}

impl Lines {
    /// How many were kept back, where this one is told.
    fn tell(&self, now: Timestamp) -> Option<u64> {
        let until = self.quiet_until.load(Ordering::Relaxed);
        let next = (now + QUIET).0;
        let told = now.0 >= until
            && self.quiet_until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if told {
            return Some(self.kept_back.swap(0, Ordering::Relaxed));
        }
        self.kept_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Admission {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            ip_denied: registry.counters(&table::IP_DENIED),
            rate_limited: registry.counters(&table::RATE_LIMITED),
            would_rate_limit: registry.counters(&table::WOULD_RATE_LIMIT),
            shielded: registry.counters(&table::HEALTH_SHIELDED),
            lines: registry.cache(&[Label::Route, Label::Word("reason")]),
        }
    }

    pub fn denied(&self, route: &str, client: IpAddr, denial: Denial, now: Timestamp) {
        let counted = match denial {
            Denial::Address => &self.ip_denied,
            Denial::Rate(_) => &self.rate_limited,
            Denial::Shielded => &self.shielded,
        };
        counted.inc([route]);
        self.lines.with([route, denial.reason()], Lines::default, |lines| {
            let Some(more) = lines.tell(now) else { return };
            match denial {
                Denial::Address => log::warn!(
                    "route {route}: {client} is not let in by `allow` and `deny` ({more} more since the last line)"
                ),
                Denial::Rate(_) => {
                    log::warn!("route {route}: {client} is over its rate_limit ({more} more since the last line)")
                }
                Denial::Shielded => log::info!(
                    "route {route}: {client} asked for a shielded health endpoint ({more} more since the last line)"
                ),
            }
        });
    }

    /// A limit that is not enforced would have denied a request.
    pub fn over_limit(&self, route: &str) {
        self.would_rate_limit.inc([route]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_one_line_in_ten_seconds_is_told_and_says_how_many_were_not() {
        let (lines, at) = (Lines::default(), Timestamp::from_secs);
        assert_eq!(lines.tell(at(100)), Some(0));
        for second in [100, 105, 109] {
            assert_eq!(lines.tell(at(second)), None, "{second}");
        }
        assert_eq!(lines.tell(at(110)), Some(3));
        assert_eq!(lines.tell(at(200)), Some(0));
    }
}
