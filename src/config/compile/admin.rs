//! Where do operators ask, and who may? The admin listener's addresses, certificates, tokens and limits.

use super::tls::{self, Files};
use crate::config::addresses;
use crate::config::files::{Findings, Place};
use crate::config::schema::{AdminClientSpec, AdminLimitsSpec, AdminOnSpec, AdminSpec, ScopeSpec, TokenSpec};
use pulsegate_core::plan::{AdminClient, AdminLimits, AdminPlan, Scopes, TokenPlan, TokenSource};
use std::net::SocketAddr;

pub(super) fn compile(spec: Option<&AdminSpec>, files: Files<'_>, place: &Place, findings: &mut Findings) -> AdminPlan {
    match spec {
        None => AdminPlan::default(),
        Some(AdminSpec::Off) => AdminPlan::off(),
        Some(AdminSpec::On(on)) => listener(on, files, place, findings),
    }
}

fn listener(spec: &AdminOnSpec, files: Files<'_>, place: &Place, findings: &mut Findings) -> AdminPlan {
    let default = AdminPlan::default();
    let address = spec.address.as_deref();
    let address = address.map_or(default.address, |text| socket(text, &place.at("address"), findings));
    let health_address =
        spec.health_address.as_deref().and_then(|text| socket(text, &place.at("health_address"), findings));
    if health_address.is_some() && health_address == address {
        findings.error(
            &place.at("health_address"),
            "the address of the admin listener itself",
            "another port, or no `health_address`: /livez and /readyz never need a token there either",
        );
    }
    let certificates = spec.tls.as_ref().is_some_and(|tls| tls.client_auth.is_some());
    let open = address.filter(|address| !address.ip().to_canonical().is_loopback());
    if let Some(open) = open.filter(|_| spec.tokens.is_empty() && !certificates) {
        findings.error(
            &place.at("address"),
            format!("{open} without `admin.tokens`"),
            "a loopback address such as 127.0.0.1:9090, or at least one token such as tokens: [{ name: ops, file: /run/secrets/pulsegate }], \
             or clients' certificates (`admin.tls.client_auth`)",
        );
    }
    if !spec.clients.is_empty() && !certificates {
        findings.error(
            &place.at("clients"),
            "clients by certificate, but nobody is asked for one",
            "`admin.tls.client_auth` beside it",
        );
    }
    let tokens = spec.tokens.iter().enumerate();
    let tokens = tokens.filter_map(|(index, token)| {
        self::token(token, &spec.tokens[..index], files, &place.at(&format!("tokens.{index}")), findings)
    });
    let tokens = tokens.collect();
    AdminPlan {
        address,
        health_address,
        tokens,
        tls: spec.tls.as_ref().and_then(|tls| tls::listener(tls, files, &place.at("tls"), findings)),
        clients: clients(spec, &place.at("clients"), findings),
        limits: limits(&spec.limits, default.limits),
    }
}

fn socket(text: &str, place: &Place, findings: &mut Findings) -> Option<SocketAddr> {
    addresses::socket(text).map_err(|allowed| findings.error(place, format!("{text:?}"), allowed)).ok()
}

fn token(
    spec: &TokenSpec,
    before: &[TokenSpec],
    files: Files<'_>,
    place: &Place,
    findings: &mut Findings,
) -> Option<TokenPlan> {
    name(&spec.name, place, findings);
    if before.iter().any(|other| other.name == spec.name) {
        findings.error(&place.at("name"), format!("{:?} a second time", spec.name), "each name once");
    }
    let source = match (&spec.file, &spec.env) {
        (Some(file), None) => TokenSource::File(files.base.join(file)),
        (None, Some(variable)) => TokenSource::Env(variable.clone()),
        _ => {
            findings.error(place, "none or both of `file` and `env`", "exactly one of them");
            return None;
        }
    };
    let scopes = scopes(spec.scopes.as_deref(), &place.at("scopes"), findings);
    Some(TokenPlan { name: spec.name.as_str().into(), source, scopes })
}

/// For the audit log: nothing that looks like something else there.
fn name(name: &str, place: &Place, findings: &mut Findings) {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if name.is_empty() || !name.chars().all(word) {
        findings.error(&place.at("name"), format!("{name:?}"), "letters, digits and - _ . @");
    }
}

fn scopes(written: Option<&[ScopeSpec]>, place: &Place, findings: &mut Findings) -> Scopes {
    let Some(written) = written else { return Scopes::default() };
    if written.is_empty() {
        findings.error(place, "an empty list", "at least one of metrics, read, write; without the key: read and write");
    }
    let has = |scope| written.contains(&scope);
    let read = has(ScopeSpec::Read);
    Scopes { metrics: read || has(ScopeSpec::Metrics), read, write: has(ScopeSpec::Write) }
}

