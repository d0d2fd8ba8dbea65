//! How is a file read that may never answer? By a thread that serves nobody, which says at which file it is: so it can be given up, and nobody
//! else waits for that file. One file's hanging is its own.
//!
//! A file of a network that is down, or a pipe in its place, may never answer, and nothing ends a read that the system does not end.

mod aside;
mod reader;

pub use aside::{Aside, PATIENCE, aside};

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the system knows of a file.
///
/// # Errors
/// The system's, and that it does not answer somebody who asked before.
pub fn metadata(path: &Path) -> io::Result<Metadata> {
    let found = ask(path, |path| fs::metadata(path))?;
    reader::answers(path, Some((found.dev(), found.ino())))?;
    Ok(found)
}

/// Opens a file and reads it.
///
/// # Errors
/// As [`metadata`].
pub fn read_with<T>(path: &Path, read: impl FnOnce(File) -> io::Result<T>) -> io::Result<T> {
    let found = metadata(path)?;
    reader::step(path, Some((found.dev(), found.ino())), || read(File::open(path)?))
}

/// All of a file.
///
/// # Errors
/// As [`metadata`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_with(path, |mut file| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// Asks something of a path that needs no content of a file.
///
/// # Errors
/// As [`metadata`].
pub fn ask<T>(path: &Path, ask: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    reader::answers(path, None)?;
    reader::step(path, None, || ask(path))
}

/// The paths of what is in a folder.
///
/// # Errors
/// As [`metadata`].
pub fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    ask(folder, |folder| Ok(fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect()))
}

#[cfg(test)]
mod tests;
