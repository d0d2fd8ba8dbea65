//! Have the files of the configuration changed? Looked at once a second, and reloaded when their content has.
//!
//! Polling, not inotify: a ConfigMap swaps a symlink two directories up, editors rename, network file systems notify nobody. A look
//! asks for what the system knows of each file; only when that has changed, and stands still for a second look (a file that is half
//! written does not), is it read. A file that was touched and says the same is no change.

use crate::config::{self, Sources};
use crate::control::{Handle, Reloader, Source};
use crate::file::{self, PATIENCE};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

const INTERVAL: Duration = Duration::from_secs(1);

/// Watches for the life of the process, whenever the plan in force says so. `fingerprint`: of what was read at the start.
pub(super) async fn watch(config: PathBuf, fingerprint: u64, handle: Handle, reloader: Reloader) {
    let mut watcher = Some(Watcher::new(config.clone(), fingerprint));
    loop {
        sleep(INTERVAL).await;
        if !handle.snapshot().plan.reload.watch {
            watcher = None;
            continue;
        }
        // What was given up has changed nothing of what is known: the next look leaves out the file that hangs.
        let (known, config) = (watcher.clone(), config.clone());
        let Ok((looked, changed)) = file::aside("the configuration", PATIENCE, move || {
            let mut looking = known.unwrap_or_else(|| {
                // Switched on by a reload just now: what is there is what was read.
                let now = config::sources(&config);
                Watcher::new(config, now.fingerprint)
            });
            let changed = looking.look();
            (looking, changed)
        })
        .await
        else {
            continue;
        };
        watcher = Some(looked);
        if changed {
            // What it came to is logged and shown where every reload is.
            let _ = reloader.reload(Source::Watch).await;
        }
    }
}

#[derive(Clone)]
struct Watcher {
    config: PathBuf,
    /// The files, and the folders in which more may appear.
    paths: Vec<PathBuf>,
    prints: Option<Vec<Option<Print>>>,
    /// A change that must be seen twice.
    candidate: Option<Vec<Option<Print>>>,
    fingerprint: u64,
}

/// What the system knows of a file without reading it; another one in its place differs in its path or its inode.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Print {
    resolved: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Watcher {
    fn new(config: PathBuf, fingerprint: u64) -> Self {
        Self { paths: vec![config.clone()], config, prints: None, candidate: None, fingerprint }
    }

    /// Has the content changed since the last change that was told?
    fn look(&mut self) -> bool {
        let now = prints(&self.paths);
        if self.prints.as_ref() == Some(&now) {
            self.candidate = None;
            return false;
        }
        if self.prints.is_some() && self.candidate.as_ref() != Some(&now) {
            self.candidate = Some(now);
            return false;
        }
        let Sources { fingerprint, files } = config::sources(&self.config);
        self.paths = with_folders(&self.config, files);
        self.candidate = None;
        self.prints = Some(prints(&self.paths));
        std::mem::replace(&mut self.fingerprint, fingerprint) != fingerprint
    }
}

/// The files and the folders that they are in: a glob may find another one there.
fn with_folders(config: &Path, files: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut paths = vec![config.to_owned()];
    for file in files {
        let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        for path in [folder, file] {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

fn prints(paths: &[PathBuf]) -> Vec<Option<Print>> {
    paths.iter().map(|path| print(path)).collect()
}

fn print(path: &Path) -> Option<Print> {
    let (resolved, found) = (file::ask(path, Path::canonicalize).ok()?, file::metadata(path).ok()?);
    Some(Print {
        resolved,
        device: found.dev(),
        inode: found.ino(),
        size: found.size(),
        modified: (found.mtime(), found.mtime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    /// Looks until nothing moves; true when a change was told on the way.
    fn settled(watcher: &mut Watcher) -> bool {
        (0..3).filter(|_| watcher.look()).count() == 1
    }

    fn watching(config: &Path) -> Watcher {
        let mut watcher = Watcher::new(config.to_owned(), config::sources(config).fingerprint);
        assert!(!settled(&mut watcher), "what was read at the start is no change");
        watcher
    }

    #[test]
    fn a_change_counts_when_it_was_seen_twice_and_once() {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("pulsegate.yaml");
        fs::write(&config, "threads: 1\n").unwrap();
        let mut watcher = watching(&config);
        fs::write(&config, "threads: 2").unwrap();
        assert!(!watcher.look(), "it may be half written");
        fs::write(&config, "threads: 22\n").unwrap();
        assert!(!watcher.look(), "it still moves");
        assert!(watcher.look());
        assert!(!settled(&mut watcher));
    }

    #[test]
    fn a_touched_file_is_no_change_and_a_lost_one_is() {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("pulsegate.yaml");
        fs::write(&config, "threads: 1\n").unwrap();
        let mut watcher = watching(&config);
        let other = folder.path().join("other");
        fs::write(&other, "threads: 1\n").unwrap();
        fs::rename(&other, &config).unwrap();
        assert!(!settled(&mut watcher), "another inode, the same words");
        fs::remove_file(&config).unwrap();
        assert!(settled(&mut watcher), "the reload will say that it is gone");
        fs::write(&config, "threads: 1\n").unwrap();
        assert!(settled(&mut watcher));
    }

    #[test]
    fn a_config_map_that_is_swapped_is_followed() {
        let folder = TempDir::new().unwrap();
        for (version, text) in [("v1", "threads: 1\n"), ("v2", "threads: 2\n")] {
            fs::create_dir(folder.path().join(version)).unwrap();
            fs::write(folder.path().join(version).join("pulsegate.yaml"), text).unwrap();
        }
        let (data, next) = (folder.path().join("..data"), folder.path().join("..data_tmp"));
        symlink("v1", &data).unwrap();
        let config = folder.path().join("pulsegate.yaml");
        symlink("..data/pulsegate.yaml", &config).unwrap();
        let mut watcher = watching(&config);
        symlink("v2", &next).unwrap();
        fs::rename(&next, &data).unwrap();
        assert!(settled(&mut watcher));
    }

    #[test]
    fn included_files_and_new_ones_that_a_glob_finds_are_watched() {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("pulsegate.yaml");
        fs::create_dir(folder.path().join("pools")).unwrap();
        fs::write(folder.path().join("pools/a.yaml"), "upstreams: {}\n").unwrap();
        fs::write(&config, "include: [\"pools/*.yaml\"]\n").unwrap();
        let mut watcher = watching(&config);
        fs::write(folder.path().join("pools/a.yaml"), "upstreams: { a: {} }\n").unwrap();
        assert!(settled(&mut watcher), "an included file");
        fs::write(folder.path().join("pools/b.yaml"), "upstreams: { b: {} }\n").unwrap();
        assert!(settled(&mut watcher), "a new one");
        fs::write(folder.path().join("pools/notes.txt"), "of no interest").unwrap();
        assert!(!settled(&mut watcher));
    }
}
