//! How is a backend's history written down for another process? In words, since that one may not know every kind of event; and no more
//! than has room when there are many backends.

use crate::telemetry::event;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::KnownEvent;
use pulsegate_core::health::event::{PastEvent, Remembered};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Entries of one kind that are handed over for all backends together: some 20 MB in the worst case.
const BUDGET: usize = 40_000;

/// How many entries of a kind each backend may hand over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room(usize);

impl Room {
    pub(super) fn for_backends(backends: usize) -> Self {
        Self((BUDGET / backends.max(1)).max(1))
    }

    /// The newest that have room.
    pub(super) fn of<T>(self, entries: &[T]) -> &[T] {
        entries.get(entries.len().saturating_sub(self.0)..).unwrap_or_default()
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct Entry {
    id: String,
    ago: u64,
    event: String,
    message: String,
    details: Vec<(String, String)>,
}

pub(super) fn write(history: &[KnownEvent]) -> Vec<Entry> {
    let entry = |known: &KnownEvent| {
        let PastEvent { id, event, message, details, .. } = event::told(&known.event);
        Entry { id, ago: u64::try_from(known.ago.as_nanos()).unwrap_or(u64::MAX), event, message, details }
    };
    history.iter().map(entry).collect()
}

pub(super) fn read(entries: Vec<Entry>) -> Vec<KnownEvent> {
    let known = |Entry { id, ago, event, message, details }| KnownEvent {
        ago: Duration::from_nanos(ago),
        event: Remembered::Past(PastEvent { id, at: Timestamp::ZERO, event, message, details }),
    };
    entries.into_iter().map(known).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use pulsegate_core::base::identity::{Address, BackendId};
    use pulsegate_core::health::event::{Event, EventKind, Run};

    pub(in crate::runtime::upgrade) fn told(ago: u64) -> KnownEvent {
        let told = PastEvent {
            id: "0k3f9a-42".to_owned(),
            at: Timestamp::ZERO,
            event: "backend.transition".to_owned(),
            message: "up -> down: answered 500".to_owned(),
            details: vec![("to".to_owned(), "down".to_owned())],
        };
        KnownEvent { ago: Duration::from_secs(ago), event: Remembered::Past(told) }
    }

    #[test]
    fn an_event_goes_on_in_words_under_its_id() {
        let backend = BackendId { upstream: "pool".into(), address: Address::Unix("/run/app.sock".into()) };
        let kind = EventKind::ProbeHint { backend, hint: "answered 404".to_owned() };
        let event = Event { run: Run::of(7), id: 3, at: Timestamp::from_secs(9), kind };
        let known = KnownEvent { ago: Duration::from_secs(1), event: Remembered::Own(event.clone()) };
        let read = read(write(&[known]));
        assert_eq!(read[0].event.full_id(), event.full_id());
        let Remembered::Past(told) = &read[0].event else { panic!("{read:?}") };
        assert_eq!((&*told.event, &*told.message), ("backend.probe_hint", "answered 404"));
    }

    #[test]
    fn many_backends_hand_over_less_each() {
        let entries: Vec<u32> = (0..32).collect();
        assert_eq!(Room::for_backends(0).of(&entries).len(), 32);
        assert_eq!(Room::for_backends(10_000).of(&entries), [28, 29, 30, 31]);
        assert_eq!(Room::for_backends(1_000_000).of(&entries), [31]);
    }
}
