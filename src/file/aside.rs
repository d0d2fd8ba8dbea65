//! Who waits for a file? A thread that serves nobody, for one piece of work, given up when one of its files takes too long. Such a thread stays
//! until the system lets it go.

use super::reader::{Reader, given_up};
use std::future::pending;
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

/// How long one file may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Threads that may hang at once: beyond that no further work is begun, since whatever else waits for the system needs some, too.
const HANGING: usize = 128;

/// Does this beside everything else, of which `what` is said where it takes too long.
///
/// # Errors
/// A sentence: a file of it did not answer, or it ended by a panic.
pub async fn aside<T: Send + 'static>(
    what: &str,
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    if given_up() >= HANGING {
        return Err(format!("{what}: {HANGING} threads hang already in files that do not answer"));
    }
    let reader = Reader::default();
    let of_thread = reader.clone();
    let mut working = spawn_blocking(move || of_thread.run(work));
    loop {
        let before = reader.steps();
        match timeout(patience, &mut working).await {
            Ok(done) => return done.map_err(|error| format!("{what}: {error}")),
            // Many files, each of which answers.
            Err(_) if reader.steps() != before => {}
            Err(_) => break,
        }
    }
    let hangs = reader.give_up().map_or_else(|| "a file".to_owned(), |file| file.display().to_string());
    Err(format!(
        "{what} could not be read within {patience:?}: {hangs} does not answer (a pipe in its place, a file system that hangs)"
    ))
}

/// Work of one kind, one piece at a time.
#[derive(Debug)]
pub struct Aside<T> {
    work: Option<JoinHandle<Result<T, String>>>,
    patience: Duration,
}

impl<T: Send + 'static> Aside<T> {
    /// Whose files may take so long, each.
    pub fn within(patience: Duration) -> Self {
        Self { work: None, patience }
    }

    pub fn is_idle(&self) -> bool {
        self.work.is_none()
    }

    /// Begins this, of which `what` is said where it takes too long.
    pub fn begin(&mut self, what: &'static str, work: impl FnOnce() -> T + Send + 'static) {
        self.work = Some(tokio::spawn(aside(what, self.patience, work)));
    }

    /// What it came to. Cancelling this loses nothing; without work it never ends.
    pub async fn done(&mut self) -> Result<T, String> {
        let Some(work) = &mut self.work else { return pending().await };
        let done = work.await;
        self.work = None;
        done.unwrap_or_else(|error| Err(error.to_string()))
    }
}
