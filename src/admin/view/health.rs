//! `/health`: how is the whole, and which part of it is not well? In the shape that operators know from Spring Boot's actuator.
//!
//! A pool is UP when all that count are eligible, DEGRADED when some are, DOWN when none is. The gateway is DOWN only when no
//! pool has anybody: with one pool of five gone it still serves four, and a load balancer that reads this must not take it
//! out. Drained, draining and unchecked backends are outside the denominator, as everywhere.

use super::Now;
use crate::clock::when;
use pulsegate_core::board::{BackendReport, UpstreamReport};
use pulsegate_core::health::standing::Cause;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Up,
    Degraded,
    Down,
    /// Of a backend: an intended absence.
    OutOfService,
    /// Of a backend: nothing is known yet.
    Unknown,
}

#[derive(Clone, Debug, Serialize)]
pub struct Health {
    pub status: Status,
    /// RFC 3339.
    pub timestamp: String,
    pub components: BTreeMap<String, Component>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Component {
    pub status: Status,
    pub message: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<String, Component>,
}

pub fn health(reports: &[UpstreamReport], now: Now) -> Health {
    let components: BTreeMap<_, _> =
        reports.iter().map(|upstream| (upstream.name.to_string(), pool(upstream, now))).collect();
    Health { status: overall(components.values()), timestamp: now.date(now.at), components }
}

/// A gateway without upstreams (redirects and fixed answers only) is UP.
fn overall<'a>(pools: impl Iterator<Item = &'a Component> + Clone) -> Status {
    if pools.clone().all(|pool| pool.status == Status::Up) {
        Status::Up
    } else if pools.clone().all(|pool| pool.status == Status::Down) {
        Status::Down
    } else {
        Status::Degraded
    }
}

fn pool(upstream: &UpstreamReport, now: Now) -> Component {
    let eligible = upstream.backends.iter().filter(|backend| backend.standing.cause.eligible()).count();
    let counted = upstream.backends.iter().filter(|backend| backend.standing.cause.counted()).count();
    let outside = upstream.backends.len() - counted;
    let status = match eligible {
        0 => Status::Down,
        _ if eligible == counted => Status::Up,
        _ => Status::Degraded,
    };
    let message = match (upstream.backends.len(), outside) {
        (0, _) => "no backends".to_owned(),
        (_, 0) => format!("{eligible} of {counted} eligible"),
        (_, outside) => format!("{eligible} of {counted} eligible, {outside} more drained or unchecked"),
    };
    let components =
        upstream.backends.iter().map(|report| (report.id.address.to_string(), backend(report, now))).collect();
    Component { status, message, components }
}

fn backend(report: &BackendReport, now: Now) -> Component {
    let standing = report.standing;
    let status = match standing.cause {
        Cause::Up | Cause::Ramping | Cause::ForcedUp => Status::Up,
        Cause::Degraded => Status::Degraded,
        Cause::Drained | Cause::Draining => Status::OutOfService,
        Cause::Unchecked | Cause::Starting => Status::Unknown,
        Cause::ForcedDown | Cause::Ejected | Cause::NotAlive | Cause::Down | Cause::NotReady | Cause::Trial => {
            Status::Down
        }
    };
    let unprobed = if standing.unprobed { " (unprobed)" } else { "" };
    let long = when::span(now.at.since(report.since));
    let message = format!("{}{unprobed} for {long}: {}", standing.cause, report.why);
    Component { status, message, components: BTreeMap::new() }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{backend, pool};
    use super::*;
    use pulsegate_core::base::time::Timestamp;
    use serde_json::json;
    use std::time::SystemTime;

    const NOW: Now = Now { at: Timestamp::from_secs(100), origin: SystemTime::UNIX_EPOCH, started: Timestamp::ZERO };

    fn status(pools: &[UpstreamReport]) -> Status {
        health(pools, NOW).status
    }

    #[test]
    fn the_whole_document() {
        let reports = [pool(
            "orders",
            vec![backend(9001, Cause::Up), backend(9002, Cause::NotReady), backend(9003, Cause::Drained)],
        )];
        let expected = json!({
            "status": "DEGRADED",
            "timestamp": "1970-01-01T00:01:40.000Z",
            "components": {
                "orders": {
                    "status": "DEGRADED",
                    "message": "1 of 2 eligible, 1 more drained or unchecked",
                    "components": {
                        "127.0.0.1:9001": { "status": "UP", "message": "up for 12 s: the sentence" },
                        "127.0.0.1:9002": { "status": "DOWN", "message": "not_ready for 12 s: the sentence" },
                        "127.0.0.1:9003": { "status": "OUT_OF_SERVICE", "message": "drained for 12 s: the sentence" },
                    },
                },
            },
        });
        assert_eq!(serde_json::to_value(health(&reports, NOW)).unwrap(), expected);
    }

    #[test]
    fn one_empty_pool_degrades_and_only_all_of_them_are_down() {
        let fit = || pool("a", vec![backend(1, Cause::Up), backend(2, Cause::Ramping)]);
        let gone = || pool("b", vec![backend(3, Cause::Down), backend(4, Cause::Trial)]);
        let memberless = || pool("c", vec![]);
        assert_eq!(status(&[fit()]), Status::Up);
        assert_eq!(status(&[fit(), gone()]), Status::Degraded);
        assert_eq!(status(&[fit(), memberless()]), Status::Degraded);
        assert_eq!(status(&[gone(), memberless()]), Status::Down);
        assert_eq!(status(&[]), Status::Up);
    }

    #[test]
    fn intended_absences_do_not_degrade_and_all_drained_is_down() {
        assert_eq!(status(&[pool("a", vec![backend(1, Cause::Up), backend(2, Cause::Draining)])]), Status::Up);
        assert_eq!(status(&[pool("a", vec![backend(1, Cause::Up), backend(2, Cause::Unchecked)])]), Status::Up);
        assert_eq!(status(&[pool("a", vec![backend(1, Cause::Drained)])]), Status::Down);
    }

    #[test]
    fn an_unprobed_backend_says_so() {
        let mut unprobed = backend(1, Cause::Up);
        unprobed.standing.unprobed = true;
        let health = health(&[pool("a", vec![unprobed])], NOW);
        assert_eq!(health.components["a"].components["127.0.0.1:1"].message, "up (unprobed) for 12 s: the sentence");
    }
}
