//! `/upstreams/…/traffic`: the last quarter of an hour of some backends, a point every five seconds.

use super::figures::{Traffic, traffic};
use super::{Now, millis};
use crate::admin::traffic::Points;
use pulsegate_core::traffic::series::PERIOD;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Document<'a> {
    pub timestamp: String,
    pub upstream: &'a str,
    pub period_ms: u64,
    /// How often was sampled since the start: the number of the newest point.
    pub samples: u64,
    pub backends: Vec<Backend>,
}

/// Newest last, at most 180 each. Where there are fewer, there was no traffic before, or nobody looked.
#[derive(Clone, Debug, Serialize)]
pub struct Backend {
    pub address: String,
    pub requests_per_second: Vec<f64>,
    pub error_share: Vec<f64>,
    pub p50_ms: Vec<Option<f64>>,
    pub p99_ms: Vec<Option<f64>>,
}

pub fn document<'a>(upstream: &'a str, points: &Points, now: Now) -> Document<'a> {
    let backends = points.backends.iter().map(|(id, figures)| {
        let points: Vec<Traffic> = figures.iter().map(|figures| traffic(*figures)).collect();
        Backend {
            address: id.address.to_string(),
            requests_per_second: points.iter().map(|point| point.requests_per_second).collect(),
            error_share: points.iter().map(|point| point.error_share).collect(),
            p50_ms: points.iter().map(|point| point.p50_ms).collect(),
            p99_ms: points.iter().map(|point| point.p99_ms).collect(),
        }
    });
    Document {
        timestamp: now.date(now.at),
        upstream,
        period_ms: millis(PERIOD),
        samples: points.samples,
        backends: backends.collect(),
    }
}
