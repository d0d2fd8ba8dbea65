//! Who is in a watched file? Its content is read once a second and compared.
//!
//! Polling, not inotify: a ConfigMap swaps a symlink two directories up, editors rename, network file systems notify nobody; a
//! read of one small file a second sees them all alike. After the first read a change counts only when two reads in a row agree, so
//! that a file caught half written does not shrink a pool.

use super::{Answer, Teller, tidy};
use crate::file::{PATIENCE, aside, read_with};
use pulsegate_core::board::Found;
use pulsegate_core::plan::StaticBackend;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::sleep;

/// A larger file is refused, bytes.
const SIZE_CAP: u64 = 1 << 20;

/// The text of the file, or why there is none.
type Look = Result<String, String>;

/// What a text means: the config room's reading of it.
pub(super) type Parse = fn(&str) -> Result<Vec<StaticBackend>, String>;

/// Tells what `path` holds, now and whenever it changes. `backup` makes all of it backups.
pub(super) async fn watch(path: PathBuf, backup: bool, parse: Parse, interval: Duration, mut teller: Teller) {
    let mut settled = Settled::default();
    loop {
        if let Some(look) = settled.next(look(&path).await) {
            teller.tell(answer(&path, backup, parse, look));
        }
        sleep(interval).await;
    }
}

/// Which looks are news?
#[derive(Debug, Default)]
struct Settled {
    told: Option<Look>,
    candidate: Option<Look>,
}

impl Settled {
    /// The look, when it differs from the last one returned and is either the first or the second of its kind in a row.
    fn next(&mut self, look: Look) -> Option<&Look> {
        let candidate = self.candidate.take();
        if self.told.as_ref() == Some(&look) {
            return None;
        }
        if self.told.is_some() && candidate.as_ref() != Some(&look) {
            self.candidate = Some(look);
            return None;
        }
        self.told = Some(look);
        self.told.as_ref()
    }
}

