//! How is a backend asked? The prober runs the board's jobs: HTTP and TCP checks with one total deadline each.
//!
//! It reads facts of the wire and judges nothing: `domain::reading::judge` does.

use crate::control::{Handle, Prober};
use crate::domain::board::{ProbeJob, ProbeTicket};

/// Runs probes as tasks, at most `concurrency` at once.
#[derive(Debug)]
pub struct ProbeRunner {}

impl ProbeRunner {
    pub fn new(_concurrency: usize) -> Self {
        todo!()
    }
}

impl Prober for ProbeRunner {
    fn start(&mut self, _job: ProbeJob, _handle: &Handle) {
        todo!()
    }

    fn cancel(&mut self, _ticket: ProbeTicket) {
        todo!()
    }
}
