//! What do orders, passive and active evidence come to? One truth table, in the order of precedence.
//!
//! forced down > drained > forced up > ejected > not alive > down > draining > not ready > starting > unchecked > trial > degraded >
//! ramping > up. The first that applies is the cause. A backend that is degraded while it ramps has the product of both shares. The earliest return is
//! the latest moment of all causes that hold the backend out, so that
//! it is never promised too early.

use crate::base::time::Timestamp;
use crate::health::order::Order;
use crate::health::standing::{Cause, Standing};

/// What probes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Active {
    /// The upstream has no readiness probe.
    Unprobed,
    Unchecked,
    Starting,
    NotReady,
    Down,
    /// Its liveness probe failed for good.
    NotAlive,
    Up,
}

/// What live traffic says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Passive {
    Clear,
    Ejected,
    Trial,
}

/// Everything that the verdict depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    pub order: Option<Order>,
    pub passive: Passive,
    pub active: Active,
    /// The backend itself asked for a drain.
    pub asks_drain: bool,
    /// It serves, and says that it is degraded.
    pub degraded: bool,
    /// The share that it keeps then.
    pub degraded_share: f64,
    /// The ramp's share; 1.0 when it does not ramp.
    pub ramp: f64,
    /// When an ejection ends at the earliest.
    pub ejected_until: Option<Timestamp>,
    /// When probes can have brought it back at the earliest.
    pub probes_return: Option<Timestamp>,
    /// When the drain that it asked for can be over at the earliest.
    pub drain_until: Option<Timestamp>,
    /// When the time of the order is over; `None`: only an operator takes it back.
    pub order_until: Option<Timestamp>,
}

/// The verdict.
pub fn combine(facts: &Facts) -> Standing {
    let cause = cause(facts);
    Standing {
        cause,
        share: match cause {
            Cause::Ramping => facts.ramp,
            Cause::Degraded => facts.degraded_share * facts.ramp,
            _ if cause.eligible() => 1.0,
            _ => 0.0,
        },
        earliest_return: earliest_return(facts, cause),
        unprobed: facts.active == Active::Unprobed,
    }
}

fn cause(facts: &Facts) -> Cause {
    match facts.order {
        Some(Order::ForceDown) => return Cause::ForcedDown,
        Some(Order::Drain) => return Cause::Drained,
        Some(Order::ForceUp) => return Cause::ForcedUp,
        None => {}
    }
    if facts.passive == Passive::Ejected {
        return Cause::Ejected;
    }
    match facts.active {
        Active::NotAlive => return Cause::NotAlive,
        Active::Down => return Cause::Down,
        _ if facts.asks_drain => return Cause::Draining,
        Active::NotReady => return Cause::NotReady,
        Active::Starting => return Cause::Starting,
        Active::Unchecked => return Cause::Unchecked,
        Active::Unprobed | Active::Up => {}
    }
    if facts.passive == Passive::Trial {
        Cause::Trial
    } else if facts.degraded {
        Cause::Degraded
    } else if facts.ramp < 1.0 {
        Cause::Ramping
    } else {
        Cause::Up
    }
}

/// `None` while it is eligible, and where only an operator can bring it back.
fn earliest_return(facts: &Facts, cause: Cause) -> Option<Timestamp> {
    let evidence = facts.ejected_until.max(facts.probes_return).max(facts.drain_until);
    match cause {
        Cause::ForcedDown | Cause::Drained => facts.order_until.max(facts.order_until.and(evidence)),
        _ if cause.eligible() => None,
        _ => evidence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [Option<Order>; 4] = [None, Some(Order::Drain), Some(Order::ForceUp), Some(Order::ForceDown)];
    const ACTIVES: [Active; 7] = [
        Active::Unprobed,
        Active::Unchecked,
        Active::Starting,
        Active::NotReady,
        Active::Down,
        Active::NotAlive,
        Active::Up,
    ];
    const PASSIVES: [Passive; 3] = [Passive::Clear, Passive::Ejected, Passive::Trial];

    fn facts(order: Option<Order>, passive: Passive, active: Active) -> Facts {
        Facts {
            order,
            passive,
            active,
            asks_drain: false,
            degraded: false,
            degraded_share: 1.0,
            ramp: 1.0,
            ejected_until: None,
            probes_return: None,
            drain_until: None,
            order_until: None,
        }
    }

    /// The design's sentence, written as a list: every cause that applies; the first of the precedence must be the verdict.
    fn expected(facts: &Facts) -> Cause {
        let applies = |cause: Cause| match cause {
            Cause::ForcedDown => facts.order == Some(Order::ForceDown),
            Cause::Drained => facts.order == Some(Order::Drain),
            Cause::ForcedUp => facts.order == Some(Order::ForceUp),
            Cause::Ejected => facts.passive == Passive::Ejected,
            Cause::NotAlive => facts.active == Active::NotAlive,
            Cause::Down => facts.active == Active::Down,
            Cause::Draining => facts.asks_drain,
            Cause::NotReady => facts.active == Active::NotReady,
            Cause::Starting => facts.active == Active::Starting,
            Cause::Unchecked => facts.active == Active::Unchecked,
            Cause::Trial => facts.passive == Passive::Trial,
            Cause::Degraded => facts.degraded,
            Cause::Ramping => facts.ramp < 1.0,
            Cause::Up => true,
        };
        Cause::ALL.into_iter().find(|cause| applies(*cause)).unwrap()
    }

    #[test]
    fn every_row_of_the_truth_table() {
        let mut rows = 0;
        for order in ORDERS {
            for passive in PASSIVES {
                for active in ACTIVES {
                    for asks_drain in [false, true] {
                        for (degraded, degraded_share) in [(false, 0.3), (true, 0.3), (true, 1.0)] {
                            for ramp in [0.5, 1.0] {
                                let facts = facts(order, passive, active);
                                row(&Facts { asks_drain, degraded, degraded_share, ramp, ..facts });
                                rows += 1;
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(rows, 4 * 3 * 7 * 2 * 3 * 2);
    }

    fn row(facts: &Facts) {
        let standing = combine(facts);
        assert_eq!(standing.cause, expected(facts), "{facts:?}");
        let share = match standing.cause {
            Cause::Up | Cause::ForcedUp => 1.0,
            Cause::Ramping => facts.ramp,
            Cause::Degraded => facts.degraded_share * facts.ramp,
            _ => 0.0,
        };
        assert_eq!(standing.share, share, "{facts:?}");
        assert_eq!(standing.share > 0.0, standing.cause.eligible(), "{facts:?}");
    }

    #[test]
    fn the_earliest_return_is_the_latest_of_all_that_hold_it_out() {
        let mut facts = facts(None, Passive::Ejected, Active::Down);
        facts.ejected_until = Some(Timestamp::from_secs(30));
        facts.probes_return = Some(Timestamp::from_secs(40));
        assert_eq!(combine(&facts).earliest_return, Some(Timestamp::from_secs(40)));
        facts.drain_until = Some(Timestamp::from_secs(50));
        assert_eq!(combine(&facts).earliest_return, Some(Timestamp::from_secs(50)));
        facts.order = Some(Order::Drain);
        assert_eq!(combine(&facts).earliest_return, None, "only the operator can tell");
        facts.order_until = Some(Timestamp::from_secs(45));
        assert_eq!(combine(&facts).earliest_return, Some(Timestamp::from_secs(50)), "the order has an end");
        facts.order_until = Some(Timestamp::from_secs(55));
        assert_eq!(combine(&facts).earliest_return, Some(Timestamp::from_secs(55)));
    }
}
