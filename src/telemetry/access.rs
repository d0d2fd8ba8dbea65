//! Who asked for what, and what came of it? One line per request on stdout, text or JSON, and one
//! per connection or head that was refused before it became a request.
//!
//! Traffic never waits for the reader of stdout: a line goes into a bounded queue that one thread writes out; when the
//! queue is full the line is dropped and counted. What clients wrote (method, host, path, request id) is escaped.

mod line;

use super::RequestRecord;
use crate::domain::plan::LogFormat;
use prometheus::IntCounter;
use std::io::Write;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime};

/// Lines that may wait: a second of heavy traffic, a few megabytes at most.
const QUEUE: usize = 16_384;

/// Bytes beyond which waiting lines are written.
const BATCH: usize = 64 * 1024;

/// The longest that [`AccessLog::flush`] waits for a reader that does not read, and for a place in a full queue.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The way to the writer. The writer ends when this is dropped.
#[derive(Debug)]
pub struct AccessLog {
    format: LogFormat,
    jobs: SyncSender<Job>,
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
        let (jobs, waiting) = sync_channel(QUEUE);
        let lost = dropped.clone();
        std::thread::Builder::new().name("access-log".into()).spawn(move || write_out(&waiting, out, &lost))?;
        Ok(Self { format, jobs, dropped })
    }

    /// `at`: when the request ended.
    pub fn write(&self, at: SystemTime, record: &RequestRecord<'_>) {
        self.queue(match self.format {
            LogFormat::Text => line::text(at, record),
            LogFormat::Json => line::json(at, record),
        });
    }

    /// What never became a request.
    pub fn write_refusal(&self, at: SystemTime, listener: &str, client: IpAddr, reason: &str) {
        self.queue(line::refusal(self.format, at, listener, client, reason));
    }

    fn queue(&self, line: String) {
        if self.jobs.try_send(Job::Line(line)).is_err() {
            self.dropped.inc();
        }
    }

    /// Blocks until everything so far is written, but for about two seconds at most. For the end of the process.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        let mut job = Job::Flush(done);
        // A full queue empties within milliseconds, or its reader is stuck and the lines are lost anyway.
        for _ in 0..FLUSH_LIMIT.as_millis() {
            match self.jobs.try_send(job) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) => job = back,
                Err(TrySendError::Disconnected(_)) => return,
            }
            let _ = wait.recv_timeout(Duration::from_millis(1));
        }
        let _ = wait.recv_timeout(FLUSH_LIMIT);
    }
}

/// Lines on their way to one write.
#[derive(Default)]
struct Batch {
    text: Vec<u8>,
    lines: u64,
    flushed: Vec<SyncSender<()>>,
}

impl Batch {
    fn add(&mut self, job: Job) {
        match job {
            Job::Line(line) => {
                self.text.extend_from_slice(line.as_bytes());
                self.lines += 1;
            }
            Job::Flush(done) => self.flushed.push(done),
        }
    }

    fn write(&mut self, out: &mut impl Write, lost: &IntCounter) {
        if out.write_all(&self.text).and_then(|()| out.flush()).is_err() {
            lost.inc_by(self.lines);
        }
        for done in self.flushed.drain(..) {
            let _ = done.send(());
        }
        self.text.clear();
        self.lines = 0;
    }
}

/// The writer thread: gathers what waits, up to a bound, and writes it in one go.
fn write_out(jobs: &Receiver<Job>, mut out: impl Write, lost: &IntCounter) {
    let mut batch = Batch::default();
    while let Ok(job) = jobs.recv() {
        batch.add(job);
        while batch.text.len() < BATCH
            && let Ok(job) = jobs.try_recv()
        {
            batch.add(job);
        }
        batch.write(&mut out, lost);
    }
}

#[cfg(test)]
mod tests;
