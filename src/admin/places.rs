//! Who gets a place at a listener of ours? Whoever comes, while there are some; then the oldest that has said nothing gives way, then the oldest
//! whose head is not whole; and where all have said one, only what asks for health gets one of a few that are kept for it, on the same terms.
//! Whoever has only just come is silent too: it gives way last, or a crowd of half heads would have the newcomers drive each other out. A peer
//! that is not this machine has so many and no more.

use super::view;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// For everybody, at once.
pub const CONNECTIONS: usize = 256;
/// Beside those, for `/livez` and `/readyz` alone.
pub const KEPT: usize = 16;
/// Of one peer that is not loopback.
pub const PER_PEER: usize = 64;
/// So many have to come after one that is silent until it has had its time to speak. More than are accepted before others get to work.
const AFTER: u64 = 128;

/// The places of one listener.
#[derive(Clone, Debug, Default)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
    /// One may be free.
    freed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Taken {
    /// The oldest first.
    holders: Vec<Holder>,
    peers: HashMap<IpAddr, usize>,
    came: u64,
}

#[derive(Debug)]
struct Holder {
    number: u64,
    scarce: bool,
    said: Said,
    /// Told when it must give way.
    gives_way: Arc<Notify>,
}

/// What has come on a connection so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Nothing,
    Something,
    /// From now on nobody may send it away.
    WholeHead,
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
}

/// What it costs others that the next one gets a place: the less, the sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Nobody,
    Silent,
    HalfHead,
    /// Silent, but only just here.
    Newcomer,
}

/// A place for the next one.
#[derive(Clone, Copy, Debug)]
struct Room {
    scarce: bool,
    cost: Cost,
    /// Where the one stands that has to leave it.
    leaves: Option<usize>,
}

impl Holder {
    /// Of sending it away, after so many have come in all; `None`: it stays.
    fn cost(&self, came: u64) -> Option<Cost> {
        match self.said {
            Said::Nothing if came.saturating_sub(self.number) < AFTER => Some(Cost::Newcomer),
            Said::Nothing => Some(Cost::Silent),
            Said::Something => Some(Cost::HalfHead),
            Said::WholeHead => None,
        }
    }
}

impl Taken {
    fn room(&self) -> Option<Room> {
        let kinds = [false, true].into_iter().filter_map(|scarce| self.room_among(scarce));
        kinds.min_by_key(|room| (room.cost == Cost::Newcomer, room.scarce))
    }

    fn room_among(&self, scarce: bool) -> Option<Room> {
        if self.count(scarce) < if scarce { KEPT } else { CONNECTIONS } {
            return Some(Room { scarce, cost: Cost::Nobody, leaves: None });
        }
        let holders = self.holders.iter().enumerate().filter(|(_, holder)| holder.scarce == scarce);
        let leaving =
            holders.filter_map(|(at, holder)| Some(Room { scarce, cost: holder.cost(self.came)?, leaves: Some(at) }));
        leaving.min_by_key(|room| room.cost)
    }

