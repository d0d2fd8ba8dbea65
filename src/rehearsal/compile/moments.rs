//! What happens, and when? The timeline, each entry as what begins and what ends.

use super::Reading;
use crate::clock::when;
use crate::config::{self, Words, not_exactly_one};
use crate::rehearsal::behaviour::Effect;
use crate::rehearsal::scenario::{Answer, Mark, What, Whom};
use crate::rehearsal::spec::{FlappingSpec, IsSpec, MomentSpec, OrderSpec, ScenarioSpec};
use pulsegate_core::board::WEIGHT_AT_MOST;
use pulsegate_core::health::order::{Order, Steer};
use std::sync::Arc;
use std::time::Duration;

/// A backend may change so often in one rehearsal.
const FLAPS: u128 = 100_000;

impl Reading<'_> {
    pub(super) fn marks(&mut self, spec: &ScenarioSpec, discovery: &[Answer]) -> Vec<Mark> {
        let mut marks = Marks { list: Vec::new(), begun: 0, end: spec.length.0 };
        // Whoever a source finds later is known to entries before that too.
        for (at, moment) in spec.timeline.iter().enumerate() {
            if let (Some(upstream), Some(finds)) = (&moment.upstream, &moment.finds) {
                let _ = self.addresses(&format!("timeline.{at}"), upstream, None, finds);
            }
        }
        for (at, moment) in spec.timeline.iter().enumerate() {
            let place = format!("timeline.{at}");
            if moment.at.0 >= spec.length.0 {
                let found = format!("{:?}, when the rehearsal is over", moment.at.0);
                self.document.error(
                    &format!("{place}.at"),
                    found,
                    format!("less than its length ({:?})", spec.length.0),
                );
            }
            if self.is_one_thing(&place, moment) {
                self.moment(&place, moment, discovery, &mut marks);
            }
        }
        marks.list.sort_by_key(|mark| mark.at);
        marks.list
    }

    /// Exactly one thing happens, and its keys fit.
    fn is_one_thing(&mut self, place: &str, moment: &MomentSpec) -> bool {
        let about_backends = [
            ("is", moment.is.is_some()),
            ("fail", moment.fail.is_some()),
            ("slow", moment.slow.is_some()),
            ("flapping", moment.flapping.is_some()),
            ("restart", moment.restart.is_some()),
            ("order", moment.order.is_some()),
            ("weight", moment.weight.is_some()),
        ];
        let others = [
            ("reload", moment.reload.is_some()),
            ("finds", moment.finds.is_some()),
            ("finds_error", moment.finds_error.is_some()),
        ];
        let all: Vec<(&str, bool)> = about_backends.iter().chain(&others).copied().collect();
        if let Some(found) = not_exactly_one(&all) {
            self.document.error(place, found, "one thing in an entry");
            return false;
        }
        let wants_backend = about_backends.iter().any(|(_, there)| *there);
        let wants_upstream = moment.finds.is_some() || moment.finds_error.is_some();
        let needs = [
            ("backend", moment.backend.is_some(), wants_backend),
            ("upstream", moment.upstream.is_some(), wants_upstream),
        ];
        let mut fits = true;
        for (key, there, wanted) in needs {
            if there != wanted {
                let (found, allowed) = if there {
                    (format!("`{key}`, which says nothing here"), "leave it out")
                } else {
                    (format!("no `{key}`"), "whom it happens to")
                };
                self.document.error(&format!("{place}.{key}"), found, allowed);
                fits = false;
            }
        }
        let lasting = moment.reload.is_none() && moment.restart.is_none() && moment.is != Some(IsSpec::Well);
        for (key, misplaced) in [
            ("for", moment.lasts.is_some() && !lasting),
            ("status", moment.status.is_some() && moment.fail.is_none()),
            ("source", moment.source.is_some() && !wants_upstream),
        ] {
            if misplaced {
                self.document.error(
                    &format!("{place}.{key}"),
                    format!("`{key}`, which says nothing here"),
                    "leave it out",
                );
                fits = false;
            }
        }
        fits
    }

    fn moment(&mut self, place: &str, moment: &MomentSpec, discovery: &[Answer], marks: &mut Marks) {
        let (at, lasts) = (moment.at.0, moment.lasts.map(|span| span.0));
        if let Some(path) = &moment.reload {
            return self.reload(at, path, marks);
        }
        if let Some(upstream) = &moment.upstream {
            return self.found(place, upstream, moment, discovery, marks);
        }
        let Some(written) = &moment.backend else { return };
        let Some(whom) = self.whom(&format!("{place}.backend"), written) else { return };
        let said = said(moment);
        let until = lasts.map(|lasts| format!(", for {}", when::span(lasts))).unwrap_or_default();
        marks.say(at, format!("{}: {said}{until}", list(written)));
        if let Some(restart) = moment.restart {
            marks.add(at, What::Well { whom: whom.clone() });
            marks.effect(at, Some(restart.0), &whom, Effect::Down);
        } else if let Some(flapping) = &moment.flapping {
            self.flapping(place, at, lasts, flapping, &whom, marks);
        } else if let Some(what) = steer(moment) {
            if let Steer::Weight(Some(weight)) = what
                && weight > WEIGHT_AT_MOST
            {
                self.document.error(&format!("{place}.weight"), weight.to_string(), format!("0 to {WEIGHT_AT_MOST}"));
            }
            marks.add(at, What::Steer { whom, what, lasts });
        } else if moment.is == Some(IsSpec::Well) {
            marks.add(at, What::Well { whom });
        } else {
            marks.effect(at, lasts, &whom, effect(moment));
        }
    }

    fn flapping(
        &mut self,
        place: &str,
        at: Duration,
        lasts: Option<Duration>,
        spec: &FlappingSpec,
        whom: &Whom,
        marks: &mut Marks,
    ) {
        let every = spec.every.0;
        let end = lasts.map_or(marks.end, |lasts| (at + lasts).min(marks.end));
        let times = end.saturating_sub(at).as_nanos() / every.as_nanos().max(1);
        if times > FLAPS {
            let found = format!("{every:?}, which is {times} changes");
            self.document.error(&format!("{place}.flapping.every"), found, format!("at most {FLAPS} changes"));
            return;
        }
        let effect = wrong(spec.is.unwrap_or(IsSpec::Down), None);
        let mut from = at;
        while from < end {
            marks.effect(from, Some(every.min(end - from)), whom, effect);
            from += every * 2;
        }
    }

    fn reload(&mut self, at: Duration, path: &std::path::Path, marks: &mut Marks) {
        let path = self.base.join(path);
        match config::load(&path) {
            Ok(loaded) => {
                self.know(&loaded.plan);
                marks.say(at, format!("reload of {}", path.display()));
                marks.add(at, What::Reload(Arc::new(loaded.plan)));
            }
            Err(diagnostics) => self.others.extend(diagnostics),
        }
    }

    fn found(&mut self, place: &str, upstream: &str, moment: &MomentSpec, first: &[Answer], marks: &mut Marks) {
        let Some(source) = self.source(place, upstream, moment.source.as_deref()) else { return };
        let answer = match (&moment.finds, &moment.finds_error) {
            (Some(finds), _) => match self.addresses(place, upstream, Some(&source), finds) {
                Some(found) => Ok(found),
                None => return,
            },
            (None, why) => Err(why.clone().unwrap_or_default()),
        };
        let said = match &answer {
            Ok(found) if found.is_empty() => "answers nobody".to_owned(),
            Ok(found) => {
                format!("finds {}", found.iter().map(|one| one.address.to_string()).collect::<Vec<_>>().join(", "))
            }
            Err(why) => format!("fails: {why}"),
        };
        let until = moment.lasts.map(|lasts| format!(", for {}", when::span(lasts.0))).unwrap_or_default();
        marks.say(moment.at.0, format!("{upstream}: {source} {said}{until}"));
        let before = first.iter().find(|one| *one.upstream == *upstream && one.source == source).cloned();
        marks.add(moment.at.0, What::Found(Answer { upstream: upstream.into(), source, answer }));
        if let (Some(lasts), Some(before)) = (moment.lasts, before) {
            marks.add(moment.at.0 + lasts.0, What::Found(before));
        }
    }
}

