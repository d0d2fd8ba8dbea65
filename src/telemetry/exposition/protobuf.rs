//! How do families look as protocol buffers? As messages of `io.prometheus.client`, each with its length in front.
//!
//! The message types are ours, with the public numbers of their fields: a handful, which do not change; what we never send is left out.

use super::{Family, Series, Value, text};
use crate::telemetry::histogram::{self, Picture, Sparse};
use crate::telemetry::table::Kind;
use prost::Message;

pub fn delimited(families: &[Family<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for family in families {
        bytes.extend(message(family).encode_length_delimited_to_vec());
    }
    bytes
}

fn message(family: &Family<'_>) -> MetricFamily {
    let (name, kind) = (family.metric.name, family.metric.kind);
    MetricFamily {
        name: name.to_owned(),
        help: family.metric.help.to_owned(),
        kind: match kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram(_) => MetricType::Histogram,
        }
        .into(),
        metric: family.series.iter().map(|series| metric(series, kind)).collect(),
        unit: text::unit(name.strip_suffix("_total").unwrap_or(name)).unwrap_or_default().to_owned(),
    }
}

fn metric(series: &Series<'_>, kind: Kind) -> Metric {
    let label = series
        .labels
        .iter()
        .map(|(name, value)| LabelPair { name: (*name).to_owned(), value: value.clone().into_owned() });
    let empty = Metric { label: label.collect(), ..Metric::default() };
    match &series.value {
        Value::Number(value) if kind == Kind::Counter => Metric { counter: Some(Number { value: *value }), ..empty },
        Value::Number(value) => Metric { gauge: Some(Number { value: *value }), ..empty },
        Value::Histogram(picture) => Metric { histogram: Some(histogram(picture)), ..empty },
    }
}

fn histogram(picture: &Picture) -> Histogram {
    let mut cumulative_count = 0;
    let bucket = picture.buckets.iter().filter(|(upper_bound, _)| upper_bound.is_finite());
    let bucket = bucket.map(|(upper_bound, held)| {
        cumulative_count += held;
        Bucket { cumulative_count, upper_bound: *upper_bound }
    });
    let classic = Histogram {
        sample_count: picture.count(),
        sample_sum: picture.sum,
        bucket: bucket.collect(),
        ..Histogram::default()
    };
    match &picture.native {
        None => classic,
        Some(native) => Histogram {
            // Prometheus refuses a native histogram whose buckets do not add up to its count.
            sample_count: native.count,
            schema: Some(histogram::SCHEMA),
            zero_threshold: Some(Sparse::ZERO_THRESHOLD),
            zero_count: Some(native.zero),
            positive_span: native
                .spans
                .iter()
                .map(|(offset, length)| Span { offset: *offset, length: *length })
                .collect(),
            positive_delta: native.deltas.clone(),
            ..classic
        },
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricFamily {
    #[prost(string, required, tag = "1")]
    pub name: String,
    #[prost(string, required, tag = "2")]
    pub help: String,
    #[prost(enumeration = "MetricType", required, tag = "3")]
    pub kind: i32,
    #[prost(message, repeated, tag = "4")]
    pub metric: Vec<Metric>,
    #[prost(string, required, tag = "5")]
    pub unit: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum MetricType {
    Counter = 0,
    Gauge = 1,
    Histogram = 4,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    pub counter: Option<Number>,
    #[prost(message, optional, tag = "7")]
    pub histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LabelPair {
    #[prost(string, required, tag = "1")]
    pub name: String,
    #[prost(string, required, tag = "2")]
    pub value: String,
}

/// A gauge's and a counter's value: both are field 1.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Number {
    #[prost(double, required, tag = "1")]
    pub value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(uint64, required, tag = "1")]
    pub sample_count: u64,
    #[prost(double, required, tag = "2")]
    pub sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    pub schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    pub zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    pub zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    pub positive_span: Vec<Span>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    pub positive_delta: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Bucket {
    #[prost(uint64, required, tag = "1")]
    pub cumulative_count: u64,
    #[prost(double, required, tag = "2")]
    pub upper_bound: f64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Span {
    #[prost(sint32, required, tag = "1")]
    pub offset: i32,
    #[prost(uint32, required, tag = "2")]
    pub length: u32,
}
