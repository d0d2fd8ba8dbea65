//! Who asked for what, and what came of it? One line per request on stdout, text or JSON.
//!
//! Traffic never waits for the reader of stdout: a line goes into a bounded queue that one thread writes out; when the
//! queue is full the line is dropped and counted. What clients wrote (method, host, path, request id) is escaped.

mod line;

use super::RequestRecord;
use crate::domain::plan::LogFormat;
use prometheus::IntCounter;
use std::io::{BufWriter, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime};

/// Lines that may wait: a second of heavy traffic, a few megabytes at most.
const QUEUE: usize = 16_384;

/// The longest that [`AccessLog::flush`] waits for a reader that does not read.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The way to the writer. The writer ends when this is dropped.
#[derive(Debug)]
pub struct AccessLog {
    format: LogFormat,
    queue: SyncSender<Job>,
    dropped: IntCounter,
}

enum Job {
    Line(String),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

impl AccessLog {
    /// Starts the writer thread. `dropped` counts the lines that nobody will see.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(format: LogFormat, out: impl Write + Send + 'static, dropped: IntCounter) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let lost = dropped.clone();
        std::thread::Builder::new().name("access-log".into()).spawn(move || write_all(&jobs, out, &lost))?;
        Ok(Self { format, queue, dropped })
    }

    /// `at`: when the request ended.
    pub fn write(&self, at: SystemTime, record: &RequestRecord<'_>) {
        let line = match self.format {
            LogFormat::Text => line::text(at, record),
            LogFormat::Json => line::json(at, record),
        };
        if self.queue.try_send(Job::Line(line)).is_err() {
            self.dropped.inc();
        }
    }

    /// Blocks until everything so far is written, but not longer than two seconds. For the end of the process.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        let mut job = Job::Flush(done);
        // A full queue empties in a moment, or its reader is stuck and the lines are lost anyway.
        for _ in 0..FLUSH_LIMIT.as_millis() {
            match self.queue.try_send(job) {
                Ok(()) => {
                    let _ = wait.recv_timeout(FLUSH_LIMIT);
                    return;
                }
                Err(TrySendError::Full(back)) => job = back,
                Err(TrySendError::Disconnected(_)) => return,
            }
            if wait.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }
}

/// The writer thread: gathers what waits, writes it in one go, and hands it to the system before it waits again.
fn write_all(jobs: &Receiver<Job>, out: impl Write, lost: &IntCounter) {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    while let Ok(job) = jobs.recv() {
        let mut flushed = Vec::new();
        let mut waiting = Some(job);
        while let Some(job) = waiting {
            match job {
                Job::Line(line) => {
                    if out.write_all(line.as_bytes()).is_err() {
                        lost.inc();
                    }
                }
                Job::Flush(done) => flushed.push(done),
            }
            waiting = jobs.try_recv().ok();
        }
        let _ = out.flush();
        for done in flushed {
            let _ = done.send(());
        }
    }
}

#[cfg(test)]
mod tests;
