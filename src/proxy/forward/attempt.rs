//! What happens in one attempt? A way to the backend, the relay over it, and what came of it for the machine.

use super::judge::{Heard, Judge};
use super::machine::Machine;
use crate::proxy::backend::{Connected, Way};
use crate::proxy::connection_pool::cut::Cut;
use crate::proxy::dialogue::Dialogue;
use crate::proxy::downstream::Fate;
use crate::proxy::heads;
use crate::proxy::relay::{Relay, Relayed};
use crate::proxy::rewrite::Onward;
use pulsegate_core::base::identity::BackendKey;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::traffic::cell::{Nudge, NudgeKind};
use pulsegate_core::traffic::request::{
    self, Action, Asked, Attempt, Ended, Expectation, Expected, Input, Owner, Progress,
};

/// Makes one attempt. Returns what is to be done next.
pub(super) async fn attempt(machine: &mut Machine<'_>, dialogue: &mut Dialogue<'_>, attempt: &Attempt) -> Action {
    machine.story.backend = Some(attempt.endpoint.id.address.clone());
    machine.story.upstream_took = None;
    let surroundings = machine.surroundings;
    let uploads = !dialogue.replay.is_empty() || !dialogue.client.body_done();
    let asks = heads::asks(dialogue.client.head(), dialogue.client.body());
    let way = Way { proxy: surroundings.proxy, facts: surroundings.facts, attempt, uploads, asks };
    let trace = machine.begin_span(Asked::First, attempt.way);
    if dialogue.client.has_left() {
        return machine.tell(Input::ClientLeft, dialogue.client.head());
    }
    let rested = if attempt.way == request::Way::Any { way.rested() } else { None };
    let connected = match rested {
        Some(connected) => Ok(connected),
        None => tokio::select! {
            biased;
            () = dialogue.client.left() => return machine.tell(Input::ClientLeft, dialogue.client.head()),
            // It is long, and rare: in a box of its own it takes no place in every connection of a client.
            connected = Box::pin(connect(machine, &way)) => connected,
        },
    };
    let mut connected = match connected {
        Ok(connected) => connected,
        Err(ended) => return over(machine, dialogue, ended),
    };
    match converse(machine, dialogue, &way, &mut connected, trace).await {
        Spoken::Elsewhere(action) => action,
        Spoken::Ended { ended, owner } => {
            if let Some(owner) = owner {
                way.lay_down(connected, &ended, owner);
            }
            over(machine, dialogue, ended)
        }
    }
}

/// What came of a conversation with a backend.
enum Spoken {
    Ended {
        ended: Ended,
        /// Whose the connection is from now on; `None`: it is used no more.
        owner: Option<(Owner, BackendKey)>,
    },
    /// Nothing of its answer counts: this is to be done instead.
    Elsewhere(Action),
}

async fn connect(machine: &mut Machine<'_>, way: &Way<'_>) -> Result<Connected, Ended> {
    let began = machine.clock().now();
    let connected = way.connect().await;
    machine.story.upstream_wait += machine.clock().now().since(began);
    connected
}

/// Sends the request and relays the answer.
async fn converse(
    machine: &mut Machine<'_>,
    dialogue: &mut Dialogue<'_>,
    way: &Way<'_>,
    connected: &mut Connected,
    trace: Option<Trace>,
) -> Spoken {
    let expectation = expectation(machine, dialogue, way);
    let (clock, attempt) = (machine.clock(), way.attempt);
    // What the gateway itself takes is measured from here to there.
    let asked_at = clock.now_anew();
    let progress = Progress::begun(attempt.bounds, asked_at);
    if let Err(ended) = ask(machine, dialogue, connected, &progress, (trace.as_ref(), expectation)) {
        return Spoken::Ended { ended, owner: None };
    }
    let proxy = machine.surroundings.proxy;
    let mut judge = Judge::of(machine, *way, dialogue.client.head().version());
    let relay = Relay {
        backend: &mut connected.backend,
        judge: &mut judge,
        cut: Cut::of(&attempt.pool, &attempt.endpoint, &proxy.handle),
        rival: None,
        hedge_after: attempt.hedge_after,
        clock,
        expectation,
        progress,
        dialogue,
    };
    let relayed = relay.run().await;
    let heard = judge.heard();
    note(machine, &heard, asked_at);
    if let Some(flaw) = connected.backend.flaw() {
        log::debug!("attempt {} at {}: {flaw}", machine.request().attempts(), attempt.endpoint.id);
    }
    let mut backend = attempt.endpoint.key;
    if let Some(winner) = heard.shelf {
        (connected.shelf, backend) = winner;
    }
    match relayed {
        Relayed::Elsewhere(action) => Spoken::Elsewhere(action),
        Relayed::Ended(ended) => {
            let (asked, known) = (heard.asks_for_auth, connected.backend.is_bound());
            let owner = machine.request().facts().owner(&attempt.pool.upstream, asked, known);
            let ended = if connected.beside { ended.beside() } else { ended };
            Spoken::Ended { ended, owner: Some((owner, backend)) }
        }
    }
}

/// Tells the backend the head of the request.
///
/// # Errors
/// How the attempt ended.
fn ask(
    machine: &Machine<'_>,
    dialogue: &Dialogue<'_>,
    connected: &mut Connected,
    progress: &Progress,
    (trace, expectation): (Option<&Trace>, Expectation),
) -> Result<(), Ended> {
    let (client, surroundings) = (&*dialogue.client, machine.surroundings);
    let onward = Onward {
        head: client.head(),
        body: client.body(),
        asked: surroundings.asked,
        trace,
        route: machine.route(),
        facts: surroundings.facts,
        expects: expectation == Expectation::Backend,
    };
    if let Some(problem) = connected.backend.refuses(&onward) {
        return Err(progress.refused(problem));
    }
    let bodiless = dialogue.replay.is_empty() && client.body_done();
    connected.backend.send_head(&onward, bodiless).map_err(|end| {
        let ended = progress.broke(end);
        if connected.beside { ended.beside() } else { ended }
    })
}

/// For the story of the request, and for the board.
fn note(machine: &mut Machine<'_>, heard: &Heard, asked_at: Timestamp) {
    machine.story.head_at = heard.ready_at.or(heard.head_at);
    machine.story.upstream_took = heard.after;
    machine.story.upstream_wait += heard.head_at.unwrap_or_else(|| machine.clock().now()).since(asked_at);
    if let Some(backend) = heard.drain_asked {
        machine.surroundings.proxy.handle.nudge(Nudge { backend, kind: NudgeKind::DrainAsked });
    }
}

/// Who says the 100 that the client may be waiting for.
fn expectation(machine: &Machine<'_>, dialogue: &Dialogue<'_>, way: &Way<'_>) -> Expectation {
    let client = &dialogue.client;
    if !heads::expects_continue(client.head(), client.body()) {
        return Expectation::Nobody;
    }
    Expectation::of(Expected {
        by_client: true,
        goes_ahead: dialogue.continued || dialogue.replay.has_begun(),
        is_copy: machine.request().facts().is_copy(),
        of_http10: way.attempt.endpoint.cell.speaks_http10(),
    })
}

/// It ended so.
fn over(machine: &mut Machine<'_>, dialogue: &mut Dialogue<'_>, ended: Ended) -> Action {
    if matches!(ended, Ended::Whole { sent: false, .. }) {
        dialogue.fate = Fate::Linger;
    }
    let replayable = dialogue.replay.possible();
    machine.tell(Input::Ended { ended, replayable }, dialogue.client.head())
}
