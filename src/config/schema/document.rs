//! What may be written of the document that a readiness endpoint answers.

use crate::config::values::Share;
use pulsegate_core::plan::{OnMalformed, UnknownWord};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;

/// `off` (only the status counts), `auto`, or rules.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum DocumentSpec {
    Off,
    Auto,
    Rules(Box<DocumentRulesSpec>),
}

impl<'de> Deserialize<'de> for DocumentSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written)
    }
}

/// Reads in place, so that a complaint about a key names that key.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = DocumentSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("off, auto, or keys such as `critical`")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<DocumentSpec, E> {
        match word {
            "off" => Ok(DocumentSpec::Off),
            "auto" => Ok(DocumentSpec::Auto),
            _ => Err(E::unknown_variant(word, &["off", "auto"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DocumentSpec, A::Error> {
        DocumentRulesSpec::deserialize(MapAccessDeserializer::new(map))
            .map(|rules| DocumentSpec::Rules(Box::new(rules)))
    }
}

/// Rules for a document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DocumentRulesSpec {
    /// `plain`, `spring`, `microprofile`, `aspnet`, `ietf` or `kubernetes`. Default: told by content type and shape.
    pub format: Option<VocabularySpec>,
    /// Components that it cannot serve without: one that fails fails the probe, whatever the whole says. Nested ones are written `db/primary`.
    /// Default: `[]`.
    #[serde(default)]
    pub critical: Vec<String>,
    /// Components that count for nothing, each with all below it. Default: `[]`.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// What becomes of a backend that says it is degraded.
    #[serde(default)]
    pub degraded: DegradedSpec,
    /// A word that no list knows: `pass` (the status code decides), `degraded` or `fail`.
    pub unknown_word: Option<UnclearSpec>,
    /// A document that cannot be understood, or is larger than `body_bytes`: `pass` (the status code decides), `degraded` or `fail`.
    pub on_malformed: Option<UnclearSpec>,
    /// Conditions on what the document says. Default: none.
    #[serde(default)]
    pub assert: Vec<AssertSpec>,
}

/// The family of words that a document is read in.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum VocabularySpec {
    Plain,
    Spring,
    Microprofile,
    Aspnet,
    Ietf,
    Kubernetes,
}

/// What a degraded backend keeps.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DegradedSpec {
    /// The share of its weight.
    pub weight: Option<Share>,
}

/// What follows from something that is not understood, where the status code passes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum UnclearSpec {
    Pass,
    Degraded,
    Fail,
}

impl UnclearSpec {
    pub(in crate::config) fn unknown_word(self) -> UnknownWord {
        match self {
            Self::Pass => UnknownWord::Pass,
            Self::Degraded => UnknownWord::Degraded,
            Self::Fail => UnknownWord::Fail,
        }
    }

    pub(in crate::config) fn on_malformed(self) -> OnMalformed {
        match self {
            Self::Pass => OnMalformed::Pass,
            Self::Degraded => OnMalformed::Degraded,
            Self::Fail => OnMalformed::Fail,
        }
    }
}

/// One condition, such as `{ path: "$.queue.depth", below: 1000 }`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AssertSpec {
    /// JSONPath (RFC 9535). Every value that it finds must fulfil the condition; where it finds none, only `absent` is fulfilled.
    pub path: String,
    /// A number.
    pub below: Option<f64>,
    /// A number.
    pub at_most: Option<f64>,
    /// A number.
    pub above: Option<f64>,
    /// A number.
    pub at_least: Option<f64>,
    /// Text, a number, `true` or `false`.
    pub equals: Option<ScalarSpec>,
    /// Text, a number, `true` or `false`.
    pub not_equals: Option<ScalarSpec>,
    /// Something is there. Default: `false`.
    #[serde(default)]
    pub present: bool,
    /// Nothing is there. Default: `false`.
    #[serde(default)]
    pub absent: bool,
    /// What follows when it does not hold: `fail` or `degraded`.
    pub otherwise: Option<OtherwiseSpec>,
}

/// What follows when a condition does not hold.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum OtherwiseSpec {
    Fail,
    Degraded,
}

/// A value to compare with, as text.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(transparent)]
pub(in crate::config) struct ScalarSpec(#[schemars(with = "String")] pub String);

impl<'de> Deserialize<'de> for ScalarSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Scalar).map(Self)
    }
}

struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true or false")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Ok(Value::from(number).to_string())
    }
}
