//! With which certificate does a listener answer, and whom does it ask for one? Made of files, and renewed when these change.
//!
//! rustls with the ring provider, TLS 1.2 and 1.3, ALPN `h2` and `http/1.1`. A renewal makes a new configuration for the handshakes to
//! come: open connections know nothing of it, and no session is resumed across it. Each pair of files is renewed by itself; one
//! that cannot be used (half written, just being swapped) keeps its last good certificate.

use super::files::{Stamp, file_roots, stamp};
use super::identity::Identity;
use pulsegate_core::http::sni::Names;
use pulsegate_core::plan::{KeyPair, ListenerTls, TlsVersion};
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// HTTP/2 in the TLS handshake (RFC 9113 §3.2).
pub const HTTP2: &[u8] = b"h2";

/// The certificates of a listener, and the acceptor that is made of them.
#[derive(Clone)]
pub struct Certificates {
    pub acceptor: TlsAcceptor,
    pairs: Vec<Kept<Identity>>,
    authorities: Option<Kept<RootCertStore>>,
}

/// What was read of files, and which version of them was tried last.
#[derive(Debug)]
struct Kept<T> {
    tried: [Option<Stamp>; 2],
    last_good: Arc<T>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { tried: self.tried, last_good: self.last_good.clone() }
    }
}

/// What became of files that changed.
#[derive(Debug)]
pub struct Renewal {
    pub now: Certificates,
    /// A line for each file that is in force now, and what must be said against it.
    pub renewed: Vec<(String, Option<String>)>,
    /// A sentence for each that is not.
    pub refused: Vec<String>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("pairs", &self.pairs.len()).finish_non_exhaustive()
    }
}

impl Certificates {
    /// Reads all files of `plan`.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub fn read(plan: &ListenerTls, http2: bool) -> Result<Self, String> {
        let pairs = plan
            .certificates
            .iter()
            .map(|pair| {
                let tried = stamps(pair);
                Ok(Kept { tried, last_good: Arc::new(Identity::read(pair)?) })
            })
            .collect::<Result<Vec<_>, String>>()?;
        let authorities = plan
            .client_auth
            .as_ref()
            .map(|auth| {
                let tried = [stamp(&auth.ca), None];
                Ok::<_, String>(Kept { tried, last_good: Arc::new(file_roots(&auth.ca)?) })
            })
            .transpose()?;
        let acceptor = acceptor(plan, http2, &pairs, authorities.as_ref())?;
        Ok(Self { acceptor, pairs, authorities })
    }

    /// Reads again what has changed since the last look; `None` when nothing has.
    pub fn renew(&self, plan: &ListenerTls, http2: bool) -> Option<Renewal> {
        let mut renewal = Renewal { now: self.clone(), renewed: Vec::new(), refused: Vec::new() };
        let mut looks = Vec::new();
        for (kept, pair) in renewal.now.pairs.iter_mut().zip(&plan.certificates) {
            looks.push(look(kept, stamps(pair), || Identity::read(pair), |read| line(&pair.certificate, read)));
        }
        if let (Some(kept), Some(auth)) = (&mut renewal.now.authorities, &plan.client_auth) {
            let told = |_: &RootCertStore| (format!("CA {} renewed", auth.ca.display()), None);
            looks.push(look(kept, [stamp(&auth.ca), None], || file_roots(&auth.ca), told));
        }
        for told in looks.into_iter().flatten() {
            match told {
                Ok(line) => renewal.renewed.push(line),
                Err(why) => renewal.refused.push(why),
            }
        }
        if !renewal.renewed.is_empty() {
            match acceptor(plan, http2, &renewal.now.pairs, renewal.now.authorities.as_ref()) {
                Ok(acceptor) => renewal.now.acceptor = acceptor,
                Err(why) => renewal.refused.push(why),
            }
        }
        (!renewal.renewed.is_empty() || !renewal.refused.is_empty()).then_some(renewal)
    }

    /// The certificates in force, in the order of the plan.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        self.pairs.iter().map(|kept| kept.last_good.as_ref())
    }
}

/// Reads again if there is another version of the files; what was tried is not tried a second time.
fn look<T>(
    kept: &mut Kept<T>,
    found: [Option<Stamp>; 2],
    read: impl FnOnce() -> Result<T, String>,
    line: impl FnOnce(&T) -> (String, Option<String>),
) -> Option<Result<(String, Option<String>), String>> {
    if kept.tried == found {
        return None;
    }
    kept.tried = found;
    Some(read().map(|read| {
        let line = line(&read);
        kept.last_good = Arc::new(read);
        line
    }))
}

fn line(certificate: &Path, read: &Identity) -> (String, Option<String>) {
    let line = format!("certificate {} renewed ({})", certificate.display(), read.facts.summary());
    (line, read.exposed.clone())
}

fn stamps(pair: &KeyPair) -> [Option<Stamp>; 2] {
    [stamp(&pair.certificate), stamp(&pair.key)]
}

fn acceptor(
    plan: &ListenerTls,
    http2: bool,
    pairs: &[Kept<Identity>],
    authorities: Option<&Kept<RootCertStore>>,
) -> Result<TlsAcceptor, String> {
    let provider = Arc::new(default_provider());
    let versions = match plan.minimum_version {
        TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| format!("TLS versions: {error}"))?;
    let builder = match (authorities, &plan.client_auth) {
        (Some(roots), Some(auth)) => {
            let mut verifier = WebPkiClientVerifier::builder_with_provider(roots.last_good.clone(), provider);
            if !auth.required {
                verifier = verifier.allow_unauthenticated();
            }
            let verifier = verifier.build().map_err(|error| format!("the CA file {}: {error}", auth.ca.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(ByName::new(pairs, plan.strict_sni)));
    if http2 {
        config.alpn_protocols.push(HTTP2.to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Answers with the certificate that has the name.
#[derive(Debug)]
struct ByName {
    names: Names,
    certificates: Vec<Arc<CertifiedKey>>,
}

impl ByName {
    fn new(pairs: &[Kept<Identity>], strict: bool) -> Self {
        let names: Vec<&[String]> = pairs.iter().map(|kept| kept.last_good.facts.names.as_slice()).collect();
        Self {
            names: Names::new(&names, strict),
            certificates: pairs.iter().map(|kept| kept.last_good.certified.clone()).collect(),
        }
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let candidates = || {
            let indices = self.names.candidates(client.server_name()).iter();
            indices.filter_map(|index| self.certificates.get(*index))
        };
        let usable = candidates().find(|one| one.key.choose_scheme(client.signature_schemes()).is_some());
        usable.or_else(|| candidates().next()).cloned()
    }
}
