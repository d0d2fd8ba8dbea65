//! Which backends does an upstream have? The union of what its sources said last.
//!
//! An empty or failed answer keeps the last set: a name that resolves to nothing for a moment must not empty a pool.

use super::contract::Found;
use crate::domain::plan::{SourcePlan, UpstreamPlan};

/// The sources of one upstream, by position.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<Source>);

#[derive(Debug)]
struct Source {
    plan: SourcePlan,
    found: Vec<Found>,
    /// It gave an answer, whichever.
    answered: bool,
    /// Why the last set was kept, as it was reported.
    kept_because: Option<String>,
}

impl Sources {
    /// Takes a new plan over: a source at the same position that is unchanged keeps what it found.
    pub(super) fn reconfigure(&mut self, plan: &UpstreamPlan) {
        let mut old: Vec<Option<Source>> = std::mem::take(&mut self.0).into_iter().map(Some).collect();
        self.0 = plan
            .sources
            .iter()
            .enumerate()
            .map(|(position, source)| {
                let kept = old.get_mut(position).and_then(Option::take).filter(|old| old.plan == *source);
                kept.unwrap_or_else(|| Source::new(source))
            })
            .collect();
    }

    /// Takes an answer; `Err` says, once per text, why the last set stays. `Ok(true)`: the set may have changed.
    pub(super) fn answer(&mut self, position: usize, answer: Result<Vec<Found>, String>) -> Result<bool, Kept> {
        let Some(source) = self.0.get_mut(position) else { return Ok(false) };
        let first = !std::mem::replace(&mut source.answered, true);
        let why = match answer {
            Ok(found) if !found.is_empty() => {
                source.kept_because = None;
                let changed = first || source.found != found;
                source.found = found;
                return Ok(changed);
            }
            Ok(_) => "answered with no backend at all".to_owned(),
            Err(why) => why,
        };
        if source.kept_because.as_deref() == Some(&why) {
            return Ok(first);
        }
        source.kept_because = Some(why.clone());
        Err(Kept { source: describe(&source.plan), why })
    }

    /// Every backend once; where two sources name one address, the first wins.
    pub(super) fn union(&self) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for found in self.0.iter().flat_map(|source| &source.found) {
            if seen.insert(&found.address) {
                all.push(found.clone());
            }
        }
        all.sort_by(|a, b| a.address.cmp(&b.address));
        all
    }

    pub(super) fn all_answered(&self) -> bool {
        self.0.iter().all(|source| source.answered)
    }
}

/// Why a source's last set stays.
pub(super) struct Kept {
    pub source: String,
    pub why: String,
}

impl Source {
    fn new(plan: &SourcePlan) -> Self {
        let found = match plan {
            SourcePlan::Static(backends) => backends
                .iter()
                .map(|backend| Found { address: backend.address.clone(), weight: backend.weight, backup: backend.backup })
                .collect(),
            SourcePlan::Dns(_) | SourcePlan::File { .. } => Vec::new(),
        };
        Self { plan: plan.clone(), found, answered: matches!(plan, SourcePlan::Static(_)), kept_because: None }
    }
}

fn describe(plan: &SourcePlan) -> String {
    use crate::domain::plan::DnsQuery;
    match plan {
        SourcePlan::Static(_) => "the configuration".to_owned(),
        SourcePlan::Dns(dns) => match &dns.query {
            DnsQuery::Host { name, port } => format!("dns {name}:{port}"),
            DnsQuery::Srv { name } => format!("srv {name}"),
        },
        SourcePlan::File { path, .. } => format!("file {}", path.display()),
    }
}
