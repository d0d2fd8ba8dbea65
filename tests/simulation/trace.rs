//! What did the board put out? One number over all of it, so that two runs can be compared.

use pulsegate_core::base::rng::{hash_bytes, mix};
use pulsegate_core::board::Output;
use pulsegate_core::traffic::snapshot::Snapshot;

#[derive(Default)]
pub struct Trace(u64);

impl Trace {
    pub fn note(&mut self, output: &Output) {
        match output {
            Output::Publish(snapshot) => self.note_snapshot(snapshot),
            Output::Probe(job) => self.fold(job.ticket.0 ^ job.backend.key().0),
            Output::CancelProbe(ticket) => self.fold(!ticket.0),
            Output::Probed { result, .. } => self.fold(hash_bytes(result.as_bytes())),
            Output::Report(event) => self.fold(hash_bytes(format!("{event:?}").as_bytes())),
        }
    }

    pub fn value(&self) -> u64 {
        self.0
    }

    fn note_snapshot(&mut self, snapshot: &Snapshot) {
        self.fold(snapshot.generation);
        for member in snapshot.pools.iter().flat_map(|pool| pool.members.iter()) {
            self.fold(member.key.0 ^ member.standing.share.to_bits());
            self.fold(member.standing.cause as u64 ^ u64::from(member.connection_epoch) << 8);
        }
    }

    fn fold(&mut self, value: u64) {
        self.0 = mix(self.0 ^ value);
    }
}
