//! Beside what really happened: ejections, flaps, and how long each backend was out, both ways.

use super::play::Replayed;
use super::read::{Recorded, Transition};
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::health::standing::Cause;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A return that ends within this time was none.
const FLAP: Duration = Duration::from_secs(60);

/// One backend, both ways.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub really: Figures,
    pub replayed: Figures,
    /// Failed attempts that it would not have got, and good ones.
    pub avoided: u64,
    pub moved: u64,
    /// How long it would have been in while it was really out: what requests would have met then is not known.
    pub blind: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub ejections: u64,
    pub flaps: u64,
    /// Not eligible, after its first verdict.
    pub out: Duration,
}

/// Every backend that either of them names.
pub(super) fn rows(recorded: &Recorded, replayed: &Replayed) -> BTreeMap<BackendId, Row> {
    let names = recorded.transitions.iter().chain(&replayed.transitions).map(|one| one.backend.clone());
    let names: BTreeSet<BackendId> = names.collect();
    let row = |id: &BackendId| {
        let really = spans(&recorded.transitions, id, recorded.until);
        let would = spans(&replayed.transitions, id, recorded.until);
        Row {
            really: figures(&recorded.transitions, &recorded.ejections, id, &really),
            replayed: figures(&replayed.transitions, &replayed.ejections, id, &would),
            avoided: replayed.avoided.get(id).copied().unwrap_or_default(),
            moved: replayed.moved.get(id).copied().unwrap_or_default(),
            blind: beyond(&really, &would),
        }
    };
    names.iter().map(|id| (id.clone(), row(id))).collect()
}

/// When it was out.
fn spans(transitions: &[Transition], id: &BackendId, until: Duration) -> Vec<(Duration, Duration)> {
    let mut spans = Vec::new();
    let mut since = None;
    for one in transitions.iter().filter(|one| one.backend == *id) {
        match (one.to.eligible(), since) {
            (false, None) => since = Some(one.at),
            (true, Some(began)) => {
                spans.push((began, one.at));
                since = None;
            }
            _ => {}
        }
    }
    spans.extend(since.map(|began| (began, until.max(began))));
    spans
}

fn figures(
    transitions: &[Transition],
    ejections: &[(Duration, BackendId)],
    id: &BackendId,
    out: &[(Duration, Duration)],
) -> Figures {
    let mut returned = None;
    let mut flaps = 0;
    for one in transitions.iter().filter(|one| one.backend == *id) {
        match (one.from.eligible(), one.to.eligible()) {
            (false, true) if !matches!(one.from, Cause::Unchecked | Cause::Starting) => returned = Some(one.at),
            (true, false) => {
                flaps += u64::from(returned.take().is_some_and(|since| one.at.saturating_sub(since) < FLAP))
            }
            _ => {}
        }
    }
    Figures {
        ejections: ejections.iter().filter(|(_, backend)| backend == id).count() as u64,
        flaps,
        out: out.iter().map(|(from, until)| until.saturating_sub(*from)).sum(),
    }
}

/// How much of `these` lies outside of `those`.
fn beyond(these: &[(Duration, Duration)], those: &[(Duration, Duration)]) -> Duration {
    let whole: Duration = these.iter().map(|(from, until)| until.saturating_sub(*from)).sum();
    let common = these.iter().flat_map(|one| those.iter().map(move |other| (one, other)));
    let common: Duration = common.map(|(one, other)| one.1.min(other.1).saturating_sub(one.0.max(other.0))).sum();
    whole.saturating_sub(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_one_list_outside_of_the_other() {
        let s = Duration::from_secs;
        assert_eq!(beyond(&[(s(1), s(5)), (s(8), s(9))], &[(s(3), s(8))]), s(3));
        assert_eq!(beyond(&[(s(1), s(5))], &[]), s(4));
        assert_eq!(beyond(&[], &[(s(1), s(5))]), s(0));
    }
}
