//! What does an operator want of a backend, and what came of it?

use crate::base::identity::{Address, BackendId};
use crate::base::time::Timestamp;
use crate::health::order::{Order, Steer};
use std::sync::Arc;
use std::time::Duration;

/// The greatest weight, configured or ordered.
pub const WEIGHT_AT_MOST: u32 = 65_535;

/// An operator's word about one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steering {
    pub backend: BackendId,
    pub what: Steer,
    pub by: Arc<str>,
    /// More than nothing. `None`: until it is taken back.
    pub lasts: Option<Duration>,
    pub reason: Option<Arc<str>>,
}

/// An order in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<T> {
    pub what: T,
    pub by: Arc<str>,
    pub at: Timestamp,
    /// `None`: until it is taken back.
    pub until: Option<Timestamp>,
    pub reason: Option<Arc<str>>,
}

/// Why the board did not do what an operator wanted. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    NoUpstream {
        known: Vec<Arc<str>>,
    },
    NoBackend {
        known: Vec<Address>,
    },
    /// It is not drained but under another order.
    AnotherOrder {
        order: Order,
        by: Arc<str>,
    },
}
