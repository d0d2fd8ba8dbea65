//! What becomes of lines that nobody takes?

use super::*;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Takes nothing before it is told to, as a pipe does that nobody reads.
struct Stuck {
    goes: Receiver<()>,
    took: Arc<Mutex<Vec<u8>>>,
}

impl Write for Stuck {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let _ = self.goes.recv();
        self.took.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const EVENTS: Manner = Manner { thread: "log", log: "the log", gathering: Duration::ZERO, tells_gaps: false };

fn stuck(health: &Health) -> (Lines, Sender<()>, Arc<Mutex<Vec<u8>>>) {
    let ((go, goes), took) = (channel(), Arc::default());
    let out = Stuck { goes, took: Arc::clone(&took) };
    (Lines::start(EVENTS, out, health.clone()).unwrap(), go, took)
}

#[test]
fn a_reader_that_sleeps_costs_lines_and_never_a_wait() {
    let health = Health::default();
    let (lines, go, took) = stuck(&health);
    let line = "x".repeat(1 << 20) + "\n";
    let sent = 2 * WAITING as u64 / line.len() as u64;
    // Were one of them waited for, this would never end.
    for _ in 0..sent {
        lines.put(&line);
    }
    let dropped = health.dropped.get();
    assert!(dropped > 0 && health.waiting.get() <= WAITING + 2 * line.len() as i64, "{dropped} dropped: {health:?}");
    drop(go);
    lines.flush();
    assert_eq!((health.waiting.get(), health.written.get()), (0, sent - dropped));
    assert_eq!(took.lock().unwrap().len() as u64, (sent - dropped) * line.len() as u64);
}

#[test]
fn the_end_waits_for_nobody_who_sleeps() {
    let health = Health::default();
    let (lines, _go, took) = stuck(&health);
    lines.put("a\n");
    lines.flush();
    assert!(took.lock().unwrap().is_empty() && health.dropped.get() == 0);
}
