//! What must come of it? The expectations, each exactly one thing.

use super::Reading;
use crate::config::{Words, not_exactly_one};
use crate::rehearsal::scenario::{Expectation, Expected};
use crate::rehearsal::spec::{ExpectSpec, ScenarioSpec};
use crate::rehearsal::tell::moment;
use pulsegate_core::health::standing::Cause;
use std::time::Duration;

impl Reading<'_> {
    pub(super) fn expectations(&mut self, spec: &ScenarioSpec) -> Vec<Expectation> {
        let list = spec.expect.iter().enumerate();
        list.filter_map(|(at, one)| self.expectation(&format!("expect.{at}"), one, spec.length.0)).collect()
    }

    fn expectation(&mut self, place: &str, spec: &ExpectSpec, length: Duration) -> Option<Expectation> {
        let things = [
            ("standing", spec.standing.is_some()),
            ("never", spec.never.is_some()),
            ("eligible_at_least", spec.eligible_at_least.is_some()),
            ("failed_requests_at_most", spec.failed_requests_at_most.is_some()),
            ("failed_share_at_most", spec.failed_share_at_most.is_some()),
            ("ejections_at_most", spec.ejections_at_most.is_some()),
            ("flaps_at_most", spec.flaps_at_most.is_some()),
        ];
        if let Some(found) = not_exactly_one(&things) {
            self.document.error(place, found, "one thing in an entry");
            return None;
        }
        self.misplaced(place, spec);
        let from = spec.from.map_or(Duration::ZERO, |from| from.0);
        let until = spec.until.map_or(length, |until| until.0);
        let span = if spec.from.is_some() || spec.until.is_some() {
            format!(" from {} to {}", moment(from), moment(until))
        } else {
            String::new()
        };
        let (what, text) = if let Some(standing) = &spec.standing {
            self.standing(place, spec, standing, length)?
        } else if let Some(never) = &spec.never {
            let whom = self.named(place, spec)?;
            let none_of = self.causes(&format!("{place}.never"), never)?;
            let text = format!("{} is never {}{span}", whom.0.join(", "), never.0.join(" or "));
            (Expected::Never { whom, none_of, from, until }, text)
        } else if let Some(least) = spec.eligible_at_least {
            let upstream = match &spec.upstream {
                Some(name) => self.upstream(&format!("{place}.upstream"), name)?.name.to_string(),
                None => self.only_upstream(place)?,
            };
            let text = format!("at least {least} of {upstream} are eligible{span}");
            (Expected::EligibleAtLeast { upstream, least, from, until }, text)
        } else if let Some(most) = spec.failed_requests_at_most {
            (Expected::FailedAtMost(most), format!("at most {most} requests fail"))
        } else if let Some(share) = spec.failed_share_at_most {
            (Expected::FailedShareAtMost(share.0), format!("at most {} % of the requests fail", share.0 * 100.0))
        } else if let Some(most) = spec.ejections_at_most {
            (Expected::EjectionsAtMost(most), format!("at most {most} ejections"))
        } else {
            let most = spec.flaps_at_most.unwrap_or_default();
            (Expected::FlapsAtMost(most), format!("at most {most} flaps"))
        };
        Some(Expectation { text, what })
    }

    fn standing(
        &mut self,
        place: &str,
        spec: &ExpectSpec,
        standing: &Words,
        length: Duration,
    ) -> Option<(Expected, String)> {
        let whom = self.named(place, spec)?;
        let one_of = self.causes(&format!("{place}.standing"), standing)?;
        let Some(at) = spec.at else {
            self.document.error(place, "`standing` without `at`", "when it must be there, such as at: 12s");
            return None;
        };
        let within = spec.within.map_or(Duration::ZERO, |within| within.0);
        if at.0 > length {
            let found = format!("{:?}, when the rehearsal is over", at.0);
            self.document.error(&format!("{place}.at"), found, format!("up to its length ({length:?})"));
        }
        let until = (at.0 + within).min(length);
        let later = if within.is_zero() {
            String::new()
        } else {
            format!(", or up to {} later", crate::clock::when::span(within))
        };
        let text = format!("{} is {} at {}{later}", whom.0.join(", "), standing.0.join(" or "), moment(at.0));
        Some((Expected::Standing { whom, one_of, from: at.0, until }, text))
    }

    fn named(&mut self, place: &str, spec: &ExpectSpec) -> Option<crate::rehearsal::scenario::Whom> {
        match &spec.backend {
            Some(words) => self.whom(&format!("{place}.backend"), words),
            None => {
                self.document.error(place, "no `backend`", "whose standing it is, such as backend: \"10.0.0.7:8000\"");
                None
            }
        }
    }

    fn causes(&mut self, place: &str, words: &Words) -> Option<Vec<Cause>> {
        let known = |word: &String| Cause::ALL.into_iter().find(|cause| cause.word() == *word);
        if let Some(unknown) = words.0.iter().find(|word| known(word).is_none()) {
            self.document.error(place, format!("{unknown:?}"), Cause::ALL.map(Cause::word).join(", "));
            return None;
        }
        Some(words.0.iter().filter_map(known).collect())
    }

    /// Keys that say nothing beside what is expected.
    fn misplaced(&mut self, place: &str, spec: &ExpectSpec) {
        let about_one = spec.standing.is_some() || spec.never.is_some();
        let spanning = spec.never.is_some() || spec.eligible_at_least.is_some();
        for (key, misplaced, instead) in [
            ("at", spec.at.is_some() && spec.standing.is_none(), "`from` and `until`, or leave it out"),
            ("within", spec.within.is_some() && spec.standing.is_none(), "`until`, or leave it out"),
            ("backend", spec.backend.is_some() && !about_one, "leave it out"),
            ("from", spec.from.is_some() && !spanning, "leave it out"),
            ("until", spec.until.is_some() && !spanning, "leave it out"),
            ("upstream", spec.upstream.is_some() && spec.eligible_at_least.is_none(), "leave it out"),
        ] {
            if misplaced {
                let found = format!("`{key}`, which says nothing here");
                self.document.error(&format!("{place}.{key}"), found, instead);
            }
        }
    }
}
