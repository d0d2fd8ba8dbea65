//! What happens at the backend that is asked too when an answer is late? It is asked over a way of its own, with nobody at its client's
//! side, so that nothing of the request itself is touched before it has won.

use super::machine::Surroundings;
use crate::proxy::backend::{FromBackend, Way};
use crate::proxy::heads::{Asks, Body};
use crate::proxy::message::RequestHead;
use crate::proxy::relay::{Rival, Won};
use crate::proxy::rewrite::Onward;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::traffic::request::Attempt;

/// The rival of an attempt, asked with this head.
pub(super) fn rival<'e>(
    surroundings: Surroundings<'e>,
    attempt: Attempt,
    head: RequestHead,
    trace: Option<Trace>,
) -> Rival<'e> {
    Box::pin(async move {
        let Surroundings { proxy, facts, asked, terms } = surroundings;
        let onward = Onward {
            head: &head,
            body: Body::None,
            asked,
            trace: trace.as_ref(),
            route: terms.route(),
            facts,
            expects: false,
        };
        answer(&Way { proxy, facts, attempt: &attempt, uploads: false, asks: Asks::Nothing }, &onward).await
    })
}

/// `None`: there is none.
async fn answer(way: &Way<'_>, onward: &Onward<'_>) -> Option<Won> {
    let mut connected = match way.rested() {
        Some(connected) => connected,
        None => way.connect().await.ok()?,
    };
    connected.backend.send_head(onward, true).ok()?;
    connected.backend.finish(None).ok()?;
    loop {
        match connected.backend.next().await {
            FromBackend::Interim(_) | FromBackend::Taken => {}
            FromBackend::Head { head, end } => return Some(Won { connected, head, end }),
            _ => return None,
        }
    }
}
