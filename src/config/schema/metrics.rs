//! What may be written under `metrics`?

use schemars::JsonSchema;
use serde::Deserialize;

/// Metrics. Who asks for them chooses the format: Prometheus' text, OpenMetrics, or protocol buffers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MetricsSpec {
    /// Histograms have native buckets too (exponential, schema 3: quantiles true to 9 % without choosing buckets), served as protocol buffers to a
    /// Prometheus that asks for them; the classic buckets stay. A change begins the histograms anew. Default: `false`.
    #[serde(default)]
    pub native_histograms: bool,
}
