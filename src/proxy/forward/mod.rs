//! Who is asked, and who next? The request machine of the core, performed: one thing to do after the other, each with what came of it.

mod attempt;
mod hedge;
mod judge;
mod keys;
mod machine;
mod mirror;
mod queues;

pub(super) use machine::Surroundings;
pub(super) use mirror::{Copies, mirror};
pub(super) use queues::Queues;

use super::dialogue::Dialogue;
use super::heads::{self, Body};
use super::story::Story;
use crate::proxy::downstream::ClientSide;
use machine::Machine;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::traffic::request::{Action, BodyBounds, Cut, Facts, Input, Kind, Request, Ties};
use pulsegate_core::traffic::retry::is_idempotent;
use queues::Wake;

/// What a request that was forwarded holds of its upstream, until it is dropped.
pub(super) type Held = Request<Wake>;

/// What a request came to, of which nothing is left to be done but this.
pub(super) enum Outcome {
    /// The client has its answer.
    Delivered,
    Answer {
        problem: Problem,
        retry_after: Option<u64>,
    },
    Cut(Cut),
}

/// Forwards the request of this dialogue. Returns what it came to.
pub(super) async fn forward(
    surroundings: Surroundings<'_>,
    held: &mut Held,
    dialogue: &mut Dialogue<'_>,
    story: &mut Story,
) -> Outcome {
    let mut machine = Machine::of(surroundings, held, story);
    let mut action = machine.tell(Input::Begun, dialogue.client.head());
    let outcome = loop {
        // By reference: an attempt is large, and to move it is to copy it.
        let next = match &action {
            Action::Attempt(attempt) => attempt::attempt(&mut machine, dialogue, attempt).await,
            Action::Wait(wait) => machine.wait(*wait, dialogue.client).await,
            Action::Answer { problem, retry_after } => {
                break Outcome::Answer { problem: *problem, retry_after: *retry_after };
            }
            Action::Cut(cut) => break Outcome::Cut(*cut),
            Action::Nothing => break Outcome::Delivered,
            // Nobody is there who could be asked beforehand, and what is left is for an attempt to do.
            Action::Ask(_) | Action::Hedge(_) | Action::Continue | Action::Deliver => {
                break Outcome::Answer { problem: Problem::Internal, retry_after: None };
            }
        };
        action = next;
    };
    machine.over();
    outcome
}

/// What the machine must know of a request of this client.
pub(super) fn facts(surroundings: &Surroundings<'_>, client: &ClientSide, began: Timestamp) -> Facts {
    let head = client.head();
    let limits = &surroundings.facts.listener.limits;
    Facts {
        terms: surroundings.terms.clone(),
        kind: Kind::Original,
        began,
        client: keys::client_hash(surroundings.asked.asker.client),
        idempotent: is_idempotent(head.method()),
        has_body: client.body() != Body::None,
        upgrades: heads::upgrade_of(head).is_some(),
        call: surroundings.asked.call.filter(|_| surroundings.terms.may_be_calls()),
        body: BodyBounds { idle: limits.body_idle_timeout, bytes: limits.body_bytes },
        ties: Ties {
            authenticates: heads::authenticates_connection(head),
            one_user: client.is_one_at_a_time() && !surroundings.asked.asker.trusted,
        },
        question: None,
    }
}
