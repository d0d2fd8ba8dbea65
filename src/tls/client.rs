//! Whom do we trust when we are the TLS client, and who do we say we are? One rustls configuration per kind of trust and certificate of
//! ours, made once and kept.
//!
//! Trust is the system's roots, one CA file, or nobody's word (`verify: false`: the only place that switches verification off).
//! Files that change are read again without a reload; while they cannot be used the last good ones stay. Who uses a configuration waits for no
//! file: they are read before a plan is in force, and looked at beside everything else. Sessions are never
//! resumed: a resumed session would hide the backend's new certificate from the one who asks whether it is fit.

use super::files::{Stamp, file_roots, stamp};
use super::identity::Identity;
use arc_swap::ArcSwap;
use pulsegate_core::plan::{KeyPair, Plan, Protocol, UpstreamTls};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The client configurations of a process. The server name is no part of them: it belongs to the connection.
#[derive(Debug, Default)]
pub struct ClientConfigs {
    /// As many as there are different sets of files: a list, not a map. Read without a lock, since requests do.
    entries: ArcSwap<Vec<Entry>>,
    /// One changes them at a time, and reads no file meanwhile: one that hangs is waited for by nobody else.
    changing: Mutex<()>,
}

/// A configuration, and a number that changes with everything in it: whoever shares a connection must share the number.
#[derive(Clone, Debug)]
pub struct Client {
    pub config: Arc<ClientConfig>,
    pub version: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    terms: Terms,
    tried: [Option<Stamp>; 3],
    /// The last good one, or why there has never been one.
    client: Result<Client, String>,
}

/// Whom we trust, who we are, and what we speak.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Terms {
    trust: Trust,
    identity: Option<Box<KeyPair>>,
    protocol: Protocol,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    Anyone,
    System,
    File(PathBuf),
}

impl ClientConfigs {
    /// The configuration for `tls`. Reads no file of which it has heard before: see [`Self::prepare`] and [`Self::look`].
    ///
    /// # Errors
    /// A sentence when there is no trusted root (the CA file cannot be used, or the system has none), or our certificate cannot be used.
    pub fn get(&self, tls: &UpstreamTls, protocol: Protocol) -> Result<Client, String> {
        let known = self.entries.load();
        match known.iter().find(|entry| entry.terms.are_of(tls, protocol)) {
            Some(entry) => entry.client.clone(),
            None => self.read(Terms::of(tls, protocol)),
        }
    }

    /// Reads what the upstreams of this plan and their probes need, before they need it. Blocks.
    pub fn prepare(&self, plan: &Plan) {
        for upstream in &plan.upstreams {
            let probes = [&upstream.readiness, &upstream.liveness, &upstream.startup].into_iter().flatten();
            for tls in upstream.tls.iter().chain(probes.filter_map(|probe| probe.kind.tls())) {
                for protocol in [Protocol::Http1, Protocol::Http2] {
                    // Whoever needs it says what is wrong with it.
                    let _ = self.get(tls, protocol);
                }
            }
        }
    }

    /// Reads again what has changed since the last look. Blocks.
    pub fn look(&self) {
        let known = self.entries.load_full();
        for entry in known.iter() {
            if entry.tried != entry.terms.stamps() {
                let _ = self.read(entry.terms.clone());
            }
        }
    }

    /// The stamps are taken even when a file is unusable: it is tried again when it changes, not at every look.
    fn read(&self, terms: Terms) -> Result<Client, String> {
        let tried = terms.stamps();
        let made = terms.config();
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::clone(&self.entries.load());
        let at = entries.iter().position(|entry| entry.terms == terms);
        let before = at.map(|at| entries.swap_remove(at));
        let client = match before {
            // Somebody else was faster.
            Some(before) if before.tried == tried => return before.client,
            before => match (made, before.map(|before| before.client)) {
                (Ok(config), _) => Ok(Client::new(config)),
                (Err(why), Some(Ok(last_good))) => {
                    log::warn!("{why}; the last good one stays in use");
                    Ok(last_good)
                }
                (Err(why), _) => Err(why),
            },
        };
        entries.push(Entry { terms, tried, client: client.clone() });
        self.entries.store(Arc::new(entries));
        client
    }
}

impl Client {
    fn new(config: ClientConfig) -> Self {
        static VERSIONS: AtomicU64 = AtomicU64::new(1);
        Self { config: Arc::new(config), version: VERSIONS.fetch_add(1, Relaxed) }
    }
}

impl Terms {
    fn of(tls: &UpstreamTls, protocol: Protocol) -> Self {
        let trust = match &tls.ca {
            _ if !tls.verify => Trust::Anyone,
            Some(path) => Trust::File(path.clone()),
            None => Trust::System,
        };
        Self { trust, identity: tls.identity.clone(), protocol }
    }

    /// As `*self == Self::of(…)`, without making one.
    fn are_of(&self, tls: &UpstreamTls, protocol: Protocol) -> bool {
        let trusted = match (&self.trust, &tls.ca) {
            (Trust::Anyone, _) => !tls.verify,
            (Trust::System, ca) => tls.verify && ca.is_none(),
            (Trust::File(path), ca) => tls.verify && ca.as_ref() == Some(path),
        };
        trusted && self.identity == tls.identity && self.protocol == protocol
    }

