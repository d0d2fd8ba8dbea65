//! Who is behind a source right now? One look, for those who ask without a gateway that watches.

use super::{Answer, dns, file};
use crate::clock::Clock;
use crate::config::backends_file;
use pulsegate_core::board::Found;
use pulsegate_core::plan::{SourcePlan, StaticBackend};
use std::time::Duration;

/// What one look came to.
#[derive(Clone, Debug)]
pub struct Looked {
    pub answer: Result<Vec<Found>, String>,
    /// How long the name took to resolve; `None` where there is none.
    pub dns: Option<Duration>,
}

/// Looks once, as a watcher of the source does.
pub async fn look_once(source: &SourcePlan, clock: Clock) -> Looked {
    let started = clock.now();
    match source {
        SourcePlan::Static(backends) => Looked { answer: Ok(backends.iter().map(found).collect()), dns: None },
        SourcePlan::File { path, backup } => {
            let look = file::look(path).await;
            Looked { answer: file::answer(path, *backup, backends_file, &look), dns: None }
        }
        SourcePlan::Dns(source) => {
            let answer: Answer = dns::look_once(source).await;
            Looked { answer, dns: Some(clock.now().since(started)) }
        }
    }
}

fn found(backend: &StaticBackend) -> Found {
    Found { address: backend.address.clone(), weight: backend.weight, backup: backend.backup }
}
