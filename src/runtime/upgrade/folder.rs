//! Where do the old and the new process meet, and who may come? In a folder that nobody else can enter, and only ourselves.

use pulsegate_core::plan::UpgradePlan;
use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The socket's name within the folder.
const SOCKET: &str = "takeover.sock";

/// The folder of this plan; `None`: there is no hand-over.
pub(in crate::runtime) fn folder(plan: &UpgradePlan) -> Option<PathBuf> {
    plan.directory.clone().or_else(|| of_service_manager(std::env::var_os("RUNTIME_DIRECTORY")?.to_str()?))
}

/// systemd gives one or more folders, separated by colons, with a mode that is the unit's: ours is one below.
fn of_service_manager(variable: &str) -> Option<PathBuf> {
    let first = variable.split(':').next().filter(|first| !first.is_empty())?;
    Some(Path::new(first).join("takeover"))
}

pub(super) fn socket(folder: &Path) -> PathBuf {
    folder.join(SOCKET)
}

/// Makes the folder where it is missing, and looks at it where it is not.
///
/// # Errors
/// Why it must not be used, as a sentence.
pub(super) fn prepare(folder: &Path) -> Result<(), String> {
    let shown = folder.display();
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(format!("upgrade.directory {shown} cannot be made: {error}")),
    }
    let found = fs::symlink_metadata(folder)
        .map_err(|error| format!("upgrade.directory {shown} cannot be looked at: {error}"))?;
    ours(&found, own_user()).map_err(|why| format!("upgrade.directory {shown} {why}"))
}

fn ours(found: &Metadata, user: u32) -> Result<(), String> {
    if !found.is_dir() {
        return Err("is not a directory; name one that Pulsegate may have for itself".to_owned());
    }
    if found.uid() != user {
        return Err(format!(
            "belongs to user {}, and this process runs as user {user}; whoever owns it could put a socket of their own there",
            found.uid()
        ));
    }
    if found.mode() & 0o077 != 0 {
        return Err(format!(
            "has mode {:04o}, so that others could enter; allowed is 0700 (chmod 700)",
            found.mode() & 0o7777
        ));
    }
    Ok(())
}

pub(super) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// May this user be the other process? Sockets go to nobody but ourselves, and come from nobody else.
///
/// # Errors
/// A sentence that names both.
pub(super) fn is_ourselves(peer: u32, own: u32) -> Result<(), String> {
    if peer == own {
        return Ok(());
    }
    Err(format!("the process at the other end runs as user {peer}, this one as user {own}; both must be the same"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    #[test]
    fn a_missing_folder_is_made_for_us_alone() {
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("takeover");
        prepare(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        prepare(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_enter_or_own_is_refused() {
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("takeover");
        fs::create_dir(&folder).unwrap();
        for mode in [0o755, 0o770, 0o701, 0o777] {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            assert!(prepare(&folder).unwrap_err().contains("allowed is 0700"), "{mode:o}");
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let found = fs::symlink_metadata(&folder).unwrap();
        assert!(ours(&found, own_user()).is_ok());
        assert!(ours(&found, own_user() + 1).unwrap_err().contains("belongs to user"));

        let link = parent.path().join("link");
        symlink(&folder, &link).unwrap();
        assert!(prepare(&link).unwrap_err().contains("is not a directory"), "a link can be turned elsewhere");
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(prepare(&file).unwrap_err().contains("is not a directory"));
        assert!(prepare(&parent.path().join("a/b")).unwrap_err().contains("cannot be made"));
    }

    #[test]
    fn only_the_same_user_is_ourselves() {
        for (peer, own, may) in [(0, 0, true), (1000, 1000, true), (0, 1000, false), (1000, 0, false), (1, 2, false)] {
            assert_eq!(is_ourselves(peer, own).is_ok(), may, "{peer} to {own}");
        }
        assert!(is_ourselves(65_534, 0).unwrap_err().contains("65534"));
    }

    #[test]
    fn the_service_manager_gives_the_first_folder() {
        for (variable, folder) in [
            ("/run/pulsegate", Some("/run/pulsegate/takeover")),
            ("/run/a:/run/b", Some("/run/a/takeover")),
            ("", None),
        ] {
            assert_eq!(of_service_manager(variable), folder.map(PathBuf::from), "{variable:?}");
        }
    }
}
