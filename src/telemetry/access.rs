//! Who asked for what, and what came of it? One line per request, on stdout or in a file, and one
//! per connection or head that was refused before it became a request.
//!
//! Traffic never waits for whoever takes the lines: a line goes on a shelf (bounded in bytes), from where one thread writes it out a few
//! milliseconds later, with those that came meanwhile; where there is no room, or a disk is full, lines are dropped and counted. What
//! clients wrote (method, host, path, request id) is escaped.

mod file;
mod line;
mod stamp;
mod value;

pub use super::lines::Health;
use super::lines::{Lines, Manner};
use super::request::RequestRecord;
use file::Rotated;
use pulsegate_core::plan::access_log::is_success;
use pulsegate_core::plan::{AccessFile, AccessPlan};
use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// A request wakes nobody but with the first line of a quiet moment: waking a thread, and a write, per request would cost more than the
/// lines themselves.
const MANNER: Manner =
    Manner { thread: "access-log", log: "the access log", gathering: Duration::from_millis(8), tells_gaps: false };

/// The way to the writer. The writer ends when this is dropped, with everything written.
#[derive(Debug)]
pub struct AccessLog {
    plan: AccessPlan,
    lines: Lines,
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
        Ok(Self { plan, lines: Lines::start(MANNER, out, health)? })
    }

    pub fn plan(&self) -> &AccessPlan {
        &self.plan
    }

    /// `at`: when the request ended.
    pub fn write(&self, at: SystemTime, record: &RequestRecord<'_>) {
        let may_go = self.plan.sample < 1.0 && is_success(record.class(), record.reason.is_some(), record.attempts);
        if may_go && fastrand::f64() >= self.plan.sample {
            return;
        }
        self.lines.write(|lines| line::request(lines, &self.plan, at, record));
    }

    /// What never became a request.
    pub fn write_refusal(&self, at: SystemTime, listener: &str, client: IpAddr, reason: &str) {
        self.lines.write(|lines| line::refusal(lines, &self.plan.form, at, listener, client, reason));
    }

    /// Blocks until everything so far is written, but for about two seconds at most. For the end of the process.
    pub fn flush(&self) {
        self.lines.flush();
    }
}

#[cfg(test)]
mod tests;
