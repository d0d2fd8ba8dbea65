//! How long do the traffic listeners wait? Until every backend has had its first verdict, or the start wait is over.

use crate::clock::when;
use crate::control::Handle;
use pulsegate_core::health::standing::Cause;
use std::time::Duration;
use tokio::time::timeout;

/// A first round that takes longer than this is worth a line.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// Says what it waits for, and what it has not waited for.
pub async fn first_round(handle: &Handle, wait: Duration) {
    let mut generation = handle.generation();
    let done = async {
        while !handle.snapshot().first_round_done {
            if generation.changed().await.is_err() {
                return;
            }
        }
    };
    let patience = wait.min(SAY_AFTER);
    tokio::pin!(done);
    if timeout(patience, &mut done).await.is_ok() {
        return;
    }
    if wait > patience {
        log::info!(
            "waiting for the first probes of {}, at most {} more",
            unchecked(handle),
            when::span(wait - patience)
        );
        if timeout(wait - patience, &mut done).await.is_ok() {
            return;
        }
    }
    log::warn!(
        "not every backend had its first verdict within start.wait ({wait:?}): accepting traffic now, requests wait \
         while a whole upstream is unchecked; still awaited: {}",
        unchecked(handle)
    );
}

/// The backends without a verdict, by address; of many, the first few.
fn unchecked(handle: &Handle) -> String {
    const NAMED: usize = 5;
    let snapshot = handle.snapshot();
    let members = snapshot.pools.iter().flat_map(|pool| pool.members.iter());
    let awaited: Vec<String> = members
        .filter(|member| member.standing.cause == Cause::Unchecked)
        .map(|member| member.id.address.to_string())
        .collect();
    match awaited.len() {
        0 => "names and files that have not answered".to_owned(),
        1..=NAMED => awaited.join(", "),
        more => format!("{} and {} more", awaited[..NAMED].join(", "), more - NAMED),
    }
}
