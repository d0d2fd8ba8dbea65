//! What follows from a scenario as it is written? Its configuration loaded, its names resolved, and every mistake told with its line.

mod expect;
mod moments;

use super::scenario::{Answer, Asks, Load, Scenario, Whom};
use super::spec::{FoundSpec, LoadSpec, ScenarioSpec};
use crate::config::{self, Diagnostic, Document, Span, Words};
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::board::Found;
use pulsegate_core::plan::{Plan, RouteAction, SourceId, SourcePlan, StaticBackend, Target, UpstreamPlan};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The version of the format.
const VERSION: u32 = 1;

/// Everything that is needed to play.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    pub(super) scenario: Scenario,
    pub(super) plan: Arc<Plan>,
    pub seed: u64,
    /// The scenario's file.
    pub path: PathBuf,
    /// The configuration's file.
    pub config: PathBuf,
}

/// Reads the scenario at `path` and the configuration that it is about: `config`, or the one that it names.
///
/// # Errors
/// Every mistake in either.
pub fn load(path: &Path, config: Option<&Path>, seed: Option<u64>) -> Result<Rehearsal, Vec<Diagnostic>> {
    let (mut document, spec) = Document::read::<ScenarioSpec>(path, "length, load, timeline, expect");
    let Some(spec) = spec else { return Err(document.errors()) };
    if spec.version.is_some_and(|version| version != VERSION) {
        document.error("version", format!("{}", spec.version.unwrap_or_default()), VERSION.to_string());
    }
    let base = path.parent().unwrap_or(Path::new("."));
    let named = config.map(Path::to_owned).or_else(|| spec.config.as_ref().map(|config| base.join(config)));
    let config = named.unwrap_or_else(|| PathBuf::from("pulsegate.yaml"));
    let plan = match config::load(&config) {
        Ok(loaded) => Arc::new(loaded.plan),
        Err(diagnostics) => return Err(document.errors().into_iter().chain(diagnostics).collect()),
    };
    let mut reading = Reading { document, base, plan: &plan, known: Vec::new(), others: Vec::new() };
    let scenario = reading.scenario(&spec);
    let errors: Vec<Diagnostic> = reading.document.errors().into_iter().chain(reading.others).collect();
    if errors.is_empty() {
        let seed = seed.or(spec.seed).unwrap_or(1);
        Ok(Rehearsal { scenario, plan, seed, path: path.to_owned(), config })
    } else {
        Err(errors)
    }
}

