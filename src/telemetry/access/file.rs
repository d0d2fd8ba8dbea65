//! Where do lines go that are not for stdout? Into a file, of which a new one is begun before it grows too large.
//!
//! `access.log` becomes `access.log.1`, that one `access.log.2`, and the last one goes. A file that somebody has moved or deleted
//! (logrotate) is begun anew with the next lines, without a signal. What could not be written whole is taken back: no half lines.

use crate::file;
use pulsegate_core::plan::AccessFile;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

/// Who may read it: lines name people's addresses.
const MODE: u32 = 0o640;

#[derive(Debug)]
pub struct Rotated {
    plan: AccessFile,
    open: Option<Open>,
    /// That it cannot be renamed was said.
    stuck: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    length: u64,
    /// Device and number of the file: is it still what its path leads to?
    identity: (u64, u64),
    /// No pipe and no device: it has a length, and may be renamed.
    regular: bool,
}

impl Rotated {
    /// # Errors
    /// The file cannot be opened for writing.
    pub fn open(plan: &AccessFile) -> io::Result<Self> {
        Ok(Self { plan: plan.clone(), open: Some(Open::at(plan)?), stuck: false })
    }

    fn current(&mut self) -> io::Result<&mut Open> {
        let moved = |open: &Open| {
            let there = fs::metadata(&self.plan.path).map(|found| (found.dev(), found.ino()));
            there.ok() != Some(open.identity)
        };
        if self.open.as_ref().is_none_or(moved) {
            self.open = Some(Open::at(&self.plan)?);
        }
        self.open.as_mut().ok_or_else(|| io::Error::other("no file"))
    }

    /// Moves the files on by one.
    fn rotate(&mut self) -> io::Result<()> {
        let AccessFile { path, keep, .. } = &self.plan;
        if *keep == 0 {
            fs::remove_file(path)?;
        } else {
            for number in (1..*keep).rev() {
                match fs::rename(self.former(number), self.former(number + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            fs::rename(path, self.former(1))?;
        }
        self.open = None;
        Ok(())
    }

    fn former(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.plan.path);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

impl Open {
    fn at(plan: &AccessFile) -> io::Result<Self> {
        let file = file::ask(&plan.path, |path| OpenOptions::new().append(true).create(true).mode(MODE).open(path))?;
        let found = file.metadata()?;
        Ok(Self { length: found.len(), identity: (found.dev(), found.ino()), regular: found.is_file(), file })
    }

    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(lines);
        match &written {
            Ok(()) => self.length += lines.len() as u64,
            Err(_) if self.regular => drop(self.file.set_len(self.length)),
            Err(_) => {}
        }
        written
    }
}

impl Write for Rotated {
    /// All of it or nothing.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let max_size = self.plan.max_size;
        let open = self.current()?;
        if open.regular && max_size > 0 && open.length > 0 && open.length + lines.len() as u64 > max_size {
            match self.rotate() {
                Ok(()) => self.stuck = false,
                Err(error) if !self.stuck => {
                    self.stuck = true;
                    let path = self.plan.path.display();
                    log::error!("the access log {path} cannot be renamed ({error}); it grows beyond max_size");
                }
                Err(_) => {}
            }
        }
        self.current()?.append(lines)?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use tempfile::TempDir;

    fn log(folder: &TempDir, max_size: u64, keep: u32) -> (PathBuf, Rotated) {
        let path = folder.path().join("access.log");
        let log = Rotated::open(&AccessFile { path: path.clone(), max_size, keep }).unwrap();
        (path, log)
    }

    fn contents(path: &Path, suffix: &str) -> Option<String> {
        fs::read_to_string(format!("{}{suffix}", path.display())).ok()
    }

    #[test]
    fn files_move_on_and_the_last_one_goes() {
        let folder = TempDir::new().unwrap();
        let (path, mut log) = log(&folder, 10, 2);
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let found = ["", ".1", ".2", ".3"].map(|suffix| contents(&path, suffix));
        let expected = [Some("four\nfive\n"), Some("three\n"), Some("one\ntwo\n"), None];
        assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
    }

    #[test]
    fn without_former_files_it_begins_anew() {
        let folder = TempDir::new().unwrap();
        let (path, mut log) = log(&folder, 5, 0);
        log.write_all(b"one\n").unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(contents(&path, "").as_deref(), Some("two\n"));
        assert_eq!(contents(&path, ".1"), None);
    }

    #[test]
    fn a_file_of_before_is_continued() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("access.log"), "before\n").unwrap();
        let (path, mut log) = log(&folder, 10, 1);
        log.write_all(b"one\n").unwrap();
        assert_eq!(contents(&path, ".1").as_deref(), Some("before\n"));
        assert_eq!(contents(&path, "").as_deref(), Some("one\n"));
    }

    #[test]
    fn a_file_that_was_moved_or_deleted_is_begun_anew() {
        let folder = TempDir::new().unwrap();
        let (path, mut log) = log(&folder, 0, 1);
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(contents(&path, "").as_deref(), Some("two\n"));
        fs::remove_file(&path).unwrap();
        log.write_all(b"three\n").unwrap();
        assert_eq!(contents(&path, "").as_deref(), Some("three\n"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error_and_a_device_is_not_renamed() {
        let plan = AccessFile { path: "/dev/full".into(), max_size: 1, keep: 1 };
        let mut log = Rotated::open(&plan).unwrap();
        for _ in 0..3 {
            assert_eq!(log.write(b"line\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
        assert!(Rotated::open(&AccessFile { path: "/nowhere/access.log".into(), ..plan }).is_err());
    }
}
