//! What do the players of a rehearsal share? The clock and what is due, the backends as they are, the picture in force, and the story.

use super::agenda::Agenda;
use super::backends::Backends;
use super::story::Story;
use super::ticket::{Ticket, Wake};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::board::ProbeTicket;
use pulsegate_core::traffic::cell::Nudge;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Stage {
    pub now: Timestamp,
    pub agenda: Agenda<Due>,
    pub backends: Backends,
    /// As the board published it last.
    pub snapshot: Arc<Snapshot>,
    pub story: Story,
    /// What requests have seen and the board has not been told yet.
    pub nudges: Vec<Nudge>,
}

/// Something that is due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// An entry of the timeline.
    Mark(usize),
    ProbeEnds(ProbeTicket),
    Request(Ticket, Wake),
    /// Nobody waits for a first verdict any longer than this.
    StartWaitEnds,
}
