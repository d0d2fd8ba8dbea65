//! With which certificate does a listener answer? One PEM chain and key, read at start and at every reload.
//!
//! rustls with the ring provider, TLS 1.2 and 1.3, ALPN `h2` and `http/1.1`. A certificate that cannot be used is an error in words, and
//! at a reload the one in force stays.

use crate::domain::plan::ListenerTls;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// HTTP/2 in the TLS handshake (RFC 9113 §3.2).
pub const HTTP2: &[u8] = b"h2";

/// Reads the files and builds the acceptor.
///
/// # Errors
/// A sentence that names the file and what is wrong with it.
pub fn acceptor(plan: &ListenerTls, http2: bool) -> Result<TlsAcceptor, String> {
    let chain = CertificateDer::pem_file_iter(&plan.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("certificate {}: {error}", plan.certificate.display()))?;
    if chain.is_empty() {
        return Err(format!("certificate {}: the file holds no PEM certificate", plan.certificate.display()));
    }
    let key =
        PrivateKeyDer::from_pem_file(&plan.key).map_err(|error| format!("key {}: {error}", plan.key.display()))?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS versions: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| {
            format!("certificate {} with key {}: {error}", plan.certificate.display(), plan.key.display())
        })?;
    if http2 {
        config.alpn_protocols.push(HTTP2.to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(TlsAcceptor::from(Arc::new(config)))
}
