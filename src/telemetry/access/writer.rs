//! How do lines get out? One thread takes the first, lets a few milliseconds pass, and writes what has come by then in one go.
//!
//! A request wakes nobody but with the first line of a quiet moment: waking a thread, and a write, per request would cost more than
//! the lines themselves. What cannot be written is dropped and counted, and said once.

use super::Health;
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;

/// How long the first of several lines waits for the others.
const GATHERING: Duration = Duration::from_millis(8);

/// Bytes beyond which gathered lines are written.
pub const BATCH: usize = 64 * 1024;

pub enum Job {
    Line(String),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

/// Lines on their way to one write.
#[derive(Default)]
struct Batch {
    text: Vec<u8>,
    lines: u64,
    flushed: Vec<SyncSender<()>>,
    /// The last write failed, and that was said.
    failing: bool,
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

    fn write(&mut self, out: &mut impl Write, health: &Health) {
        match out.write_all(&self.text).and_then(|()| out.flush()) {
            Ok(()) if self.lines == 0 => {}
            Ok(()) => {
                health.written.inc_by(self.lines);
                if std::mem::take(&mut self.failing) {
                    log::info!("the access log can be written again");
                }
            }
            Err(error) => {
                health.dropped.inc_by(self.lines);
                if !std::mem::replace(&mut self.failing, true) {
                    log::error!(
                        "the access log cannot be written ({error}); lines are dropped and counted, traffic goes on"
                    );
                }
            }
        }
        health.waiting.sub(i64::try_from(self.text.len()).unwrap_or(i64::MAX));
        for done in self.flushed.drain(..) {
            let _ = done.send(());
        }
        self.text.clear();
        self.lines = 0;
    }
}

/// The writer thread; it ends when nobody can send any more.
#[allow(clippy::disallowed_methods, reason = "the thread serves nobody else, and what it waits for is time itself")]
pub fn write_out(jobs: &Receiver<Job>, mut out: impl Write, health: &Health) {
    let mut batch = Batch::default();
    while let Ok(job) = jobs.recv() {
        batch.add(job);
        if batch.flushed.is_empty() {
            std::thread::sleep(GATHERING);
        }
        while let Ok(job) = jobs.try_recv() {
            batch.add(job);
            if batch.text.len() >= BATCH {
                batch.write(&mut out, health);
            }
        }
        batch.write(&mut out, health);
    }
}
