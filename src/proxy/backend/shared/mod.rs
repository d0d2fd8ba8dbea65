//! Which HTTP/2 connections to backends are there, and who may use which? A shelf per backend, as for idle HTTP/1 connections, but
//! here a connection stays on its shelf while streams use it.
//!
//! How many streams a backend takes is known when its SETTINGS have come, and until then a connection carries one: whoever comes
//! meanwhile waits for them, so that a burst of first requests opens one connection, not one each. What has no room, or has waited for
//! SETTINGS as long as a connection may take, opens more; where no more may be opened, it waits in line for a stream that ends. A connection that said goodbye, broke, or left a request without an
//! answer takes no new streams; those under way end by themselves.

mod expected;
mod line;
mod opening;
mod seat;
mod settings;

use crate::clock::Clock;
use expected::{Expected, Promise};
pub(in crate::proxy) use line::{Line, Turn};
pub(in crate::proxy) use opening::Opening;
use pulsegate_core::base::time::Timestamp;
use seat::Open;
pub(in crate::proxy) use seat::Seat;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All shared connections of the process.
#[derive(Default)]
pub(in crate::proxy) struct Shared {
    shelves: Mutex<HashMap<u64, Shelf>>,
}

#[derive(Default)]
struct Shelf {
    open: Vec<Open>,
    /// Those that somebody opens.
    coming: Vec<Expected>,
    line: Arc<Line>,
}

/// What somebody wants.
#[derive(Clone, Copy, Debug)]
pub(in crate::proxy) struct Wish {
    /// Connections that there may be; 0 = no limit.
    pub connections: u32,
    /// The request has a body: where another waits for a window, or has used it up, it would wait, too.
    pub uploads: bool,
    /// How long it waits for the SETTINGS of a connection that is there.
    pub patience: Duration,
}

/// What somebody who wants a stream is told.
pub(in crate::proxy) enum Claim {
    Use(Seat),
    /// A connection is on its way: look again when this is kept (it is there, and says how many it takes), is broken, or is late.
    Wait(Promise),
    /// Open one; whoever comes meanwhile waits until it is there.
    Open(Opening),
    /// All that there may be are full.
    Full(Arc<Line>),
}

impl Shared {
    /// A place on a connection of `shelf` that has one to give.
    pub(in crate::proxy) fn seat(&self, shelf: u64, wish: Wish, clock: Clock) -> Option<Seat> {
        let mut shelves = self.lock();
        let found = shelves.get_mut(&shelf).filter(|found| !found.line.is_waited())?;
        found.tidy();
        found.seat(wish, clock)
    }

    /// A place on a connection of `shelf`, or what to do about it, `turn`: it has waited in line.
    pub(in crate::proxy) fn claim(
        self: &Arc<Self>,
        shelf: u64,
        wish: Wish,
        turn: Option<&Turn>,
        clock: Clock,
    ) -> Claim {
        let mut shelves = self.lock();
        let found = shelves.entry(shelf).or_default();
        if turn.is_none() && found.line.is_waited() {
            return Claim::Full(Arc::clone(&found.line));
        }
        found.tidy();
        if let Some(seat) = found.seat(wish, clock) {
            return Claim::Use(seat);
        }
        let may_open = wish.connections == 0 || found.open.len() + found.coming.len() < wish.connections as usize;
        if let Some(promise) = found.expect(wish.patience, may_open, clock.now()) {
            return Claim::Wait(promise);
        }
        if may_open {
            let (opening, expected) = Opening::of(Arc::clone(self), shelf, Arc::clone(&found.line));
            found.coming.push(expected);
            return Claim::Open(opening);
        }
        match found.open.iter().find(|open| open.has_room()) {
            // Another's upload waits there, or may hold the window, but there is no other connection.
            Some(open) => Claim::Use(Seat::take(open, clock)),
            None => Claim::Full(Arc::clone(&found.line)),
        }
    }

    /// Lets go of what nobody has used for its time.
    pub(in crate::proxy) fn sweep(&self, now: Timestamp) {
        self.lock().retain(|_, shelf| {
            shelf.tidy();
            shelf.open.retain(|open| !open.is_done(now));
            !shelf.open.is_empty() || !shelf.coming.is_empty() || shelf.line.is_waited()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Shelf>> {
        // Held for a look and a push; a panic cannot leave it half done.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// Forgets what takes nobody any more, and what is awaited no more.
    fn tidy(&mut self) {
        self.open.retain_mut(Open::is_kept);
        self.coming.retain(Expected::is_awaited);
    }

    fn seat(&self, wish: Wish, clock: Clock) -> Option<Seat> {
        let fits = |open: &&Open| open.has_room() && !(wish.uploads && open.holds_uploads_up());
        let free = self.open.iter().find(fits)?;
        Some(Seat::take(free, clock))
    }

    /// A connection that is on its way: one that is to have room where more may be opened, else any.
    fn expect(&self, patience: Duration, may_open: bool, now: Timestamp) -> Option<Promise> {
        // As many as its like takes; of the first, nobody knows.
        let takes = self.open.iter().filter_map(|open| open.takes(patience, now)).max();
        let takes = takes.filter(|_| may_open).map_or(usize::MAX, |takes| takes.max(1));
        let settling = self.open.iter().filter_map(Open::expected);
        let mut expected = self.coming.iter().chain(settling);
        expected.find_map(|expected| expected.promise(takes, patience, now))
    }
}
