//! What happened to one backend lately? Its last events, also across reloads, absences and another binary.

use crate::base::time::Timestamp;
use crate::health::event::{Event, Remembered};
use std::collections::VecDeque;
use std::time::Duration;

/// Events kept per backend.
const KEPT: usize = 32;

/// In the one [`order`], whichever way they came, at most [`KEPT`]: what was forgotten and is told again is forgotten again.
#[derive(Debug, Default)]
pub(in crate::board) struct History(VecDeque<Remembered>);

/// An event of so long `ago`, for another process. The moment within it is by the clock of the process that told it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct EventState {
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub ago: Duration,
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub event: Remembered,
}

impl History {
    pub(in crate::board) fn note(&mut self, event: Event) {
        self.push(Remembered::Own(event));
    }

    fn push(&mut self, entry: Remembered) {
        let before = |kept: &Remembered| kept.at() < entry.at() || order(kept) <= order(&entry);
        let place = self.0.iter().rposition(before).map_or(0, |last| last + 1);
        self.0.insert(place, entry);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    pub(super) fn shown(&self) -> Vec<Remembered> {
        self.0.iter().cloned().collect()
    }

    /// Oldest first.
    pub(in crate::board) fn export(&self, now: Timestamp) -> Vec<EventState> {
        self.0.iter().map(|entry| EventState { ago: now.since(entry.at()), event: entry.clone() }).collect()
    }

    /// Learns what another process knew. What is known already is not told twice.
    pub(in crate::board) fn import(&mut self, states: &[EventState], now: Timestamp) {
        let own: Vec<String> = self.0.iter().map(Remembered::full_id).collect();
        let news = states.iter().filter(|state| !own.contains(&state.event.full_id()));
        news.for_each(|state| self.push(state.event.clone().moved(now - state.ago)));
    }
}

/// By time, and what happened at one moment of a run by its ids.
fn order(entry: &Remembered) -> (Timestamp, String, u64) {
    let id = entry.full_id();
    let (run, number) = id.rsplit_once('-').unwrap_or((&id, ""));
    (entry.at(), run.to_owned(), number.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::event::{EventKind, Run};

    fn event(run: u64, id: u64) -> Event {
        let kind = EventKind::FirstRoundDone { took: Duration::ZERO };
        Event { run: Run::of(run), id, at: Timestamp::from_secs(id), kind }
    }

    fn ids(history: &History) -> Vec<u64> {
        let id = |entry: Remembered| entry.full_id().rsplit('-').next().and_then(|id| id.parse().ok());
        history.shown().into_iter().filter_map(id).collect()
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut history = History::default();
        (1..=40).for_each(|id| history.note(event(1, id)));
        assert_eq!(ids(&history), (9..=40).collect::<Vec<_>>());
    }

    #[test]
    fn another_process_is_learned_from_once_and_by_its_own_ids() {
        let (mut old, mut new) = (History::default(), History::default());
        (1..=3).for_each(|id| old.note(event(1, id)));
        // A clock that is 100 s ahead.
        let known = old.export(Timestamp::from_secs(4));
        new.import(&known, Timestamp::from_secs(104));
        new.note(Event { at: Timestamp::from_secs(105), ..event(2, 1) });
        new.import(&known, Timestamp::from_secs(104));
        assert_eq!(ids(&new), [1, 2, 3, 1]);
        assert_eq!(new.shown()[0].at(), Timestamp::from_secs(101));
        old.note(event(1, 4));
        new.import(&old.export(Timestamp::from_secs(5)), Timestamp::from_secs(105));
        assert_eq!(ids(&new), [1, 2, 3, 4, 1], "in the order in which it happened");
    }

    #[test]
    fn entries_of_one_moment_are_forgotten_in_their_order() {
        let (mut old, mut new) = (History::default(), History::default());
        (1..=32).for_each(|id| old.note(Event { at: Timestamp::from_secs(9), ..event(1, id) }));
        let known = old.export(Timestamp::from_secs(9));
        new.import(&known, Timestamp::from_secs(9));
        new.note(Event { at: Timestamp::from_secs(10), ..event(2, 1) });
        let before = ids(&new);
        new.import(&known, Timestamp::from_secs(9));
        assert_eq!(ids(&new), before);
    }
}
