//! What would other thresholds have done? A record played again under another configuration, beside what really happened.
//!
//! The board is the gateway's own. Honest about its bounds: requests that were never sent have no outcome, and a probe that was never made
//! has no answer; how much of that there was is told.

mod compare;
mod play;
mod read;
mod tell;

pub use tell::{json, text};

use crate::config;
use crate::record;
use compare::Row;
use play::Replayed;
use pulsegate_core::base::identity::BackendId;
use read::Recorded;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A replay that is over.
#[derive(Debug)]
pub struct Replay {
    recorded: Recorded,
    replayed: Replayed,
    rows: BTreeMap<BackendId, Row>,
    config: PathBuf,
    /// The only configuration that was recorded is this one.
    same_config: bool,
}

/// Plays the record at `path` under the configuration at `config`.
///
/// # Errors
/// What is wrong with either, a sentence each.
pub fn replay(path: &Path, config: &Path) -> Result<Replay, Vec<String>> {
    let told = |diagnostics: Vec<config::Diagnostic>| diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>();
    let plan = Arc::new(config::load(config).map_err(told)?.plan);
    let recorded = read::read(path).map_err(|why| vec![why])?;
    let fingerprint = record::fingerprint(&plan);
    let replayed = play::play(&recorded, &plan);
    let rows = compare::rows(&recorded, &replayed);
    let same_config =
        !recorded.fingerprints.is_empty() && recorded.fingerprints.iter().all(|known| *known == fingerprint);
    Ok(Replay { recorded, replayed, rows, config: config.to_owned(), same_config })
}
