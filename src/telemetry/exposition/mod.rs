//! What is served at `/metrics`, and in which format? Families of series of one moment, written for whoever asks.
//!
//! Three formats of the same families: Prometheus' text and OpenMetrics' ([`text`]), and Prometheus' protocol buffers ([`protobuf`]), the only
//! one that has a place for native histograms. Which one is served, the request's Accept says ([`accept`]).

mod accept;
mod protobuf;
mod text;

pub use accept::Format;

use super::histogram::Picture;
use super::table::Metric;
use std::borrow::Cow;

/// A row of the table and its series.
#[derive(Debug)]
pub struct Family<'a> {
    pub metric: &'static Metric,
    pub series: Vec<Series<'a>>,
    /// The places of the row's labels, in the order of their names.
    order: Vec<usize>,
}

#[derive(Debug)]
pub struct Series<'a> {
    /// In the order of their names.
    pub labels: Vec<(&'a str, Cow<'a, str>)>,
    pub value: Value,
}

#[derive(Debug)]
pub enum Value {
    Number(f64),
    Histogram(Picture),
}

impl<'a> Family<'a> {
    pub fn of(metric: &'static Metric) -> Self {
        let mut order: Vec<usize> = (0..metric.labels.len()).collect();
        order.sort_by_key(|place| metric.labels.get(*place).map(|label| label.name()));
        Self { metric, series: Vec::new(), order }
    }

    /// One series more; its labels as the row names them.
    pub fn push<const N: usize>(&mut self, labels: [Cow<'a, str>; N], value: Value) {
        let label = |place: &usize| Some((self.metric.labels.get(*place)?.name(), labels.get(*place)?.clone()));
        self.series.push(Series { labels: self.order.iter().filter_map(label).collect(), value });
    }

    /// As [`Self::push`], of labels that live long enough and a number.
    pub fn number<const N: usize>(&mut self, labels: [&'a str; N], number: f64) {
        self.push(labels.map(Cow::Borrowed), Value::Number(number));
    }
}

/// The families, sorted by name; those without series are left out.
pub fn write(mut families: Vec<Family<'_>>, format: Format) -> Vec<u8> {
    families.retain(|family| !family.series.is_empty());
    families.sort_by_key(|family| family.metric.name);
    match format {
        Format::Text => text::prometheus(&families).into_bytes(),
        Format::OpenMetrics => text::open_metrics(&families).into_bytes(),
        Format::Protobuf => protobuf::delimited(&families),
    }
}

#[cfg(test)]
mod tests;
