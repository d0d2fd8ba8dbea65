//! Which backends are there? Names and files are watched; every answer goes to the board as it is.
//!
//! An empty or failed answer is reported like any other: that the last set stays is the board's decision. A failure is said once,
//! and again when its text changes. Static backends are no concern of this room: they are in the plan, and the board reads it.

mod dns;
mod file;
mod names;
mod once;

pub use once::{Looked, look_once};

use crate::config::backends_file;
use crate::control::Handle;
use pulsegate_core::board::{Found, Input};
use pulsegate_core::plan::{Plan, SourcePlan};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How often a watched file is looked at.
const FILE_INTERVAL: Duration = Duration::from_secs(1);

/// What a source says: who is there, or why that is not known (a sentence).
type Answer = Result<Vec<Found>, String>;

/// The watchers of the plan in force. Dropping it ends them.
pub struct Discovery {
    tell: Arc<dyn Fn(Input) + Send + Sync>,
    watchers: Vec<Watcher>,
}

/// One task per source, named by what must be equal for it to live on.
#[derive(Debug)]
struct Watcher {
    upstream: Arc<str>,
    position: usize,
    source: SourcePlan,
    task: AbortHandle,
}

impl Discovery {
    pub fn new(handle: Handle) -> Self {
        Self::telling(move |input| handle.send(input))
    }

    fn telling(tell: impl Fn(Input) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), watchers: Vec::new() }
    }

    /// Starts watchers for new sources, ends those that are gone, leaves equal ones alone (same upstream, same position, same source).
    /// Must be called within a tokio runtime, after the board was given the plan: an answer for an upstream that it does not know
    /// is lost.
    pub fn apply(&mut self, plan: &Plan) {
        let sources: Vec<_> = plan.upstreams.iter().map(|one| (&one.name, &one.sources[..])).collect();
        self.follow(&sources);
    }

    fn follow(&mut self, upstreams: &[(&Arc<str>, &[SourcePlan])]) {
        let mut old = std::mem::take(&mut self.watchers);
        for (upstream, sources) in upstreams {
            for (position, source) in sources.iter().enumerate() {
                let kept = old.iter().position(|watcher| watcher.watches(upstream, position, source));
                let watcher = match kept {
                    Some(index) => Some(old.swap_remove(index)),
                    None => self.start(upstream, position, source),
                };
                self.watchers.extend(watcher);
            }
        }
        old.iter().for_each(Watcher::end);
    }

    fn start(&self, upstream: &Arc<str>, position: usize, source: &SourcePlan) -> Option<Watcher> {
        let teller = Teller { tell: self.tell.clone(), upstream: upstream.clone(), source: position, failure: None };
        let task = match source {
            SourcePlan::Static(_) => return None,
            SourcePlan::Dns(dns) => spawn(dns::watch(dns.clone(), teller)),
            SourcePlan::File { path, backup } => {
                spawn(file::watch(path.clone(), *backup, backends_file, FILE_INTERVAL, teller))
            }
        };
        Some(Watcher { upstream: upstream.clone(), position, source: source.clone(), task })
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.watchers.iter().for_each(Watcher::end);
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery").field("watchers", &self.watchers).finish_non_exhaustive()
    }
}

impl Watcher {
    fn watches(&self, upstream: &str, position: usize, source: &SourcePlan) -> bool {
        *self.upstream == *upstream && self.position == position && self.source == *source
    }

    fn end(&self) {
        self.task.abort();
    }
}

fn spawn(watch: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    tokio::spawn(watch).abort_handle()
}

/// Speaks for one source.
struct Teller {
    tell: Arc<dyn Fn(Input) + Send + Sync>,
    upstream: Arc<str>,
    source: usize,
    /// What was last said, if it was a failure.
    failure: Option<String>,
}

impl Teller {
    /// Sends `answer`, unless it is the failure that was said last.
    fn tell(&mut self, answer: Answer) {
        let failure = answer.as_ref().err().cloned();
        if failure.is_some() && failure == self.failure {
            return;
        }
        self.failure = failure;
        (self.tell)(Input::Discovered { upstream: self.upstream.clone(), source: self.source, answer });
    }
}

/// Sorted by address, each address once: a primary wins over a backup, then the greater weight.
fn tidy(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by(|a, b| (&a.address, a.backup, b.weight).cmp(&(&b.address, b.backup, a.weight)));
    found.dedup_by(|later, first| later.address == first.address);
    found
}

#[cfg(test)]
mod tests;
