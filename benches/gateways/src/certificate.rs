//! Which certificate do all gateways show? One of P-256, as most sites have, made by openssl for this run; the client takes it unseen.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

const CURVE: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -x509 -nodes -days 30 -subj /CN=orders.example.com \
    -addext subjectAltName=DNS:orders.example.com";

#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    pub fn make() -> Self {
        let made = Self { folder: TempDir::new().expect("a temporary folder") };
        let status = Command::new("openssl")
            .arg("req")
            .args(CURVE.split_whitespace())
            .arg("-keyout")
            .arg(made.key())
            .arg("-out")
            .arg(made.chain())
            .stderr(Stdio::null())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "openssl could not make a certificate");
        let both = [made.chain(), made.key()].map(|file| fs::read(file).expect("what openssl wrote")).concat();
        fs::write(made.both(), both).expect("chain and key in one file");
        made
    }

    pub fn chain(&self) -> PathBuf {
        self.folder.path().join("chain.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Chain and key in one file, as HAProxy wants them.
    pub fn both(&self) -> PathBuf {
        self.folder.path().join("both.pem")
    }
}

/// A client that never resumes: each connection is a whole handshake.
pub fn connector() -> TlsConnector {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions of TLS that ring has")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unseen(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

/// Takes any certificate; signatures are verified.
#[derive(Debug)]
struct Unseen(Arc<CryptoProvider>);

impl ServerCertVerifier for Unseen {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
