//! What has a worker of a listener? Its own word of what ends connections. Each request listens for it, and would otherwise do so where all workers
//! do: at one lock.

use super::Stage;
use super::leaving::Word;
use super::listener::Listener;
use crate::proxy::Worker;
use std::sync::Arc;
use tokio::sync::watch::Receiver;

/// One worker's part of one listener.
#[derive(Debug)]
pub(super) struct Branch {
    pub worker: Arc<Worker>,
    /// Counted by this worker's connections.
    pub listener: Arc<Listener>,
    pub word: Arc<Word>,
}

impl Branch {
    /// On `worker`, it says again what is said to all.
    pub(super) fn of(worker: &Arc<Worker>, listener: &Listener, stage: Receiver<Stage>) -> Self {
        let word = Arc::new(Word::default());
        worker.spawn(say_again(stage, listener.closed.subscribe(), Arc::clone(&word)));
        Self { worker: Arc::clone(worker), listener: Arc::new(listener.clone()), word }
    }
}

/// Until the process or the listener is gone. A listener that closes by itself is to its connections a process that does.
async fn say_again(mut stage: Receiver<Stage>, mut closed: Receiver<bool>, word: Arc<Word>) {
    loop {
        let (all, closes) = (*stage.borrow_and_update(), *closed.borrow_and_update());
        word.say(if closes { Stage::Closing } else { all });
        let said = tokio::select! {
            said = stage.changed() => said,
            said = closed.changed() => said,
        };
        if said.is_err() {
            return word.say(Stage::Closing);
        }
    }
}
