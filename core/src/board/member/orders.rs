//! What did operators order of one backend, and until when? A standing and a weight, each with who, when and why.
//!
//! The last order of a kind is the one in force. One that has an end is taken back by time alone.

use crate::base::time::Timestamp;
use crate::board::contract::steering::{Given, Refused, Steering, WEIGHT_AT_MOST};
use crate::health::order::{Order, Steer};
use std::sync::Arc;
use std::time::Duration;

/// The orders in force for one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::board) struct Orders {
    standing: Option<Given<Order>>,
    weight: Option<Given<u32>>,
}

/// The orders in force for one backend, for another process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct OrdersState {
    pub standing: Option<GivenState<Order>>,
    pub weight: Option<GivenState<u32>>,
}

/// One of them, given so long `ago`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct GivenState<T> {
    pub what: T,
    pub by: Arc<str>,
    #[cfg_attr(feature = "serde", serde(with = "crate::base::nanos"))]
    pub ago: Duration,
    /// `None`: until it is taken back.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::base::nanos::option"))]
    pub remaining: Option<Duration>,
    pub reason: Option<Arc<str>>,
}

impl OrdersState {
    /// The same, told `by` later.
    pub(in crate::board) fn later(self, by: Duration) -> Self {
        Self { standing: self.standing.map(|order| order.later(by)), weight: self.weight.map(|order| order.later(by)) }
    }
}

impl<T> GivenState<T> {
    fn later(self, by: Duration) -> Self {
        let remaining = self.remaining.map(|remaining| remaining.saturating_sub(by));
        Self { ago: self.ago + by, remaining, ..self }
    }
}

impl Orders {
    /// # Errors
    /// It cannot be done; nothing has changed.
    pub(in crate::board) fn take(&mut self, steering: &Steering, now: Timestamp) -> Result<(), Refused> {
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

    pub(in crate::board) fn export(&self, now: Timestamp) -> OrdersState {
        OrdersState {
            standing: self.standing.as_ref().map(|given| export(given, now)),
            weight: self.weight.as_ref().map(|given| export(given, now)),
        }
    }

    /// The orders of another process. One whose time is over by now is taken back like any other; a weight that nobody may order is
    /// brought into bounds.
    pub(in crate::board) fn import(state: OrdersState, now: Timestamp) -> Self {
        let bounded = |order: GivenState<u32>| GivenState { what: order.what.min(WEIGHT_AT_MOST), ..order };
        Self {
            standing: state.standing.map(|order| import(order, now)),
            weight: state.weight.map(|order| import(bounded(order), now)),
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
    pub(in crate::board) fn expire(&mut self, now: Timestamp) -> Vec<(Steer, Arc<str>)> {
        let standing =
            self.standing.take_if(|given| is_over(given, now)).map(|given| (Steer::Order(given.what), given.by));
        let weight =
            self.weight.take_if(|given| is_over(given, now)).map(|given| (Steer::Weight(Some(given.what)), given.by));
        standing.into_iter().chain(weight).collect()
    }

    pub(in crate::board) fn deadline(&self) -> Option<Timestamp> {
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

fn export<T: Copy>(given: &Given<T>, now: Timestamp) -> GivenState<T> {
    GivenState {
        what: given.what,
        by: Arc::clone(&given.by),
        ago: now.since(given.at),
        remaining: given.until.map(|until| until.since(now)),
        reason: given.reason.clone(),
    }
}

fn import<T>(state: GivenState<T>, now: Timestamp) -> Given<T> {
    Given {
        what: state.what,
        by: state.by,
        at: now - state.ago,
        until: state.remaining.map(|remaining| now + remaining),
        reason: state.reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::identity::{Address, BackendId};

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
