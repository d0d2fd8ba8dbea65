//! Whom does a gateway claim to be, and whom does the client believe? Certificates made on the spot.

use rcgen::CertifiedKey;
use rustls::RootCertStore;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// For `localhost`, made on the spot.
pub struct Certificate(CertifiedKey<rcgen::KeyPair>);

impl Certificate {
    pub fn make() -> Self {
        Self(rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate"))
    }

    pub fn write(&self, folder: &Path) {
        let (certificate, key) = (self.0.cert.pem(), self.0.signing_key.serialize_pem());
        let files =
            [("certificate.pem", &certificate), ("key.pem", &key), ("bundle.pem", &format!("{certificate}{key}"))];
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file");
        }
    }
}

/// A client that trusts these and nobody else.
pub fn trusting(certificates: &[Certificate]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.0.cert.der().clone()).expect("a certificate of ours");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}
