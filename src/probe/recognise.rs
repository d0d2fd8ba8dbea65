//! What does an answer say of who answers? The facts that the plan asks for, from its head or its body, bounded.

use ::http::HeaderMap;
use pulsegate_core::health::reading::Sighting;
use pulsegate_core::plan::{Fact, Recognition};

/// A name beyond this many characters is cut: it is compared and shown.
const CAP: usize = 200;

/// Looks for the facts of one plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recogniser<'a>(pub &'a Recognition);

impl Recogniser<'_> {
    pub(super) fn of_head(&self, headers: &HeaderMap) -> Sighting {
        self.of(headers, &[])
    }

    /// What stands in the head and in the body.
    pub(super) fn of(&self, headers: &HeaderMap, body: &[u8]) -> Sighting {
        self.look(|fact| match fact {
            Fact::Header(name) => headers.get(name).map(|value| bounded(&String::from_utf8_lossy(value.as_bytes()))),
            Fact::Json(path) => pulsegate_document::field(body, path).map(|value| bounded(&value)),
        })
    }

    fn look(&self, find: impl Fn(&Fact) -> Option<String>) -> Sighting {
        let Recognition { identity, instance } = self.0;
        let identity = identity.as_ref().map(|identity| &identity.fact);
        Sighting { service: identity.and_then(&find), instance: instance.as_ref().and_then(&find) }
    }
}

fn bounded(text: &str) -> String {
    text.trim().chars().take(CAP).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsegate_core::plan::Identity;

    #[test]
    fn facts_of_the_head() {
        let header = |name: &str| Fact::Header(name.to_owned());
        let identity = Some(Identity { fact: header("x-service"), service: "orders".to_owned() });
        let recognition = Recognition { identity, instance: Some(header("x-instance")) };
        let mut headers = HeaderMap::new();
        assert_eq!(Recogniser(&recognition).of_head(&headers), Sighting::default());
        headers.insert("X-Service", " orders ".parse().unwrap());
        headers.insert("X-Instance", "a".repeat(1000).parse().unwrap());
        let seen = Recogniser(&recognition).of_head(&headers);
        assert_eq!(seen.service.as_deref(), Some("orders"));
        assert_eq!(seen.instance.map(|instance| instance.len()), Some(CAP));
        assert_eq!(Recogniser(&Recognition::default()).of_head(&headers), Sighting::default());
    }

    #[test]
    fn facts_of_the_body() {
        let json = |path: &str| Fact::Json(path.to_owned());
        let identity = Some(Identity { fact: json("$.service.name"), service: "orders".to_owned() });
        let recognition = Recognition { identity, instance: Some(json("$.started_at")) };
        for (body, service, instance) in [
            (r#"{"service": {"name": "orders"}, "started_at": 1764032400}"#, Some("orders"), Some("1764032400")),
            (r#"{"service": "orders"}"#, None, None),
            ("no document", None, None),
            ("", None, None),
        ] {
            let seen = Recogniser(&recognition).of(&HeaderMap::new(), body.as_bytes());
            assert_eq!((seen.service.as_deref(), seen.instance.as_deref()), (service, instance), "{body}");
        }
    }
}
