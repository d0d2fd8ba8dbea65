//! Which certificates, keys and authorities are named, and do they serve? All of them are read, so that a file that does not fit is found
//! by `check` and not by the first handshake.

use crate::clock::{Clock, when};
use crate::config::files::{Findings, Place};
use crate::config::schema::{ClientAuthModeSpec, KeyPairSpec, ListenerTlsSpec, TlsVersionSpec, UpstreamTlsSpec};
use crate::tls::{Identity, file_roots, has_system_roots};
use pulsegate_core::plan::{ClientAuth, KeyPair, ListenerTls, UpstreamTls};
use std::path::Path;

/// What the files of a configuration have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'a> {
    /// Relative names begin here.
    pub base: &'a Path,
    pub strict_permissions: bool,
}

impl Files<'_> {
    fn pair(&self, certificate: &Path, key: &Path) -> KeyPair {
        KeyPair {
            certificate: self.base.join(certificate),
            key: self.base.join(key),
            strict_permissions: self.strict_permissions,
        }
    }
}

// ---------------------------------------------------------- towards clients

pub(super) fn listener(
    spec: &ListenerTlsSpec,
    files: Files<'_>,
    place: &Place,
    findings: &mut Findings,
) -> Option<ListenerTls> {
    let pairs = match (&spec.certificates, &spec.certificate, &spec.key) {
        (Some(pairs), None, None) => several(pairs, files, &place.at("certificates"), findings),
        (None, Some(certificate), Some(key)) => vec![(files.pair(certificate, key), place.clone())],
        _ => {
            let allowed = "`certificate` and `key`, or a list of such pairs as `certificates`";
            findings.error(place, "none, a half or both of them", allowed);
            return None;
        }
    };
    let read: Vec<(Option<Identity>, &Place)> =
        pairs.iter().map(|(pair, place)| (identity(pair, place, findings), place)).collect();
    judge_names(&read, findings);
    let client_auth = spec.client_auth.as_ref().map(|auth| {
        let default = ClientAuth::by(files.base.join(&auth.ca));
        let required = auth.mode.map_or(default.required, |mode| matches!(mode, ClientAuthModeSpec::Required));
        ClientAuth { required, ..default }
    });
    if let Some(auth) = &client_auth {
        authority(&auth.ca, &place.at("client_auth.ca"), findings);
    }
    let default = ListenerTls::of(pairs.into_iter().map(|(pair, _)| pair).collect());
    let minimum_version = spec.minimum_version.map_or(default.minimum_version, TlsVersionSpec::plan);
    Some(ListenerTls { strict_sni: spec.strict_sni, minimum_version, client_auth, ..default })
}

fn several(pairs: &[KeyPairSpec], files: Files<'_>, place: &Place, findings: &mut Findings) -> Vec<(KeyPair, Place)> {
    if pairs.is_empty() {
        findings.error(place, "an empty list", "at least one { certificate, key }");
    }
    let placed = pairs.iter().enumerate();
    placed.map(|(index, pair)| (files.pair(&pair.certificate, &pair.key), place.at(&index.to_string()))).collect()
}

/// Names that decide nothing: the second of two certificates for one name and kind of key is never used for it.
fn judge_names(read: &[(Option<Identity>, &Place)], findings: &mut Findings) {
    for (index, (identity, place)) in read.iter().enumerate() {
        let Some(identity) = identity else { continue };
        let before = || read.iter().take(index).filter_map(|(other, place)| Some((other.as_ref()?, place)));
        for name in &identity.facts.names {
            let same = |other: &Identity| {
                other.algorithm() == identity.algorithm()
                    && other.facts.names.iter().any(|known| known.eq_ignore_ascii_case(name))
            };
            if let Some((_, first)) = before().find(|(other, _)| same(other)) {
                let found = format!("a second certificate for {name}, which {} has too", first.steps.join("."));
                findings.warning(place, found, "the first of them answers to that name");
            }
        }
        if identity.facts.names.is_empty() && index > 0 {
            findings.warning(place, "a certificate without a DNS name", "no client ever gets it");
        }
    }
}

// --------------------------------------------------------- towards backends

pub(super) fn upstream(
    spec: &UpstreamTlsSpec,
    default_sni: Option<String>,
    files: Files<'_>,
    place: &Place,
    findings: &mut Findings,
) -> Option<UpstreamTls> {
    let default = UpstreamTls::to(&spec.sni.clone().or(default_sni).unwrap_or_default());
    let verify = spec.verify.unwrap_or(default.verify);
    if !verify {
        findings.warning(&place.at("verify"), "false", "anybody who answers at a backend's address is believed");
    }
    let ca = spec.ca.as_ref().map(|path| files.base.join(path));
    match &ca {
        Some(path) => authority(path, &place.at("ca"), findings),
        None if verify && !has_system_roots() => findings.error(
            place,
            "nothing to verify against: this system has no trusted root certificates",
            "`ca`, or the system's roots installed (Debian: ca-certificates), or `verify: false`",
        ),
        None => {}
    }
    let identity = match (&spec.certificate, &spec.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            let pair = files.pair(certificate, key);
            self::identity(&pair, place, findings);
            Some(Box::new(pair))
        }
        _ => {
            findings.error(place, "one of `certificate` and `key`", "both of them, or none");
            None
        }
    };
    if default.sni.is_empty() {
        findings.error(place, "no name to verify", "`sni`, since backends by address have no name of their own");
        return None;
    }
    Some(UpstreamTls { verify, ca, identity, ..default })
}

// -------------------------------------------------------------------- files

fn authority(path: &Path, place: &Place, findings: &mut Findings) {
    if let Err(error) = file_roots(path) {
        findings.error(place, error, "a PEM file of the CA");
    }
}

fn identity(pair: &KeyPair, place: &Place, findings: &mut Findings) -> Option<Identity> {
    let read = Identity::read(pair)
        .map_err(|error| findings.error(place, error, "readable PEM files of a certificate and its key"))
        .ok()?;
    let found = || format!("the certificate {}", pair.certificate.display());
    if let Some(why) = read.facts.not_valid(when::unix_seconds(Clock::date()) as i64) {
        findings.warning(place, format!("{}, {why}", found()), "who verifies it refuses the connection");
    }
    if let Some(why) = &read.exposed {
        findings.warning(place, why.clone(), "strict_permissions: true refuses it");
    }
    Some(read)
}
