//! Who gets mail, and from which server? Addresses are checked here, and that nothing goes over a network in plain.

use super::span;
use super::webhooks::source;
use crate::config::files::{Findings, Place};
use crate::config::schema::{SmtpSpec, SmtpTlsSpec, WebhookSpec};
use crate::tls::file_roots;
use lettre::message::Mailbox;
use pulsegate_core::plan::{SmtpPlan, SmtpTls, TokenSource};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

pub(super) fn compile(
    specs: &BTreeMap<String, SmtpSpec>,
    webhooks: &BTreeMap<String, WebhookSpec>,
    base: &Path,
    place: &Place,
    findings: &mut Findings,
) -> Vec<Arc<SmtpPlan>> {
    let one = |(name, spec): (&String, &SmtpSpec)| {
        let mut place = place.clone();
        place.steps.push(name.clone());
        if webhooks.contains_key(name) {
            findings.error(
                &place,
                format!("{name}, which is a webhook, too"),
                "a name of its own: alerts name both kinds",
            );
        }
        receiver(name, spec, base, &place, findings).map(Arc::new)
    };
    specs.iter().filter_map(one).collect()
}

fn receiver(name: &str, spec: &SmtpSpec, base: &Path, place: &Place, findings: &mut Findings) -> Option<SmtpPlan> {
    let ca = spec.ca.as_ref().map(|ca| base.join(ca));
    if let Some(Err(error)) = ca.as_deref().map(file_roots) {
        findings.error(&place.at("ca"), error, "a PEM file of the CA");
    }
    if spec.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
        findings.error(&place.at("timeout"), "0s", "more than 0s");
    }
    if let Some(attempts) = spec.attempts.filter(|attempts| !(1..=100).contains(attempts)) {
        findings.error(&place.at("attempts"), attempts.to_string(), "1 to 100");
    }
    if spec.to.is_empty() {
        findings.error(&place.at("to"), "nobody", "addresses");
    }
    for (key, address) in std::iter::once(("from", &spec.from)).chain(spec.to.iter().map(|to| ("to", to))) {
        if address.parse::<Mailbox>().is_err() {
            let allowed = "an address such as ops@example.com or Operations <ops@example.com>";
            findings.error(&place.at(key), format!("{address:?}"), allowed);
        }
    }
    let login = login(spec, base, place, findings);
    let tls = spec.tls.map_or_else(SmtpTls::default, SmtpTlsSpec::plan);
    let Some((host, port)) = smarthost(&spec.smarthost, tls) else {
        findings.error(&place.at("smarthost"), format!("{:?}", spec.smarthost), "HOST or HOST:PORT");
        return None;
    };
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if tls == SmtpTls::None && !loopback {
        let allowed = "`starttls` or `implicit`; `none` is for a mail server on loopback";
        findings.error(&place.at("tls"), format!("none, and the server is {host}"), allowed);
    }
    let default = SmtpPlan::to(name, &host, &spec.from, spec.to.clone());
    Some(SmtpPlan {
        port,
        tls,
        login,
        ca,
        timeout: span(spec.timeout, default.timeout),
        attempts: spec.attempts.unwrap_or(default.attempts),
        ..default
    })
}

fn login(spec: &SmtpSpec, base: &Path, place: &Place, findings: &mut Findings) -> Option<(String, TokenSource)> {
    match (&spec.username, &spec.password) {
        (None, None) => None,
        (Some(username), Some(password)) => {
            let password = source(password, base, &place.at("password"), findings)?;
            Some((username.clone(), password))
        }
        _ => {
            findings.error(&place.at("username"), "one of `username` and `password`", "both, or none");
            None
        }
    }
}

/// An IPv6 address has brackets where a port follows.
fn smarthost(text: &str, tls: SmtpTls) -> Option<(String, u16)> {
    let usual = tls.port();
    let (host, port) = match text.parse::<IpAddr>() {
        Ok(_) => (text, usual),
        Err(_) => match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, usual),
        },
    };
    let host = host.trim_matches(['[', ']']);
    let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c));
    plain.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;

    fn loaded(smtp: &str) -> Result<SmtpPlan, Vec<String>> {
        let yaml = format!(
            "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ respond: {{ status: 204 }} }}]\n\
             webhooks: {{ taken: {{ url: \"http://a/\" }} }}\nsmtp: {smtp}\n"
        );
        let loaded = load_text(&yaml, Path::new("/etc")).map_err(|all| all.iter().map(ToString::to_string).collect());
        loaded.map(|loaded: crate::config::Loaded| SmtpPlan::clone(&loaded.plan.smtp[0]))
    }

    #[test]
    fn a_server_has_the_usual_port_of_its_way() {
        for (text, tls, expected) in [
            ("mail.example.com", SmtpTls::StartTls, Some(("mail.example.com", 587))),
            ("mail.example.com", SmtpTls::Implicit, Some(("mail.example.com", 465))),
            ("localhost:2525", SmtpTls::None, Some(("localhost", 2525))),
            ("[::1]:25", SmtpTls::None, Some(("::1", 25))),
            ("::1", SmtpTls::None, Some(("::1", 25))),
            ("a:b", SmtpTls::None, None),
            ("smtp://a", SmtpTls::None, None),
            ("a b", SmtpTls::None, None),
            ("", SmtpTls::None, None),
        ] {
            assert_eq!(smarthost(text, tls), expected.map(|(host, port)| (host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn a_receiver_that_is_none_is_refused() {
        let plan =
            loaded("{ ops: { smarthost: m, from: Gate <a@b.c>, to: [d@e.f], username: u, password: { env: P } } }");
        let plan = plan.unwrap();
        assert_eq!(plan.login, Some(("u".to_owned(), TokenSource::Env("P".to_owned()))));
        assert_eq!((plan.attempts, plan.tls), (10, SmtpTls::StartTls));
        for (smtp, told) in [
            ("{ ops: { smarthost: m, from: a@b.c, to: [] } }", "smtp.ops.to: found nobody"),
            ("{ ops: { smarthost: m, from: a, to: [d@e.f] } }", "smtp.ops.from: found \"a\""),
            ("{ ops: { smarthost: m, from: a@b.c, to: [\"d@e.f\\nBcc: g@h.i\"] } }", "smtp.ops.to"),
            ("{ ops: { smarthost: m, tls: none, from: a@b.c, to: [d@e.f] } }", "on loopback"),
            ("{ ops: { smarthost: m, from: a@b.c, to: [d@e.f], username: u } }", "both, or none"),
            ("{ taken: { smarthost: m, from: a@b.c, to: [d@e.f] } }", "which is a webhook, too"),
            ("{ ops: { smarthost: \"m:x\", from: a@b.c, to: [d@e.f] } }", "HOST or HOST:PORT"),
        ] {
            let errors = loaded(smtp).expect_err(smtp);
            assert!(errors.len() == 1 && errors[0].contains(told), "{smtp}: {errors:?}");
        }
    }
}