fn clients(spec: &AdminOnSpec, place: &Place, findings: &mut Findings) -> Vec<AdminClient> {
    let mut client = |(index, client): (usize, &AdminClientSpec)| {
        let place = place.at(&index.to_string());
        name(&client.name, &place, findings);
        let before = spec.clients.iter().take(index);
        let names = before.clone().map(|other| &other.name).chain(spec.tokens.iter().map(|token| &token.name));
        if names.into_iter().any(|other| *other == client.name) {
            findings.error(&place.at("name"), format!("{:?} a second time", client.name), "each name once");
        }
        if client.subject.is_empty() || before.into_iter().any(|other| other.subject == client.subject) {
            findings.error(&place.at("subject"), format!("{:?}", client.subject), "a name of a certificate, each once");
        }
        AdminClient {
            name: client.name.as_str().into(),
            subject: client.subject.as_str().into(),
            scopes: scopes(client.scopes.as_deref(), &place.at("scopes"), findings),
        }
    };
    spec.clients.iter().enumerate().map(&mut client).collect()
}

fn limits(spec: &AdminLimitsSpec, default: AdminLimits) -> AdminLimits {
    AdminLimits {
        requests_per_second: spec.requests_per_second.unwrap_or(default.requests_per_second),
        wrong_tokens_per_minute: spec.wrong_tokens_per_minute.unwrap_or(default.wrong_tokens_per_minute),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;
    use pulsegate_core::plan::{AdminLimits, AdminPlan, Scopes, TokenSource};
    use std::path::Path;

    fn admin(yaml: &str) -> Result<AdminPlan, String> {
        let rest = "listeners: [{ address: 127.0.0.1:8080 }]\nroutes: [{ respond: {} }]\n";
        let loaded = load_text(&format!("admin: {yaml}\n{rest}"), Path::new("/etc/pulsegate"));
        loaded.map(|loaded| loaded.plan.admin).map_err(|found| found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn loopback_needs_no_token_and_everywhere_else_does() {
        for yaml in
            ["{}", "{ address: \"127.9.9.9:1\" }", "{ address: \"[::1]:1\" }", "{ address: \"[::ffff:127.0.0.1]:1\" }"]
        {
            assert!(admin(yaml).is_ok(), "{yaml}: {:?}", admin(yaml));
        }
        for address in ["0.0.0.0:1", "[::]:1", "10.0.0.1:1"] {
            let refused = admin(&format!("{{ address: \"{address}\" }}")).unwrap_err();
            assert!(refused.contains("without `admin.tokens`"), "{refused}");
            assert!(admin(&format!("{{ address: \"{address}\", tokens: [{{ name: ops, env: X }}] }}")).is_ok());
        }
    }

    #[test]
    fn tokens_come_from_a_file_or_the_environment() {
        let plan = admin("{ tokens: [{ name: ops, file: ops.token }, { name: ci, env: CI_TOKEN }], health_address: \"0.0.0.0:9091\" }").unwrap();
        assert_eq!(plan.tokens[0].source, TokenSource::File("/etc/pulsegate/ops.token".into()));
        assert_eq!(plan.tokens[1].source, TokenSource::Env("CI_TOKEN".into()));
        assert_eq!((plan.tokens[0].scopes, plan.limits), (Scopes::ALL, AdminLimits::default()));
        let narrow =
            admin("{ tokens: [{ name: m, env: M, scopes: [metrics] }], limits: { requests_per_second: 0 } }").unwrap();
        assert_eq!(narrow.tokens[0].scopes, Scopes { metrics: true, read: false, write: false });
        assert_eq!(narrow.limits, AdminLimits { requests_per_second: 0, wrong_tokens_per_minute: 10 });
        assert_eq!(plan.health_address, Some(([0, 0, 0, 0], 9091).into()), "it may leave loopback");
        for (yaml, word) in [
            ("{ tokens: [{ name: ops }] }", "exactly one of them"),
            ("{ tokens: [{ name: ops, file: a, env: B }] }", "exactly one of them"),
            ("{ tokens: [{ name: ops, env: A }, { name: ops, env: B }] }", "each name once"),
            ("{ tokens: [{ name: \"a b\", env: A }] }", "letters, digits"),
            ("{ tokens: [{ name: ops, token: secret }] }", "unknown key `token`"),
            ("{ tokens: [{ name: ops, env: A, scopes: [] }] }", "at least one of metrics, read, write"),
            ("{ tokens: [{ name: ops, env: A, scopes: [all] }] }", "allowed: metrics, read, write"),
            ("{ clients: [{ name: ops, subject: a }] }", "nobody is asked for one"),
            ("{ clients: [{ name: \"a b\", subject: a }] }", "letters, digits"),
            ("{ clients: [{ name: a, subject: a }, { name: a, subject: b }] }", "each name once"),
            ("{ tokens: [{ name: a, env: A }], clients: [{ name: a, subject: a }] }", "each name once"),
            ("{ clients: [{ name: a, subject: x }, { name: b, subject: x }] }", "each once"),
            ("{ tls: {} }", "`certificate` and `key`"),
            ("{ health_address: \"127.0.0.1:9090\" }", "the address of the admin listener itself"),
            ("{ health_address: nonsense }", "admin.health_address"),
        ] {
            let refused = admin(yaml).unwrap_err();
            assert!(refused.contains(word), "{yaml}: {refused}");
        }
    }
}
