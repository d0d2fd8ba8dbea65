//! What do the tests of this room look at? Literal reports.

use pulsegate_core::base::identity::{Address, BackendId};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::{BackendReport, UpstreamReport};
use pulsegate_core::health::standing::{Cause, Standing};
use std::net::{Ipv4Addr, SocketAddr};

pub fn pool(name: &str, backends: Vec<BackendReport>) -> UpstreamReport {
    UpstreamReport { name: name.into(), backends }
}

/// At 127.0.0.1 and this port, in its standing since second 88.
pub fn backend(port: u16, cause: Cause) -> BackendReport {
    let address = Address::Socket(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    BackendReport {
        id: BackendId { upstream: "orders".into(), address },
        weight: 1,
        configured_weight: 1,
        backup: false,
        order: None,
        weight_order: None,
        standing: Standing {
            cause,
            share: if cause.eligible() { 1.0 } else { 0.0 },
            earliest_return: None,
            unprobed: false,
        },
        since: Timestamp::from_secs(88),
        why: "the sentence".into(),
        counter: (2, 3),
        last_probe: None,
        next_probe: None,
        other_probes: Vec::new(),
        ejection: None,
        in_flight: 0,
        successes: 0,
        failures: 0,
        streak: 0,
        total_successes: 0,
        total_failures: 0,
        notes: Vec::new(),
        history: Vec::new(),
    }
}
