//! How does an exchange end for an HTTP/1 client? Its connection goes on, or is closed so that what was said arrives.

use super::H1Client;
use crate::proxy::downstream::{Fate, FromClient};
use crate::proxy::{Served, linger};
use pulsegate_core::traffic::request::ClientEnd;
use std::future::poll_fn;
use std::time::Duration;
use tokio::time::timeout;

/// How long the end of a connection may take (TLS says goodbye).
const FINISH_TIME: Duration = Duration::from_secs(5);
/// What is left of a small body behind an answer of our own.
const DRAIN_TIME: Duration = Duration::from_secs(2);

impl H1Client {
    /// The connection carries another exchange, where nothing of this one is left.
    #[expect(
        clippy::result_large_err,
        reason = "whoever is not at its end yet is no error, and a box would be asked for"
    )]
    pub(in crate::proxy::downstream) fn end_at_once(self, fate: Fate) -> Result<Served, Self> {
        let is_over = fate == Fate::Finish && self.wire.is_empty() && self.body.is_over();
        if is_over && self.is_reusable() { Ok(Served::Again(self.wire)) } else { Err(self) }
    }

    fn is_reusable(&self) -> bool {
        !self.closes && !self.is_tunnel() && self.ended != Some(ClientEnd::Reset)
    }

    pub(in crate::proxy::downstream) async fn end(mut self, fate: Fate) -> Served {
        match fate {
            // Nobody waits for the rest of a body before it hears that this was the last answer.
            Fate::Finish if self.closes && !self.body.is_over() => self.linger().await,
            Fate::Finish => {
                let finished = if self.wire.is_empty() && self.body.is_over() {
                    true
                } else {
                    timeout(DRAIN_TIME, self.settle()).await.is_ok_and(|settled| settled)
                };
                if finished && self.is_reusable() {
                    return Served::Again(self.wire);
                }
                let _ = timeout(FINISH_TIME, poll_fn(|cx| self.wire.poll_end(cx))).await;
            }
            Fate::Linger | Fate::Cut => self.linger().await,
            Fate::Reset => {
                // As far as the client takes it at once.
                let _ = self.wire.pass();
                self.wire.into_parts().0.reset();
            }
        }
        Served::Closed
    }

    /// What was told of it leaves first: the record says so.
    async fn linger(mut self) {
        let flushed = timeout(FINISH_TIME, poll_fn(|cx| self.wire.poll_flush(cx))).await;
        if flushed.is_ok_and(|flushed| flushed.is_ok()) {
            linger::close(self.wire.into_parts().0).await;
        }
    }

    /// What waits leaves, and what is left of a small body is read. False: it cannot be.
    async fn settle(&mut self) -> bool {
        if poll_fn(|cx| self.wire.poll_flush(cx)).await.is_err() {
            return false;
        }
        while self.drains && !self.body.is_over() {
            match poll_fn(|cx| self.poll_body(cx)).await {
                FromClient::Chunk(_) => {}
                FromClient::End(_) => return true,
                FromClient::Taken | FromClient::Left | FromClient::Malformed => return false,
            }
        }
        self.body.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::client;
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    #[allow(clippy::disallowed_methods, reason = "tests have no clock but the runtime's")]
    async fn whoever_keeps_its_body_back_hears_the_end_at_once() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
        let (mut client, mut far) = client(head, b"").await;
        client.answer_early(true);
        let began = Instant::now();
        let ending = tokio::spawn(client.end(Fate::Finish));
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(Instant::now(), began, "nothing was waited for");
        drop(far);
        assert!(matches!(ending.await.unwrap(), Served::Closed));
    }
}
