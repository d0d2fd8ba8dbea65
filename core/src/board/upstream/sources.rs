//! Which backends does an upstream have? The union of what its sources said last.
//!
//! An empty or failed answer keeps the last set: a name that resolves to nothing for a moment must not empty a pool.

use crate::board::contract::discovery::Found;
use crate::board::why::source::Kept;
use crate::plan::{SourceId, SourcePlan, UpstreamPlan};
use std::sync::Arc;

/// The sources of one upstream, by position.
#[derive(Debug, Default)]
pub(in crate::board) struct Sources(Vec<Source>);

#[derive(Debug)]
struct Source {
    plan: SourcePlan,
    found: Vec<Found>,
    /// It gave an answer, whichever.
    answered: bool,
    /// Why the last set was kept, as it was reported.
    kept_because: Option<Kept>,
}

/// The last set that a source found, for another process.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct SourceState {
    pub upstream: Arc<str>,
    pub source: SourceId,
    pub found: Vec<Found>,
}

impl Sources {
    /// Takes a new plan over. A source that is asked keeps what it found, even under a changed definition, until it answers anew: a
    /// reload that changes an interval must not empty the pool. An unchanged source is known wherever it stands now.
    pub(in crate::board) fn reconfigure(&mut self, plan: &UpstreamPlan) {
        let mut old: Vec<Option<Source>> = std::mem::take(&mut self.0).into_iter().map(Some).collect();
        let unchanged: Vec<Option<Source>> = plan.sources.iter().map(|source| take_equal(&mut old, source)).collect();
        self.0 = unchanged
            .into_iter()
            .zip(&plan.sources)
            .enumerate()
            .map(|(position, (unchanged, source))| {
                let redefined = || old.get_mut(position)?.take()?.redefined(source);
                unchanged.or_else(redefined).unwrap_or_else(|| Source::new(source))
            })
            .collect();
    }

    /// What each source that is asked found last.
    pub(in crate::board) fn export(&self, upstream: &Arc<str>) -> Vec<SourceState> {
        let asked = |source: &&Source| !matches!(source.plan, SourcePlan::Static(_)) && !source.found.is_empty();
        let state = |source: &Source| SourceState {
            upstream: Arc::clone(upstream),
            source: source.plan.id(),
            found: source.found.clone(),
        };
        self.0.iter().filter(asked).map(state).collect()
    }

    /// What another process found stays until this one has an answer of its own.
    pub(in crate::board) fn import(&mut self, upstream: &str, states: &[SourceState]) {
        for source in self.0.iter_mut().filter(|source| !source.answered) {
            let id = source.plan.id();
            let before = states.iter().find(|state| *state.upstream == *upstream && state.source == id);
            if let Some(before) = before {
                source.found.clone_from(&before.found);
            }
        }
    }

    /// Takes an answer; `Err` says of which source the last set stays, and why, once per reason. `Ok(true)`: the set may have changed.
    pub(in crate::board) fn answer(
        &mut self,
        position: usize,
        answer: Result<Vec<Found>, String>,
    ) -> Result<bool, (SourceId, Kept)> {
        let Some(source) = self.0.get_mut(position) else { return Ok(false) };
        let first = !std::mem::replace(&mut source.answered, true);
        let why = match answer {
            Ok(found) if !found.is_empty() => {
                source.kept_because = None;
                let changed = first || source.found != found;
                source.found = found;
                return Ok(changed);
            }
            Ok(_) => Kept::NothingFound,
            Err(why) => Kept::Failed(why),
        };
        if source.kept_because.as_ref() == Some(&why) {
            return Ok(first);
        }
        source.kept_because = Some(why.clone());
        Err((source.plan.id(), why))
    }

    /// Every backend once; where two sources name one address, the first wins.
    pub(in crate::board) fn union(&self) -> Vec<Found> {
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

    pub(in crate::board) fn all_answered(&self) -> bool {
        self.0.iter().all(|source| source.answered)
    }
}

fn take_equal(old: &mut [Option<Source>], plan: &SourcePlan) -> Option<Source> {
    old.iter_mut().find(|slot| slot.as_ref().is_some_and(|old| old.plan == *plan)).and_then(Option::take)
}

impl Source {
    /// The same kind of question in other words: what was found stays until the new question is answered.
    fn redefined(self, plan: &SourcePlan) -> Option<Self> {
        let asked = matches!(
            (&self.plan, plan),
            (SourcePlan::Dns(_), SourcePlan::Dns(_)) | (SourcePlan::File { .. }, SourcePlan::File { .. })
        );
        asked.then(|| Self { plan: plan.clone(), ..self })
    }

    fn new(plan: &SourcePlan) -> Self {
        let found = match plan {
            SourcePlan::Static(backends) => backends
                .iter()
                .map(|backend| Found {
                    address: backend.address.clone(),
                    weight: backend.weight,
                    backup: backend.backup,
                })
                .collect(),
            SourcePlan::Dns(_) | SourcePlan::File { .. } => Vec::new(),
        };
        Self { plan: plan.clone(), found, answered: matches!(plan, SourcePlan::Static(_)), kept_because: None }
    }
}
