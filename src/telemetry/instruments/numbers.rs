//! Which numbers are kept? One that only grows, one that goes up and down, one that is set, one that is a moment.
//!
//! What requests move, each worker moves in a row of its own ([`Stripes`]); the others are one atomic step.

use pulsegate_core::base::stripes::Stripes;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

#[derive(Debug)]
pub struct Counter(Stripes);

impl Default for Counter {
    fn default() -> Self {
        Self(Stripes::new(1))
    }
}

impl Counter {
    pub fn inc(&self) {
        self.add(1);
    }

    pub fn add(&self, more: u64) {
        self.0.add(0, more);
    }

    pub fn get(&self) -> u64 {
        self.0.sum(0)
    }
}

/// Goes up and down, by whoever moves it: it may go down in another row than it went up.
#[derive(Debug)]
pub struct Level(Stripes);

impl Default for Level {
    fn default() -> Self {
        Self(Stripes::new(1))
    }
}

impl Level {
    pub fn add(&self, more: i64) {
        self.0.add(0, more as u64);
    }

    pub fn sub(&self, less: i64) {
        self.add(less.wrapping_neg());
    }

    /// Rows are read one after the other: what one gave and another took is not below nothing.
    pub fn get(&self) -> i64 {
        (self.0.sum(0) as i64).max(0)
    }
}

#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn set(&self, to: i64) {
        self.0.store(to, Relaxed);
    }

    pub fn add(&self, more: i64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub fn sub(&self, less: i64) {
        self.0.fetch_sub(less, Relaxed);
    }

    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// Unix seconds, with their fraction.
#[derive(Debug, Default)]
pub struct Moment(AtomicU64);

impl Moment {
    pub fn set(&self, at: f64) {
        self.0.store(at.to_bits(), Relaxed);
    }

    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}
