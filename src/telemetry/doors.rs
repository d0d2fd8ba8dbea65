//! Who was not let in? Counted for each route, and told in the log once in a while: a flood of the denied costs no flood of lines.

use super::families::counters;
use super::handles::Handles;
use super::metrics::Counted;
use super::table;
use prometheus::Registry;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::traffic::admission::Denial;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// From one line about a route to the next of the same kind.
const QUIET: Duration = Duration::from_secs(10);

/// What routes' guards have denied.
#[derive(Debug)]
pub(super) struct Doors {
    ip_denied: Counted<1>,
    rate_limited: Counted<1>,
    would_rate_limit: Counted<1>,
    shielded: Counted<1>,
    /// By route and reason.
    lines: Handles<Lines, 2>,
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

impl Doors {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            ip_denied: Counted::new(counters(registry, &table::IP_DENIED)),
            rate_limited: Counted::new(counters(registry, &table::RATE_LIMITED)),
            would_rate_limit: Counted::new(counters(registry, &table::WOULD_RATE_LIMIT)),
            shielded: Counted::new(counters(registry, &table::HEALTH_SHIELDED)),
            lines: Handles::default(),
        }
    }

    pub(super) fn denied(&self, route: &str, client: IpAddr, denial: Denial, now: Timestamp) {
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
    pub(super) fn over_limit(&self, route: &str) {
        self.would_rate_limit.inc([route]);
    }

    pub(super) fn retain(&self, has_route: impl Fn(&str) -> bool) {
        for counted in [&self.ip_denied, &self.rate_limited, &self.would_rate_limit, &self.shielded] {
            counted.retain(|[route]| has_route(route));
        }
        self.lines.retain(|[route, _]| has_route(route), |_| ());
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
