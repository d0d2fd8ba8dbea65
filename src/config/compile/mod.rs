//! What follows from what was written? Spec → plan: defaults filled in, references resolved, contradictions found.
//!
//! Every part is read by itself, so that a mistake in one does not hide those in the others.

mod admin;
mod admission;
mod alerts;
mod attempts;
mod clashes;
mod document;
mod effects;
mod guards;
mod headers;
mod listeners;
mod logging;
mod probe;
mod routes;
mod smtp;
mod targets;
mod tls;
mod tracing;
mod upstreams;
mod webhooks;

use super::files::{Findings, Place};
use super::kubernetes;
use super::strict::reject_unknown_keys;
use super::values::{Share, Size, Span};
use super::words;
use crate::config::schema::{
    ListenerSpec, ProbingSpec, RecordSpec, ReloadSpec, RouteSpec, ShutdownSpec, Spec, StartSpec, UpgradeSpec,
    UpstreamSpec,
};
use pulsegate_core::plan::route_table::RouteTable;
use pulsegate_core::plan::{
    MetricsPlan, Plan, ProbingPlan, RecordPlan, ReloadPlan, ShutdownPlan, StartPlan, UpgradePlan,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use std::path::Path;
use std::time::Duration;

/// One part of the configuration, and where it stands.
#[derive(Clone, Debug)]
struct Item<T> {
    spec: T,
    place: Place,
}

/// All parts of all files.
#[derive(Debug, Default)]
struct Parts {
    listeners: Vec<Item<ListenerSpec>>,
    routes: Vec<Item<RouteSpec>>,
    upstreams: Vec<(String, Item<UpstreamSpec>)>,
    /// All names, those of upstreams that could not be read included, so that one mistake is told once.
    upstream_names: Vec<String>,
    rest: Spec,
}

/// Compiles the trees of all files; `None` where something could not even be read.
pub(super) fn compile(trees: Vec<Value>, base: &Path, findings: &mut Findings) -> Option<Plan> {
    if trees.is_empty() {
        return None;
    }
    let mut parts = Parts::default();
    for (file, mut tree) in trees.into_iter().enumerate() {
        kubernetes::translate(&mut tree, file, findings);
        reject_unknown_keys(&mut tree, file, findings);
        split(tree, file, &mut parts, findings);
    }
    let root = Place { file: 0, steps: Vec::new() };
    let files = tls::Files { base, strict_permissions: parts.rest.strict_permissions };
    let listeners = listeners::compile(&parts.listeners, files, &root, findings);
    let hosts = routes::hosts_by_upstream(&parts.routes);
    let webhooks = webhooks::compile(&parts.rest.webhooks, base, &root.at("webhooks"), findings);
    let smtp = smtp::compile(&parts.rest.smtp, &parts.rest.webhooks, base, &root.at("smtp"), findings);
    let names: Vec<&str> = webhooks::generic(&parts.rest.webhooks).collect();
    let upstreams = upstreams::compile(&parts.upstreams, &hosts, (files, &names), findings);
    let mut routes = routes::compile(&parts.routes, &parts.upstreams, &parts.upstream_names, &root, findings);
    let admin = admin::compile(parts.rest.admin.as_ref(), files, &root.at("admin"), findings);
    clashes::admin(admin.address, &listeners, &root.at("admin"), findings);
    let logging = logging::compile(&parts.rest.logging, base, &root.at("logging"), findings);
    let tracing = tracing::compile(parts.rest.tracing.as_ref(), base, &root.at("tracing"), findings);
    let receivers: Vec<&str> = parts.rest.webhooks.keys().chain(parts.rest.smtp.keys()).map(String::as_str).collect();
    let names = alerts::Names { upstreams: &parts.upstream_names, receivers: &receivers };
    let alerts = alerts::compile(&parts.rest.alerts, &names, &root.at("alerts"), findings);
    clashes::loops(&parts.upstreams, &listeners, admin.address, findings);
    if !findings.errors.is_empty() {
        return None;
    }
    let pools = admission::Pools { items: &parts.upstreams, plans: &upstreams };
    admission::finish((&parts.routes, &mut routes), pools, findings);
    guards::check(&parts.routes, &routes, findings);
    effects::check(&parts.upstreams, &upstreams, &routes, findings);
    let start = start(&parts.rest.start);
    Some(Plan {
        listeners,
        table: RouteTable::new(&routes),
        routes,
        upstreams,
        webhooks,
        smtp,
        alerts: alerts.into(),
        admin,
        logging,
        metrics: MetricsPlan { native_histograms: parts.rest.metrics.native_histograms },
        tracing,
        shutdown: shutdown(&parts.rest.shutdown),
        probing: probing(&parts.rest.probing),
        reload: reload(&parts.rest.reload),
        upgrade: upgrade(&parts.rest.upgrade, &start, base, &root.at("upgrade"), findings),
        record: parts.rest.record.as_ref().and_then(|spec| record(spec, base, &root.at("record"), findings)),
        start,
        threads: parts.rest.threads.unwrap_or(Plan::default().threads),
    })
}

fn split(mut tree: Value, file: usize, parts: &mut Parts, findings: &mut Findings) {
    let root = Place { file, steps: Vec::new() };
    let mut take = |key: &str| tree.as_object_mut().and_then(|tree| tree.remove(key));
    for (index, value) in list(take("listeners"), &root.at("listeners"), findings).into_iter().enumerate() {
        parts.listeners.extend(part(value, root.at(&format!("listeners.{index}")), findings));
    }
    for (index, value) in list(take("routes"), &root.at("routes"), findings).into_iter().enumerate() {
        parts.routes.extend(part(value, root.at(&format!("routes.{index}")), findings));
    }
    match take("upstreams") {
        Some(Value::Object(upstreams)) => {
            for (name, value) in upstreams {
                let mut place = root.at("upstreams");
                place.steps.push(name.clone());
                let again = parts.upstream_names.contains(&name);
                parts.upstream_names.push(name.clone());
                if again {
                    findings.error(&place, format!("the upstream {name} a second time"), "each name once");
                } else if let Some(item) = part(value, place, findings) {
                    parts.upstreams.push((name, item));
                }
            }
        }
        None | Some(Value::Null) => {}
        Some(_) => findings.error(&root.at("upstreams"), "no mapping", "upstreams by name"),
    }
    if let Some(item) = part::<Spec>(tree, root, findings)
        && file == 0
    {
        parts.rest = item.spec;
    }
}

fn list(value: Option<Value>, place: &Place, findings: &mut Findings) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        None | Some(Value::Null) => Vec::new(),
        Some(_) => {
            findings.error(place, "no list", "a list");
            Vec::new()
        }
    }
}

