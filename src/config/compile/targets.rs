//! To which pools does a route lead? One, several by weight, and one that gets copies.

use super::Item;
use super::share;
use crate::config::files::{Findings, Place};
use crate::config::schema::{MirrorSpec, RouteSpec, UpstreamSpec};
use crate::config::vocabulary::meant;
use pulsegate_core::plan::{Forward, MirrorPlan, RouteAction, Target};

/// The upstreams that could be read, and the names of all that were written.
pub(super) struct Known<'a> {
    pub upstreams: &'a [(String, Item<UpstreamSpec>)],
    pub names: &'a [String],
}

impl Known<'_> {
    /// The upstream's index; an error where there is no such name.
    fn find(&self, name: &str, place: &Place, findings: &mut Findings) -> Option<usize> {
        let found = self.upstreams.iter().position(|(known, _)| known == name);
        if found.is_none() && !self.names.iter().any(|known| known == name) {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let hint = match meant(name, &known) {
                _ if known.is_empty() => Some("no upstreams are defined".to_owned()),
                meant => meant.map(|name| format!("did you mean `{name}`?")),
            };
            findings.hinted(place, format!("{name:?}, which is not defined"), known.join(", "), hint);
        }
        found
    }
}

pub(super) fn forward(
    spec: &RouteSpec,
    place: &Place,
    known: &Known<'_>,
    findings: &mut Findings,
) -> Option<RouteAction> {
    let targets = targets(spec, place, known, findings);
    let mirror = spec.mirror.as_ref().and_then(|mirror| mirrored(mirror, &place.at("mirror"), known, findings));
    if targets.is_empty() {
        return None;
    }
    if spec.strip_prefix && spec.replace_prefix.is_some() {
        findings.error(place, "both `strip_prefix` and `replace_prefix`", "one of them");
    }
    if let Some(with) = spec.replace_prefix.as_ref().filter(|with| !with.starts_with('/')) {
        findings.error(&place.at("replace_prefix"), format!("{with:?}"), "a path that begins with /");
    }
    let replace_prefix = if spec.strip_prefix { Some(String::new()) } else { spec.replace_prefix.clone() };
    let host = spec.host.clone().filter(|host| host != "keep");
    if let Some(host) = host.as_ref().filter(|host| http::HeaderValue::from_str(host).is_err() || host.is_empty()) {
        findings.error(&place.at("host"), format!("{host:?}"), "keep, or a host name");
    }
    Some(RouteAction::Forward(Forward { targets, mirror, replace_prefix, host }))
}

fn targets(spec: &RouteSpec, place: &Place, known: &Known<'_>, findings: &mut Findings) -> Vec<Target> {
    let mut targets = Vec::new();
    for (name, weight) in spec.targets() {
        let place = if spec.upstream.is_some() { place.at("upstream") } else { place.at(&format!("split.{name}")) };
        if let Some(upstream) = known.find(name, &place, findings) {
            targets.push(Target { upstream, weight });
        }
    }
    if !spec.split.is_empty() && spec.split.values().all(|weight| *weight == 0) {
        findings.error(&place.at("split"), "only weights of 0", "at least one pool with a weight above 0");
    }
    targets
}

fn mirrored(spec: &MirrorSpec, place: &Place, known: &Known<'_>, findings: &mut Findings) -> Option<MirrorPlan> {
    let upstream = known.find(&spec.upstream, &place.at("upstream"), findings)?;
    let default = MirrorPlan::to(upstream);
    Some(MirrorPlan { share: share(spec.share, default.share), ..default })
}
