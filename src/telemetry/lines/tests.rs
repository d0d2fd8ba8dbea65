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
    // One gives up after two seconds, which may be too few beside others.
    while health.waiting.get() > 0 {
        lines.flush();
    }
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

/// A pipe that does not block: takes a few bytes at a time, and says now and then that it is full.
struct Impatient {
    calls: usize,
    took: Arc<Mutex<Vec<u8>>>,
}

impl Write for Impatient {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        if !self.calls.is_multiple_of(3) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let some = text.len().min(7);
        self.took.lock().unwrap().extend_from_slice(&text[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_pipe_that_is_full_and_does_not_block_loses_nothing() {
    let (health, took) = (Health::default(), Arc::default());
    let lines = Lines::start(EVENTS, Impatient { calls: 0, took: Arc::clone(&took) }, health.clone()).unwrap();
    let all: String = (0..20).map(|number| format!("line {number}\n")).collect();
    all.split_inclusive('\n').for_each(|line| lines.put(line));
    while health.written.get() < 20 {
        std::thread::yield_now();
    }
    assert_eq!((String::from_utf8_lossy(&took.lock().unwrap()).as_ref(), health.dropped.get()), (all.as_str(), 0));
}

#[test]
fn the_writer_ends_whenever_it_hears_of_the_end() {
    let shelves = Shelves::new(Health::default());
    shelves.i_am_the_writer();
    shelves.put(|lines| lines.push_str("a line\n"));
    assert!(shelves.wait(), "it goes on, and is about to clear the shelves");
    shelves.close();
    let mut written = Vec::new();
    shelves.answer();
    shelves.clear(&mut String::new(), |text| written.extend_from_slice(text));
    // Were it not called again, this would never end.
    assert!(!shelves.wait() && written == b"a line\n");
}

#[test]
fn the_lines_of_one_thread_take_two_buffers_however_often_they_are_written() {
    let (shelves, mut spare) = (Shelves::new(Health::default()), String::new());
    let mut taken = Vec::new();
    for _ in 0..10 {
        shelves.put(|lines| lines.push_str("a line\n"));
        shelves.clear(&mut spare, |text| taken.push(text.as_ptr()));
    }
    assert_eq!(taken.len(), 10, "empty shelves are passed by");
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 2);
}
