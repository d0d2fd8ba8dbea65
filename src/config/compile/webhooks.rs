//! Who outside can be told? Where each webhook is, and how it is told.

use super::{secs, span};
use crate::config::files::{Findings, Place};
use crate::config::spec::{SecretSpec, WebhookSpec};
use crate::domain::plan::{TokenSource, WebhookPlan};
use crate::tls::file_roots;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub(super) fn compile(
    specs: &BTreeMap<String, WebhookSpec>,
    base: &Path,
    place: &Place,
    findings: &mut Findings,
) -> Vec<Arc<WebhookPlan>> {
    let one = |(name, spec): (&String, &WebhookSpec)| {
        let mut place = place.clone();
        place.steps.push(name.clone());
        webhook(name, spec, base, &place, findings).map(Arc::new)
    };
    specs.iter().filter_map(one).collect()
}

fn webhook(name: &str, spec: &WebhookSpec, base: &Path, place: &Place, findings: &mut Findings) -> Option<WebhookPlan> {
    let ca = spec.ca.as_ref().map(|ca| base.join(ca));
    if let Some(Err(error)) = ca.as_deref().map(file_roots) {
        findings.error(&place.at("ca"), error, "a PEM file of the CA");
    }
    let timeout = span(spec.timeout, secs(5));
    if timeout.is_zero() {
        findings.error(&place.at("timeout"), "0s", "more than 0s");
    }
    let attempts = spec.attempts.unwrap_or(4);
    if !(1..=100).contains(&attempts) {
        findings.error(&place.at("attempts"), attempts.to_string(), "1 to 100");
    }
    let headers =
        spec.headers.iter().map(|(name, value)| super::routes::header(name, value, &place.at("headers"), findings));
    let headers = headers.collect();
    let secret = spec.secret.as_ref().and_then(|secret| source(secret, base, &place.at("secret"), findings));
    let url = url(&spec.url, &place.at("url"), findings)?;
    if !url.https && secret.is_some() {
        // The signature holds, but everybody on the way reads along.
        findings.warning(&place.at("url"), "a signed webhook over http", "everybody on the way reads the events");
    }
    Some(WebhookPlan {
        name: name.into(),
        https: url.https,
        host: url.host,
        port: url.port,
        path: url.path,
        headers,
        secret,
        ca,
        timeout,
        attempts,
    })
}

struct Url {
    https: bool,
    host: String,
    port: u16,
    path: String,
}

/// The address is not repeated in the findings: it may carry a secret.
fn url(text: &str, place: &Place, findings: &mut Findings) -> Option<Url> {
    let mut refuse = |found: &str| {
        findings.error(
            place,
            found,
            "http://HOST/PATH or https://HOST/PATH, such as https://hooks.example.com/restart",
        );
        None
    };
    let Ok(uri) = text.parse::<http::Uri>() else { return refuse("no URL") };
    let https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return refuse("a URL without http:// or https://"),
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return refuse("a URL with a user in it (write an Authorization header under `headers`)");
    }
    let host = match uri.host() {
        Some(host) if !host.is_empty() => host.to_owned(),
        _ => return refuse("a URL without a host"),
    };
    let path = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    Some(Url { https, host, port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }), path })
}

fn source(spec: &SecretSpec, base: &Path, place: &Place, findings: &mut Findings) -> Option<TokenSource> {
    match (&spec.file, &spec.env) {
        (Some(file), None) => Some(TokenSource::File(base.join(file))),
        (None, Some(variable)) => Some(TokenSource::Env(variable.clone())),
        _ => {
            findings.error(place, "none or both of `file` and `env`", "exactly one of them");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load_text;
    use crate::domain::plan::WebhookPlan;
    use std::path::Path;

    fn loaded(webhook: &str) -> Result<WebhookPlan, Vec<String>> {
        let yaml = format!(
            "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ respond: {{ status: 204 }} }}]\nwebhooks:\n  owner: {webhook}\n"
        );
        let loaded = load_text(&yaml, Path::new("/etc")).map_err(|all| all.iter().map(ToString::to_string).collect());
        loaded.map(|loaded: crate::config::Loaded| WebhookPlan::clone(&loaded.plan.webhooks[0]))
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (url, https, host, port, path) in [
            ("https://hooks.example.com", true, "hooks.example.com", 443, "/"),
            ("http://10.0.0.1:8080/a?b=c", false, "10.0.0.1", 8080, "/a?b=c"),
            ("http://[::1]:81/", false, "[::1]", 81, "/"),
        ] {
            let plan = loaded(&format!("{{ url: \"{url}\" }}")).expect("a plan");
            assert_eq!((plan.https, &*plan.host, plan.port, &*plan.path), (https, host, port, path));
            assert_eq!((plan.timeout.as_secs(), plan.attempts, plan.secret), (5, 4, None));
        }
    }

    #[test]
    fn what_is_no_webhook_is_refused() {
        for (webhook, words) in [
            ("{ url: hooks.example.com }", "without http"),
            ("{ url: \"ftp://hooks.example.com/\" }", "without http"),
            ("{ url: \"https://a:b@c/\" }", "a user in it"),
            ("{ url: \"http://a b/\" }", "no URL"),
            ("{ url: \"http://a/\", attempts: 0 }", "attempts: found 0"),
            ("{ url: \"http://a/\", timeout: 0s }", "timeout: found 0s"),
            ("{ url: \"http://a/\", secret: {} }", "none or both of `file` and `env`"),
            ("{ url: \"http://a/\", ca: /nowhere.pem }", "ca: found"),
            ("{ url: \"http://a/\", headers: { \"a b\": c } }", "headers"),
        ] {
            let errors = loaded(webhook).expect_err(webhook);
            assert!(errors.len() == 1 && errors[0].contains(words), "{webhook}: {errors:?}");
            assert!(!errors[0].contains("a:b@"), "{errors:?}");
        }
    }
}
