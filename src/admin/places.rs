//! Who gets a place at a listener of ours? Whoever comes, while there are some; then the oldest that has said nothing gives way; then only what
//! asks for health gets one of a few that are kept for it. A peer that is not this machine has so many and no more.

use super::view;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// For everybody, at once.
pub const CONNECTIONS: usize = 256;
/// Beside those, for `/livez` and `/readyz` alone.
pub const KEPT: usize = 16;
/// Of one peer that is not loopback.
pub const PER_PEER: usize = 64;

/// The places of one listener.
#[derive(Clone, Debug, Default)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
    /// One may be free.
    freed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Taken {
    ordinary: usize,
    kept: usize,
    peers: HashMap<IpAddr, usize>,
    /// Who has said nothing so far, the oldest first; told when it must give way.
    silent: VecDeque<(u64, Arc<Notify>)>,
    came: u64,
}

/// Held for as long as the connection lives.
#[derive(Debug)]
pub struct Place {
    places: Places,
    peer: Option<IpAddr>,
    number: u64,
    /// One of those that are kept for health.
    pub scarce: bool,
    gives_way: Arc<Notify>,
    /// It has said something while it had its place.
    spoke: bool,
}

impl Places {
    /// Returns when whoever comes next may get one.
    pub async fn room(&self) {
        loop {
            let freed = self.freed.notified();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    fn has_room(&self) -> bool {
        let taken = self.lock();
        taken.ordinary < CONNECTIONS || !taken.silent.is_empty() || taken.kept < KEPT
    }

    /// A place for this peer, or none.
    pub fn enter(&self, peer: IpAddr) -> Option<Place> {
        let peer = Some(peer.to_canonical()).filter(|peer| !peer.is_loopback());
        let mut taken = self.lock();
        if peer.is_some_and(|peer| taken.peers.get(&peer).is_some_and(|own| *own >= PER_PEER)) {
            return None;
        }
        let scarce = match taken.ordinary {
            0..CONNECTIONS => false,
            _ => match taken.silent.pop_front() {
                Some((_, oldest)) => {
                    oldest.notify_one();
                    taken.ordinary -= 1;
                    false
                }
                None if taken.kept < KEPT => true,
                None => return None,
            },
        };
        *(if scarce { &mut taken.kept } else { &mut taken.ordinary }) += 1;
        if let Some(peer) = peer {
            *taken.peers.entry(peer).or_default() += 1;
        }
        taken.came += 1;
        let (number, gives_way) = (taken.came, Arc::new(Notify::new()));
        if !scarce {
            taken.silent.push_back((number, Arc::clone(&gives_way)));
        }
        drop(taken);
        Some(Place { places: self.clone(), peer, number, scarce, gives_way, spoke: false })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Returns when somebody else needs it more.
    pub async fn must_go(&self) {
        self.gives_way.notified().await;
    }

    /// It has said something: from now on it keeps its place. False: somebody else has got it at this moment.
    pub fn speaks(&mut self) -> bool {
        let mut taken = self.places.lock();
        let silent = taken.silent.len();
        taken.silent.retain(|(number, _)| *number != self.number);
        self.spoke = taken.silent.len() < silent;
        self.spoke || self.scarce
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        let silent = taken.silent.len();
        taken.silent.retain(|(number, _)| *number != self.number);
        let was_silent = taken.silent.len() < silent;
        if self.scarce {
            taken.kept -= 1;
        } else if was_silent || self.spoke {
            // Whoever was sent away has left its place already.
            taken.ordinary -= 1;
        }
        if let Some(peer) = self.peer
            && let Some(own) = taken.peers.get_mut(&peer)
        {
            *own -= 1;
            if *own == 0 {
                taken.peers.remove(&peer);
            }
        }
        drop(taken);
        self.places.freed.notify_one();
    }
}

/// Where nearly all places are taken, nothing else is answered.
pub async fn only_health(request: Request, next: Next) -> Response {
    match request.uri().path() {
        "/livez" | "/readyz" => next.run(request).await,
        _ => {
            let says =
                "all places of this listener are taken but those that are kept for /livez and /readyz; ask again";
            ([(CONNECTION, "close")], view::problem(StatusCode::SERVICE_UNAVAILABLE, "Too many connections", says))
                .into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn counts(places: &Places) -> (usize, usize) {
        let taken = places.lock();
        (taken.ordinary, taken.kept)
    }

    #[tokio::test]
    async fn the_oldest_that_said_nothing_gives_way() {
        let places = Places::default();
        let mut first: Vec<Place> = (0..CONNECTIONS).map(|_| places.enter(HERE).unwrap()).collect();
        assert!(first[0].speaks());
        let mut late = places.enter(HERE).unwrap();
        assert!(!late.scarce);
        first[1].must_go().await;
        assert_eq!(counts(&places), (CONNECTIONS, 0));
        assert!(late.speaks());
        drop((first, late));
        assert_eq!(counts(&places), (0, 0));
    }

    #[test]
    fn who_was_sent_away_as_it_spoke_counts_once() {
        let places = Places::default();
        let mut first: Vec<Place> = (0..CONNECTIONS).map(|_| places.enter(HERE).unwrap()).collect();
        let late = places.enter(HERE).unwrap();
        assert!(!first[0].speaks());
        drop((first, late));
        assert_eq!(counts(&places), (0, 0));
    }

    #[test]
    fn some_are_kept_for_health() {
        let places = Places::default();
        let mut all: Vec<Place> = (0..CONNECTIONS).map(|_| places.enter(HERE).unwrap()).collect();
        assert!(all.iter_mut().all(Place::speaks));
        let kept: Vec<Place> = (0..KEPT).map(|_| places.enter(HERE).unwrap()).collect();
        assert!(kept.iter().all(|place| place.scarce));
        assert!(places.enter(HERE).is_none());
        drop(all.pop());
        assert!(places.enter(HERE).is_some_and(|place| !place.scarce));
    }

    #[test]
    fn a_peer_elsewhere_has_so_many_and_no_more() {
        let places = Places::default();
        let peer: IpAddr = "192.0.2.7".parse().unwrap();
        let mut own: Vec<Place> = (0..PER_PEER).map(|_| places.enter(peer).unwrap()).collect();
        assert!(places.enter(peer).is_none());
        assert!(places.enter("::ffff:192.0.2.7".parse().unwrap()).is_none(), "the same one");
        assert!(places.enter("192.0.2.8".parse().unwrap()).is_some());
        own.pop();
        assert!(places.enter(peer).is_some());
        drop(own);
        assert!(places.lock().peers.is_empty());
    }
}
