//! Who else gets this request? A copy goes to the route's mirror when the exchange is over, so that it costs its client nothing.
//!
//! A copy is forwarded as every request is, with nobody at its client's side. Its answer is read and thrown away. Bodies that were not kept
//! whole (64 KiB) are not copied.

use super::machine::Surroundings;
use super::{Held, forward};
use crate::proxy::asked::Asked;
use crate::proxy::dialogue::Dialogue;
use crate::proxy::downstream::{ClientSide, CopyClient};
use crate::proxy::heads::Body;
use crate::proxy::story::Story;
use pulsegate_core::base::rng::Rng;
use pulsegate_core::traffic::request::{COPIES_AT_MOST, Facts};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many more copies may be under way.
#[derive(Debug)]
pub(in crate::proxy) struct Copies(Arc<Semaphore>);

impl Default for Copies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(COPIES_AT_MOST)))
    }
}

/// Sends the copy that the route asks for, if this request is one of its share.
pub(in crate::proxy) fn mirror(surroundings: Surroundings<'_>, facts: &Facts, dialogue: &Dialogue<'_>) {
    let Surroundings { proxy, terms, .. } = surroundings;
    let mut rng = Rng::new(fastrand::u64(..));
    let Some(facts) = facts.mirrored(proxy.clock().now(), &mut rng) else { return };
    let (client, replay) = (&*dialogue.client, &dialogue.replay);
    let whole = client.body() == Body::None || (replay.complete && replay.possible());
    let place = proxy.copies.0.clone().try_acquire_owned();
    let sent = whole && place.is_ok();
    proxy.telemetry.mirrored(&terms.route().name, sent);
    if let (true, Ok(place)) = (sent, place) {
        let copy = ClientSide::Copy(Box::new(CopyClient::new(client.head().clone(), replay.kept())));
        send(surroundings, facts, copy, place);
    }
}

fn send(surroundings: Surroundings<'_>, facts: Facts, copy: ClientSide, place: OwnedSemaphorePermit) {
    let (proxy, connection) = (Arc::clone(surroundings.proxy), surroundings.facts.clone());
    let (asked, terms): (Asked, _) = (surroundings.asked.clone(), surroundings.terms.clone());
    let worker = Arc::clone(&connection.worker);
    worker.spawn(async move {
        let _place = place;
        let surroundings = Surroundings { proxy: &proxy, facts: &connection, asked: &asked, terms: &terms };
        let (mut copy, mut story) = (copy, Story::default());
        forward(surroundings, &mut Held::new(facts), &mut Dialogue::with(&mut copy), &mut story).await;
    });
}
