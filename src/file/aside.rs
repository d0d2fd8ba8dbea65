//! Who waits for a file? A thread that serves nobody: one piece of work at a time, given up when it takes too long.
//!
//! A file of a network that is down, or a pipe in its place, may never answer, and nothing ends a read that the system does not end: such a
//! thread stays until it does. A few of them are let be; beyond that no further work is begun.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

/// How long the files of one piece of work may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Threads that may hang.
const HANGING: usize = 8;

/// Work of one kind.
pub(super) struct Aside<T> {
    work: Option<JoinHandle<Result<T, String>>>,
    /// Held by each piece of work that has not ended.
    threads: Arc<()>,
    patience: Duration,
}

impl<T> Default for Aside<T> {
    fn default() -> Self {
        Self { work: None, threads: Arc::default(), patience: PATIENCE }
    }
}

impl<T: Send + 'static> Aside<T> {
    pub(super) fn is_idle(&self) -> bool {
        self.work.is_none()
    }

    /// A thread that was given up is still at it.
    pub(super) fn hangs(&self) -> bool {
        Arc::strong_count(&self.threads) > 1
    }

    /// Begins this, of which `what` is said where it takes too long.
    pub(super) fn begin(&mut self, what: &'static str, work: impl FnOnce() -> T + Send + 'static) {
        let (thread, patience) = (Arc::clone(&self.threads), self.patience);
        self.work = Some(tokio::spawn(async move {
            if Arc::strong_count(&thread) > HANGING + 2 {
                return Err(format!("{what}: {HANGING} threads hang already in files that do not answer"));
            }
            let working = spawn_blocking(move || {
                let done = work();
                drop(thread);
                done
            });
            match timeout(patience, working).await {
                Ok(done) => done.map_err(|error| format!("{what}: {error}")),
                Err(_) => Err(format!(
                    "{what} could not be read within {patience:?}: a file does not answer (a pipe in its place, a file system that hangs)"
                )),
            }
        }));
    }

    /// What it came to. Cancelling this loses nothing; without work it never ends.
    pub(super) async fn done(&mut self) -> Result<T, String> {
        let Some(work) = &mut self.work else { return pending().await };
        let done = work.await;
        self.work = None;
        done.unwrap_or_else(|error| Err(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[tokio::test]
    async fn what_hangs_is_given_up_and_the_next_is_done() {
        let mut aside = Aside { patience: Duration::from_millis(10), ..Aside::default() };
        let (release, hangs) = channel::<()>();
        aside.begin("a file", move || hangs.recv().is_ok());
        assert!(!aside.is_idle());
        let given_up = aside.done().await.unwrap_err();
        assert!(given_up.contains("a file could not be read within 10ms"), "{given_up}");
        assert!(aside.is_idle() && aside.hangs());
        aside.patience = PATIENCE;
        aside.begin("another", || true);
        assert_eq!(aside.done().await, Ok(true));
        release.send(()).unwrap();
    }

    #[tokio::test]
    async fn what_panics_is_told() {
        let mut aside: Aside<()> = Aside::default();
        aside.begin("a file", || panic!("as a test may"));
        assert!(aside.done().await.unwrap_err().starts_with("a file: "));
    }
}