    fn stamps(&self) -> [Option<Stamp>; 3] {
        let ca = match &self.trust {
            Trust::File(path) => stamp(path),
            Trust::Anyone | Trust::System => None,
        };
        let pair = self.identity.as_ref();
        [ca, pair.and_then(|pair| stamp(&pair.certificate)), pair.and_then(|pair| stamp(&pair.key))]
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("this TLS stack offers no protocol version: {error}"))?;
        let builder = match &self.trust {
            Trust::Anyone => builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustsAnyone { provider })),
            Trust::System => builder.with_root_certificates(system_roots()?),
            Trust::File(path) => builder.with_root_certificates(file_roots(path)?),
        };
        let mut config = match self.identity.as_deref().map(Identity::read).transpose()? {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified))),
        };
        let alpn: &[u8] = match self.protocol {
            Protocol::Http1 => b"http/1.1",
            Protocol::Http2 => b"h2",
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// The name that is sent and verified: a host name or an IP address.
///
/// # Errors
/// A sentence when `sni` is neither.
pub fn server_name(tls: &UpstreamTls) -> Result<ServerName<'static>, String> {
    ServerName::try_from(tls.sni.clone())
        .map_err(|_| format!("tls.sni {:?} is neither a host name nor an IP address", tls.sni))
}

/// Is there anything to verify a backend against where no CA file is named?
pub fn has_system_roots() -> bool {
    system_roots().is_ok()
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
    use std::path::Path;

    fn ca_pem() -> String {
        rcgen::generate_simple_self_signed(["ca.test".to_owned()]).unwrap().cert.pem()
    }

    fn trusting(ca: &Path) -> UpstreamTls {
        UpstreamTls { ca: Some(ca.to_owned()), ..UpstreamTls::to("orders.test") }
    }

    #[test]
    fn unchanged_files_give_the_same_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        write(&ca, ca_pem()).unwrap();
        let configs = ClientConfigs::default();
        let tls = trusting(&ca);
        let first = configs.get(&tls, Protocol::Http1).unwrap();
        let second =
            configs.get(&UpstreamTls { sni: "other.test".to_owned(), ..tls.clone() }, Protocol::Http1).unwrap();
        assert!(Arc::ptr_eq(&first.config, &second.config));
        assert_eq!((first.version, &*first.config.alpn_protocols), (second.version, &[b"http/1.1".to_vec()][..]));

        for (other, protocol) in [
            (tls.clone(), Protocol::Http2),
            (UpstreamTls { verify: false, ..tls.clone() }, Protocol::Http1),
            (UpstreamTls { verify: false, ca: None, ..tls.clone() }, Protocol::Http2),
        ] {
            assert_ne!(configs.get(&other, protocol).unwrap().version, first.version, "{other:?} {protocol:?}");
        }
    }

    #[test]
    fn rotated_files_are_read_again_and_broken_ones_are_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let [ca, certificate, key] = ["ca.pem", "cert.pem", "key.pem"].map(|name| dir.path().join(name));
        write(&ca, ca_pem()).unwrap();
        let ours = rcgen::generate_simple_self_signed(["gateway.test".to_owned()]).unwrap();
        write(&certificate, ours.cert.pem()).unwrap();
        write(&key, ours.signing_key.serialize_pem()).unwrap();
        let pair = KeyPair { certificate: certificate.clone(), key: key.clone(), strict_permissions: false };
        let tls = UpstreamTls { identity: Some(Box::new(pair)), ..trusting(&ca) };
        let configs = ClientConfigs::default();
        let known = || configs.get(&tls, Protocol::Http1).unwrap().version;
        let version = || {
            configs.look();
            known()
        };
        let first = version();

        write(&ca, "half a certi").unwrap();
        assert_eq!(version(), first);
        write(&ca, ca_pem() + &ca_pem()).unwrap();
        assert_eq!(known(), first, "who asks looks at no file");
        let second = version();
        assert_ne!(second, first);

        let renewed = rcgen::generate_simple_self_signed(["gateway.test".to_owned()]).unwrap();
        write(&certificate, renewed.cert.pem()).unwrap();
        assert_eq!(version(), second, "the key is still the old one's");
        write(&key, renewed.signing_key.serialize_pem()).unwrap();
        assert_ne!(version(), second);
    }

    #[test]
    fn without_a_usable_file_there_is_no_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let ca = dir.path().join("ca.pem");
        write(&ca, "").unwrap();
        let told = ClientConfigs::default().get(&trusting(&ca), Protocol::Http1).unwrap_err();
        assert!(told.contains("holds no certificate"), "{told}");
    }

    #[test]
    fn names_and_addresses_can_be_verified_and_nothing_else() {
        let tls = |sni: &str| UpstreamTls::to(sni);
        assert!(server_name(&tls("orders.internal")).is_ok());
        assert!(server_name(&tls("10.0.0.7")).is_ok());
        assert!(server_name(&tls("not a name")).unwrap_err().contains("not a name"));
    }
}
