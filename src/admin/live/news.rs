//! What happened lately? The newest events of all upstreams, in the words of the log; bounded.

use crate::admin::view::Now;
use crate::telemetry::event;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::UpstreamReport;
use pulsegate_core::health::event::{Event, Remembered};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Events that a page begins with, and that one message has at most.
pub const KEPT: usize = 200;

/// An event, told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct News {
    pub id: String,
    /// Milliseconds since 1970.
    pub at: u64,
    pub event: String,
    /// `None`: another process told it.
    pub level: Option<&'static str>,
    pub message: String,
    pub upstream: Option<String>,
    pub backend: Option<String>,
    pub details: BTreeMap<String, String>,
}

/// The newest of them, newest last.
#[derive(Debug, Default)]
pub struct Timeline {
    newest: VecDeque<News>,
    /// The histories of the backends are in it.
    complete: bool,
}

impl Timeline {
    pub fn newest(&self) -> &VecDeque<News> {
        &self.newest
    }

    pub fn push(&mut self, news: News) {
        if self.newest.len() == KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(news);
    }

    /// Once, when somebody looks for the first time: what the backends remember from before we listened.
    pub fn complete(&mut self, reports: &[UpstreamReport], now: Now) {
        if std::mem::replace(&mut self.complete, true) {
            return;
        }
        let mut remembered: Vec<(Timestamp, &BackendId, &Remembered)> = Vec::new();
        for backend in reports.iter().flat_map(|upstream| &upstream.backends) {
            remembered.extend(backend.history.iter().map(|entry| (entry.at(), &backend.id, entry)));
        }
        remembered.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        let known: BTreeSet<String> = self.newest.iter().map(|news| news.id.clone()).collect();
        let told = remembered.into_iter().take(KEPT).map(|(_, id, entry)| told(id, entry, now));
        self.newest.extend(told.filter(|news| !known.contains(&news.id)));
        self.newest.make_contiguous().sort_by_key(|news| (news.at, number(&news.id)));
        while self.newest.len() > KEPT {
            self.newest.pop_front();
        }
    }
}

/// An event of this process, with its level.
pub fn own(happened: &Event, now: Now) -> News {
    let (line, _) = event::tell(happened);
    let mut details: BTreeMap<String, String> =
        line.fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    details.remove("event_id");
    News {
        id: happened.full_id(),
        at: now.unix_ms(happened.at),
        event: line.name.to_owned(),
        level: Some(line.level.as_str()),
        message: line.message,
        upstream: details.remove("upstream"),
        backend: details.remove("backend"),
        details,
    }
}

fn told(backend: &BackendId, entry: &Remembered, now: Now) -> News {
    match entry {
        Remembered::Own(event) => own(event, now),
        Remembered::Past(told) => News {
            id: told.id.clone(),
            at: now.unix_ms(told.at),
            event: told.event.clone(),
            level: None,
            message: told.message.clone(),
            upstream: Some(backend.upstream.to_string()),
            backend: Some(backend.address.to_string()),
            details: told.details.iter().cloned().collect(),
        },
    }
}

/// What happened in one millisecond is in the order of its ids.
fn number(id: &str) -> u64 {
    id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::samples::{backend, pool};
    use pulsegate_core::health::event::{EventKind, Run};
    use pulsegate_core::health::standing::Cause;
    use std::time::SystemTime;

    const NOW: Now = Now { at: Timestamp::from_secs(100), origin: SystemTime::UNIX_EPOCH, started: Timestamp::ZERO };

    fn event(id: u64) -> Event {
        let kind = EventKind::Transition {
            backend: backend(9001, Cause::Up).id,
            from: Cause::Up,
            to: Cause::Down,
            counter: (0, 2),
            why: "refused".into(),
            earliest_return: None,
        };
        Event { run: Run::of(0), id, at: Timestamp::from_secs(id), kind }
    }

    fn ids(timeline: &Timeline) -> Vec<u64> {
        timeline.newest().iter().map(|news| number(&news.id)).collect()
    }

    #[test]
    fn memories_of_backends_come_before_and_once() {
        let mut timeline = Timeline::default();
        timeline.push(own(&event(7), NOW));
        let mut one = backend(9001, Cause::Down);
        one.history = [2, 5, 7].map(|id| Remembered::Own(event(id))).into();
        let mut other = backend(9002, Cause::Up);
        other.history = vec![Remembered::Own(event(3))];
        let reports = [pool("orders", vec![one, other])];
        timeline.complete(&reports, NOW);
        assert_eq!(ids(&timeline), [2, 3, 5, 7]);
        timeline.push(own(&event(8), NOW));
        timeline.complete(&reports, NOW);
        assert_eq!(ids(&timeline), [2, 3, 5, 7, 8]);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut timeline = Timeline::default();
        (1..=900).for_each(|id| timeline.push(own(&event(id), NOW)));
        assert_eq!(ids(&timeline), (701..=900).collect::<Vec<_>>());
    }

    #[test]
    fn an_event_is_told_as_in_the_log() {
        let news = serde_json::to_value(own(&event(7), NOW)).unwrap();
        let expected = serde_json::json!({
            "id": "000000-7", "at": 7_000, "event": "backend.transition", "level": "WARN",
            "message": "up -> down: refused", "upstream": "orders", "backend": "127.0.0.1:9001",
            "details": { "from": "up", "to": "down", "counter": "0/2" },
        });
        assert_eq!(news, expected);
    }
}
