//! How many connections does each client hold? Counted per address, so that one client cannot take every place.
//!
//! A mutex around a map: touched at accept and close only, never on the path of a request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The counts of one listener.
#[derive(Clone, Debug)]
pub struct Clients {
    by_address: Arc<Mutex<HashMap<IpAddr, u32>>>,
    /// A watch, so that a leaving process can wait for the last connection.
    total: watch::Sender<u32>,
}

impl Default for Clients {
    fn default() -> Self {
        Self { by_address: Arc::default(), total: watch::Sender::new(0) }
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    ListenerFull,
    ClientFull,
}

impl Clients {
    /// Takes a place for `client`. A limit of 0 is no limit.
    ///
    /// # Errors
    /// Which limit is met.
    pub fn enter(&self, client: IpAddr, total_limit: u32, client_limit: u32) -> Result<Place, NoPlace> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if total_limit > 0 && *self.total.borrow() >= total_limit {
            return Err(NoPlace::ListenerFull);
        }
        let of_client = by_address.entry(client).or_default();
        if client_limit > 0 && *of_client >= client_limit {
            return Err(NoPlace::ClientFull);
        }
        *of_client += 1;
        self.total.send_modify(|total| *total += 1);
        Ok(Place { clients: self.clone(), client })
    }

    /// Connections open now.
    pub fn total(&self) -> u32 {
        *self.total.borrow()
    }

    /// Waits until no connection is open.
    pub async fn gone(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.total.subscribe().wait_for(|total| *total == 0).await;
    }
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    clients: Clients,
    client: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.clients.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_client) = by_address.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                by_address.remove(&self.client);
            }
        }
        self.clients.total.send_modify(|total| *total -= 1);
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
        let first = clients.enter(a, 2, 1).unwrap();
        assert_eq!(clients.enter(a, 2, 1).unwrap_err(), NoPlace::ClientFull);
        let second = clients.enter(b, 2, 1).unwrap();
        assert_eq!(clients.enter(b, 2, 0).unwrap_err(), NoPlace::ListenerFull);
        drop(first);
        assert_eq!(clients.total(), 1);
        assert!(clients.enter(a, 2, 1).is_ok());
        drop(second);
        assert_eq!(clients.total(), 0);
        assert!(clients.by_address.lock().unwrap().is_empty());
    }
}
