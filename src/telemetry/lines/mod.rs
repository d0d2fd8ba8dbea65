//! How do lines leave that nobody waits for? Whoever has one puts it on a shelf (bounded in bytes), from where a thread writes it out with those
//! that came meanwhile; where there is no room, or it cannot be written, lines are dropped and counted. Both logs leave so.

mod shelves;
mod writer;

use super::instruments::{Counter, Level};
use shelves::Shelves;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

#[cfg(test)]
pub(super) use shelves::WAITING;

/// The longest that [`Lines::flush`] waits for a reader that does not read.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// How a log fares.
#[derive(Clone, Debug, Default)]
pub struct Health {
    pub written: Arc<Counter>,
    /// The lines that nobody will see.
    pub dropped: Arc<Counter>,
    /// Bytes on the shelves.
    pub waiting: Arc<Level>,
}

/// How one log is written.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The name of its thread.
    pub thread: &'static str,
    /// As it is called where something is said of it.
    pub log: &'static str,
    /// How long the first of several lines waits for the others.
    pub gathering: Duration,
    /// A gap is said in it: who reads it reads that, too.
    pub tells_gaps: bool,
}

/// The way to the writer. The writer ends when this is dropped, with everything written.
#[derive(Debug)]
pub struct Lines {
    shelves: Arc<Shelves>,
}

impl Lines {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(manner: Manner, out: impl Write + Send + 'static, health: Health) -> std::io::Result<Self> {
        let shelves = Arc::new(Shelves::new(health.clone()));
        let of_writer = Arc::clone(&shelves);
        std::thread::Builder::new()
            .name(manner.thread.into())
            .spawn(move || writer::write_out(&of_writer, out, &health, manner))?;
        Ok(Self { shelves })
    }

    /// Takes a line, with its line end. Never waits.
    pub fn put(&self, line: &str) {
        self.write(|lines| lines.push_str(line));
    }

    /// As [`Self::put`]: what `line` writes behind those that wait already, one line with its end.
    pub fn write(&self, line: impl FnOnce(&mut String)) {
        self.shelves.put(line);
    }

    /// Blocks until everything so far is written, but for about two seconds at most. For the end of the process.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        self.shelves.flush(done);
        let _ = wait.recv_timeout(FLUSH_LIMIT);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shelves.close();
    }
}

#[cfg(test)]
mod tests;
