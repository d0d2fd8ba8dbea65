//! How are metrics served?

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricsPlan {
    /// Histograms have native buckets beside the classic ones.
    pub native_histograms: bool,
}
