//! What did operators order of one backend, and until when? A standing and a weight, each with who, when and why.
//!
//! The last order of a kind is the one in force. One that has an end is taken back by time alone.

use crate::base::time::Timestamp;
use crate::board::contract::steering::{Given, Refused, Steering};
use crate::board::handover::{KnownOrder, KnownOrders};
use crate::health::order::{Order, Steer};
use std::sync::Arc;

/// The orders in force for one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::board) struct Orders {
    standing: Option<Given<Order>>,
    weight: Option<Given<u32>>,
}

impl Orders {
    /// # Errors
    /// It cannot be done; nothing has changed.
    pub(super) fn take(&mut self, steering: &Steering, now: Timestamp) -> Result<(), Refused> {
        match steering.what {
            Steer::Order(order) => self.standing = Some(given(order, steering, now)),
            Steer::Undrain => match &self.standing {
                Some(other) if other.what != Order::Drain => {
                    return Err(Refused::AnotherOrder { order: other.what, by: Arc::clone(&other.by) });
                }
                _ => self.standing = None,
            },
            Steer::Release => *self = Self::default(),
            Steer::Weight(Some(weight)) => self.weight = Some(given(weight, steering, now)),
            Steer::Weight(None) => self.weight = None,
        }
        Ok(())
    }

    /// What another process must know to go on from here.
    pub(super) fn known(&self, now: Timestamp) -> KnownOrders {
        KnownOrders {
            standing: self.standing.as_ref().map(|given| known(given, now)),
            weight: self.weight.as_ref().map(|given| known(given, now)),
        }
    }

    /// The orders of another process. One whose time is over by now is taken back like any other.
    pub(super) fn taken_over(known: &KnownOrders, taken: Timestamp) -> Self {
        Self {
            standing: known.standing.as_ref().map(|order| taken_over(order, taken)),
            weight: known.weight.as_ref().map(|order| taken_over(order, taken)),
        }
    }

    pub(in crate::board) const fn standing(&self) -> Option<&Given<Order>> {
        self.standing.as_ref()
    }

    pub(in crate::board) const fn weight(&self) -> Option<&Given<u32>> {
        self.weight.as_ref()
    }

    pub(super) fn order(&self) -> Option<Order> {
        self.standing.as_ref().map(|given| given.what)
    }

    /// Takes back what is over; returns what that was, and whose.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<(Steer, Arc<str>)> {
        let standing =
            self.standing.take_if(|given| is_over(given, now)).map(|given| (Steer::Order(given.what), given.by));
        let weight =
            self.weight.take_if(|given| is_over(given, now)).map(|given| (Steer::Weight(Some(given.what)), given.by));
        standing.into_iter().chain(weight).collect()
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let standing = self.standing.as_ref().and_then(|given| given.until);
        let weight = self.weight.as_ref().and_then(|given| given.until);
        standing.into_iter().chain(weight).min()
    }
}

fn given<T>(what: T, steering: &Steering, now: Timestamp) -> Given<T> {
    Given {
        what,
        by: Arc::clone(&steering.by),
        at: now,
        until: steering.lasts.map(|lasts| now + lasts),
        reason: steering.reason.clone(),
    }
}

fn is_over<T>(given: &Given<T>, now: Timestamp) -> bool {
    given.until.is_some_and(|until| until <= now)
}

fn known<T: Copy>(given: &Given<T>, now: Timestamp) -> KnownOrder<T> {
    KnownOrder {
        what: given.what,
        by: Arc::clone(&given.by),
        ago: now.since(given.at),
        remaining: given.until.map(|until| until.since(now)),
        reason: given.reason.clone(),
    }
}

fn taken_over<T: Copy>(known: &KnownOrder<T>, taken: Timestamp) -> Given<T> {
    Given {
        what: known.what,
        by: Arc::clone(&known.by),
        at: taken - known.ago,
        until: known.remaining.map(|remaining| taken + remaining),
        reason: known.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::identity::{Address, BackendId};
    use std::time::Duration;

    fn steering(what: Steer, lasts: Option<u64>) -> Steering {
        let address = Address::Socket(([10, 0, 0, 1], 80).into());
        let backend = BackendId { upstream: "pool".into(), address };
        Steering { backend, what, by: "ops".into(), lasts: lasts.map(Duration::from_secs), reason: None }
    }

    /// What is in force after each order, beginning with nothing: (order, weight), or that it is refused.
    #[test]
    fn every_order_after_every_other() {
        use Order::{Drain, ForceDown, ForceUp};
        let drain = (Some(Drain), None);
        let forced = (Some(ForceUp), None);
        let heavy = (None, Some(7));
        let both = (Some(ForceDown), Some(7));
        let rows = [
            (Steer::Order(Drain), vec![(heavy, Ok((Some(Drain), Some(7)))), (forced, Ok(drain))]),
            (Steer::Order(ForceUp), vec![(drain, Ok(forced)), (both, Ok((Some(ForceUp), Some(7))))]),
            (Steer::Undrain, vec![(drain, Ok((None, None))), (heavy, Ok(heavy)), (forced, Err(())), (both, Err(()))]),
            (
                Steer::Release,
                vec![(drain, Ok((None, None))), (both, Ok((None, None))), ((None, None), Ok((None, None)))],
            ),
            (Steer::Weight(Some(0)), vec![(drain, Ok((Some(Drain), Some(0)))), (both, Ok((Some(ForceDown), Some(0))))]),
            (Steer::Weight(None), vec![(both, Ok((Some(ForceDown), None))), (drain, Ok(drain))]),
        ];
        for (what, cases) in rows {
            for ((order, weight), expected) in cases {
                let mut orders = Orders::default();
                for before in
                    order.map(Steer::Order).into_iter().chain(weight.map(|weight| Steer::Weight(Some(weight))))
                {
                    orders.take(&steering(before, None), Timestamp::ZERO).unwrap();
                }
                let took = orders.take(&steering(what, None), Timestamp::from_secs(1)).map_err(drop);
                let now = (orders.order(), orders.weight.as_ref().map(|given| given.what));
                assert_eq!(took.map(|()| now), expected, "{what} after {order:?}, {weight:?}");
                if expected.is_err() {
                    assert_eq!(now, (order, weight), "a refusal changes nothing");
                }
            }
        }
    }

    #[test]
    fn each_order_ends_at_its_own_time() {
        let mut orders = Orders::default();
        orders.take(&steering(Steer::Order(Order::Drain), Some(60)), Timestamp::from_secs(1)).unwrap();
        orders.take(&steering(Steer::Weight(Some(3)), Some(10)), Timestamp::from_secs(1)).unwrap();
        assert_eq!(orders.deadline(), Some(Timestamp::from_secs(11)));
        assert_eq!(orders.expire(Timestamp::from_secs(10)), []);
        assert_eq!(orders.expire(Timestamp::from_secs(11)), [(Steer::Weight(Some(3)), "ops".into())]);
        assert_eq!((orders.order(), orders.deadline()), (Some(Order::Drain), Some(Timestamp::from_secs(61))));
        orders.take(&steering(Steer::Order(Order::Drain), None), Timestamp::from_secs(20)).unwrap();
        assert_eq!(orders.deadline(), None, "the last order counts, and it has no end");
    }
}