    fn count(&self, scarce: bool) -> usize {
        self.holders.iter().filter(|holder| holder.scarce == scarce).count()
    }
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
        self.lock().room().is_some()
    }

    /// A place for this peer, or none.
    pub fn enter(&self, peer: IpAddr) -> Option<Place> {
        let peer = Some(peer.to_canonical()).filter(|peer| !peer.is_loopback());
        let mut taken = self.lock();
        if peer.is_some_and(|peer| taken.peers.get(&peer).is_some_and(|own| *own >= PER_PEER)) {
            return None;
        }
        let Room { scarce, leaves, .. } = taken.room()?;
        if let Some(at) = leaves {
            taken.holders.remove(at).gives_way.notify_one();
        }
        if let Some(peer) = peer {
            *taken.peers.entry(peer).or_default() += 1;
        }
        taken.came += 1;
        let (number, gives_way) = (taken.came, Arc::new(Notify::new()));
        taken.holders.push(Holder { number, scarce, said: Said::Nothing, gives_way: Arc::clone(&gives_way) });
        drop(taken);
        Some(Place { places: self.clone(), peer, number, scarce, gives_way })
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

    /// It has said so much. False: somebody else has got its place at this moment.
    pub fn says(&self, said: Said) -> bool {
        let mut taken = self.places.lock();
        let own = taken.holders.iter_mut().find(|holder| holder.number == self.number);
        own.map(|holder| holder.said = holder.said.max(said)).is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        // Whoever was sent away has left its place already.
        taken.holders.retain(|holder| holder.number != self.number);
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

/// Where nearly all places are taken, nothing else is answered, and nothing twice: the next one needs the place.
pub async fn only_health(request: Request, next: Next) -> Response {
    let answer = match request.uri().path() {
        "/livez" | "/readyz" => next.run(request).await,
        _ => {
            let says =
                "all places of this listener are taken but those that are kept for /livez and /readyz; ask again";
            view::problem(StatusCode::SERVICE_UNAVAILABLE, "Too many connections", says)
        }
    };
    ([(CONNECTION, "close")], answer).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn counts(places: &Places) -> (usize, usize) {
        let taken = places.lock();
        (taken.count(false), taken.count(true))
    }

    /// All places but the kept ones, with that much said at each.
    fn taken(places: &Places, said: Said) -> Vec<Place> {
        let all: Vec<Place> = (0..CONNECTIONS).map(|_| places.enter(HERE).unwrap()).collect();
        assert!(all.iter().all(|place| !place.scarce && place.says(said)));
        all
    }

    #[tokio::test]
    async fn the_oldest_that_said_nothing_gives_way_then_the_oldest_whose_head_is_not_whole() {
        let places = Places::default();
        let first = taken(&places, Said::Nothing);
        assert!(first[0].says(Said::WholeHead) && first[1].says(Said::Something) && first[3].says(Said::Something));
        for place in &first[4..] {
            place.says(Said::WholeHead);
        }
        let mut late = Vec::new();
        for gives_way in [2, 1, 3] {
            late.push(places.enter(HERE).unwrap());
            assert!(late.iter().all(|late| !late.scarce && late.says(Said::WholeHead)));
            first[gives_way].must_go().await;
            assert!(!first[gives_way].says(Said::Something), "somebody else has its place");
            assert_eq!(counts(&places), (CONNECTIONS, 0));
        }
        assert!(places.enter(HERE).is_some_and(|place| place.scarce), "nobody with a whole head is sent away");
        drop((first, late));
        assert_eq!(counts(&places), (0, 0));
    }

    #[test]
    fn newcomers_among_half_heads_do_not_drive_each_other_out() {
        let places = Places::default();
        let first = taken(&places, Said::Something);
        let late: Vec<Place> = (0..100).map(|_| places.enter(HERE).unwrap()).collect();
        assert!(late.iter().all(|place| !place.scarce && place.says(Said::WholeHead)));
        assert!(first.iter().enumerate().all(|(at, place)| place.says(Said::Something) == (at >= 100)));
        assert_eq!(counts(&places), (CONNECTIONS, 0));
    }

    #[test]
    fn who_was_sent_away_as_it_spoke_counts_once() {
        let places = Places::default();
        let first = taken(&places, Said::Nothing);
        let late = places.enter(HERE).unwrap();
        assert!(!first[0].says(Said::Something));
        drop((first, late));
        assert_eq!(counts(&places), (0, 0));
    }

    #[tokio::test]
    async fn some_are_kept_for_health() {
        let places = Places::default();
        let mut all = taken(&places, Said::WholeHead);
        let kept: Vec<Place> = (0..KEPT).map(|_| places.enter(HERE).unwrap()).collect();
        assert!(kept.iter().all(|place| place.scarce && place.says(Said::Something)));
        let next = places.enter(HERE).unwrap();
        kept[0].must_go().await;
        assert_eq!((next.scarce, counts(&places)), (true, (CONNECTIONS, KEPT)));
        assert!(next.says(Said::WholeHead) && kept[1..].iter().all(|place| place.says(Said::WholeHead)));
        assert!(places.enter(HERE).is_none() && !places.has_room());
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
