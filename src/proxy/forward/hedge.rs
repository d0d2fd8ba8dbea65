//! What happens at the backend that is asked too when an answer is late? It is asked over a way of its own, with nobody at its client's
//! side, so that nothing of the request itself is touched before it has won.

use super::machine::Surroundings;
use crate::proxy::backend::{FromBackend, Way};
use crate::proxy::heads::Asks;
use crate::proxy::relay::{Rival, Won};
use http::Method;
use pingora::http::RequestHeader;
use pulsegate_core::traffic::request::Attempt;

/// The rival of an attempt, asked with this head.
pub(super) fn rival<'e>(surroundings: Surroundings<'e>, attempt: Attempt, head: Box<RequestHeader>) -> Rival<'e> {
    Box::pin(async move {
        let (proxy, facts, to_head) = (surroundings.proxy, surroundings.facts, head.method == Method::HEAD);
        answer(&Way { proxy, facts, attempt: &attempt, to_head, uploads: false, asks: Asks::Nothing }, head).await
    })
}

/// `None`: there is none.
async fn answer(way: &Way<'_>, head: Box<RequestHeader>) -> Option<Won> {
    let mut connected = match way.rested() {
        Some(connected) => connected,
        None => way.connect().await.ok()?,
    };
    connected.backend.send_head(head, true).await.ok()?;
    connected.backend.finish(None).await.ok()?;
    loop {
        match connected.backend.next(true).await {
            FromBackend::Interim(_) | FromBackend::Taken => {}
            FromBackend::Head { head, end } => return Some(Won { connected, head, end }),
            _ => return None,
        }
    }
}
