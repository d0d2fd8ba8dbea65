//! Did it come as it was expected? Each expectation against the story, and what was found where it did not.

use super::scenario::{Expectation, Expected, Whom};
use super::story::Story;
use super::tell::moment;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::health::standing::Cause;
use std::time::Duration;

/// What became of an expectation.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub text: String,
    /// What was found instead.
    pub broken: Option<String>,
}

pub(super) fn judge(expectation: &Expectation, story: &Story) -> Verdict {
    let broken = match &expectation.what {
        Expected::Standing { whom, one_of, from, until } => {
            first(whom, story, |id, log| reached(id, log, one_of, *from, *until))
        }
        Expected::Never { whom, none_of, from, until } => {
            first(whom, story, |id, log| avoided(id, log, none_of, *from, *until))
        }
        Expected::EligibleAtLeast { upstream, least, from, until } => eligible(story, upstream, *least, *from, *until),
        Expected::FailedAtMost(most) => above(story.total().failed(), *most, "requests failed"),
        Expected::FailedShareAtMost(most) => {
            let (total, share) = (story.total(), story.total().failed_share());
            (share > *most)
                .then(|| format!("{} of {} requests failed ({:.3} %)", total.failed(), total.requests, share * 100.0))
        }
        Expected::EjectionsAtMost(most) => above(story.total().ejections, *most, "ejections"),
        Expected::FlapsAtMost(most) => above(story.total().flaps, *most, "flaps"),
    };
    Verdict { text: expectation.text.clone(), broken }
}

fn above(found: u64, most: u64, what: &str) -> Option<String> {
    (found > most).then(|| format!("{found} {what}"))
}

type Log = [(Duration, Option<Cause>)];

/// The first of these backends of which it is not true.
fn first(whom: &Whom, story: &Story, broken: impl Fn(&BackendId, &Log) -> Option<String>) -> Option<String> {
    let covered: Vec<_> = story.standings.iter().filter(|(id, _)| whom.covers(id)).collect();
    if covered.is_empty() {
        return Some("no such backend was ever there".to_owned());
    }
    covered.into_iter().find_map(|(id, log)| broken(id, log))
}

fn reached(id: &BackendId, log: &Log, wanted: &[Cause], from: Duration, until: Duration) -> Option<String> {
    if spans(log, from, until).any(|cause| cause.is_some_and(|cause| wanted.contains(&cause))) {
        return None;
    }
    let was = word(log.iter().rev().find(|(at, _)| *at <= from).and_then(|(_, cause)| *cause));
    let later = log.iter().find(|(at, cause)| *at > until && cause.is_some_and(|cause| wanted.contains(&cause)));
    let earlier = log.iter().rev().find(|(at, cause)| *at < from && cause.is_some_and(|cause| wanted.contains(&cause)));
    Some(match (later, earlier) {
        (Some((at, cause)), _) => format!("{id} was {was} then, and {} only at {}", word(*cause), moment(*at)),
        (None, Some((at, cause))) => format!("{id} was {was} then; it had been {} from {}", word(*cause), moment(*at)),
        (None, None) => format!("{id} was {was} then, and never so"),
    })
}

fn avoided(id: &BackendId, log: &Log, forbidden: &[Cause], from: Duration, until: Duration) -> Option<String> {
    let mut entries = log.iter().enumerate();
    let (_, (at, cause)) = entries.find(|(place, (at, cause))| {
        let ends = log.get(place + 1).map_or(Duration::MAX, |(next, _)| *next);
        *at <= until && ends > from && cause.is_some_and(|cause| forbidden.contains(&cause))
    })?;
    Some(format!("{id} was {} from {}", word(*cause), moment(*at)))
}

/// What it was in this span.
fn spans(log: &Log, from: Duration, until: Duration) -> impl Iterator<Item = Option<Cause>> {
    log.iter().enumerate().filter_map(move |(place, (at, cause))| {
        let ends = log.get(place + 1).map_or(Duration::MAX, |(next, _)| *next);
        (*at <= until && ends > from).then_some(*cause)
    })
}

fn word(cause: Option<Cause>) -> &'static str {
    cause.map_or("not there", Cause::word)
}

fn eligible(story: &Story, upstream: &str, least: usize, from: Duration, until: Duration) -> Option<String> {
    let log = story.eligible.get(upstream)?;
    log.iter().enumerate().find_map(|(place, (at, count))| {
        let ends = log.get(place + 1).map_or(Duration::MAX, |(next, _)| *next);
        // Several changes of one moment are one.
        let lasts = ends > *at && *at <= until && ends > from;
        (lasts && *count < least).then(|| format!("{count} from {} on", moment((*at).max(from))))
    })
}
