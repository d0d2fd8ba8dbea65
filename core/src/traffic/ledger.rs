//! What do failing backends cost clients, what are clients spared, and how many connections are there? The counts of one upstream.
//!
//! Each worker counts in a row of its own, since requests move them and nothing is decided by them; they survive publications and reloads, and metrics
//! read them off the snapshot.
//!
//! - **Failed during detection**: a client saw a request fail at a backend that was in rotation, and the backend went out for failing
//!   within the next minute, or while the request was under way. Failures of a backend that stays are no cost of detection.
//! - **Saved by a retry**: an attempt failed, another backend was asked, and its answer was a success.
//! - **Saved by ejection**, an estimate: of a request that succeeded at the first try, the share of the pool's weight that is out for
//!   failing. So many of such requests would have gone there, had nobody taken those backends out.

use crate::base::stripes::Stripes;
use crate::health::standing::Cause;
use crate::traffic::outcome::Outcome;

/// A whole request, in the unit of [`share_out`].
pub const WHOLE: u32 = 1_000_000;

/// The counts of one upstream.
#[derive(Debug)]
pub struct Ledger(Stripes);

/// What is counted: the columns of a row.
#[derive(Clone, Copy, Debug)]
enum Count {
    FailedDuringDetection,
    SavedByRetry,
    /// In millionths.
    SavedByEjection,
    Open,
    Busy,
}

const COUNTS: usize = Count::Busy as usize + 1;

impl Default for Ledger {
    fn default() -> Self {
        Self(Stripes::new(COUNTS))
    }
}

/// How a request that was forwarded ended, as its client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Of its last attempt.
    pub outcome: Outcome,
    /// An attempt before the last failed.
    pub retried: bool,
    /// The backend of the last attempt was in rotation when it was asked.
    pub in_rotation: bool,
    /// The share of the pool's weight that was out for failing; see [`share_out`].
    pub share_out: u32,
}

/// What the end of a request means for the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Nothing,
    SavedByRetry,
    /// Millionths of a request.
    SavedByEjection(u32),
    /// Of detection, if the backend is out or goes out soon: its cell knows.
    SeenToFail,
}

/// See the header of this file.
pub fn entry(ended: &Ended) -> Entry {
    match ended.outcome {
        Outcome::Success if ended.retried => Entry::SavedByRetry,
        Outcome::Success if ended.in_rotation && ended.share_out > 0 => Entry::SavedByEjection(ended.share_out),
        Outcome::Failure(_) if ended.in_rotation => Entry::SeenToFail,
        _ => Entry::Nothing,
    }
}

/// Is a backend of this standing out for failing? Not by anybody's order or wish, and not for being new.
pub const fn out_for_failing(cause: Cause) -> bool {
    matches!(cause, Cause::Ejected | Cause::NotAlive | Cause::Down | Cause::NotReady | Cause::Trial)
}

/// The share of a pool's weight that is out, in millionths: what is `out` for failing, beside what is `in_rotation`.
pub fn share_out(out: f64, in_rotation: f64) -> u32 {
    let whole = out + in_rotation;
    if out > 0.0 && whole.is_finite() { (out / whole * f64::from(WHOLE)).round() as u32 } else { 0 }
}

impl Ledger {
    fn add(&self, count: Count, more: u64) {
        self.0.add(count as usize, more);
    }

    /// Whoever counted it may have done so in another row: of all of them, the sum is right.
    fn one_less(&self, count: Count) {
        self.add(count, 1_u64.wrapping_neg());
    }

    fn sum(&self, count: Count) -> u64 {
        self.0.sum(count as usize)
    }

    /// A retry, or the absence of failing backends, has saved a request.
    pub fn saved(&self, entry: Entry) {
        match entry {
            Entry::SavedByRetry => self.add(Count::SavedByRetry, 1),
            Entry::SavedByEjection(share) => self.add(Count::SavedByEjection, share.into()),
            Entry::SeenToFail | Entry::Nothing => {}
        }
    }

    /// So many requests failed at a backend that is out now.
    pub fn detected(&self, failed: u64) {
        if failed > 0 {
            self.add(Count::FailedDuringDetection, failed);
        }
    }

    pub fn failed_during_detection(&self) -> u64 {
        self.sum(Count::FailedDuringDetection)
    }

    pub fn saved_by_retry(&self) -> u64 {
        self.sum(Count::SavedByRetry)
    }

    /// Requests, in parts.
    pub fn saved_by_ejection(&self) -> f64 {
        self.sum(Count::SavedByEjection) as f64 / f64::from(WHOLE)
    }

    /// A connection to a backend was opened.
    pub fn opened(&self) {
        self.add(Count::Open, 1);
    }

    pub fn closed(&self) {
        self.one_less(Count::Open);
    }

