//! Who outside can be told? Where each webhook is, and how it is told.

use super::headers::header;
use super::span;
use crate::config::files::{Findings, Place};
use crate::config::schema::{SecretSpec, UrlSpec, WebhookKindSpec, WebhookSpec};
use crate::secret::url::{ALLOWED, target};
use crate::tls::file_roots;
use pulsegate_core::plan::{HttpTarget, TokenSource, WebhookKind, WebhookPlan, WebhookUrl};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Where PagerDuty takes events.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

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
    if spec.timeout.is_some_and(|timeout| timeout.0.is_zero()) {
        findings.error(&place.at("timeout"), "0s", "more than 0s");
    }
    let kind = kind(spec);
    if let Some(attempts) = spec.attempts.filter(|attempts| !(1..=100).contains(attempts)) {
        findings.error(&place.at("attempts"), attempts.to_string(), "1 to 100");
    }
    let headers = spec.headers.iter().map(|(name, value)| header(name, value, &place.at("headers"), findings));
    let headers = headers.collect();
    let secret = spec.secret.as_ref().and_then(|secret| source(secret, base, &place.at("secret"), findings));
    if secret.is_some() && kind != WebhookKindSpec::Generic {
        findings.error(
            &place.at("secret"),
            "a secret for a kind that verifies no signature",
            "`secret` with `kind: generic`",
        );
    }
    let url = url(spec, kind, base, &place.at("url"), findings)?;
    if let WebhookUrl::Known(HttpTarget { https: false, .. }) = url
        && secret.is_some()
    {
        // The signature holds, but everybody on the way reads along.
        findings.warning(&place.at("url"), "a signed webhook over http", "everybody on the way reads the events");
    }
    let default = WebhookPlan::to(name, understood(spec, kind, base, &place.at("routing_key"), findings)?, url);
    Some(WebhookPlan {
        headers,
        secret,
        ca,
        timeout: span(spec.timeout, default.timeout),
        attempts: spec.attempts.unwrap_or(default.attempts),
        ..default
    })
}

/// Those that can be asked to restart a backend: nobody reads a chat for that.
pub(super) fn generic(specs: &BTreeMap<String, WebhookSpec>) -> impl Iterator<Item = &str> {
    specs.iter().filter(|(_, spec)| kind(spec) == WebhookKindSpec::Generic).map(|(name, _)| name.as_str())
}

fn kind(spec: &WebhookSpec) -> WebhookKindSpec {
    spec.kind.unwrap_or_default()
}

fn understood(
    spec: &WebhookSpec,
    kind: WebhookKindSpec,
    base: &Path,
    place: &Place,
    findings: &mut Findings,
) -> Option<WebhookKind> {
    let key = spec.routing_key.as_ref();
    match (kind, key) {
        (WebhookKindSpec::PagerDuty, Some(key)) => {
            source(key, base, place, findings).map(|routing_key| WebhookKind::PagerDuty { routing_key })
        }
        (WebhookKindSpec::PagerDuty, None) => {
            findings.error(place, "none", "`file` or `env` that holds the integration key of a PagerDuty service");
            None
        }
        (_, Some(_)) => {
            findings.error(place, "a key for a kind that has none", "`routing_key` with `kind: pagerduty`");
            None
        }
        (WebhookKindSpec::Generic, None) => Some(WebhookKind::Generic),
        (WebhookKindSpec::Slack, None) => Some(WebhookKind::Slack),
    }
}

/// The address is not repeated in the findings: it may carry a secret.
fn url(
    spec: &WebhookSpec,
    kind: WebhookKindSpec,
    base: &Path,
    place: &Place,
    findings: &mut Findings,
) -> Option<WebhookUrl> {
    let text = match (&spec.url, kind) {
        (Some(UrlSpec::Secret(secret)), _) => return source(secret, base, place, findings).map(WebhookUrl::Secret),
        (Some(UrlSpec::Known(_)), WebhookKindSpec::Slack) => {
            let allowed =
                "url: { env: NAME } or url: { file: PATH }: whoever knows a Slack URL can write to the channel";
            findings.error(place, "the URL itself", allowed);
            return None;
        }
        (Some(UrlSpec::Known(text)), _) => text.as_str(),
        (None, WebhookKindSpec::PagerDuty) => PAGERDUTY,
        (None, _) => {
            findings.error(place, "no `url`", "a URL, or `file` or `env` that holds it");
            return None;
        }
    };
    match target(text) {
        Ok(target) => Some(WebhookUrl::Known(target)),
        Err(found) => {
            findings.error(place, found, ALLOWED);
            None
        }
    }
}

pub(super) fn source(spec: &SecretSpec, base: &Path, place: &Place, findings: &mut Findings) -> Option<TokenSource> {
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
    use pulsegate_core::plan::{HttpTarget, TokenSource, WebhookKind, WebhookPlan, WebhookUrl};
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
            let target = HttpTarget { https, host: host.to_owned(), port, path: path.to_owned() };
            assert_eq!(plan.url, WebhookUrl::Known(target));
            assert!(!format!("{plan:?}").contains("b=c"));
            assert_eq!((plan.timeout.as_secs(), plan.attempts, plan.secret), (5, 4, None));
        }
    }

    #[test]
    fn each_kind_has_its_own_words() {
        let plan = loaded("{ kind: slack, url: { env: SLACK } }").expect("a plan");
        assert_eq!(
            (plan.kind, plan.url, plan.attempts),
            (WebhookKind::Slack, WebhookUrl::Secret(TokenSource::Env("SLACK".into())), 10)
        );
        let plan = loaded("{ kind: pagerduty, routing_key: { file: key } }").expect("a plan");
        assert_eq!(plan.kind, WebhookKind::PagerDuty { routing_key: TokenSource::File("/etc/key".into()) });
        assert!(matches!(plan.url, WebhookUrl::Known(target) if target.host == "events.pagerduty.com" && target.https));
    }

    #[test]
    fn a_webhook_that_is_none_is_refused() {
        for (webhook, words) in [
            ("{ url: hooks.example.com }", "without http"),
            ("{ url: \"ftp://hooks.example.com/\" }", "without http"),
            ("{ url: \"https://a:b@c/\" }", "a user in it"),
            ("{ url: \"http://a b/\" }", "no URL"),
            ("{ url: \"http://a/\", attempts: 0 }", "attempts: found 0"),
            ("{ url: \"http://a/\", timeout: 0s }", "timeout: found 0s"),
            ("{ url: \"http://a/\", secret: {} }", "none or both of `file` and `env`"),
            ("{ url: \"http://a/\", ca: /nowhere.pem }", "ca: found"),
            ("{}", "url: found no `url`"),
            ("{ kind: pagerduty }", "routing_key: found none"),
            ("{ kind: slack, url: \"https://hooks.slack.com/services/T0P\" }", "url: found the URL itself"),
            ("{ url: \"http://a/\", routing_key: { env: A } }", "routing_key: found a key for a kind"),
            ("{ kind: slack, url: { env: A }, secret: { env: A } }", "secret: found a secret for a kind"),
            ("{ kind: teams, url: \"http://a/\" }", "generic, slack, pagerduty"),
            ("{ url: \"http://a/\", headers: { \"a b\": c } }", "headers"),
        ] {
            let errors = loaded(webhook).expect_err(webhook);
            assert!(errors.len() == 1 && errors[0].contains(words), "{webhook}: {errors:?}");
            assert!(!errors[0].contains("a:b@") && !errors[0].contains("T0P"), "{errors:?}");
        }
    }
}
