//! When is a connection to be woken though nothing happens? One alarm for all of its deadlines: it is moved when it must ring earlier, and whoever it
//! wakes too early looks at the clock and sets it again. Most deadlines of most requests so cost a comparison.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// Belongs to one task.
#[derive(Debug, Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready when it rings, at `at` or before.
    pub fn poll(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = match &mut self.0 {
            Some(sleep) if at < sleep.deadline() || sleep.is_elapsed() => {
                sleep.as_mut().reset(at);
                sleep
            }
            // It wakes this task at a moment that is early enough.
            Some(_) => return Poll::Pending,
            unset => unset.insert(Box::pin(sleep_until(at))),
        };
        sleep.as_mut().poll(cx)
    }

    /// Ready at `at`, and not before.
    pub fn poll_at(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.poll(at, cx));
            if self.0.as_ref().is_none_or(|sleep| sleep.deadline() >= at) {
                return Poll::Ready(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[allow(clippy::disallowed_methods, reason = "the runtime's paused clock is asked")]
    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_earliest_moment_that_was_asked_for() {
        let began = Instant::now();
        let mut alarm = Alarm::default();
        let after = |seconds| began + Duration::from_secs(seconds);
        // Set for late, then for early: it rings early; asked again for late, it rings late.
        poll_fn(|cx| Poll::Ready(alarm.poll(after(60), cx).is_pending())).await;
        poll_fn(|cx| alarm.poll(after(1), cx)).await;
        assert_eq!(Instant::now(), after(1));
        poll_fn(|cx| alarm.poll(after(60), cx)).await;
        assert_eq!(Instant::now(), after(60));
        // Set for early and asked for late, it may ring early.
        poll_fn(|cx| Poll::Ready(alarm.poll(after(70), cx).is_pending())).await;
        tokio::time::timeout(Duration::from_secs(600), async {
            while Instant::now() < after(90) {
                poll_fn(|cx| alarm.poll(after(90), cx)).await;
            }
        })
        .await
        .expect("it rings at last");
        assert_eq!(Instant::now(), after(90));
    }
}
