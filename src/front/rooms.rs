//! Where is a request served? In a room of its thread. What that takes is some kilobytes: a connection that rests has none of it, and one that
//! asks is given the room that was left last, which is still in the cache.
//!
//! A room is a future that never ends and never moves: it waits for a guest, serves it, hands it back, and waits for the next, with nothing of the one
//! before. Whose task ends meanwhile takes its room with it.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::thread::LocalKey;

/// Free at once on a thread, at most; what is left beyond them is torn down.
const AT_MOST: usize = 512;
/// Rooms that nobody needed for so many guests are torn down.
const GUESTS: u32 = 1024;

/// The rooms of a thread: guests come as `G` and leave as `L`.
pub(super) struct Rooms<G, L> {
    /// Where a guest is put for the room that has its turn next, and is found behind it: both are one turn of one task, in which nobody else comes by.
    comes: Cell<Option<G>>,
    leaves: Cell<Option<L>>,
    free: RefCell<Free>,
}

type Room = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// The one that was left last is taken first.
struct Free {
    rooms: Vec<Room>,
    /// Since this was looked at last.
    guests: u32,
    /// So many were free all that time.
    unneeded: usize,
}

impl<G, L> Rooms<G, L> {
    pub const fn new() -> Self {
        let free = Free { rooms: Vec::new(), guests: 0, unneeded: 0 };
        Self { comes: Cell::new(None), leaves: Cell::new(None), free: RefCell::new(free) }
    }
}

impl Free {
    fn take(&mut self) -> Option<Room> {
        let room = self.rooms.pop();
        self.unneeded = self.unneeded.min(self.rooms.len());
        room
    }

    fn put(&mut self, room: Room) {
        if self.rooms.len() < AT_MOST {
            self.rooms.push(room);
        }
        self.guests += 1;
        if self.guests >= GUESTS {
            self.rooms.drain(..self.unneeded);
            (self.guests, self.unneeded) = (0, self.rooms.len());
        }
    }
}

/// Has a guest served by `host`, and returns it as it leaves.
pub(super) fn visit<G, L, H, F>(rooms: &'static LocalKey<Rooms<G, L>>, host: H, guest: G) -> impl Future<Output = L>
where
    G: Send + 'static,
    L: Send + 'static,
    H: Fn(G) -> F + Send + 'static,
    F: Future<Output = L> + Send + 'static,
{
    let free = rooms.with(|rooms| rooms.free.borrow_mut().take());
    let mut room = Some(free.unwrap_or_else(|| Box::pin(life(rooms, host))));
    let mut guest = Some(guest);
    poll_fn(move |cx| {
        rooms.with(|rooms| {
            let Some(mut serving) = room.take() else { return Poll::Pending };
            if guest.is_some() {
                rooms.comes.set(guest.take());
            }
            let Poll::Pending = serving.as_mut().poll(cx);
            match rooms.leaves.take() {
                Some(left) => {
                    rooms.free.borrow_mut().put(serving);
                    Poll::Ready(left)
                }
                None => {
                    room = Some(serving);
                    Poll::Pending
                }
            }
        })
    })
}

/// All that a room ever does.
async fn life<G, L, H, F>(rooms: &'static LocalKey<Rooms<G, L>>, host: H) -> Infallible
where
    H: Fn(G) -> F,
    F: Future<Output = L>,
{
    loop {
        // Whoever brings a guest gives the turn, too: nobody is to be woken.
        let guest = poll_fn(|_| rooms.with(|rooms| rooms.comes.take()).map_or(Poll::Pending, Poll::Ready)).await;
        let left = host(guest).await;
        rooms.with(|rooms| rooms.leaves.set(Some(left)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Waker};
    use tokio::sync::oneshot;

    struct Guest {
        number: u32,
        owns: Arc<()>,
        /// It stays until then.
        until: Option<oneshot::Receiver<()>>,
    }

    type Hotel = &'static LocalKey<Rooms<Guest, u32>>;

    /// One of its own for each test.
    macro_rules! hotel {
        () => {{
            thread_local! { static ROOMS: Rooms<Guest, u32> = const { Rooms::new() }; }
            &ROOMS
        }};
    }

    async fn host(guest: Guest) -> u32 {
        let Guest { number, owns, until } = guest;
        if let Some(until) = until {
            until.await.expect("somebody says when");
        }
        drop(owns);
        number
    }

    fn guest(number: u32) -> Guest {
        Guest { number, owns: Arc::default(), until: None }
    }

    fn free(hotel: Hotel) -> usize {
        hotel.with(|rooms| rooms.free.borrow().rooms.len())
    }

    fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn one_room_serves_one_guest_after_the_other_and_keeps_nothing_of_any() {
        let hotel = hotel!();
        for number in 0..10 {
            let guest = guest(number);
            let owned = Arc::downgrade(&guest.owns);
            assert_eq!(visit(hotel, host, guest).await, number);
            assert_eq!((owned.strong_count(), free(hotel)), (0, 1));
        }
    }

    #[tokio::test]
    async fn guests_of_a_moment_have_a_room_each() {
        let hotel = hotel!();
        let (says, until) = oneshot::channel();
        let mut long = pin!(visit(hotel, host, Guest { until: Some(until), ..guest(1) }));
        assert!(poll(long.as_mut()).is_pending());
        assert_eq!(visit(hotel, host, guest(2)).await, 2);
        assert_eq!(free(hotel), 1);
        says.send(()).unwrap();
        assert_eq!(long.await, 1);
        assert_eq!(free(hotel), 2);
    }

    #[test]
    fn whoever_vanishes_takes_the_room_and_all_that_is_in_it_along() {
        let hotel = hotel!();
        let (_says, until) = oneshot::channel();
        let guest = Guest { until: Some(until), ..guest(1) };
        let owned = Arc::downgrade(&guest.owns);
        let mut visit = Box::pin(visit(hotel, host, guest));
        assert!(poll(visit.as_mut()).is_pending());
        drop(visit);
        assert_eq!((owned.strong_count(), free(hotel)), (0, 0));
    }

    #[test]
    fn a_panic_ends_the_room_and_the_next_guest_has_another() {
        let hotel = hotel!();
        let (says, until) = oneshot::channel::<()>();
        drop(says);
        let mut broken = Box::pin(visit(hotel, host, Guest { until: Some(until), ..guest(1) }));
        assert!(catch_unwind(AssertUnwindSafe(|| poll(broken.as_mut()))).is_err());
        assert!(poll(broken.as_mut()).is_pending(), "it has no room any more");
        drop(broken);
        assert_eq!(free(hotel), 0);
        assert_eq!(poll(pin!(visit(hotel, host, guest(2)))), Poll::Ready(2));
    }

    #[test]
    fn as_many_rooms_are_free_as_were_needed_lately_and_never_more_than_a_bound() {
        let hotel = hotel!();
        let together = |number: usize| {
            let mut visits: Vec<_> = (0..number)
                .map(|_| {
                    let (says, until) = oneshot::channel();
                    (says, Box::pin(visit(hotel, host, Guest { until: Some(until), ..guest(0) })))
                })
                .collect();
            assert!(visits.iter_mut().all(|(_, visit)| poll(visit.as_mut()).is_pending()));
            for (says, mut visit) in visits {
                says.send(()).unwrap();
                assert!(poll(visit.as_mut()).is_ready());
            }
        };
        together(AT_MOST + 3);
        assert_eq!(free(hotel), AT_MOST);
        (0..2 * GUESTS / 8).for_each(|_| together(8));
        assert_eq!(free(hotel), 8);
    }
}
