//! What time is it while a task has its turn? The same from its beginning to its end, unless somebody asks anew: a request asks some twenty times, and
//! its turns take microseconds.
//!
//! Outside of such turns the clock is read at every question. A process has one clock: a moment of a turn is the same to everybody.

use pulsegate_core::base::time::Timestamp;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;

#[derive(Clone, Copy)]
enum Turn {
    Nobodys,
    /// Nobody has asked in it.
    Begun,
    At(Timestamp),
}

thread_local! {
    static TURN: Cell<Turn> = const { Cell::new(Turn::Nobodys) };
}

/// Does this work in turns: for all of one of them it is one moment. In a box, since whoever is handed a future by value needs room for it twice.
pub fn turn<T>(mut work: Pin<Box<impl Future<Output = T>>>) -> impl Future<Output = T> {
    poll_fn(move |cx| {
        let _over = Over(TURN.replace(Turn::Begun));
        work.as_mut().poll(cx)
    })
}

/// A turn is over however it ends.
struct Over(Turn);

impl Drop for Over {
    fn drop(&mut self) {
        TURN.set(self.0);
    }
}

/// The moment of this turn, or of this question.
pub(super) fn moment(read: impl FnOnce() -> Timestamp) -> Timestamp {
    match TURN.get() {
        Turn::At(moment) => moment,
        Turn::Nobodys => read(),
        Turn::Begun => {
            let moment = read();
            TURN.set(Turn::At(moment));
            moment
        }
    }
}

/// The moment of this question, which is the turn's from now on.
pub(super) fn anew(read: impl FnOnce() -> Timestamp) -> Timestamp {
    if !matches!(TURN.get(), Turn::Nobodys) {
        TURN.set(Turn::Begun);
    }
    moment(read)
}

#[cfg(test)]
mod tests {
    use super::super::Clock;
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_turn_is_one_moment_and_the_next_one_another() {
        let clock = Clock::start();
        let (first, same, next) = turn(Box::pin(async {
            let first = clock.now();
            tokio::time::advance(Duration::ZERO).await;
            let later = clock.now();
            tokio::time::sleep(Duration::from_secs(1)).await;
            (first, later, clock.now())
        }))
        .await;
        assert_eq!(first, same);
        assert_eq!(next.since(first), Duration::from_secs(1));
        let before = clock.now();
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(clock.now() > before, "outside of turns every question is answered anew");
    }

    #[test]
    fn real_time_stands_still_within_a_turn_only() {
        let clock = Clock::start();
        let stands = futures_now(turn(Box::pin(async {
            let before = clock.now();
            let stands = (0..1000).all(|_| clock.now() == before);
            while clock.now_anew() == before {}
            stands && clock.now() > before
        })));
        assert!(stands, "until it is asked anew");
        let before = clock.now();
        while clock.now() == before {}
    }

    fn futures_now<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }
}