pub(super) async fn look(path: &Path) -> Look {
    let (of_thread, what) = (path.to_owned(), format!("the backends file {}", path.display()));
    let read = aside(&what, PATIENCE, move || {
        read_with(&of_thread, |file| {
            let mut bytes = Vec::new();
            file.take(SIZE_CAP + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    });
    match read.await? {
        Err(error) => Err(format!("the backends file {} cannot be read: {error}", path.display())),
        Ok(bytes) if bytes.len() as u64 > SIZE_CAP => {
            Err(format!("the backends file {} is larger than 1 MiB and was not used", path.display()))
        }
        Ok(bytes) => {
            String::from_utf8(bytes).map_err(|_| format!("the backends file {} is not UTF-8 text", path.display()))
        }
    }
}

pub(super) fn answer(path: &Path, backup: bool, parse: Parse, look: &Look) -> Answer {
    let text = look.as_ref().map_err(Clone::clone)?;
    let backends = parse(text).map_err(|why| format!("the backends file {}: {why}", path.display()))?;
    Ok(tidy(backends.into_iter().map(|backend| found(backend, backup)).collect()))
}

fn found(backend: StaticBackend, backup: bool) -> Found {
    Found { address: backend.address, weight: backend.weight, backup: backup || backend.backup }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsegate_core::base::identity::Address;
    use pulsegate_core::board::Input;
    use std::fs::{create_dir, remove_file, rename, write};
    use std::os::unix::fs::symlink;
    use std::sync::Arc;
    use tokio::sync::mpsc;
    use tokio::task::JoinSet;

    fn text(text: &str) -> Look {
        Ok(text.to_owned())
    }

    #[test]
    fn the_first_look_counts_at_once_and_a_change_when_it_was_seen_twice() {
        let mut settled = Settled::default();
        assert_eq!(settled.next(text("a b")), Some(&text("a b")));
        assert_eq!(settled.next(text("a b")), None);
        assert_eq!(settled.next(text("a")), None, "half written");
        assert_eq!(settled.next(text("a c")), None);
        assert_eq!(settled.next(text("a c")), Some(&text("a c")));
        assert_eq!(settled.next(text("a c")), None);
    }

    #[test]
    fn a_glitch_that_passes_is_no_news() {
        let mut settled = Settled::default();
        settled.next(text("a"));
        assert_eq!(settled.next(Err("gone".to_owned())), None);
        assert_eq!(settled.next(text("a")), None);
        assert_eq!(settled.next(Err("gone".to_owned())), None);
    }

    #[test]
    fn backends_that_were_told_before_a_failure_are_told_again_after_it() {
        let gone: Look = Err("gone".to_owned());
        let mut settled = Settled::default();
        settled.next(text("a"));
        settled.next(gone.clone());
        assert_eq!(settled.next(gone.clone()), Some(&gone));
        assert_eq!(settled.next(text("a")), None);
        assert_eq!(settled.next(text("a")), Some(&text("a")));
    }

    #[tokio::test]
    async fn a_file_that_is_missing_too_large_or_binary_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("backends.yaml");
        assert!(look(&path).await.unwrap_err().contains("backends.yaml cannot be read"));
        std::fs::write(&path, vec![b'#'; 1 << 20]).unwrap();
        assert_eq!(look(&path).await.unwrap().len(), 1 << 20);
        std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
        assert!(look(&path).await.unwrap_err().contains("larger than 1 MiB"));
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(look(&path).await.unwrap_err().contains("not UTF-8"));
    }

    /// One address a line.
    fn addresses(text: &str) -> Result<Vec<StaticBackend>, String> {
        let backend = |line: &str| match line.parse() {
            Ok(address) => Ok(StaticBackend { address: Address::Socket(address), weight: 2, backup: false }),
            Err(_) => Err(format!("{line:?} is no address")),
        };
        text.lines().map(backend).collect()
    }

    fn backups(addresses: &[&str]) -> Answer {
        let found =
            |address: &&str| Found { address: Address::Socket(address.parse().unwrap()), weight: 2, backup: true };
        Ok(addresses.iter().map(found).collect())
    }

    #[tokio::test]
    async fn a_configmap_swap_a_rename_a_mistake_and_a_loss_are_all_seen() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (version, text) in [("v1", "10.0.0.1:80"), ("v2", "10.0.0.2:80\n10.0.0.1:80")] {
            create_dir(at(version)).unwrap();
            write(at(version).join("backends"), text).unwrap();
        }
        symlink("v1", at("data")).unwrap();
        symlink("data/backends", at("backends")).unwrap();

        let (tell, mut told) = mpsc::unbounded_channel();
        let tell = Arc::new(move |input| drop(tell.send(input)));
        let teller = Teller { tell, upstream: "orders".into(), source: 0, failure: None };
        let mut tasks = JoinSet::new();
        tasks.spawn(watch(at("backends"), true, addresses, Duration::from_millis(2), teller));
        let mut next = async || match told.recv().await.unwrap() {
            Input::Discovered { answer, .. } => answer,
            other => panic!("unexpected {other:?}"),
        };
        assert_eq!(next().await, backups(&["10.0.0.1:80"]));

        symlink("v2", at("data.new")).unwrap();
        rename(at("data.new"), at("data")).unwrap();
        assert_eq!(next().await, backups(&["10.0.0.1:80", "10.0.0.2:80"]));

        write(at("edited"), "10.0.0.3").unwrap();
        rename(at("edited"), at("backends")).unwrap();
        let path = at("backends").display().to_string();
        assert_eq!(next().await, Err(format!("the backends file {path}: \"10.0.0.3\" is no address")));

        remove_file(at("backends")).unwrap();
        let gone = format!("the backends file {path} cannot be read: No such file or directory (os error 2)");
        assert_eq!(next().await, Err(gone));

        write(at("edited"), "10.0.0.3:80").unwrap();
        rename(at("edited"), at("backends")).unwrap();
        assert_eq!(next().await, backups(&["10.0.0.3:80"]));
    }
}
