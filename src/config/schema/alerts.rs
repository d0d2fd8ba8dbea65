//! What may be written under `alerts`?

use crate::config::values::{Span, Words};
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Alerts: who is told when backends and pools fail, and when they are well again.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AlertsSpec {
    /// From the first condition of an upstream to the first message: what belongs together comes together, and what is over by then is
    /// not told.
    pub group_wait: Option<Span>,
    /// Between messages about an upstream of which something was told; the first critical condition does not wait for it.
    pub group_interval: Option<Span>,
    /// When what still holds is told again, or `off`.
    pub repeat_interval: Option<RepeatSpec>,
    /// What comes and goes.
    #[serde(default)]
    pub flapping: FlapsSpec,
    /// Who tells. It stands in every message and in the keys by which PagerDuty and mail programs join messages: give each gateway, or each
    /// group of gateways with the same upstreams, its own.
    pub source: Option<String>,
    /// Who gets which; every route that matches counts. Default: none, and nobody is told.
    #[serde(default)]
    pub routes: Vec<AlertRouteSpec>,
}

/// When a condition flaps.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct FlapsSpec {
    /// It began or ended so many times, 2 to 100…
    pub transitions: Option<u32>,
    /// …within this; after as long without another it has settled.
    pub within: Option<Span>,
}

/// Who gets which alerts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AlertRouteSpec {
    /// Names of upstreams. Default: all, and what belongs to none.
    pub upstreams: Option<Words>,
    /// `critical`, `warning`. Default: both.
    pub severity: Option<Words>,
    /// Names of `webhooks` and `smtp`.
    pub receivers: Words,
}

/// A duration, or `off`.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum RepeatSpec {
    Off,
    Every(Span),
}

impl<'de> Deserialize<'de> for RepeatSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Bool(false) => Ok(Self::Off),
            Value::String(word) if word == "off" => Ok(Self::Off),
            other => serde_json::from_value(other).map(Self::Every).map_err(D::Error::custom),
        }
    }
}
