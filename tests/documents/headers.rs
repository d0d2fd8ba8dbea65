//! Does the changelog name every header that strangers may no longer send?

use super::read;
use pulsegate_core::http::forwarding::names::{
    CERTIFICATES, CERTIFICATES_X, FAMILIES, FAMILIES_X, OF_GATEWAYS, OF_GATEWAYS_X,
};

/// Dropped since the first release.
const OLD: [&str; 9] = [
    "forwarded",
    "true-client-ip",
    "x-envoy-external-address",
    "x-real-ip",
    "x-forwarded-",
    "client-cert",
    "ssl-client-",
    "x-client-cert",
    "x-ssl-",
];

#[test]
fn the_changelog_names_every_newly_dropped_header() {
    let changelog = read("CHANGELOG.md").to_ascii_lowercase();
    let known = OF_GATEWAYS
        .iter()
        .chain(&OF_GATEWAYS_X)
        .chain(&FAMILIES)
        .chain(&FAMILIES_X)
        .chain(&CERTIFICATES)
        .chain(&CERTIFICATES_X);
    for name in known.filter(|name| !OLD.iter().any(|old| *name == old || name.starts_with("x-forwarded-"))) {
        let (whole, family) = (format!("`{name}`"), format!("`{name}*`"));
        assert!(
            changelog.contains(&whole) || changelog.contains(&family),
            "CHANGELOG.md does not say that {name} is dropped"
        );
    }
}
