//! How many retries may the gateway add to its backends' load?
//!
//! A token bucket per upstream after Finagle's and tower's retry budget: each request deposits `ratio` of a token, a retry
//! takes one, tokens live `ttl`, and a reserve of `min_per_second` serves small traffic. Lock-free: it stands on the path of
//! a request.
//!
//! Time is cut into ten slots of `ttl / 10`; a deposit or a withdrawal counts in its slot, and a slot is forgotten when it is
//! older than `ttl`. The balance is what the last ten slots hold, plus the reserve.

use crate::base::sync::{AtomicI64, AtomicU64, Relaxed};
use crate::base::time::Timestamp;
use crate::plan::BudgetPlan;

const SLOTS: u64 = 10;
/// Tokens are counted in thousandths.
const TOKEN: i64 = 1000;

/// The bucket.
#[derive(Debug)]
pub struct RetryBudget {
    slots: [Slot; SLOTS as usize],
    deposit: i64,
    /// The reserve over one `ttl`.
    reserve: i64,
    slot_nanos: u64,
}

#[derive(Debug, Default)]
struct Slot {
    tick: AtomicU64,
    balance: AtomicI64,
}

impl RetryBudget {
    pub fn new(plan: BudgetPlan) -> Self {
        let reserve = f64::from(plan.min_per_second) * plan.ttl.as_secs_f64() * TOKEN as f64;
        Self {
            slots: Default::default(),
            deposit: (plan.ratio * TOKEN as f64) as i64,
            reserve: reserve as i64,
            slot_nanos: u64::try_from(plan.ttl.as_nanos()).unwrap_or(u64::MAX).max(SLOTS) / SLOTS,
        }
    }

    /// A request arrived.
    pub fn deposit(&self, now: Timestamp) {
        self.add(self.deposit, now);
    }

    /// May a retry go out? Takes a token if so. Two that ask at once for the last token may both get it.
    pub fn withdraw(&self, now: Timestamp) -> bool {
        if self.balance(now) < TOKEN {
            return false;
        }
        self.add(-TOKEN, now);
        true
    }

    fn balance(&self, now: Timestamp) -> i64 {
        let newest = self.tick(now);
        let alive = |slot: &&Slot| newest.saturating_sub(slot.tick.load(Relaxed)) < SLOTS;
        self.reserve + self.slots.iter().filter(alive).map(|slot| slot.balance.load(Relaxed)).sum::<i64>()
    }

    fn add(&self, amount: i64, now: Timestamp) {
        let tick = self.tick(now);
        let Some(slot) = self.slots.get((tick % SLOTS) as usize) else { return };
        let before = slot.tick.load(Relaxed);
        // Whoever turns the slot over empties it; a deposit that races with that may be lost, which errs on the safe side.
        if before < tick && slot.tick.compare_exchange(before, tick, Relaxed, Relaxed).is_ok() {
            slot.balance.store(0, Relaxed);
        }
        slot.balance.fetch_add(amount, Relaxed);
    }

    /// Never 0, so that an untouched slot is told from the first.
    fn tick(&self, now: Timestamp) -> u64 {
        now.0 / self.slot_nanos + SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn budget(ratio: f64, min_per_second: u32) -> RetryBudget {
        RetryBudget::new(BudgetPlan { ratio, ttl: Duration::from_secs(10), min_per_second })
    }

    fn granted(budget: &RetryBudget, now: Timestamp) -> usize {
        (0..10_000).take_while(|_| budget.withdraw(now)).count()
    }

    #[test]
    fn requests_pay_for_retries() {
        let budget = budget(0.2, 0);
        let now = Timestamp::from_secs(1);
        (0..100).for_each(|_| budget.deposit(now));
        assert_eq!(granted(&budget, now), 20);
    }

    #[test]
    fn the_reserve_serves_small_traffic_and_comes_back() {
        let budget = budget(0.2, 10);
        assert_eq!(granted(&budget, Timestamp::from_secs(1)), 100, "10 per second over 10 s");
        assert_eq!(granted(&budget, Timestamp::from_secs(5)), 0);
        assert_eq!(granted(&budget, Timestamp::from_secs(12)), 100);
    }

    #[test]
    fn tokens_die_after_their_time() {
        let budget = budget(0.5, 0);
        (0..10).for_each(|_| budget.deposit(Timestamp::from_secs(1)));
        assert_eq!(granted(&budget, Timestamp::from_millis(11_500)), 0);
    }
}
