//! Did the backend go down under a request in flight? The word of the board, awaited where the upstream's `on_down` is `close_all`.
//!
//! The board says it in the cell and publishes; who waits is woken by the publication. Elsewhere nothing is awaited and nothing costs.

use crate::control::Handle;
use pulsegate_core::plan::OnDown;
use pulsegate_core::traffic::endpoint::Endpoint;
use pulsegate_core::traffic::snapshot::Pool;
use std::future::pending;
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Debug)]
pub struct Cut {
    member: Arc<Endpoint>,
    generation: watch::Receiver<u64>,
}

impl Cut {
    /// `None` where requests in flight are left to finish.
    pub fn of(pool: &Pool, member: &Arc<Endpoint>, handle: &Handle) -> Option<Self> {
        let asked = pool.upstream.on_down == OnDown::CloseAll;
        asked.then(|| Self { member: Arc::clone(member), generation: handle.generation() })
    }
}

/// Returns when the backend went down; never without a `cut`.
pub async fn cut(cut: &mut Option<Cut>) {
    let Some(cut) = cut else { return pending().await };
    while !cut.member.cell.is_cut(cut.member.connection_epoch) {
        if cut.generation.changed().await.is_err() {
            return pending().await;
        }
    }
}
