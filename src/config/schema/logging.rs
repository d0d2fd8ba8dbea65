//! What may be written under `logging`?

use crate::config::values::{Share, Size, Words};
use pulsegate_core::plan::LogFormat;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::path::PathBuf;

/// Logging.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct LoggingSpec {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: Option<LevelSpec>,
    /// `text` or `json`.
    pub format: Option<FormatSpec>,
    /// A line per request: `true`, `false`, or how.
    pub access: Option<AccessSpec>,
}

/// A log level.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum LevelSpec {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A log format.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum FormatSpec {
    Text,
    Json,
}

impl LevelSpec {
    pub(in crate::config) const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl FormatSpec {
    pub(in crate::config) fn plan(self) -> LogFormat {
        match self {
            Self::Text => LogFormat::Text,
            Self::Json => LogFormat::Json,
        }
    }
}

/// The access log: on, off, or how.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum AccessSpec {
    Switch(bool),
    How(AccessHowSpec),
}

impl<'de> Deserialize<'de> for AccessSpec {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::Bool(on) => Ok(Self::Switch(on)),
            Value::String(word) if word == "off" => Ok(Self::Switch(false)),
            Value::String(word) if word == "on" => Ok(Self::Switch(true)),
            other => serde_json::from_value(other).map(Self::How).map_err(D::Error::custom),
        }
    }
}

/// How requests are logged.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AccessHowSpec {
    /// `text`, `json`, `common` or `combined`. Default: as `logging.format`.
    pub format: Option<AccessFormatSpec>,
    /// A line of your own in place of a format, such as `"{client} {method} {path} {status}"`; `{header:NAME}` is a request header, `{{` a
    /// brace. Default: none.
    pub template: Option<String>,
    /// The share of successes that get a line. A 5xx, an answer of our own, what broke off and what was tried again always get one.
    pub sample: Option<Share>,
    /// A file in place of stdout; one that was moved away is begun anew. Default: none.
    pub file: Option<PathBuf>,
    /// The size beyond which another file is begun; 0 = never.
    pub max_size: Option<Size>,
    /// Former files that are kept, as `NAME.1`, `NAME.2`….
    pub keep: Option<u32>,
    /// Log the query, too. Default: `false`.
    #[serde(default)]
    pub query: bool,
    /// Request headers that are logged, too (`text` and `json`).
    pub headers: Option<Words>,
    /// Headers whose values are never written.
    pub redact_headers: Option<Words>,
    /// Query keys whose values are never written.
    pub redact_query: Option<Words>,
}

/// The format of the access log.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum AccessFormatSpec {
    Text,
    Json,
    Common,
    Combined,
}
