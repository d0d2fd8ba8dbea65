//! The thread that writes: notes in, lines out. Seconds of traffic are written when they are over.

use super::bucket::Bucket;
use super::file::Files;
use super::line::{Answered, Line, VERSION};
use super::{Note, millis};
use crate::clock::{Clock, when};
use crate::telemetry::event::tell;
use pulsegate_core::base::identity::{BackendId, BackendKey};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::ProbeTicket;
use pulsegate_core::health::event::{Event, EventKind};
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::health::verdict::Verdict;
use pulsegate_core::plan::{ProbePlan, RecordPlan};
use pulsegate_core::traffic::cell::Record;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How long a line waits at most.
const PACE: Duration = Duration::from_millis(200);
/// Probes that may be open: more than are ever in flight.
const OPEN: usize = 65_536;
const SECOND: u64 = 1_000;

#[derive(Debug)]
pub(super) struct Writer {
    clock: Clock,
    files: Files,
    lost: Arc<AtomicU64>,
    /// Whom each key is.
    names: BTreeMap<BackendKey, BackendId>,
    probes: BTreeMap<ProbeTicket, (BackendId, Arc<ProbePlan>, Timestamp)>,
    /// By second and backend.
    buckets: BTreeMap<(u64, BackendKey), Bucket>,
}

impl Writer {
    pub(super) fn new(plan: RecordPlan, clock: Clock, lost: Arc<AtomicU64>) -> Self {
        Self {
            clock,
            files: Files::new(plan),
            lost,
            names: BTreeMap::new(),
            probes: BTreeMap::new(),
            buckets: BTreeMap::new(),
        }
    }

    pub(super) fn run(mut self, notes: &Receiver<Note>) {
        let mut written = self.clock.now();
        loop {
            match notes.recv_timeout(PACE) {
                Ok(Note::Flush(done)) => {
                    self.write(u64::MAX);
                    let _ = done.send(());
                }
                Ok(note) => self.take(note),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.write(u64::MAX),
            }
            let now = self.clock.now();
            if now.since(written) >= PACE {
                written = now;
                // The second that is just over may have notes on their way still.
                self.write((millis(self.clock, now).saturating_sub(PACE.as_millis() as u64)) / SECOND);
            }
        }
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Attempt(key, record) => self.attempt(key, &record),
            Note::ProbeBegins(begins) => {
                let (ticket, backend, probe, at) = *begins;
                self.probes.insert(ticket, (backend, probe, at));
                if self.probes.len() > OPEN {
                    self.probes.pop_first();
                }
            }
            Note::ProbeEnds(ends) => {
                let (ticket, reading, at) = *ends;
                self.probe(ticket, &reading, at);
            }
            Note::Event(event) => self.event(&event),
            Note::Line(line) => self.files.put(&line),
            Note::Flush(_) => {}
        }
    }

    fn attempt(&mut self, key: BackendKey, record: &Record) {
        let at = millis(self.clock, record.now);
        let bucket = self.buckets.entry((at / SECOND, key)).or_default();
        bucket.add(record, (at % SECOND) as u32);
    }

    fn probe(&mut self, ticket: ProbeTicket, reading: &Reading, at: Timestamp) {
        let Some((backend, probe, began)) = self.probes.remove(&ticket) else { return };
        self.files.put(&Line::Probe {
            at: millis(self.clock, at),
            upstream: backend.upstream.to_string(),
            backend: backend.address.to_string(),
            began: millis(self.clock, began),
            took_us: u64::try_from(reading.took.as_micros()).unwrap_or(u64::MAX),
            result: Answered::of(&reading.result),
            passed: matches!(judge(reading, &probe), Verdict::Pass { .. }),
        });
    }

    fn event(&mut self, event: &Event) {
        if let EventKind::MemberJoined { backend } = &event.kind {
            self.names.insert(backend.key(), backend.clone());
        }
        let (line, _) = tell(event);
        self.files.put(&Line::Event {
            at: millis(self.clock, event.at),
            id: event.id,
            event: line.name.to_owned(),
            message: line.message,
            fields: line.fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        });
    }

    /// Everything, seconds before this one included.
    fn write(&mut self, before: u64) {
        let later = self.buckets.split_off(&(before, BackendKey(0)));
        for ((second, key), bucket) in std::mem::replace(&mut self.buckets, later) {
            if let Some(backend) = self.names.get(&key) {
                self.files.put(&bucket.line(second * SECOND, backend));
            }
        }
        self.files.lose(self.lost.swap(0, Relaxed));
        let now = millis(self.clock, self.clock.now());
        let clock = self.clock;
        self.files.write(now, |continued| Line::Begin {
            at: now,
            version: VERSION,
            wall: when::rfc3339(clock.wall(clock.started())),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            continued,
        });
    }
}
