//! What do orders, passive and active evidence come to? One truth table, in the order of precedence.
//!
//! forced down > drained > forced up > ejected > down > draining > not ready > starting > unchecked > trial > ramping > up.
//! The first that applies is the cause. The earliest return is the latest moment of all causes that hold the backend out, so that
//! it is never promised too early.

use super::board::Order;
use super::standing::{Cause, Standing};
use super::time::Timestamp;

/// What probes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Active {
    /// The upstream has no readiness probe.
    Unprobed,
    Unchecked,
    Starting,
    NotReady,
    Down,
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
        Active::Down => return Cause::Down,
        _ if facts.asks_drain => return Cause::Draining,
        Active::NotReady => return Cause::NotReady,
        Active::Starting => return Cause::Starting,
        Active::Unchecked => return Cause::Unchecked,
        Active::Unprobed | Active::Up => {}
    }
    if facts.passive == Passive::Trial {
        Cause::Trial
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
    const ACTIVES: [Active; 6] =
        [Active::Unprobed, Active::Unchecked, Active::Starting, Active::NotReady, Active::Down, Active::Up];
    const PASSIVES: [Passive; 3] = [Passive::Clear, Passive::Ejected, Passive::Trial];

    fn facts(order: Option<Order>, passive: Passive, active: Active, asks_drain: bool, ramp: f64) -> Facts {
        let (ejected_until, probes_return, drain_until, order_until) = (None, None, None, None);
        Facts { order, passive, active, asks_drain, ramp, ejected_until, probes_return, drain_until, order_until }
    }

    /// The design's sentence, written as a list: every cause that applies; the first of the precedence must be the verdict.
    fn expected(facts: &Facts) -> Cause {
        let applies = |cause: Cause| match cause {
            Cause::ForcedDown => facts.order == Some(Order::ForceDown),
            Cause::Drained => facts.order == Some(Order::Drain),
            Cause::ForcedUp => facts.order == Some(Order::ForceUp),
            Cause::Ejected => facts.passive == Passive::Ejected,
            Cause::Down => facts.active == Active::Down,
            Cause::Draining => facts.asks_drain,
            Cause::NotReady => facts.active == Active::NotReady,
            Cause::Starting => facts.active == Active::Starting,
            Cause::Unchecked => facts.active == Active::Unchecked,
            Cause::Trial => facts.passive == Passive::Trial,
            Cause::Degraded => false,
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
                        for ramp in [0.5, 1.0] {
                            let facts = facts(order, passive, active, asks_drain, ramp);
                            let standing = combine(&facts);
                            assert_eq!(standing.cause, expected(&facts), "{facts:?}");
                            assert_eq!(standing.share > 0.0, standing.cause.eligible(), "{facts:?}");
                            rows += 1;
                        }
                    }
                }
            }
        }
        assert_eq!(rows, 4 * 3 * 6 * 2 * 2);
    }

    #[test]
    fn the_earliest_return_is_the_latest_of_all_that_hold_it_out() {
        let mut facts = facts(None, Passive::Ejected, Active::Down, false, 1.0);
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
