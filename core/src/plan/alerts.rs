//! What is in force for alerts: how they are grouped, and who gets which.

use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertsPlan {
    /// From a group's first condition to its first message: what belongs together comes together.
    pub group_wait: Duration,
    /// Between two messages of a group that has been told of something.
    pub group_interval: Duration,
    /// How soon what still holds is told once more; `None` = never.
    pub repeat_interval: Option<Duration>,
    pub flapping: FlappingPlan,
    /// Who tells, in every message and in the keys by which receivers know one again.
    pub source: Arc<str>,
    pub routes: Vec<AlertRoute>,
}

/// When is a condition that comes and goes called flapping?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlappingPlan {
    /// So many times it began or ended…
    pub transitions: u32,
    /// …within this. After so long without another it has settled.
    pub within: Duration,
}

impl Default for FlappingPlan {
    fn default() -> Self {
        Self { transitions: 4, within: Duration::from_secs(120) }
    }
}

/// Who gets which. Every route that matches counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertRoute {
    /// Empty = all, and what belongs to no upstream.
    pub upstreams: Vec<Arc<str>>,
    /// Empty = all.
    pub severities: Vec<Severity>,
    pub receivers: Vec<Arc<str>>,
}

impl AlertRoute {
    pub fn takes(&self, upstream: Option<&str>, severity: Severity) -> bool {
        let named = |upstream: &str| self.upstreams.iter().any(|name| &**name == upstream);
        (self.upstreams.is_empty() || upstream.is_some_and(named))
            && (self.severities.is_empty() || self.severities.contains(&severity))
    }
}

impl Default for AlertsPlan {
    /// Nobody is told.
    fn default() -> Self {
        Self {
            group_wait: Duration::from_secs(5),
            group_interval: Duration::from_secs(60),
            repeat_interval: Some(Duration::from_secs(4 * 60 * 60)),
            flapping: FlappingPlan::default(),
            source: "pulsegate".into(),
            routes: Vec::new(),
        }
    }
}

/// How grave a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// To be looked at by day: clients hardly notice.
    Warning,
    /// Clients are hurt, or the next loss hurts them: wake somebody.
    Critical,
}

impl Severity {
    pub const ALL: [Self; 2] = [Self::Warning, Self::Critical];

    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The upstreams and severities that a route names; what it is asked about: does it take it?
    #[test]
    fn a_route_takes_what_it_names_and_everything_where_it_names_nothing() {
        use Severity::{Critical, Warning};
        for (upstreams, severities, upstream, severity, takes) in [
            (&[][..], &[][..], Some("a"), Warning, true),
            // What belongs to no upstream goes to routes that name none.
            (&[], &[], None, Critical, true),
            (&["a"], &[], None, Critical, false),
            (&["a", "b"], &[], Some("b"), Warning, true),
            (&["a", "b"], &[], Some("c"), Critical, false),
            (&[], &[Critical], Some("a"), Critical, true),
            (&[], &[Critical], Some("a"), Warning, false),
            (&["a"], &[Critical], Some("a"), Warning, false),
            (&["a"], &[Critical], Some("b"), Critical, false),
            (&["a"], &[Critical], Some("a"), Critical, true),
        ] {
            let route = AlertRoute {
                upstreams: upstreams.iter().map(|name| Arc::from(*name)).collect(),
                severities: severities.to_vec(),
                receivers: Vec::new(),
            };
            assert_eq!(route.takes(upstream, severity), takes, "{route:?}: {upstream:?} {severity:?}");
        }
    }
}
