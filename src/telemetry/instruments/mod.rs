//! What does counting consist of? Single numbers, families of them by their labels, and the one rule by which series go.
//!
//! [`Registry`] makes every family, and so knows all of them: a family cannot be served without being swept.

mod handles;
mod numbers;
mod owned;
mod owners;
mod registry;
#[cfg(test)]
mod tests;
mod vector;

pub use handles::Near;
pub use numbers::{Counter, Gauge, Level, Moment};
pub use owned::Owned;
pub use owners::{ADMIN, Owners};
pub use registry::Registry;
pub use vector::{Counters, Gauges, Histograms};
