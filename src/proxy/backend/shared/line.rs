//! Who gets the next stream where all connections that there may be are full? Who has waited longest: one looks, the others stand behind.
//!
//! A line is forgotten with the connections to its backend when nobody is seen to wait in it; whoever was about to has its turn in none.

use std::sync::Arc;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Those who wait for a stream to one backend.
#[derive(Debug)]
pub(in crate::proxy) struct Line {
    /// The first place: whoever has it looks when a stream has ended.
    first: Arc<Semaphore>,
    freed: Notify,
}

/// The first place in a line.
#[derive(Debug)]
pub(in crate::proxy) struct Turn {
    first: OwnedSemaphorePermit,
}

impl Default for Line {
    fn default() -> Self {
        Self { first: Arc::new(Semaphore::new(1)), freed: Notify::new() }
    }
}

impl Line {
    /// Returns when it is worth looking (again).
    pub(in crate::proxy) async fn wait(&self, turn: &mut Option<Turn>) {
        match turn {
            Some(turn) if turn.is_in(self) => self.freed.notified().await,
            // It fails only when the semaphore is closed, which nobody does.
            _ => *turn = Arc::clone(&self.first).acquire_owned().await.ok().map(|first| Turn { first }),
        }
    }

    pub(super) fn is_waited(&self) -> bool {
        self.first.available_permits() == 0
    }

    /// There may be room. Not only when somebody is seen to wait: whoever has just looked, and did not see the room, may not be seen either.
    pub(super) fn ring(&self) {
        self.freed.notify_one();
    }
}

impl Turn {
    fn is_in(&self, line: &Line) -> bool {
        Arc::ptr_eq(self.first.semaphore(), &line.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn is_ready(wait: impl Future<Output = ()>) -> bool {
        pin!(wait).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn whoever_has_its_turn_in_a_line_that_is_no_more_gets_one_here() {
        let (old, new) = (Line::default(), Line::default());
        let mut turn = None;
        assert!(is_ready(old.wait(&mut turn)) && old.is_waited());
        assert!(is_ready(new.wait(&mut turn)), "it looks once more");
        assert!(new.is_waited() && !old.is_waited());
        assert!(!is_ready(new.wait(&mut turn)), "and waits then");
        new.ring();
        assert!(is_ready(new.wait(&mut turn)));
    }

    #[test]
    fn a_stream_that_ends_while_somebody_comes_rings_all_the_same() {
        let line = Line::default();
        line.ring();
        let mut turn = None;
        assert!(is_ready(line.wait(&mut turn)), "it is the first");
        assert!(is_ready(line.wait(&mut turn)), "it looks again");
        assert!(!is_ready(line.wait(&mut turn)));
    }
}
