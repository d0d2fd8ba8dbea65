//! How much of what happened is handed over, and in which words? In those of the log, since another process may not know every kind of
//! event; and no more than has room when there are many backends.

use crate::telemetry::event;
use pulsegate_core::board::{Handover, ProbesState};
use pulsegate_core::health::event::Remembered;

/// Entries of one kind that are handed over for all backends together: some 20 MB in the worst case.
const BUDGET: usize = 40_000;

/// How many entries of a kind each backend may hand over.
#[derive(Clone, Copy, Debug)]
struct Room(usize);

impl Room {
    fn for_backends(backends: usize) -> Self {
        Self((BUDGET / backends.max(1)).max(1))
    }

    /// Keeps the newest that have room.
    fn keep<T>(self, entries: &mut Vec<T>) {
        entries.drain(..entries.len().saturating_sub(self.0));
    }
}

/// Puts what happened into words, as far as there is room for it.
pub(super) fn tell(handover: &mut Handover) {
    let room = Room::for_backends(handover.backends.len());
    for backend in &mut handover.backends {
        room.keep(&mut backend.history);
        for state in &mut backend.history {
            state.event = Remembered::Past(event::told(&state.event));
        }
        let ProbesState { check, life } = &mut backend.probes;
        let checks = [check, &mut life.startup, &mut life.liveness];
        checks.into_iter().flatten().for_each(|check| room.keep(&mut check.log.before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsegate_core::base::identity::{Address, BackendId};
    use pulsegate_core::base::time::Timestamp;
    use pulsegate_core::board::{Board, EventState, Input, Steering};
    use pulsegate_core::health::order::{Order, Steer};
    use std::path::Path;
    use std::sync::Arc;

    /// Of a board whose one backend was drained, so that something has happened.
    fn a_handover() -> Handover {
        let upstreams = "upstreams: { pool: { backends: [\"unix:/run/app.sock\"] } }";
        let yaml = format!("listeners: [{{ address: 127.0.0.1:1 }}]\nroutes: [{{ upstream: pool }}]\n{upstreams}\n");
        let plan = Arc::new(crate::config::load_text(&yaml, Path::new("/")).unwrap().plan);
        let mut board = Board::new(7, Timestamp::ZERO);
        board.handle(Input::Reconfigure(plan), Timestamp::ZERO);
        let backend = BackendId { upstream: "pool".into(), address: Address::Unix("/run/app.sock".into()) };
        let what = Steer::Order(Order::Drain);
        let steering = Steering { backend, what, by: "ops".into(), lasts: None, reason: None };
        board.steer(&steering, Timestamp::ZERO).unwrap();
        board.handover(Timestamp::from_secs(1))
    }

    #[test]
    fn an_event_goes_on_in_words_under_its_id() {
        let mut handover = a_handover();
        let before: Vec<String> = handover.backends[0].history.iter().map(|state| state.event.full_id()).collect();
        tell(&mut handover);
        let told = |state: &EventState| match &state.event {
            Remembered::Past(told) => (told.id.clone(), told.event.clone(), told.message.clone()),
            Remembered::Own(event) => panic!("{event:?}"),
        };
        let told: Vec<_> = handover.backends[0].history.iter().map(told).collect();
        assert_eq!(told[0], (before[0].clone(), "backend.steered".to_owned(), "drain by ops".to_owned()));
        assert_eq!(told.iter().map(|(id, ..)| id.clone()).collect::<Vec<_>>(), before);
    }

    #[test]
    fn many_backends_hand_over_less_each() {
        let kept = |backends| {
            let mut entries: Vec<u32> = (0..32).collect();
            Room::for_backends(backends).keep(&mut entries);
            entries
        };
        assert_eq!(kept(0).len(), 32);
        assert_eq!(kept(10_000), [28, 29, 30, 31]);
        assert_eq!(kept(1_000_000), [31]);
    }
}
