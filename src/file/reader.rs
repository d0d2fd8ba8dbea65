//! Which files do not answer? Each piece of work says at which file it is; where it is given up, that file is asked by nobody else until it
//! answers, or another is in its place.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the system knows a file by. `None`: its look at the path itself has not come back.
type Identity = Option<(u64, u64)>;

/// A piece of work that reads files.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader(Arc<Mutex<Progress>>);

#[derive(Debug, Default)]
struct Progress {
    at: Option<(PathBuf, Identity)>,
    /// Files that were begun or ended.
    steps: u64,
    /// It was given up at this one, and has not come further.
    hangs: bool,
}

/// Those that were given up and have not ended.
static GIVEN_UP: Mutex<Vec<Reader>> = Mutex::new(Vec::new());

thread_local! {
    /// Whose work this thread does.
    static OWN: RefCell<Option<Reader>> = const { RefCell::new(None) };
}

/// The end of a piece of work, however it ends.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some(reader) = OWN.take() {
            lock(&GIVEN_UP).retain(|other| !Arc::ptr_eq(&other.0, &reader.0));
        }
    }
}

impl Reader {
    /// Does this work on this thread.
    pub(super) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        OWN.set(Some(self.clone()));
        let _ends = Ends;
        work()
    }

    /// Where two answers are the same, it has been at the same file in between.
    pub(super) fn steps(&self) -> u64 {
        lock(&self.0).steps
    }

    /// Nobody waits for it any more. The file that it hangs in, where it is one.
    pub(super) fn give_up(&self) -> Option<PathBuf> {
        let mut given_up = lock(&GIVEN_UP);
        let mut progress = lock(&self.0);
        progress.hangs = true;
        given_up.push(self.clone());
        progress.at.as_ref().map(|(path, _)| path.clone())
    }

    fn goes_on(&self, at: Option<(PathBuf, Identity)>) {
        let mut progress = lock(&self.0);
        progress.steps += 1;
        (progress.at, progress.hangs) = (at, false);
    }

    fn hangs_in(&self, path: &Path, identity: Identity) -> bool {
        let progress = lock(&self.0);
        let in_it = |(other, known): &(PathBuf, Identity)| match identity {
            Some(_) => *known == identity,
            None => known.is_none() && other == path,
        };
        progress.hangs && progress.at.as_ref().is_some_and(in_it)
    }
}

/// How many were given up and have not ended?
pub(super) fn given_up() -> usize {
    lock(&GIVEN_UP).len()
}

/// # Errors
/// Somebody who was given up still waits for this one.
pub(super) fn answers(path: &Path, identity: Identity) -> io::Result<()> {
    if lock(&GIVEN_UP).iter().any(|reader| reader.hangs_in(path, identity)) {
        let says = "it does not answer (a pipe in its place, a file system that hangs); it is asked again when it has";
        return Err(io::Error::new(io::ErrorKind::TimedOut, says));
    }
    Ok(())
}

/// Does something that may hang in this file, and says so to who waits.
pub(super) fn step<T>(path: &Path, identity: Identity, work: impl FnOnce() -> T) -> T {
    let own = OWN.with_borrow(Clone::clone);
    if let Some(own) = &own {
        own.goes_on(Some((path.to_owned(), identity)));
    }
    let done = work();
    if let Some(own) = &own {
        own.goes_on(None);
    }
    done
}

/// Held for a few instructions only.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
