//! Where are the lines kept? In a file that is bounded: at its size the next is begun, and the oldest is given up.
//!
//! A disk that is full or a folder that is gone costs lines, never the gateway anything: they are counted, said once, and tried again.

use super::line::Line;
use pulsegate_core::plan::RecordPlan;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// After a failure the file is let alone for so long (milliseconds of the record).
const AGAIN: u64 = Duration::from_secs(10).as_millis() as u64;

#[derive(Debug)]
pub(super) struct Files {
    plan: RecordPlan,
    open: Option<File>,
    size: u64,
    /// What the next write takes along.
    waiting: Vec<u8>,
    waiting_lines: u64,
    lost: u64,
    retry_at: u64,
    failing: bool,
    /// A file was begun by this process.
    begun: bool,
}

impl Files {
    pub(super) fn new(plan: RecordPlan) -> Self {
        Self {
            plan,
            open: None,
            size: 0,
            waiting: Vec::new(),
            waiting_lines: 0,
            lost: 0,
            retry_at: 0,
            failing: false,
            begun: false,
        }
    }

    /// Takes a line; it is written with the next [`Self::write`].
    pub(super) fn put(&mut self, line: &Line) {
        if let Ok(text) = serde_json::to_vec(line) {
            self.waiting.extend_from_slice(&text);
            self.waiting.push(b'\n');
            self.waiting_lines += 1;
        }
    }

    /// Lines that somebody else had to drop.
    pub(super) fn lose(&mut self, lines: u64) {
        self.lost += lines;
    }

    /// Writes what waits. `begin`: the first line of a file that is begun now; true = others come before it.
    pub(super) fn write(&mut self, now: u64, begin: impl Fn(bool) -> Line) {
        if self.lost > 0 && now >= self.retry_at {
            let why = if self.failing { "the file could not be written" } else { "more came than could be written" };
            let gap = Line::Gap { at: now, lost: std::mem::take(&mut self.lost), why: why.to_owned() };
            self.put(&gap);
        }
        if self.waiting.is_empty() {
            return;
        }
        let lines = std::mem::take(&mut self.waiting_lines);
        let bytes = std::mem::take(&mut self.waiting);
        if now < self.retry_at {
            self.lost += lines;
            return;
        }
        match self.write_out(&bytes, begin) {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    log::info!("record: {} is written again", self.plan.file.display());
                }
            }
            Err(error) => {
                self.lost += lines;
                self.open = None;
                self.retry_at = now + AGAIN;
                if !std::mem::replace(&mut self.failing, true) {
                    let path = self.plan.file.display();
                    log::error!(
                        "record: {path} cannot be written ({error}); traffic goes on, what happens is not recorded meanwhile"
                    );
                }
            }
        }
    }

    fn write_out(&mut self, bytes: &[u8], begin: impl Fn(bool) -> Line) -> std::io::Result<()> {
        if self.open.is_none() || self.size + bytes.len() as u64 > self.plan.max_size {
            self.rotate()?;
            let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&self.plan.file);
            let mut file = options?;
            let mut line = serde_json::to_vec(&begin(self.begun))?;
            line.push(b'\n');
            file.write_all(&line)?;
            self.size = line.len() as u64;
            self.begun = true;
            self.open = Some(file);
        }
        if let Some(file) = &mut self.open {
            file.write_all(bytes)?;
            self.size += bytes.len() as u64;
        }
        Ok(())
    }

    /// Every file becomes the next older one.
    fn rotate(&self) -> std::io::Result<()> {
        let named = |number: u32| match number {
            0 => self.plan.file.clone(),
            _ => PathBuf::from(format!("{}.{number}", self.plan.file.display())),
        };
        for number in (0..self.plan.keep).rev() {
            let from = named(number);
            if from.exists() {
                std::fs::rename(from, named(number + 1))?;
            }
        }
        Ok(())
    }
}
