//! How do lines get out? One thread is woken by the first, lets a few milliseconds pass, and writes what has come by then in one go.
//!
//! A request wakes nobody but with the first line of a quiet moment: waking a thread, and a write, per request would cost more than
//! the lines themselves. What cannot be written is dropped and counted, and said once.

use super::shelves::Shelves;
use super::{Health, Manner};
use std::io::{self, ErrorKind, Write};
use std::thread::sleep;
use std::time::Duration;

/// Bytes of one write; a file is not rotated within one.
const BATCH: usize = 64 * 1024;

/// Between two tries at a pipe that is full, where whoever shares it has made it one that does not block.
const FULL: Duration = Duration::from_millis(8);

/// The writer thread; it ends when the shelves are closed, with everything written.
pub fn write_out(shelves: &Shelves, out: impl Write, health: &Health, manner: Manner) {
    let mut writer = Writer { out, health, manner, failing: false, told: 0 };
    let mut spare = String::new();
    shelves.i_am_the_writer();
    loop {
        let goes_on = shelves.wait();
        if !manner.gathering.is_zero() && !shelves.is_urgent() {
            pass(manner.gathering);
        }
        let flushes = shelves.answer();
        shelves.clear(&mut spare, |text| writer.write(text));
        writer.tell_gaps();
        for done in flushes {
            let _ = done.send(());
        }
        if !goes_on {
            return;
        }
    }
}

struct Writer<'a, W> {
    out: W,
    health: &'a Health,
    manner: Manner,
    /// The last write failed, and that was said.
    failing: bool,
    /// Lines that were dropped, and this was said.
    told: u64,
}

impl<W: Write> Writer<'_, W> {
    fn write(&mut self, mut text: &[u8]) {
        while !text.is_empty() {
            let (lines, behind) = text.split_at_checked(batch(text)).unwrap_or((text, &[]));
            self.write_lines(lines, count(lines));
            text = behind;
        }
    }

    /// Behind what could be written: lines are missing here.
    fn tell_gaps(&mut self) {
        let dropped = self.health.dropped.get();
        let lost = dropped.saturating_sub(self.told);
        if self.manner.tells_gaps && lost > 0 && !self.failing {
            self.told = dropped;
            log::warn!("{} has a gap: {lost} lines were dropped, whoever takes them was too slow", self.manner.log);
        }
    }

    /// A pipe that is full is waited for, whether it blocks or not: what could wait is not dropped, and no line is cut.
    fn write_all(&mut self, mut text: &[u8]) -> io::Result<()> {
        loop {
            let done = if text.is_empty() { self.out.flush().map(|()| None) } else { self.out.write(text).map(Some) };
            match done {
                Ok(None) => return Ok(()),
                Ok(Some(0)) => return Err(ErrorKind::WriteZero.into()),
                Ok(Some(written)) => text = text.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => pass(FULL),
                Err(error) => return Err(error),
            }
        }
    }

    fn write_lines(&mut self, text: &[u8], lines: u64) {
        match self.write_all(text) {
            Ok(()) => {
                self.health.written.add(lines);
                if std::mem::take(&mut self.failing) {
                    log::info!("{} can be written again", self.manner.log);
                }
            }
            Err(error) => {
                self.health.dropped.add(lines);
                if !std::mem::replace(&mut self.failing, true) {
                    log::error!(
                        "{} cannot be written ({error}); lines are dropped and counted, traffic goes on",
                        self.manner.log
                    );
                }
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the thread serves nobody else, and what it waits for is time itself")]
fn pass(time: Duration) {
    sleep(time);
}

/// The length of the lines that are written next: whole ones, as many as a batch holds, one at least.
fn batch(text: &[u8]) -> usize {
    let ends = |byte: &u8| *byte == b'\n';
    if text.len() <= BATCH {
        return text.len();
    }
    let (first, rest) = text.split_at_checked(BATCH).unwrap_or((text, &[]));
    let whole = first.iter().rposition(ends).or_else(|| rest.iter().position(ends).map(|at| first.len() + at));
    whole.map_or(text.len(), |end| end + 1)
}

fn count(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_whole_lines() {
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        for (lengths, expected) in [
            (vec![5], 5),
            (vec![BATCH], BATCH),
            (vec![BATCH, 5], BATCH),
            (vec![BATCH - 1, 5], BATCH - 1),
            (vec![BATCH + 1, 5], BATCH + 1),
            (vec![5, BATCH], 5),
        ] {
            let text: Vec<u8> = lengths.iter().flat_map(|length| line(*length)).collect();
            assert_eq!(batch(&text), expected, "{lengths:?}");
            assert_eq!(count(&text), lengths.len() as u64);
        }
        assert_eq!(batch(&vec![b'x'; BATCH + 7]), BATCH + 7, "no line end at all");
    }
}
