//! How many connections does each client hold? Counted per address, of IPv6 per network of 64 bits, which is one customer, so that one client
//! cannot take every place.
//!
//! A mutex around a map, and one number: touched at accept and close only, never on the path of a request.

use pulsegate_core::http::client_rate_limit::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering::AcqRel, Ordering::Acquire};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// The counts of one listener.
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    by_address: Mutex<HashMap<IpAddr, u32>>,
    total: AtomicU32,
    /// Told when it is none, so that a leaving process can wait for the last connection.
    none: Notify,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    ListenerFull,
    ClientFull,
}

impl NoPlace {
    /// As refusals are counted.
    pub fn reason(self) -> &'static str {
        match self {
            Self::ListenerFull => "too_many_connections",
            Self::ClientFull => "too_many_connections_of_client",
        }
    }
}

impl Clients {
    /// Takes a place for a client who is not known yet. A limit of 0 is no limit.
    ///
    /// # Errors
    /// The limit is met.
    pub fn enter(&self, total_limit: u32) -> Result<Place, NoPlace> {
        let enters = |total: u32| (total_limit == 0 || total < total_limit).then_some(total.saturating_add(1));
        let entered = self.0.total.fetch_update(AcqRel, Acquire, enters);
        entered.map(|_| Place { clients: self.clone(), client: None }).map_err(|_| NoPlace::ListenerFull)
    }

    /// Connections open now.
    pub fn total(&self) -> u32 {
        self.0.total.load(Acquire)
    }

    /// Waits until no connection is open.
    pub async fn gone(&self) {
        loop {
            // Whoever leaves behind this line is heard, and whoever left before it is counted no more.
            let none = self.0.none.notified();
            if self.total() == 0 {
                return;
            }
            none.await;
        }
    }
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    clients: Clients,
    /// Whose it is, once that is known.
    client: Option<IpAddr>,
}

impl Place {
    /// Counts it as a place of `client`. A limit of 0 is no limit.
    ///
    /// # Errors
    /// The client has no further place.
    pub fn assign(&mut self, client: IpAddr, client_limit: u32) -> Result<(), NoPlace> {
        self.release();
        let client = network(client);
        let mut by_address = self.clients.0.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let of_client = by_address.entry(client).or_default();
        if client_limit > 0 && *of_client >= client_limit {
            return Err(NoPlace::ClientFull);
        }
        *of_client += 1;
        self.client = Some(client);
        Ok(())
    }

    fn release(&mut self) {
        let Some(client) = self.client.take() else { return };
        let mut by_address = self.clients.0.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_client) = by_address.get_mut(&client) {
            *of_client -= 1;
            if *of_client == 0 {
                by_address.remove(&client);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.release();
        let Counts { total, none, .. } = &*self.clients.0;
        if total.fetch_sub(1, AcqRel) == 1 {
            none.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_per_client_and_given_back() {
        let clients = Clients::default();
        let a: IpAddr = "10.0.0.1".parse().unwrap();
        let b: IpAddr = "10.0.0.2".parse().unwrap();
        let enter = |client, total_limit, client_limit| {
            let mut place = clients.enter(total_limit)?;
            place.assign(client, client_limit).map(|()| place)
        };
        let first = enter(a, 2, 1).unwrap();
        assert_eq!(enter(a, 2, 1).unwrap_err(), NoPlace::ClientFull);
        assert_eq!(clients.total(), 1);
        let second = enter(b, 2, 1).unwrap();
        assert_eq!(enter(b, 2, 0).unwrap_err(), NoPlace::ListenerFull);
        drop(first);
        assert_eq!(clients.total(), 1);
        assert!(enter(a, 2, 1).is_ok());
        drop(second);
        assert_eq!(clients.total(), 0);
        assert!(clients.0.by_address.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_for_the_last_one_hears_of_it() {
        let clients = Clients::default();
        clients.gone().await;
        let (first, last) = (clients.enter(0).unwrap(), clients.enter(0).unwrap());
        let waits = tokio::spawn({
            let clients = clients.clone();
            async move { clients.gone().await }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(last);
        waits.await.unwrap();
        assert_eq!(clients.total(), 0);
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let clients = Clients::default();
        let place = |client: &str| {
            let mut place = clients.enter(0)?;
            place.assign(client.parse().unwrap(), 1).map(|()| place)
        };
        let _first = place("2001:db8::1").unwrap();
        assert_eq!(place("2001:db8::ffff:2").unwrap_err(), NoPlace::ClientFull);
        assert!(place("2001:db8:0:1::1").is_ok());
        let _fourth = place("::ffff:192.0.2.1").unwrap();
        assert_eq!(place("192.0.2.1").unwrap_err(), NoPlace::ClientFull);
        assert!(place("192.0.2.2").is_ok());
    }

    #[test]
    fn a_place_whose_client_is_not_known_counts_in_all_and_for_nobody() {
        let clients = Clients::default();
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let mut place = clients.enter(1).unwrap();
        assert_eq!(clients.enter(1).unwrap_err(), NoPlace::ListenerFull);
        assert!(clients.0.by_address.lock().unwrap().is_empty());
        place.assign(a, 1).unwrap();
        place.assign(b, 1).unwrap();
        assert_eq!(clients.0.by_address.lock().unwrap().keys().collect::<Vec<_>>(), [&b]);
        drop(place);
        assert_eq!((clients.total(), clients.0.by_address.lock().unwrap().len()), (0, 0));
    }
}
