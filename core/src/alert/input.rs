//! What does an event say of a condition? Most say nothing: they are no beginning and no end.

use super::{Key, What};
use crate::base::identity::BackendId;
use crate::base::time::Timestamp;
use crate::board::UpstreamReport;
use crate::health::event::{Disagreement, Event, EventKind, Remembered};
use crate::health::standing::Cause;
use std::sync::Arc;

/// A piece of news about one condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub key: Key,
    pub says: Says,
    /// A sentence.
    pub why: String,
    /// Of the event that said so.
    pub event_id: String,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A backend stands there now.
    Stands(Cause),
    /// A backend stands there, unless something newer is known of it.
    Known(Cause),
    /// A backend is gone.
    Left,
    Began,
    Over,
}

impl Input {
    /// `None`: nobody need be told.
    pub fn of(event: &Event) -> Option<Self> {
        let (key, says, why) = match &event.kind {
            EventKind::Transition { backend, to, why, .. } => {
                (about(backend, What::BackendOut), Says::Stands(*to), why.clone())
            }
            EventKind::MemberJoined { backend } => {
                (about(backend, What::BackendOut), Says::Stands(Cause::Unchecked), "joined the pool".to_owned())
            }
            EventKind::MemberLeft { backend } => {
                (about(backend, What::BackendOut), Says::Left, "left the pool".to_owned())
            }
            EventKind::Disagreement { backend, what, over, why } => {
                let what = match what {
                    Disagreement::LyingReadiness => What::LyingReadiness,
                    Disagreement::FailingReadiness => What::FailingReadiness,
                };
                (about(backend, what), began(!over), why.clone())
            }
            EventKind::PoolEmpty { upstream, empty } => {
                let why = if *empty { "nobody is eligible: clients get 503" } else { "somebody is eligible again" };
                (of_pool(upstream, What::NobodyEligible), began(*empty), why.to_owned())
            }
            EventKind::PoolHeld { upstream, held, why } => {
                (of_pool(upstream, What::PoolHeld), began(*held), why.clone())
            }
            _ => return None,
        };
        Some(Self { key, says, why, event_id: event.full_id(), at: event.at })
    }

    /// A reload was refused, with this reason, or applied.
    pub fn reload(refused: Option<&str>, event_id: String, at: Timestamp) -> Self {
        let key = Key { upstream: None, what: What::ReloadRefused, backend: None };
        Self { key, says: began(refused.is_some()), why: refused.unwrap_or_default().to_owned(), event_id, at }
    }

    /// Where everybody stands, for a beginning: what was known before there was anybody to be told.
    pub fn picture(reports: &[UpstreamReport], at: Timestamp) -> Vec<Self> {
        let backends = reports.iter().flat_map(|upstream| &upstream.backends);
        let known = backends.map(|backend| Self {
            key: about(&backend.id, What::BackendOut),
            says: Says::Known(backend.standing.cause),
            why: backend.why.clone(),
            event_id: backend.history.last().map(Remembered::full_id).unwrap_or_default(),
            at,
        });
        known.collect()
    }
}

fn about(backend: &BackendId, what: What) -> Key {
    Key { upstream: Some(backend.upstream.clone()), what, backend: Some(backend.address.clone()) }
}

pub(super) fn of_pool(upstream: &Arc<str>, what: What) -> Key {
    Key { upstream: Some(upstream.clone()), what, backend: None }
}

const fn began(yes: bool) -> Says {
    if yes { Says::Began } else { Says::Over }
}
