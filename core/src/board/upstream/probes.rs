//! When do this upstream's probes run, and what follows when one has ended?

use super::Upstream;
use crate::board::contract::output::Output;
use crate::board::contract::probe::ProbeTicket;
use crate::board::desk::place::Seat;
use crate::board::desk::turn::Turn;
use crate::board::member::judged;
use crate::board::member::probed::{self, Seen};
use crate::board::probing::check::Finished;
use crate::health::reading::{Reading, ReadingResult};
use crate::plan::ProbeKind;
use std::sync::Arc;

impl Upstream {
    /// A probe whose answer got lost counts as a timeout; one that is due asks for its place.
    pub(super) fn run_probes(&mut self, seat: Seat, turn: &mut Turn<'_>) {
        for kind in ProbeKind::ALL {
            let check = self.group.members[seat].probes().check(kind);
            if let Some((check, ticket)) = check.and_then(|check| Some((check, check.flight.lost(turn.now)?))) {
                let reading = Reading::new(ReadingResult::TimedOut { connected: false }, check.plan.timeout);
                turn.cancel(ticket);
                self.probe_done(seat, kind, (ticket, &reading), turn);
            }
            probed::queue(&mut self.group.members[seat], kind, turn);
        }
    }

    /// Its place among the probes in flight is there.
    pub(in crate::board) fn start_probe(&mut self, seat: Seat, kind: ProbeKind, turn: &mut Turn<'_>) {
        probed::start(&mut self.group.members[seat], kind, &self.group.plan, self.publication.is_empty(), turn);
        self.group.wake(seat, turn);
    }

    /// A probe's answer. Unknown tickets (late, cancelled) change nothing.
    pub(in crate::board) fn probe_done(
        &mut self,
        seat: Seat,
        kind: ProbeKind,
        (ticket, reading): (ProbeTicket, &Reading),
        turn: &mut Turn<'_>,
    ) {
        turn.touch(seat);
        let (plan, member) = (&*self.group.plan, &mut self.group.members[seat]);
        let Some(finished) = probed::finish(member, kind, ticket, reading) else { return };
        let (upstream, result) = (Arc::clone(&plan.name), finished.verdict.word());
        turn.put_out(Output::Probed { upstream, kind, result, took: reading.took });
        let seen = probed::look_who_answers(member, kind, (reading, &finished.verdict), plan, turn);
        match kind {
            _ if seen == Seen::MustStart => {}
            ProbeKind::Startup => probed::startup_ended(member, &finished.verdict, plan, turn),
            ProbeKind::Liveness => probed::liveness_ended(member, &finished.verdict, plan, turn),
            ProbeKind::Readiness => self.readiness_ended(seat, (reading, &finished), seen, turn),
        }
    }

    /// Where traffic succeeds, probe timeouts alone take out no more than ejections may.
    fn readiness_ended(
        &mut self,
        seat: Seat,
        (reading, finished): (&Reading, &Finished),
        seen: Seen,
        turn: &mut Turn<'_>,
    ) {
        let member = &mut self.group.members[seat];
        probed::tell_leaks(member, reading, turn);
        let only_slow = probed::is_only_slow(member, &finished.verdict);
        if only_slow && !self.group.may_lose(seat) {
            return probed::hold_timeouts(&mut self.group.members[seat], &finished.verdict, turn);
        }
        if probed::readiness_ended(&mut self.group.members[seat], finished, seen, &self.group.plan, turn) {
            self.detection.forget_shares();
        }
    }

    /// Whose period was stretched, and whom nobody asks any more.
    pub(super) fn probe_the_unproven(&mut self, turn: &mut Turn<'_>) {
        for seat in self.group.members.seats() {
            if judged::probe_the_unproven(&mut self.group.members[seat], turn) {
                self.group.wake(seat, turn);
            }
        }
    }
}