/// Reads one part. What does not fit is told and left out, so that a mistake does not hide those beside it; `None` where nothing is left.
fn part<T: DeserializeOwned>(mut value: Value, place: Place, findings: &mut Findings) -> Option<Item<T>> {
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(value.clone()) {
            Ok(spec) => return Some(Item { spec, place }),
            Err(error) => error,
        };
        let mut at = place.clone();
        for segment in error.path() {
            match segment {
                Segment::Map { key } => at.steps.push(key.clone()),
                Segment::Seq { index } => at.steps.push(index.to_string()),
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        let complaint = words::in_words(&error.inner().to_string());
        findings.hinted(&at, complaint.found, complaint.allowed, complaint.hint);
        findings.is_told(&at);
        // An item cannot go without its list: the others would get other places.
        let keys = error.path().iter().map_while(|segment| match segment {
            Segment::Map { key } => Some(key.clone()),
            _ => None,
        });
        let keys: Vec<String> = keys.collect();
        let (last, holders) = keys.split_last()?;
        let holder = holders.iter().try_fold(&mut value, |value, key| value.get_mut(key.as_str()));
        holder?.as_object_mut()?.remove(last)?;
    }
}

/// Reads a tree of another kind of file, as [`part`] does; `None` where nothing of it can be read.
pub(super) fn whole<T: DeserializeOwned>(tree: Value, findings: &mut Findings) -> Option<T> {
    part(tree, Place { file: 0, steps: Vec::new() }, findings).map(|item| item.spec)
}

/// A duration, or its default.
fn span(written: Option<Span>, default: Duration) -> Duration {
    written.map_or(default, |span| span.0)
}

/// A share, or its default.
fn share(written: Option<Share>, default: f64) -> f64 {
    written.map_or(default, |share| share.0)
}

/// A size in bytes, or its default.
fn size(written: Option<Size>, default: u64) -> u64 {
    written.map_or(default, |size| size.0)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn shutdown(spec: &ShutdownSpec) -> ShutdownPlan {
    let default = ShutdownPlan::default();
    ShutdownPlan { delay: span(spec.delay, default.delay), grace: span(spec.grace, default.grace) }
}

fn probing(spec: &ProbingSpec) -> ProbingPlan {
    ProbingPlan { concurrency: spec.concurrency.unwrap_or(ProbingPlan::default().concurrency).max(1) }
}

fn start(spec: &StartSpec) -> StartPlan {
    StartPlan { wait: span(spec.wait, StartPlan::default().wait) }
}

fn reload(spec: &ReloadSpec) -> ReloadPlan {
    ReloadPlan { watch: spec.watch }
}

fn record(spec: &RecordSpec, base: &Path, place: &Place, findings: &mut Findings) -> Option<RecordPlan> {
    const LEAST: u64 = 64 << 10;
    let default = RecordPlan::to(base.join(&spec.file));
    let max_size = size(spec.max_size, default.max_size);
    if max_size < LEAST {
        findings.error(&place.at("max_size"), format!("{max_size} bytes"), "at least 64KiB");
        return None;
    }
    Some(RecordPlan { max_size, keep: spec.keep.unwrap_or(default.keep), ..default })
}

fn upgrade(spec: &UpgradeSpec, start: &StartPlan, base: &Path, place: &Place, findings: &mut Findings) -> UpgradePlan {
    let directory = spec.directory.as_ref().map(|directory| base.join(directory));
    let timeout = span(spec.timeout, UpgradePlan::default().timeout);
    if timeout <= start.wait {
        findings.warning(
            &place.at("timeout"),
            format!("{timeout:?}, no longer than start.wait ({:?})", start.wait),
            "a new process with a silent backend is given up before it accepts",
        );
    }
    UpgradePlan { directory, timeout }
}
