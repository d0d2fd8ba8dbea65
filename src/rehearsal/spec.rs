//! What may be written in a scenario? One type per mapping of its YAML, read as strictly as the configuration.

use crate::config::{Share, Span, Words};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScenarioSpec {
    /// Of this format: 1.
    pub version: Option<u32>,
    /// The configuration that is rehearsed, relative to this file; `--config` goes before it.
    pub config: Option<PathBuf>,
    /// Of everything that is drawn; `--seed` goes before it. Default: `1`.
    pub seed: Option<u64>,
    /// How long the rehearsal is.
    pub length: Span,
    /// How long a backend that is well takes to answer; each answer between half of it and one and a half. Default: `5ms`.
    pub latency: Option<Span>,
    /// The clients.
    #[serde(default)]
    pub load: Vec<LoadSpec>,
    /// What names and files of the configuration resolve to, from the beginning.
    #[serde(default)]
    pub discovery: Vec<FoundSpec>,
    /// What happens, and when.
    #[serde(default)]
    pub timeline: Vec<MomentSpec>,
    /// What must come of it.
    #[serde(default)]
    pub expect: Vec<ExpectSpec>,
}

/// Clients of one route.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoadSpec {
    /// On average; they come at random.
    pub requests_per_second: u32,
    /// The upstream that is asked, on the terms of the first route that leads to it. Default: the only one.
    pub upstream: Option<String>,
    /// In place of an upstream: a route by its name, with its targets by their weights.
    pub route: Option<String>,
    /// The share that may not be sent twice (POST). Default: `0%`.
    pub non_idempotent: Option<Share>,
    /// How many clients they come from. Default: `100`.
    pub clients: Option<u32>,
}

/// What a name or a file resolves to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FoundSpec {
    pub upstream: String,
    /// Which of its sources, as events call it ("dns orders.internal:8000"). Default: the only one that is asked.
    pub source: Option<String>,
    /// Addresses.
    pub finds: Vec<String>,
}

/// Something that happens.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MomentSpec {
    /// After the start.
    pub at: Span,
    /// How long it lasts. Default: to the end.
    #[serde(rename = "for")]
    pub lasts: Option<Span>,
    /// Whom it happens to: `ADDRESS` or `UPSTREAM/ADDRESS`, with `*` for anything; one or a list.
    pub backend: Option<Words>,
    /// What it is for this time.
    pub is: Option<IsSpec>,
    /// This share of its requests fails; readiness says nothing of it.
    pub fail: Option<Share>,
    /// What those requests are answered. Default: `500`.
    pub status: Option<u16>,
    /// How long its answers take.
    pub slow: Option<Span>,
    /// It changes to and fro.
    pub flapping: Option<FlappingSpec>,
    /// It is down for so long, and then well.
    pub restart: Option<Span>,
    /// An operator's order, as on the command line.
    pub order: Option<OrderSpec>,
    /// An operator's weight.
    pub weight: Option<u32>,
    /// Another configuration is loaded, relative to this file.
    pub reload: Option<PathBuf>,
    /// Whose discovery answers otherwise.
    pub upstream: Option<String>,
    /// Which of its sources. Default: the only one that is asked.
    pub source: Option<String>,
    /// What it answers; `[]` is an answer with nobody.
    pub finds: Option<Vec<String>>,
    /// It fails, in these words.
    pub finds_error: Option<String>,
}

/// What a backend can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum IsSpec {
    /// Whatever was wrong with it is over.
    Well,
    /// Nobody listens: connections are refused, requests in flight are cut.
    Down,
    /// It accepts and never answers: frozen.
    Silent,
    /// No connection comes about: a host that is gone.
    Unreachable,
    /// Readiness answers 503; requests are still answered.
    NotReady,
    /// Readiness answers 200; every request fails.
    Lying,
}

/// To and fro.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FlappingSpec {
    /// How long it is so, and how long it is well then.
    pub every: Span,
    /// What it is meanwhile. Default: `down`.
    pub is: Option<IsSpec>,
}

/// The orders of the command line.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OrderSpec {
    Drain,
    Undrain,
    ForceUp,
    ForceDown,
    Release,
}

/// One expectation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectSpec {
    /// When a standing must be there.
    pub at: Option<Span>,
    /// How much later it may come. Default: `0s`.
    pub within: Option<Span>,
    /// Whose: `ADDRESS` or `UPSTREAM/ADDRESS`, with `*` for anything; one or a list, and it holds for each.
    pub backend: Option<Words>,
    /// One of these must be its standing.
    pub standing: Option<Words>,
    /// None of these may be its standing.
    pub never: Option<Words>,
    /// From when on. Default: `0s`.
    pub from: Option<Span>,
    /// Until when. Default: to the end.
    pub until: Option<Span>,
    /// Whose backends are counted. Default: the only one.
    pub upstream: Option<String>,
    /// So many of them may receive traffic at every moment.
    pub eligible_at_least: Option<usize>,
    /// No more requests than these fail.
    pub failed_requests_at_most: Option<u64>,
    /// No greater share of the requests fails.
    pub failed_share_at_most: Option<Share>,
    /// No more ejections than these.
    pub ejections_at_most: Option<u64>,
    /// No more returns than these that last less than a minute.
    pub flaps_at_most: Option<u64>,
}
