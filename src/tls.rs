//! Whom do we trust when we are the TLS client? One rustls configuration per kind of trust, made once and kept.
//!
//! Trust is the system's roots, one CA file, or nobody's word (`verify: false`: the only place that switches verification off).
//! A CA file that changes is read again without a reload; while it cannot be read (half written, just being swapped) the last good
//! one stays, because a file must not take out a pool. Sessions are never resumed: a resumed session would hide the backend's
//! new certificate from the one who asks whether it is fit.

use crate::domain::plan::UpstreamTls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::fs::metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

/// The client configurations of this process. The server name is no part of them: it belongs to the connection.
#[derive(Debug, Default)]
pub struct ClientConfigs {
    /// As many as there are different CA files, plus two: a list, not a map.
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    trust: Trust,
    stamp: Option<Stamp>,
    config: Arc<ClientConfig>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    Anyone,
    System,
    File(PathBuf),
}

/// What changes when a CA file is replaced: the moment of modification and the length.
pub type Stamp = (SystemTime, u64);

/// `None` while there is no such file.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let found = metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

impl ClientConfigs {
    /// The configuration for `tls`, offering `http/1.1`. Reads files only when there is something new to read.
    ///
    /// # Errors
    /// A sentence when there is no trusted root: the CA file cannot be used, or the system has none.
    pub fn get(&self, tls: &UpstreamTls) -> Result<Arc<ClientConfig>, String> {
        let trust = Trust::of(tls);
        let stamp = trust.stamp();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = entries.iter_mut().find(|entry| entry.trust == trust) else {
            let config = Arc::new(trust.config()?);
            entries.push(Entry { trust, stamp, config: config.clone() });
            return Ok(config);
        };
        if entry.stamp != stamp {
            entry.renew(stamp);
        }
        Ok(entry.config.clone())
    }
}

impl Entry {
    /// The stamp is taken even when the file is unusable: it is tried again when it changes, not at every call.
    fn renew(&mut self, stamp: Option<Stamp>) {
        self.stamp = stamp;
        match self.trust.config() {
            Ok(config) => self.config = Arc::new(config),
            Err(why) => log::warn!("{why}; the last good one stays in use"),
        }
    }
}

impl Trust {
    fn of(tls: &UpstreamTls) -> Self {
        match &tls.ca {
            _ if !tls.verify => Self::Anyone,
            Some(path) => Self::File(path.clone()),
            None => Self::System,
        }
    }

    fn stamp(&self) -> Option<Stamp> {
        let Self::File(path) = self else { return None };
        stamp(path)
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("this TLS stack offers no protocol version: {error}"))?;
        Ok(finish(match self {
            Self::Anyone => builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustsAnyone { provider })),
            Self::System => builder.with_root_certificates(system_roots()?),
            Self::File(path) => builder.with_root_certificates(file_roots(path)?),
        }))
    }
}

fn finish(builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> ClientConfig {
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    config
}

/// The name that is sent and verified: a host name or an IP address.
///
/// # Errors
/// A sentence when `sni` is neither.
pub fn server_name(tls: &UpstreamTls) -> Result<ServerName<'static>, String> {
    ServerName::try_from(tls.sni.clone())
        .map_err(|_| format!("tls.sni {:?} is neither a host name nor an IP address", tls.sni))
}

/// Every certificate of a CA file (PEM; more than one may be in it), none of them judged yet.
///
/// # Errors
/// A sentence when the file cannot be read, is not PEM, or holds no certificate.
pub fn read_ca(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("the CA file {} cannot be used: {error}", path.display()))?;
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

/// The system's roots, read once. Some of a system's certificates are always odd; those are skipped.
fn system_roots() -> Result<RootCertStore, String> {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    if roots.is_empty() {
        return Err(
            "this system has no trusted root certificates: install them (Debian: ca-certificates), or name a CA \
                    file with tls.ca"
                .to_owned(),
        );
    }
    Ok(roots.clone())
}

/// `verify: false`: any certificate will do.
#[derive(Debug)]
struct TrustsAnyone {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for TrustsAnyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::write;

    fn ca_pem() -> String {
        rcgen::generate_simple_self_signed(["ca.test".to_owned()]).unwrap().cert.pem()
    }

    fn trusting(ca: &Path) -> UpstreamTls {
        UpstreamTls { sni: "orders.test".to_owned(), verify: true, ca: Some(ca.to_owned()) }
    }

    #[test]
    fn an_unchanged_ca_file_gives_the_same_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        write(&ca, ca_pem()).unwrap();
        let configs = ClientConfigs::default();
        let first = configs.get(&trusting(&ca)).unwrap();
        let second = configs.get(&UpstreamTls { sni: "other.test".to_owned(), ..trusting(&ca) }).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(first.alpn_protocols, [b"http/1.1"]);
    }

    #[test]
    fn a_rotated_ca_file_is_read_again_and_a_broken_one_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        write(&ca, ca_pem()).unwrap();
        let configs = ClientConfigs::default();
        let first = configs.get(&trusting(&ca)).unwrap();

        write(&ca, "half a certi").unwrap();
        assert!(Arc::ptr_eq(&first, &configs.get(&trusting(&ca)).unwrap()));

        write(&ca, ca_pem() + &ca_pem()).unwrap();
        assert!(!Arc::ptr_eq(&first, &configs.get(&trusting(&ca)).unwrap()));
    }

    #[test]
    fn a_ca_file_that_cannot_serve_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        let missing = read_ca(&ca).unwrap_err();
        assert!(missing.contains("ca.pem cannot be used"), "{missing}");
        write(&ca, "").unwrap();
        let empty = ClientConfigs::default().get(&trusting(&ca)).unwrap_err();
        assert!(empty.contains("holds no certificate"), "{empty}");
    }

    #[test]
    fn names_and_addresses_can_be_verified_and_nothing_else() {
        let tls = |sni: &str| UpstreamTls { sni: sni.to_owned(), verify: true, ca: None };
        assert!(server_name(&tls("orders.internal")).is_ok());
        assert!(server_name(&tls("10.0.0.7")).is_ok());
        assert!(server_name(&tls("not a name")).unwrap_err().contains("not a name"));
    }
}