/// What is at hand while a scenario is read.
struct Reading<'a> {
    document: Document,
    base: &'a Path,
    plan: &'a Plan,
    /// Every backend that the configurations and the sources' answers name.
    known: Vec<BackendId>,
    /// What is wrong with other configurations that are reloaded.
    others: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn scenario(&mut self, spec: &ScenarioSpec) -> Scenario {
        self.know(self.plan);
        let discovery = self.discovery(&spec.discovery);
        let marks = self.marks(spec, &discovery);
        let loads: Vec<Load> = spec.load.iter().enumerate().filter_map(|(at, load)| self.load(at, load)).collect();
        let expectations = self.expectations(spec);
        Scenario {
            length: spec.length.0,
            latency: spec.latency.map_or(Duration::from_millis(5), |Span(latency)| latency),
            loads,
            discovery,
            marks,
            expectations,
        }
    }

    /// Notes the backends that a configuration names.
    fn know(&mut self, plan: &Plan) {
        for upstream in &plan.upstreams {
            for backend in upstream.sources.iter().filter_map(written_down).flatten() {
                self.known.push(BackendId { upstream: upstream.name.clone(), address: backend.address.clone() });
            }
        }
    }

    /// What the sources answer first; those of which nothing is said are a mistake: without an answer nobody would be there.
    fn discovery(&mut self, specs: &[FoundSpec]) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::new();
        for (at, spec) in specs.iter().enumerate() {
            let place = format!("discovery.{at}");
            let source = self.source(&place, &spec.upstream, spec.source.as_deref());
            let found = self.addresses(&place, &spec.upstream, source.as_ref(), &spec.finds);
            if let (Some(source), Some(found)) = (source, found) {
                answers.push(Answer { upstream: spec.upstream.as_str().into(), source, answer: Ok(found) });
            }
        }
        for upstream in &self.plan.upstreams {
            for source in upstream.sources.iter().filter(|source| written_down(source).is_none()) {
                let id = source.id();
                let said = answers.iter().any(|one| one.upstream == upstream.name && one.source == id);
                if !said && specs.iter().all(|spec| spec.upstream != *upstream.name) {
                    self.document.error(
                        "discovery",
                        format!("nothing about the upstream {}, which asks {id}", upstream.name),
                        format!("what it finds: {{ upstream: {}, finds: [\"10.0.0.7:8000\"] }}", upstream.name),
                    );
                }
            }
        }
        answers
    }

    /// The source that is meant.
    fn source(&mut self, place: &str, upstream: &str, source: Option<&str>) -> Option<SourceId> {
        let plan = self.upstream(&format!("{place}.upstream"), upstream)?;
        let asked: Vec<SourceId> =
            plan.sources.iter().filter(|one| written_down(one).is_none()).map(SourcePlan::id).collect();
        let meant = source.map(|name| SourceId::from(name.to_owned()));
        let names = || asked.iter().map(SourceId::to_string).collect::<Vec<_>>().join(", ");
        match (source, asked.as_slice()) {
            (Some(_), known) if meant.as_ref().is_some_and(|meant| known.contains(meant)) => meant,
            (None, [only]) => Some(only.clone()),
            (_, []) => {
                let found = format!("the upstream {upstream}, whose backends stand in the configuration");
                self.document.error(&format!("{place}.upstream"), found, "an upstream that asks a name or a file");
                None
            }
            (Some(source), _) => {
                self.document.error(&format!("{place}.source"), format!("{source:?}"), names());
                None
            }
            (None, _) => {
                let found = format!("several sources of {upstream}");
                self.document.error(place, found, format!("`source` with one of {}", names()));
                None
            }
        }
    }

    /// What this source finds: each with the weight and the tier that the configuration gives to all of it.
    fn addresses(
        &mut self,
        place: &str,
        upstream: &str,
        source: Option<&SourceId>,
        written: &[String],
    ) -> Option<Vec<Found>> {
        let plan = self.plan.upstreams.iter().find(|one| &*one.name == upstream);
        let source = plan.and_then(|plan| plan.sources.iter().find(|one| Some(&one.id()) == source));
        let (weight, backup) = match source {
            Some(SourcePlan::Dns(dns)) => (dns.weight, dns.backup),
            Some(SourcePlan::File { backup, .. }) => (1, *backup),
            Some(SourcePlan::Static(_)) | None => (1, false),
        };
        let mut found = Vec::new();
        for (at, text) in written.iter().enumerate() {
            match config::backend_address(text) {
                Ok(address) => {
                    self.known.push(BackendId { upstream: upstream.into(), address: address.clone() });
                    found.push(Found { address, weight, backup });
                }
                Err(allowed) => self.document.error(&format!("{place}.finds.{at}"), format!("{text:?}"), allowed),
            }
        }
        (found.len() == written.len()).then_some(found)
    }

    fn upstream(&mut self, place: &str, name: &str) -> Option<Arc<UpstreamPlan>> {
        let upstream = self.plan.upstreams.iter().find(|upstream| &*upstream.name == name).cloned();
        if upstream.is_none() {
            self.document.error(place, format!("the unknown upstream {name:?}"), upstreams(self.plan));
        }
        upstream
    }

    fn load(&mut self, at: usize, spec: &LoadSpec) -> Option<Load> {
        let place = format!("load.{at}");
        let asks = match (&spec.upstream, &spec.route) {
            (Some(_), Some(_)) => {
                self.document.error(&place, "`upstream` and `route` together", "one of them");
                return None;
            }
            (Some(name), None) => {
                self.upstream(&format!("{place}.upstream"), name)?;
                Asks::Upstream(name.clone())
            }
            (None, Some(name)) => Asks::Route(name.clone()),
            (None, None) => Asks::Upstream(self.only_upstream(&place)?),
        };
        if way(self.plan, &asks).is_none() {
            let forwards = self.plan.routes.iter().filter(|route| matches!(route.action, RouteAction::Forward(_)));
            let names: Vec<&str> = forwards.map(|route| &*route.name).collect();
            let (key, found) = match &asks {
                Asks::Upstream(name) => ("upstream", format!("{name:?}, to which no route leads")),
                Asks::Route(name) => ("route", format!("{name:?}, which is no route to an upstream")),
            };
            self.document.error(&format!("{place}.{key}"), found, format!("the routes are {}", names.join(", ")));
            return None;
        }
        Some(Load {
            per_second: f64::from(spec.requests_per_second),
            asks,
            non_idempotent: spec.non_idempotent.map_or(0.0, |share| share.0),
            clients: spec.clients.unwrap_or(100).max(1),
        })
    }

    fn only_upstream(&mut self, place: &str) -> Option<String> {
        match self.plan.upstreams.as_slice() {
            [only] => Some(only.name.to_string()),
            _ => {
                self.document.error(place, "no `upstream`", upstreams(self.plan));
                None
            }
        }
    }

    /// The backends that are meant; a pattern that fits none is a slip.
    fn whom(&mut self, place: &str, patterns: &Words) -> Option<Whom> {
        for pattern in &patterns.0 {
            let one = Whom(vec![pattern.clone()]);
            if !self.known.iter().any(|id| one.covers(id)) {
                const NAMED: usize = 4;
                let mut names: Vec<String> = self.known.iter().take(NAMED).map(ToString::to_string).collect();
                if self.known.len() > NAMED {
                    names.push("…".to_owned());
                }
                let allowed = format!("ADDRESS or UPSTREAM/ADDRESS, with * for anything, such as {}", names.join(", "));
                self.document.error(place, format!("{pattern:?}, which is no backend"), allowed);
                return None;
            }
        }
        Some(Whom(patterns.0.clone()))
    }
}

/// The way of a load's requests: a route by its place, and its only target where the scenario names an upstream.
pub(super) fn way(plan: &Plan, asks: &Asks) -> Option<(usize, Option<Target>)> {
    plan.routes.iter().enumerate().find_map(|(place, route)| {
        let RouteAction::Forward(forward) = &route.action else { return None };
        match asks {
            Asks::Route(name) => (**name == *route.name).then_some((place, None)),
            Asks::Upstream(name) => {
                let upstream = plan.upstreams.iter().position(|upstream| *upstream.name == **name)?;
                let leads = forward.targets.iter().any(|target| target.upstream == upstream);
                leads.then_some((place, Some(Target { upstream, weight: 1 })))
            }
        }
    })
}

fn written_down(source: &SourcePlan) -> Option<&[StaticBackend]> {
    match source {
        SourcePlan::Static(backends) => Some(backends),
        SourcePlan::Dns(_) | SourcePlan::File { .. } => None,
    }
}

fn upstreams(plan: &Plan) -> String {
    plan.upstreams.iter().map(|upstream| &*upstream.name).collect::<Vec<_>>().join(", ")
}
