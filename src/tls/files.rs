//! What stands in a file, and has it changed? PEM certificates and keys, who else may read them, and the stamp of a version.

use crate::file::{metadata, read};
use rustls::RootCertStore;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What changes when a file is replaced, written to, or when a symbolic link on the way to it (a mounted secret's `..data`) is swapped:
/// the file itself, its length, and the moment of its last change in the system's book (which no tool can set back).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// `None` while there is no such file, or none that answers: it is read again when it does.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let found = metadata(path).ok()?;
    Some(Stamp {
        file: (found.dev(), found.ino()),
        length: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(&read(path).map_err(Error::Io)?).collect()
}

/// The certificates of a PEM file, in their order.
pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain =
        certificates(path).map_err(|error| format!("the certificate {} cannot be used: {error}", path.display()))?;
    if chain.is_empty() {
        return Err(format!("{} holds no certificate (PEM, BEGIN CERTIFICATE, is expected)", path.display()));
    }
    Ok(chain)
}

/// The first key of a PEM file.
pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let key = read(path).map_err(Error::Io).and_then(|text| PrivateKeyDer::from_pem_slice(&text));
    key.map_err(|error| format!("the key {} cannot be used: {error}", path.display()))
}

/// Who else may read a key, or put another in its place? A sentence, where that is more than its owner and group may.
///
/// The group may read: `ssl-cert` on Debian and `fsGroup` in Kubernetes are how a process that is not root gets its key.
pub(super) fn exposed(path: &Path) -> Option<String> {
    const READ_BY_OTHERS: u32 = 0o004;
    const WRITTEN_BY_OTHERS: u32 = 0o022;
    let mode = metadata(path).ok()?.mode() & 0o777;
    let may = match (mode & READ_BY_OTHERS > 0, mode & WRITTEN_BY_OTHERS > 0) {
        (true, _) => "every user of this machine may read it",
        (false, true) => "others than its owner may replace it",
        (false, false) => return None,
    };
    Some(format!("the key {} has mode {mode:04o}: {may}; chmod 0600 (or 0640 with a group of its own)", path.display()))
}

/// Every certificate of a CA file (PEM; more than one may be in it), none of them judged yet.
///
/// # Errors
/// A sentence when the file cannot be read, is not PEM, or holds no certificate.
pub fn read_ca(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found =
        certificates(path).map_err(|error| format!("the CA file {} cannot be used: {error}", path.display()))?;
    if found.is_empty() {
        return Err(format!(
            "the CA file {} holds no certificate (PEM, BEGIN CERTIFICATE, is expected)",
            path.display()
        ));
    }
    Ok(found)
}

/// The roots of a CA file: all of it must be usable, since a root that is skipped in silence is missed at the worst time.
///
/// # Errors
/// As [`read_ca`], and when a certificate cannot serve as a root.
pub fn file_roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_ca(path)? {
        roots.add(certificate).map_err(|error| {
            format!("the CA file {} holds a certificate that cannot be a root: {error}", path.display())
        })?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir, rename, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_stamp_changes_with_the_file_and_with_every_link_on_the_way_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let mounted = dir.path().join("tls.key");
        assert_eq!(stamp(&mounted), None);
        // As the kubelet lays it out: tls.key -> ..data/tls.key, ..data -> ..version
        for version in ["..1", "..2"] {
            create_dir(dir.path().join(version)).unwrap();
            write(dir.path().join(version).join("tls.key"), "the same").unwrap();
        }
        symlink("..1", dir.path().join("..data")).unwrap();
        symlink("..data/tls.key", &mounted).unwrap();
        let first = stamp(&mounted);
        assert_eq!(stamp(&mounted), first);

        symlink("..2", dir.path().join("..data_tmp")).unwrap();
        rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
        let second = stamp(&mounted);
        assert_ne!(second, first);

        write(&mounted, "not the same").unwrap();
        assert_ne!(stamp(&mounted), second);
    }

    #[test]
    fn a_key_that_others_may_read_is_exposed() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key.pem");
        write(&key, "").unwrap();
        for (mode, word) in [
            (0o600, None),
            (0o400, None),
            (0o640, None),
            (0o440, None),
            (0o644, Some("read")),
            (0o604, Some("read")),
            (0o666, Some("read")),
            (0o660, Some("replace")),
            (0o602, Some("replace")),
        ] {
            set_permissions(&key, Permissions::from_mode(mode)).unwrap();
            let told = exposed(&key);
            assert_eq!(told.is_some(), word.is_some(), "{mode:o}: {told:?}");
            assert!(told.unwrap_or_default().contains(word.unwrap_or_default()), "{mode:o}");
        }
    }

    #[test]
    fn a_ca_file_that_cannot_serve_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        let missing = read_ca(&ca).unwrap_err();
        assert!(missing.contains("ca.pem cannot be used"), "{missing}");
        write(&ca, "").unwrap();
        let empty = file_roots(&ca).unwrap_err();
        assert!(empty.contains("holds no certificate"), "{empty}");
        write(&ca, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let odd = file_roots(&ca).unwrap_err();
        assert!(odd.contains("cannot be a root"), "{odd}");
    }
}
