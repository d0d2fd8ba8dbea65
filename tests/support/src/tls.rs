//! Certificates made on the spot, and a TLS client that takes any of them and tells which it got.

use super::PATIENCE;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, HandshakeKind, SignatureScheme, SupportedProtocolVersion};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority that signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate and its key, PEM.
#[derive(Clone, Debug)]
pub struct Made {
    pub certificate: String,
    pub key: String,
    pub der: Vec<u8>,
}

impl Authority {
    pub fn generate() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("an authority").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these names, the first of which is its common name.
    pub fn signs(&self, names: &[&str]) -> Made {
        let mut params = params(names);
        params.distinguished_name.push(DnType::CommonName, names[0]);
        let key = KeyPair::generate().expect("a key");
        made(&params.signed_by(&key, &self.issuer).expect("a certificate"), &key)
    }
}

/// A certificate that signs itself.
pub fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Made {
    let mut params = params(names);
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    made(&params.self_signed(&key).expect("a certificate"), &key)
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).expect("names")
}

fn made(certificate: &rcgen::Certificate, key: &KeyPair) -> Made {
    Made { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
}

impl Made {
    /// Writes `NAME.crt` and `NAME.key`, each by a rename, the key readable by its owner only.
    pub fn write(&self, folder: &Path, name: &str) {
        replace(&folder.join(format!("{name}.crt")), &self.certificate);
        replace(&folder.join(format!("{name}.key")), &self.key);
    }
}

/// Another file under the same name, as tools renew certificates.
pub fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("a file");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("permissions");
    fs::rename(&new, path).expect("a rename");
}

/// How to connect.
#[derive(Clone, Debug, Default)]
pub struct Hello<'a> {
    /// Made before by [`Self::config`]: handshakes that share it resume each other's sessions.
    pub shared: Option<Arc<ClientConfig>>,
    /// The name to ask for.
    pub sni: Option<&'a str>,
    pub identity: Option<&'a Made>,
    /// The only version of TLS to speak.
    pub version: Option<&'static SupportedProtocolVersion>,
    pub http2: bool,
}

impl Hello<'_> {
    pub fn config(&self) -> ClientConfig {
        let provider = Arc::new(ring::default_provider());
        let versions: &[&SupportedProtocolVersion] = match &self.version {
            Some(version) => &[version],
            None => rustls::DEFAULT_VERSIONS,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TakesAny));
        let mut config = match self.identity {
            None => builder.with_no_client_auth(),
            Some(made) => {
                let chain = vec![CertificateDer::from(made.der.clone())];
                let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(chain, key).expect("a certificate")
            }
        };
        config.enable_sni = self.sni.is_some();
        if self.http2 {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        config
    }

    /// Shakes hands. With TLS 1.3 a server that does not like our certificate says so with its first answer only.
    pub async fn shake(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(self.sni.unwrap_or("nobody.test").to_owned()).expect("a name");
        let config = self.shared.clone().unwrap_or_else(|| Arc::new(self.config()));
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            TlsConnector::from(config).connect(name, stream).await
        };
        timeout(PATIENCE, connecting).await.expect("a handshake or an end in time")
    }

    pub async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsClient> {
        Ok(TlsClient { stream: self.shake(address).await?, buffer: Vec::new() })
    }

    /// The certificate that a new connection gets.
    pub async fn certificate(&self, address: SocketAddr) -> std::io::Result<Vec<u8>> {
        Ok(self.connect(address).await?.certificate())
    }
}

/// A connection that is kept alive.
pub struct TlsClient {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl TlsClient {
    /// The one that the server showed.
    pub fn certificate(&self) -> Vec<u8> {
        let chain = self.stream.get_ref().1.peer_certificates().expect("a certificate");
        chain[0].as_ref().to_vec()
    }

    pub fn resumed(&self) -> bool {
        self.stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Asks with more header lines and gives status and body; an answer has a Content-Length.
    pub async fn get(&mut self, headers: &str) -> std::io::Result<(u16, String)> {
        let request = format!("GET / HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
        timeout(PATIENCE, async {
            self.stream.write_all(request.as_bytes()).await?;
            self.stream.flush().await?;
            self.answer().await
        })
        .await
        .expect("an answer or an end in time")
    }

    async fn answer(&mut self) -> std::io::Result<(u16, String)> {
        loop {
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let lower = head.to_ascii_lowercase();
                let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                let length: usize = length.expect("a Content-Length");
                if body.len() >= length {
                    self.buffer.drain(..head.len() + 4 + length);
                    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
                    return Ok((status, body[..length].to_owned()));
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

#[derive(Debug)]
struct TakesAny;

impl ServerCertVerifier for TakesAny {
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
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
