//! Is a probe under way? It rests, waits for its place among those in flight, or flies. Never two at once, and never for ever: one whose
//! answer gets lost is given up.

use crate::base::time::Timestamp;
use crate::board::contract::probe::ProbeTicket;
use crate::plan::ProbePlan;

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::board) enum Flight {
    #[default]
    Rests,
    Waits,
    Flies {
        ticket: ProbeTicket,
        started: Timestamp,
        lost_at: Timestamp,
    },
}

impl Flight {
    /// It is due: it waits for its place from now on. False where it does already, or flies.
    pub(super) fn wait(&mut self) -> bool {
        let rests = matches!(self, Self::Rests);
        if rests {
            *self = Self::Waits;
        }
        rests
    }

    pub(super) const fn waits(&self) -> bool {
        matches!(self, Self::Waits)
    }

    pub(super) fn start(&mut self, ticket: ProbeTicket, plan: &ProbePlan, now: Timestamp) {
        // Every probe ends by itself at its timeout, so a generous bound costs nothing.
        *self = Self::Flies { ticket, started: now, lost_at: now + plan.timeout * 2 + plan.period };
    }

    /// When the one in flight started.
    pub(in crate::board) const fn started(&self) -> Option<Timestamp> {
        match self {
            Self::Flies { started, .. } => Some(*started),
            Self::Rests | Self::Waits => None,
        }
    }

    /// The one in flight, where its answer is not awaited any longer.
    pub(in crate::board) fn lost(&self, now: Timestamp) -> Option<ProbeTicket> {
        match self {
            Self::Flies { ticket, lost_at, .. } if *lost_at <= now => Some(*ticket),
            _ => None,
        }
    }

    /// It ended: when it had started. `None` when `ticket` is not the one that is awaited.
    pub(super) fn end(&mut self, ticket: ProbeTicket) -> Option<Timestamp> {
        match *self {
            Self::Flies { ticket: awaited, started, .. } if awaited == ticket => {
                *self = Self::Rests;
                Some(started)
            }
            _ => None,
        }
    }

    /// Whatever the one in flight (if any) answers is of no interest any more: its ticket.
    pub(super) fn forget(&mut self) -> Option<ProbeTicket> {
        match std::mem::take(self) {
            Self::Flies { ticket, .. } => Some(ticket),
            Self::Rests | Self::Waits => None,
        }
    }
}
