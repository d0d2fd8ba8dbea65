//! Which backend is asked next? The policy, what it hashes, and clients that stay with one backend.

use crate::config::files::{Findings, Place};
use crate::config::schema::{BalanceSpec, PolicySpec, StickySpec};
use pulsegate_core::plan::{BalancePlan, HashBy, Policy, StickyPlan};

pub fn compile(spec: &BalanceSpec, place: &Place, findings: &mut Findings) -> BalancePlan {
    let default = BalancePlan::default();
    let policy = spec.policy.map_or(default.policy, |policy| match policy {
        PolicySpec::LeastRequest => Policy::LeastRequest,
        PolicySpec::RoundRobin => Policy::RoundRobin,
        PolicySpec::PeakEwma => Policy::PeakEwma,
        PolicySpec::Random => Policy::Random,
        PolicySpec::Hash => Policy::Hash(hash_by(spec.hash_by.as_deref(), &place.at("hash_by"), findings)),
    });
    if spec.hash_by.is_some() && !matches!(policy, Policy::Hash(_)) {
        findings.error(&place.at("hash_by"), "hash_by with another policy", "hash_by only with `policy: hash`");
    }
    BalancePlan {
        policy,
        sticky: spec.sticky.as_ref().map(|sticky| sticky_plan(sticky, &place.at("sticky"), findings)),
    }
}

fn hash_by(text: Option<&str>, place: &Place, findings: &mut Findings) -> HashBy {
    let Some(text) = text else { return HashBy::default() };
    match text.split_once(':').unwrap_or((text, "")) {
        ("client_address", "") => HashBy::ClientAddress,
        ("path", "") => HashBy::Path,
        ("header", name) if http::HeaderName::from_bytes(name.as_bytes()).is_ok() => {
            HashBy::Header(name.to_ascii_lowercase())
        }
        ("cookie", name) if !name.is_empty() => HashBy::Cookie(name.to_owned()),
        _ => {
            let allowed = "client_address, path, header:NAME or cookie:NAME";
            findings.error(place, format!("{text:?}"), allowed);
            HashBy::default()
        }
    }
}

fn sticky_plan(spec: &StickySpec, place: &Place, findings: &mut Findings) -> StickyPlan {
    let default = StickyPlan::default();
    let cookie = spec.cookie.clone().unwrap_or(default.cookie);
    if cookie.is_empty() || !cookie.bytes().all(pulsegate_core::http::head::is_token) {
        findings.error(&place.at("cookie"), format!("{cookie:?}"), "a cookie name: letters, digits, - and _");
    }
    match &spec.secret {
        Some(secret) if secret.len() < 16 => {
            findings.warning(
                &place.at("secret"),
                "fewer than 16 characters",
                "cookies can be forged by trying secrets",
            );
        }
        _ => {}
    }
    StickyPlan { cookie, secret: spec.secret.clone(), ttl: spec.ttl.map(|ttl| ttl.0), secure: spec.secure }
}
