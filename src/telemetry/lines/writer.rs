//! How do lines get out? One thread is woken by the first, lets a few milliseconds pass, and writes what has come by then in one go.
//!
//! A request wakes nobody but with the first line of a quiet moment: waking a thread, and a write, per request would cost more than
//! the lines themselves. What cannot be written is dropped and counted, and said once.

use super::shelves::Shelves;
use super::{Health, Manner};
use std::io::Write;

/// Bytes of one write; a file is not rotated within one.
const BATCH: usize = 64 * 1024;

/// The writer thread; it ends when the shelves are closed, with everything written.
#[allow(clippy::disallowed_methods, reason = "the thread serves nobody else, and what it waits for is time itself")]
pub fn write_out(shelves: &Shelves, out: impl Write, health: &Health, manner: Manner) {
    let mut writer = Writer { out, health, manner, failing: false, told: 0 };
    let mut spare = Vec::new();
    shelves.i_am_the_writer();
    loop {
        let goes_on = shelves.wait();
        if !manner.gathering.is_zero() && !shelves.is_urgent() {
            std::thread::sleep(manner.gathering);
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

    fn write_lines(&mut self, text: &[u8], lines: u64) {
        match self.out.write_all(text).and_then(|()| self.out.flush()) {
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
