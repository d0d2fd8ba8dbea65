//! Where do operators ask, and who may? The admin listener's addresses and its tokens.

use crate::config::addresses;
use crate::config::files::{Findings, Place};
use crate::config::spec::{AdminOnSpec, AdminSpec, TokenSpec};
use crate::domain::plan::{AdminPlan, TokenPlan, TokenSource};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

const DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

pub(super) fn compile(spec: Option<&AdminSpec>, base: &Path, place: &Place, findings: &mut Findings) -> AdminPlan {
    match spec {
        None => AdminPlan { address: Some(DEFAULT), ..AdminPlan::default() },
        Some(AdminSpec::Off) => AdminPlan::default(),
        Some(AdminSpec::On(on)) => listener(on, base, place, findings),
    }
}

fn listener(spec: &AdminOnSpec, base: &Path, place: &Place, findings: &mut Findings) -> AdminPlan {
    let address = spec.address.as_deref().map_or(Some(DEFAULT), |text| socket(text, &place.at("address"), findings));
    let health_address =
        spec.health_address.as_deref().and_then(|text| socket(text, &place.at("health_address"), findings));
    if health_address.is_some() && health_address == address {
        findings.error(
            &place.at("health_address"),
            "the address of the admin listener itself",
            "another port, or no `health_address`: /livez and /readyz never need a token there either",
        );
    }
    let open = address.filter(|address| !address.ip().to_canonical().is_loopback());
    if let Some(open) = open.filter(|_| spec.tokens.is_empty()) {
        findings.error(
            &place.at("address"),
            format!("{open} without `admin.tokens`"),
            "a loopback address such as 127.0.0.1:9090, or at least one token such as tokens: [{ name: ops, file: /run/secrets/pulsegate }]",
        );
    }
    let tokens = spec.tokens.iter().enumerate();
    let tokens = tokens.filter_map(|(index, token)| {
        self::token(token, &spec.tokens[..index], base, &place.at(&format!("tokens.{index}")), findings)
    });
    AdminPlan { tokens: tokens.collect(), address, health_address }
}

fn socket(text: &str, place: &Place, findings: &mut Findings) -> Option<SocketAddr> {
    addresses::socket(text).map_err(|allowed| findings.error(place, format!("{text:?}"), allowed)).ok()
}

fn token(
    spec: &TokenSpec,
    before: &[TokenSpec],
    base: &Path,
    place: &Place,
    findings: &mut Findings,
) -> Option<TokenPlan> {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if spec.name.is_empty() || !spec.name.chars().all(word) {
        findings.error(&place.at("name"), format!("{:?}", spec.name), "letters, digits and - _ . @");
    }
    if before.iter().any(|other| other.name == spec.name) {
        findings.error(&place.at("name"), format!("{:?} a second time", spec.name), "each name once");
    }
    let source = match (&spec.file, &spec.env) {
        (Some(file), None) => TokenSource::File(base.join(file)),
        (None, Some(variable)) => TokenSource::Env(variable.clone()),
        _ => {
            findings.error(place, "none or both of `file` and `env`", "exactly one of them");
            return None;
        }
    };
    Some(TokenPlan { name: spec.name.as_str().into(), source })
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;
    use crate::domain::plan::{AdminPlan, TokenSource};
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
        assert_eq!(plan.health_address, Some(([0, 0, 0, 0], 9091).into()), "it may leave loopback");
        for (yaml, word) in [
            ("{ tokens: [{ name: ops }] }", "exactly one of them"),
            ("{ tokens: [{ name: ops, file: a, env: B }] }", "exactly one of them"),
            ("{ tokens: [{ name: ops, env: A }, { name: ops, env: B }] }", "each name once"),
            ("{ tokens: [{ name: \"a b\", env: A }] }", "letters, digits"),
            ("{ tokens: [{ name: ops, token: secret }] }", "unknown key `token`"),
            ("{ health_address: \"127.0.0.1:9090\" }", "the address of the admin listener itself"),
            ("{ health_address: nonsense }", "admin.health_address"),
        ] {
            let refused = admin(yaml).unwrap_err();
            assert!(refused.contains(word), "{yaml}: {refused}");
        }
    }
}
