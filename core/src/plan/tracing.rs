//! Which requests are traced, and who gets the traces?

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct TracingPlan {
    pub otlp: OtlpPlan,
    /// Of the traces that begin here, the share that is recorded.
    pub ratio: f64,
    /// Of the probes, the share that is traced.
    pub probes: f64,
    /// What a client's `traceparent` says of being sampled holds here, too.
    pub follow_parent: bool,
    /// Our name in the traces.
    pub service: String,
}

impl TracingPlan {
    pub fn to(otlp: OtlpPlan) -> Self {
        Self { otlp, ratio: 0.01, probes: 0.0, follow_parent: true, service: "pulsegate".to_owned() }
    }
}

/// Where spans go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpPlan {
    /// The address that is asked, with its path.
    pub endpoint: String,
    pub protocol: OtlpProtocol,
    pub headers: Vec<(String, Hidden)>,
    /// PEM file of the collector's CA; `None` = the system's roots.
    pub ca: Option<PathBuf>,
    /// Of one export.
    pub timeout: Duration,
}

impl OtlpPlan {
    pub fn to(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            protocol: OtlpProtocol::default(),
            headers: Vec::new(),
            ca: None,
            timeout: Duration::from_secs(10),
        }
    }

    pub fn is_tls(&self) -> bool {
        self.endpoint.starts_with("https:")
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// Protobuf over HTTP/1.1.
    #[default]
    Http,
    Grpc,
}

/// A value that may be a secret: shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_encrypted_where_its_scheme_says_so() {
        for (endpoint, is_tls) in [
            ("https://collector:4318", true),
            ("http://collector:4318", false),
            ("http://https:4318", false),
            ("httpsx://collector", false),
        ] {
            assert_eq!(OtlpPlan::to(endpoint).is_tls(), is_tls, "{endpoint}");
        }
    }

    #[test]
    fn a_hidden_value_is_in_nothing_that_is_shown_of_its_plan() {
        let plan = OtlpPlan {
            headers: vec![("authorization".to_owned(), Hidden("s3cret".to_owned()))],
            ..OtlpPlan::to("http://a")
        };
        assert!(!format!("{plan:?} {plan:#?}").contains("s3cret"));
    }
}
