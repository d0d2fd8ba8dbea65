//! How does a connection to a backend become TLS? By the configuration that probes use, so that probe and traffic cannot disagree.
//!
//! A configuration is made once per set of files (`crate::tls`), and the handshake costs the handshake.

use crate::proxy::wire::{Socket, Transport};
use crate::tls::{ClientConfigs, server_name};
use pulsegate_core::plan::{Protocol, UpstreamTls};
use tokio_rustls::{TlsConnector, TlsStream};

/// Why there is no secured connection.
pub enum Insecure {
    /// A file or a name of ours; a sentence for the log.
    Ours(String),
    Handshake,
}

/// Shakes hands over `transport`.
///
/// # Errors
/// Why there is no secured connection.
pub async fn secure(
    transport: Transport,
    tls: &UpstreamTls,
    protocol: Protocol,
    clients: &ClientConfigs,
) -> Result<Socket, Insecure> {
    let client = clients.get(tls, protocol).map_err(Insecure::Ours)?;
    let name = server_name(tls).map_err(Insecure::Ours)?;
    match TlsConnector::from(client.config).connect(name, transport).await {
        Ok(stream) => Ok(Socket::Tls(Box::new(TlsStream::Client(stream)))),
        Err(error) => {
            log::debug!("the TLS handshake as {:?} failed: {error}", tls.sni);
            Err(Insecure::Handshake)
        }
    }
}