    /// It begins to carry a request.
    pub fn taken(&self) {
        self.add(Count::Busy, 1);
    }

    pub fn rests(&self) {
        self.one_less(Count::Busy);
    }

    /// Connections that carry requests now, and those that wait for one. The counts are read one after the other.
    pub fn connections(&self) -> (u64, u64) {
        let [open, busy] = [Count::Open, Count::Busy].map(|count| self.sum(count) as i64);
        (busy.max(0).unsigned_abs(), (open - busy).max(0).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::stripes::Number;
    use crate::traffic::outcome::FailureKind;

    const SUCCESS: Ended = Ended { outcome: Outcome::Success, retried: false, in_rotation: true, share_out: 0 };
    const FAILED: Ended = Ended { outcome: Outcome::Failure(FailureKind::Reset), ..SUCCESS };

    #[test]
    fn the_end_of_a_request_is_a_cost_a_saving_or_neither() {
        for (ended, expected) in [
            (SUCCESS, Entry::Nothing),
            (Ended { retried: true, ..SUCCESS }, Entry::SavedByRetry),
            (Ended { retried: true, share_out: 250_000, ..SUCCESS }, Entry::SavedByRetry),
            (Ended { share_out: 250_000, ..SUCCESS }, Entry::SavedByEjection(250_000)),
            // Whoever is asked although it is out (fail_open) saves nobody, and its failure surprises nobody.
            (Ended { share_out: 250_000, in_rotation: false, ..SUCCESS }, Entry::Nothing),
            (Ended { in_rotation: false, ..FAILED }, Entry::Nothing),
            (FAILED, Entry::SeenToFail),
            (Ended { retried: true, share_out: 250_000, ..FAILED }, Entry::SeenToFail),
            (Ended { outcome: Outcome::Failure(FailureKind::Status(500)), ..SUCCESS }, Entry::SeenToFail),
            (Ended { outcome: Outcome::SoftFailure, ..SUCCESS }, Entry::Nothing),
            (Ended { outcome: Outcome::Ignored, retried: true, share_out: 250_000, ..SUCCESS }, Entry::Nothing),
        ] {
            assert_eq!(entry(&ended), expected, "{ended:?}");
        }
    }

    #[test]
    fn the_share_that_is_out() {
        for (out, in_rotation, expected) in [
            (0.0, 3.0, 0),
            (1.0, 3.0, 250_000),
            (1.0, 2.0, 333_333),
            // Backups serve alone.
            (2.0, 0.0, WHOLE),
            (0.0, 0.0, 0),
            (f64::INFINITY, 1.0, 0),
        ] {
            assert_eq!(share_out(out, in_rotation), expected, "{out} of {in_rotation}");
        }
    }

    #[test]
    fn only_failing_backends_are_out_for_failing() {
        let out: Vec<Cause> = Cause::ALL.into_iter().filter(|cause| out_for_failing(*cause)).collect();
        assert_eq!(out, [Cause::Ejected, Cause::NotAlive, Cause::Down, Cause::NotReady, Cause::Trial]);
        assert!(out.iter().all(|cause| !cause.eligible()));
    }

    #[test]
    fn parts_of_requests_add_up() {
        let ledger = Ledger::default();
        for _ in 0..4 {
            ledger.saved(Entry::SavedByEjection(250_000));
        }
        ledger.saved(Entry::SavedByRetry);
        ledger.detected(3);
        let all = (ledger.saved_by_ejection(), ledger.saved_by_retry(), ledger.failed_during_detection());
        assert_eq!(all, (1.0, 1, 3));
    }

    #[test]
    fn workers_count_by_themselves_and_all_of_it_is_read() {
        let ledger = Ledger::default();
        let opened_by_another = || {
            let _here = Number::claim().here();
            ledger.saved(Entry::SavedByRetry);
            ledger.opened();
            ledger.taken();
        };
        std::thread::scope(|scope| drop((scope.spawn(opened_by_another), scope.spawn(opened_by_another))));
        assert_eq!((ledger.connections(), ledger.saved_by_retry()), ((2, 0), 2));
        ledger.rests();
        ledger.closed();
        assert_eq!((ledger.connections(), ledger.saved_by_retry()), ((1, 0), 2));
    }

    #[test]
    fn a_connection_is_active_or_idle() {
        let ledger = Ledger::default();
        (0..3).for_each(|_| ledger.opened());
        ledger.taken();
        assert_eq!(ledger.connections(), (1, 2));
        // It ended while its last request was still being let go of.
        (0..3).for_each(|_| ledger.closed());
        assert_eq!(ledger.connections(), (1, 0));
        ledger.rests();
        assert_eq!(ledger.connections(), (0, 0));
    }
}
