//! Who stands at the door of a route? Asks the core whether a request may pass, and says what whoever may not is told.
//!
//! The client is the one that `hash_by` and the log know: named by a PROXY header or a trusted proxy, else the peer.

use super::asked::{self, Asked};
use super::message::RequestHead;
use super::rate_limit::Key;
use super::{ConnectionFacts, Proxy, rewrite};
use pulsegate_core::http::grpc;
use pulsegate_core::plan::route_table::{Guarding, Lines};
use pulsegate_core::plan::{LimitBy, RateLimitPlan, RoutePlan};
use pulsegate_core::traffic::admission::{Denial, admit, retry_after};
use std::time::Duration;

/// One request at the door.
pub(super) struct AtTheDoor<'a> {
    pub proxy: &'a Proxy,
    pub facts: &'a ConnectionFacts,
    pub asked: &'a Asked,
    pub head: &'a RequestHead,
    pub route: &'a RoutePlan,
    /// The route that a folding backend would serve, whose guards hold too.
    pub also: Option<(&'a RoutePlan, Guarding<'a>)>,
}

/// What a request is told that may not pass.
pub(super) struct Denied {
    pub denial: Denial,
    /// Whole seconds.
    pub retry_after: Option<u64>,
    pub headers: Vec<(&'static str, String)>,
}

impl AtTheDoor<'_> {
    /// # Errors
    /// It may not pass.
    pub(super) fn passes(&self) -> Result<(), Denied> {
        let also = self.also.as_ref().and_then(|(route, _)| route.admission.as_deref());
        let guards = [self.route.admission.as_deref(), also];
        admit(&guards, self.asked.asker.client, |place, limit| self.take(place, limit), |place| self.path(place))
            .map_err(|(place, denial)| self.denied(self.owner(place), denial))
    }

    /// Whose guard it is.
    fn owner(&self, place: usize) -> &RoutePlan {
        self.also.as_ref().filter(|_| place > 0).map_or(self.route, |(route, _)| route)
    }

    /// The path that a backend would see.
    fn path(&self, place: usize) -> String {
        match &self.also {
            Some((route, guarding)) if place > 0 => {
                rewrite::replaced(&guarding.path, guarding.pattern, route).into_owned()
            }
            _ => rewrite::rewritten_path(&self.asked.target, self.route).into_owned(),
        }
    }

    /// Takes a token of the request's bucket, or says how long there is none.
    fn take(&self, place: usize, limit: &RateLimitPlan) -> Result<(), Duration> {
        let taken = self.proxy.limits.take(limit, self.key(&limit.by));
        if taken.is_err() && !limit.enforce {
            self.proxy.telemetry.over_limit(&self.owner(place).name);
        }
        taken
    }

    fn key(&self, by: &LimitBy) -> Key<'_> {
        match by {
            LimitBy::Route => Key::Everybody,
            LimitBy::Client => Key::Client(self.asked.asker.client),
            // Who leaves the header out gains nothing by it.
            LimitBy::Header(name) => self.header_key(name).unwrap_or(Key::Client(self.asked.asker.client)),
        }
    }

    /// What a stranger says of who it is counts no more here than in the choice of a route. Of two lines nobody knows which one a backend
    /// reads: whoever sends them is counted by address.
    fn header_key(&self, name: &str) -> Option<Key<'_>> {
        match asked::seen(name, self.head, self.asked, self.facts) {
            Lines::One(value) => Some(Key::Text(value)),
            Lines::None | Lines::Several => None,
        }
    }

    fn denied(&self, owner: &RoutePlan, denial: Denial) -> Denied {
        let wait = match denial {
            Denial::Rate(wait) => Some(retry_after(wait)),
            Denial::Address | Denial::Shielded => None,
        };
        self.proxy.telemetry.denied(&owner.name, self.asked.asker.client, denial);
        let limit = owner.admission.as_ref().and_then(|guard| guard.rate_limit.as_ref());
        let headers = match (wait, limit) {
            (Some(seconds), Some(_)) if self.asked.call.is_some() => {
                vec![(grpc::PUSHBACK, (seconds * 1000).to_string())]
            }
            (Some(seconds), Some(limit)) => told(limit, seconds),
            _ => Vec::new(),
        };
        Denied { denial, retry_after: wait, headers }
    }
}

/// The limit in the fields of draft-ietf-httpapi-ratelimit-headers; it knows whole seconds only.
fn told(limit: &RateLimitPlan, wait: u64) -> Vec<(&'static str, String)> {
    let name = match limit.by {
        LimitBy::Client => "client",
        LimitBy::Header(_) => "header",
        LimitBy::Route => "route",
    };
    let window = if limit.per.subsec_nanos() == 0 { format!(";w={}", limit.per.as_secs()) } else { String::new() };
    vec![
        ("RateLimit-Policy", format!("\"{name}\";q={}{window}", limit.requests)),
        ("RateLimit", format!("\"{name}\";r=0;t={wait}")),
    ]
}
