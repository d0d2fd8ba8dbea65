//! What does `/upstreams` say, as far as `status` and `top` show it?
//!
//! Text that a backend or an operator chose reaches a terminal from here, so nothing that steers one is let through.

use super::asking::{self, Admin};
use crate::clock::when;
use http::Method;
use pulsegate_core::health::standing::Cause;
use serde::{Deserialize, Deserializer};
use std::time::Duration;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Picture {
    /// When the gateway made it, RFC 3339.
    pub timestamp: String,
    pub upstreams: Vec<Upstream>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Upstream {
    #[serde(deserialize_with = "tame")]
    pub name: String,
    pub backends: Vec<Backend>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Backend {
    #[serde(deserialize_with = "tame")]
    pub address: String,
    #[serde(deserialize_with = "cause")]
    pub standing: Cause,
    #[serde(deserialize_with = "tame")]
    pub why: String,
    pub since: String,
    pub since_ms: u64,
    pub counter: Option<String>,
    pub unprobed: bool,
    pub weight: u32,
    pub share: f64,
    pub earliest_return: Option<Moment>,
    pub in_flight: u32,
    /// Of the last ten seconds.
    pub traffic: Option<Traffic>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Moment {
    pub at: String,
    pub in_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct Traffic {
    pub requests_per_second: f64,
    pub error_share: f64,
    /// `None` without traffic.
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

impl Upstream {
    pub(super) fn eligible(&self) -> usize {
        self.backends.iter().filter(|backend| backend.standing.eligible()).count()
    }
}

/// # Errors
/// A sentence when the gateway does not answer, does not want to, or answers something else.
pub(super) async fn look(admin: &Admin, patience: Duration) -> Result<Picture, String> {
    let answer = admin.ask(Method::GET, "/upstreams", None, patience).await?;
    if !answer.0.is_success() {
        return Err(asking::problem(&answer));
    }
    serde_json::from_slice(&answer.1).map_err(|error| {
        format!("{}/upstreams is not understood: {error}; is that a Pulsegate of this version?", admin.base())
    })
}

/// Milliseconds, for people.
pub(super) fn span(millis: u64) -> String {
    when::span(Duration::from_millis(millis))
}

/// The text without what would steer a terminal.
pub(super) fn tamed(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn tame<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(tamed(&String::deserialize(from)?))
}

fn cause<'de, D: Deserializer<'de>>(from: D) -> Result<Cause, D::Error> {
    let word = String::deserialize(from)?;
    Cause::of_word(&word).ok_or_else(|| serde::de::Error::custom(format!("{word:?} is no standing")))
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;

    pub(in crate::cli) fn backend(address: &str, standing: Cause) -> Backend {
        Backend {
            address: address.to_owned(),
            standing,
            why: format!("it is {standing}"),
            since: "2026-11-24T08:00:00.000Z".to_owned(),
            since_ms: 12_000,
            counter: Some("2/3".to_owned()),
            unprobed: false,
            weight: 1,
            share: if standing.eligible() { 1.0 } else { 0.0 },
            earliest_return: None,
            in_flight: 0,
            traffic: None,
        }
    }

    pub(in crate::cli) fn pool(name: &str, standings: &[Cause]) -> Upstream {
        let backends = (9001..).zip(standings).map(|(port, cause)| backend(&format!("127.0.0.1:{port}"), *cause));
        Upstream { name: name.to_owned(), backends: backends.collect() }
    }

    pub(in crate::cli) fn picture(upstreams: Vec<Upstream>) -> Picture {
        Picture { timestamp: "2026-11-24T08:00:12.000Z".to_owned(), upstreams }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_of_the_gateway_is_read_and_tamed() {
        let text = r#"{ "timestamp": "t", "more": 1, "upstreams": [{ "name": "a\u001b[2J", "eligible": 0, "backends": [{
            "address": "127.0.0.1:1", "standing": "down", "eligible": false, "why": "x\ny", "since": "s", "since_ms": 5,
            "counter": null, "unprobed": false, "weight": 1, "share": 0.0, "earliest_return": { "at": "z", "in_ms": 8 },
            "in_flight": 0,
            "traffic": { "requests_per_second": 2.5, "error_share": 0.1, "p50_ms": null, "p99_ms": 7.5 } }] }] }"#;
        let picture: Picture = serde_json::from_str(text).unwrap();
        let upstream = &picture.upstreams[0];
        assert_eq!((&*upstream.name, &*upstream.backends[0].why), ("a\u{fffd}[2J", "x\u{fffd}y"));
        assert_eq!(upstream.backends[0].traffic.as_ref().unwrap().p99_ms, Some(7.5));
        assert_eq!(upstream.eligible(), 0);
        let without = text.replace("\"traffic\"", "\"other\"");
        assert_eq!(serde_json::from_str::<Picture>(&without).unwrap().upstreams[0].backends[0].traffic, None);
        let odd = serde_json::from_str::<Picture>(&text.replace("\"down\"", "\"dead\"")).unwrap_err().to_string();
        assert!(odd.contains("\"dead\" is no standing"), "{odd}");
    }
}