/// The marks so far.
struct Marks {
    list: Vec<Mark>,
    begun: usize,
    end: Duration,
}

impl Marks {
    fn add(&mut self, at: Duration, what: What) {
        self.list.push(Mark { at, what });
    }

    fn say(&mut self, at: Duration, text: String) {
        self.add(at, What::Say(text));
    }

    fn effect(&mut self, at: Duration, lasts: Option<Duration>, whom: &Whom, effect: Effect) {
        let number = self.begun;
        self.begun += 1;
        self.add(at, What::Begins { number, whom: whom.clone(), effect });
        if let Some(lasts) = lasts {
            self.add(at + lasts, What::Ends { number });
        }
    }
}

fn effect(moment: &MomentSpec) -> Effect {
    match (moment.slow, moment.fail) {
        (Some(slow), _) => Effect::Slow(slow.0),
        (None, Some(share)) => Effect::Fails { share: share.0, status: moment.status.unwrap_or(500) },
        (None, None) => wrong(moment.is.unwrap_or(IsSpec::Down), moment.status),
    }
}

fn wrong(is: IsSpec, status: Option<u16>) -> Effect {
    match is {
        IsSpec::Well | IsSpec::Down => Effect::Down,
        IsSpec::Silent => Effect::Silent,
        IsSpec::Unreachable => Effect::Unreachable,
        IsSpec::NotReady => Effect::NotReady,
        IsSpec::Lying => Effect::Fails { share: 1.0, status: status.unwrap_or(500) },
    }
}

