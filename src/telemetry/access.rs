//! Who asked for what, and what came of it? One line per request, on stdout or in a file, and one
//! per connection or head that was refused before it became a request.
//!
//! Traffic never waits for whoever takes the lines: a line goes into a queue, bounded in lines and bytes, that one thread writes out a few
//! milliseconds later, with those that came meanwhile; where there is no room, or a disk is full, lines are dropped and counted. What
//! clients wrote (method, host, path, request id) is escaped.

mod file;
mod line;
mod stamp;
mod value;
mod writer;

use super::RequestRecord;
use crate::domain::access::is_success;
use crate::domain::plan::{AccessFile, AccessPlan};
use file::Rotated;
use prometheus::{IntCounter, IntGauge};
use std::io::Write;
use std::net::IpAddr;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime};
use writer::Job;

/// Lines that may wait: a tenth of a second of the heaviest traffic.
const QUEUE: usize = 16_384;

/// What they may have together, in bytes.
const WAITING: i64 = 16 << 20;

/// The longest that [`AccessLog::flush`] waits for a reader that does not read, and for a place in a full queue.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The way to the writer. The writer ends when this is dropped, with everything written.
#[derive(Debug)]
pub struct AccessLog {
    plan: AccessPlan,
    jobs: SyncSender<Job>,
    health: Health,
}

/// How the log fares.
#[derive(Clone, Debug)]
pub struct Health {
    pub written: IntCounter,
    /// The lines that nobody will see.
    pub dropped: IntCounter,
    /// Bytes in the queue.
    pub waiting: IntGauge,
}

/// Can this file be written?
///
/// # Errors
/// Why not, as a sentence.
pub fn check(file: &AccessFile) -> Result<(), String> {
    Rotated::open(file).map(drop).map_err(|error| unusable(file, &error))
}

fn unusable(file: &AccessFile, error: &std::io::Error) -> String {
    let path = file.path.display();
    format!(
        "logging.access.file {path}: {error}; the folder must be there, and the gateway's user must be able to write in it"
    )
}

impl AccessLog {
    /// Starts the writer, on stdout or on the file of the plan.
    ///
    /// # Errors
    /// The file cannot be opened, or the system has no thread left; a sentence.
    pub fn open(plan: &AccessPlan, health: Health) -> Result<Self, String> {
        let started = match &plan.file {
            None => Self::start(plan.clone(), std::io::stdout(), health),
            Some(file) => {
                let out = Rotated::open(file).map_err(|error| unusable(file, &error))?;
                Self::start(plan.clone(), out, health)
            }
        };
        started.map_err(|error| format!("its thread cannot be started ({error}); raise the thread limit"))
    }

    fn start(plan: AccessPlan, out: impl Write + Send + 'static, health: Health) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE);
        let of_writer = health.clone();
        std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || writer::write_out(&waiting, out, &of_writer))?;
        Ok(Self { plan, jobs, health })
    }

    pub fn plan(&self) -> &AccessPlan {
        &self.plan
    }

    /// `at`: when the request ended.
    pub fn write(&self, at: SystemTime, record: &RequestRecord<'_>) {
        let may_go = self.plan.sample < 1.0 && is_success(record.status, record.reason.is_some(), record.attempts);
        if may_go && fastrand::f64() >= self.plan.sample {
            return;
        }
        self.queue(line::request(&self.plan, at, record));
    }

    /// What never became a request.
    pub fn write_refusal(&self, at: SystemTime, listener: &str, client: IpAddr, reason: &str) {
        self.queue(line::refusal(&self.plan.form, at, listener, client, reason));
    }

    fn queue(&self, line: String) {
        let bytes = i64::try_from(line.len()).unwrap_or(i64::MAX);
        if self.health.waiting.get() > WAITING {
            return self.health.dropped.inc();
        }
        self.health.waiting.add(bytes);
        if self.jobs.try_send(Job::Line(line)).is_err() {
            self.health.waiting.sub(bytes);
            self.health.dropped.inc();
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

#[cfg(test)]
mod tests;
