//! What has a worker of a listener? Its own word of what ends connections. Each request listens for it, and would otherwise do so where all workers
//! do: at one lock.

use super::Stage;
use super::listener::Listener;
use crate::proxy::Worker;
use std::sync::Arc;
use tokio::sync::watch::{Receiver, Sender};

/// One worker's part of one listener.
#[derive(Debug)]
pub(super) struct Branch {
    pub worker: Arc<Worker>,
    /// With a `closed` of its own.
    pub listener: Arc<Listener>,
    pub stage: Receiver<Stage>,
}

impl Branch {
    /// On `worker`, it says again what is said to all.
    pub(super) fn of(worker: &Arc<Worker>, listener: &Listener, stage: Receiver<Stage>) -> Self {
        let (told, closed) = (Sender::new(*stage.borrow()), Sender::new(false));
        let branch = Self {
            worker: Arc::clone(worker),
            listener: Arc::new(listener.closed_by(closed.clone())),
            stage: told.subscribe(),
        };
        worker.spawn(say_again((stage, told), (listener.closed.subscribe(), closed)));
        branch
    }
}

/// Until the process or the listener is gone.
async fn say_again(
    (mut stage, stage_here): (Receiver<Stage>, Sender<Stage>),
    (mut closed, closed_here): (Receiver<bool>, Sender<bool>),
) {
    loop {
        stage_here.send_replace(*stage.borrow_and_update());
        closed_here.send_replace(*closed.borrow_and_update());
        let said = tokio::select! {
            said = stage.changed() => said,
            said = closed.changed() => said,
        };
        if said.is_err() {
            return;
        }
    }
}