fn steer(moment: &MomentSpec) -> Option<Steer> {
    if let Some(weight) = moment.weight {
        return Some(Steer::Weight(Some(weight)));
    }
    Some(match moment.order? {
        OrderSpec::Drain => Steer::Order(Order::Drain),
        OrderSpec::ForceUp => Steer::Order(Order::ForceUp),
        OrderSpec::ForceDown => Steer::Order(Order::ForceDown),
        OrderSpec::Undrain => Steer::Undrain,
        OrderSpec::Release => Steer::Release,
    })
}

/// What happens, in words.
fn said(moment: &MomentSpec) -> String {
    if let Some(restart) = moment.restart {
        return format!("restarts, down for {}", when::span(restart.0));
    }
    if let Some(flapping) = &moment.flapping {
        return format!(
            "{}, to and fro every {}",
            state(flapping.is.unwrap_or(IsSpec::Down)),
            when::span(flapping.every.0)
        );
    }
    if let Some(what) = steer(moment) {
        return format!("an operator orders {what}");
    }
    match (moment.slow, moment.fail, moment.is) {
        (Some(slow), ..) => format!("answers take {}", when::span(slow.0)),
        (None, Some(share), _) => {
            format!("{} % of its requests are answered {}", share.0 * 100.0, moment.status.unwrap_or(500))
        }
        (None, None, is) => state(is.unwrap_or(IsSpec::Down)).to_owned(),
    }
}

fn state(is: IsSpec) -> &'static str {
    match is {
        IsSpec::Well => "well again",
        IsSpec::Down => "down: connections are refused",
        IsSpec::Silent => "silent: it accepts and never answers",
        IsSpec::Unreachable => "unreachable: no connection comes about",
        IsSpec::NotReady => "not ready: readiness answers 503",
        IsSpec::Lying => "lying: readiness passes, every request fails",
    }
}

fn list(words: &Words) -> String {
    words.0.join(", ")
}
