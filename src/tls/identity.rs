//! Who are we? A certificate chain with its key, read together and fitting, and what stands in the certificate.

use super::files::{exposed, read_chain, read_key};
use pulsegate_core::plan::KeyPair;
use rustls::SignatureAlgorithm;
use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A usable pair of files.
#[derive(Debug)]
pub struct Identity {
    /// The chain, and a key that signs.
    pub certified: Arc<CertifiedKey>,
    pub facts: Facts,
    /// A sentence when others than its owner and group get at the key.
    pub exposed: Option<String>,
}

/// What stands in a certificate. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The DNS names that it is for, as they stand in it.
    pub names: Vec<String>,
    pub not_before: i64,
    pub not_after: i64,
}

impl Identity {
    /// Reads a pair of files.
    ///
    /// # Errors
    /// A sentence when a file cannot be used, the key is not the certificate's, or the key is exposed and that is refused.
    pub fn read(pair: &KeyPair) -> Result<Self, String> {
        let (chain, key) = (read_chain(&pair.certificate)?, read_key(&pair.key)?);
        let leaf = chain.first().map(AsRef::as_ref).unwrap_or_default();
        let facts = Facts::of(leaf)
            .ok_or_else(|| format!("the certificate {} is no X.509 certificate", pair.certificate.display()))?;
        let certified = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "the key {} does not belong to the certificate {}",
                pair.key.display(),
                pair.certificate.display()
            ),
            other => format!("the key {} cannot be used: {other}", pair.key.display()),
        })?;
        let exposed = exposed(&pair.key);
        match exposed {
            Some(why) if pair.strict_permissions => Err(format!("{why}; strict_permissions refuses it")),
            exposed => Ok(Self { certified: Arc::new(certified), facts, exposed }),
        }
    }

    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.certified.key.algorithm()
    }
}

impl Facts {
    fn of(certificate: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let alternative = parsed.subject_alternative_name().ok()?;
        let names = alternative.into_iter().flat_map(|extension| &extension.value.general_names);
        let names = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
        Some(Self {
            names: names.collect(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
        })
    }

    /// Why clients will not believe it at `now` (Unix seconds).
    pub fn not_valid(&self, now: i64) -> Option<String> {
        if now > self.not_after {
            Some(format!("expired at {}", date(self.not_after)))
        } else if now < self.not_before {
            Some(format!("not valid before {}", date(self.not_before)))
        } else {
            None
        }
    }

    /// For people: its names and its end.
    pub fn summary(&self) -> String {
        let names = if self.names.is_empty() { "no names".to_owned() } else { self.names.join(", ") };
        format!("{names}; until {}", date(self.not_after))
    }
}

fn date(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair as Key, date_time_ymd};
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn params(names: &[&str]) -> CertificateParams {
        CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// Writes a pair whose key only its owner may read.
    fn pair(dir: &Path, params: &CertificateParams) -> KeyPair {
        let key = Key::generate().unwrap();
        let (certificate_file, key_file) = (dir.join("cert.pem"), dir.join("key.pem"));
        write(&certificate_file, params.self_signed(&key).unwrap().pem()).unwrap();
        write(&key_file, key.serialize_pem()).unwrap();
        set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
        KeyPair { certificate: certificate_file, key: key_file, strict_permissions: false }
    }

    #[test]
    fn a_pair_is_read_with_what_stands_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut params = params(&["shop.test", "*.shop.test", "127.0.0.1"]);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        let read = Identity::read(&pair(dir.path(), &params)).unwrap();
        assert_eq!(read.facts.names, ["shop.test", "*.shop.test"], "an address is no name");
        assert_eq!((read.facts.not_before, read.facts.not_after), (1_577_836_800, 1_609_459_200));
        assert_eq!(read.exposed, None);
        for (now, word) in [
            (1_577_836_799, "not valid before"),
            (1_577_836_800, ""),
            (1_609_459_200, ""),
            (1_609_459_201, "expired at"),
        ] {
            let told = read.facts.not_valid(now).unwrap_or_default();
            assert!(told.starts_with(word) && told.is_empty() == word.is_empty(), "{now}: {told}");
        }
        assert_eq!(read.facts.summary(), "shop.test, *.shop.test; until 2021-01-01T00:00:00Z");
    }

    #[test]
    fn a_pair_that_does_not_fit_is_refused_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let good = pair(dir.path(), &params(&["a.test"]));
        write(dir.path().join("other.pem"), Key::generate().unwrap().serialize_pem()).unwrap();
        write(dir.path().join("half.pem"), "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
        let with_key = |name: &str| KeyPair { key: dir.path().join(name), ..good.clone() };
        let with_certificate = |name: &str| KeyPair { certificate: dir.path().join(name), ..good.clone() };
        for (pair, words) in [
            (with_key("other.pem"), "does not belong to the certificate"),
            (with_key("cert.pem"), "cannot be used"),
            (with_key("nowhere.pem"), "nowhere.pem cannot be used"),
            (with_certificate("half.pem"), "half.pem"),
            (with_certificate("key.pem"), "holds no certificate"),
        ] {
            let told = Identity::read(&pair).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn an_exposed_key_is_told_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let pair = pair(dir.path(), &params(&["a.test"]));
        set_permissions(&pair.key, Permissions::from_mode(0o644)).unwrap();
        assert!(Identity::read(&pair).unwrap().exposed.unwrap().contains("mode 0644"));
        let told = Identity::read(&KeyPair { strict_permissions: true, ..pair }).unwrap_err();
        assert!(told.contains("strict_permissions refuses it"), "{told}");
    }
}
