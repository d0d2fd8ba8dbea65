//! How did it end? From what the relay knows to what the exchange and the board must know.

use super::{Relay, Relayed};
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::time::Duration;

impl<R> Relay<'_, R> {
    pub(super) fn ended(&self, end: AttemptEnd) -> Relayed {
        Relayed {
            end,
            begun: self.state.status.is_some(),
            whole: false,
            sent_whole: self.state.request_done && !self.state.upload_broken,
            refusal: None,
            head_after: self.state.head_after,
            by_rival: false,
        }
    }

    pub(super) fn refused(&self, problem: Problem) -> Relayed {
        Relayed { refusal: (self.state.status.is_none()).then_some(problem), ..self.ended(AttemptEnd::Ours) }
    }

    pub(super) fn tunnel_ended(&self) -> Relayed {
        Relayed { whole: true, ..self.ended(AttemptEnd::Response { status: 101 }) }
    }

    pub(super) fn backend_broke(&self, before_head: AttemptEnd) -> Relayed {
        match self.state.status {
            Some(_) if self.state.upgraded => self.tunnel_ended(),
            Some(status) => self.ended(AttemptEnd::BrokenBody { status }),
            None => self.ended(before_head),
        }
    }

    /// The backend went down and its connections with it.
    pub(super) fn cut_off(&self) -> Relayed {
        if self.state.upgraded { self.tunnel_ended() } else { self.ended(AttemptEnd::CutOff) }
    }

    pub(super) fn client_left(&self) -> Relayed {
        match self.state.status {
            Some(_) if self.state.upgraded => self.tunnel_ended(),
            status => self.ended(AttemptEnd::ClientAborted { waited: self.waited(), head_seen: status.is_some() }),
        }
    }

    pub(super) fn timed_out(&self) -> Relayed {
        let now = self.clock.now();
        let status = self.state.status;
        match status {
            Some(_) if self.state.upgraded => self.tunnel_ended(),
            // It does not read.
            Some(_) if !self.client.is_clear() => self.client_left(),
            // Silence blames a backend that owes bytes; a stream may have nothing to say.
            Some(status) if now < self.bounds.total && self.state.sized && self.state.request_done => {
                self.ended(AttemptEnd::BrokenBody { status })
            }
            Some(_) => self.ended(AttemptEnd::Ours),
            None if now >= self.bounds.total => {
                let end = AttemptEnd::ClientAborted { waited: self.waited(), head_seen: false };
                Relayed { refusal: Some(Problem::TotalTimeout), ..self.ended(end) }
            }
            // The backend does not read.
            None if !self.backend.is_clear() => self.ended(AttemptEnd::PerTryTimeout),
            None if !self.state.request_done => self.refused(Problem::RequestTimeout),
            None => self.ended(AttemptEnd::PerTryTimeout),
        }
    }

    /// Since the request was fully sent.
    fn waited(&self) -> Duration {
        if self.state.request_done { self.clock.now().since(self.state.sent_at) } else { Duration::ZERO }
    }
}
