//! Who stands at the door of a route? Asks the domain whether a request may pass, and tells whoever may not.
//!
//! The client is the one that `hash_by` and the log know: named by a PROXY header or a trusted proxy, else the peer.

use crate::proxy::exchange::Exchange;
use crate::proxy::heads;
use crate::proxy::rate_limit::Key;
use pulsegate_core::http::forwarding::{names_client_certificate, request_header_routes};
use pulsegate_core::http::grpc;
use pulsegate_core::plan::{AdmissionPlan, LimitBy, RateLimitPlan, RouteAction, RoutePlan};
use pulsegate_core::traffic::admission::{Denial, admit, retry_after};
use std::time::Duration;

impl Exchange<'_> {
    /// False: it may not, and has its answer.
    pub(super) async fn passes(&mut self, route: &RoutePlan, guard: &AdmissionPlan) -> bool {
        let path = || match &route.action {
            RouteAction::Forward(forward) => heads::rewritten_path(&self.target, route, forward),
            RouteAction::Redirect { .. } | RouteAction::Respond { .. } => self.target.path.clone(),
        };
        let Err(denial) = admit(guard, self.asker.client, |limit| self.take(route, limit), path) else { return true };
        self.deny(route, guard, denial).await;
        false
    }

    /// Takes a token of the request's bucket, or says how long there is none.
    fn take(&self, route: &RoutePlan, limit: &RateLimitPlan) -> Result<(), Duration> {
        let taken = self.proxy.limits.take(limit, self.key(&limit.by));
        if taken.is_err() && !limit.enforce {
            self.proxy.telemetry.over_limit(&route.name);
        }
        taken
    }

    fn key(&self, by: &LimitBy) -> Key<'_> {
        match by {
            LimitBy::Route => Key::Everybody,
            LimitBy::Client => Key::Client(self.asker.client),
            // Who leaves the header out gains nothing by it.
            LimitBy::Header(name) => self.header_key(name).unwrap_or(Key::Client(self.asker.client)),
        }
    }

    /// What a stranger says of who it is counts no more here than in the choice of a route.
    fn header_key(&self, name: &str) -> Option<Key<'_>> {
        let head = self.client.head();
        if self.facts.asks_for_certificates() && names_client_certificate(name) {
            return heads::seen(name, head, &self.asker, self.facts).map(|value| Key::Text(value.as_bytes()));
        }
        let value = request_header_routes(name, self.asker.trusted).then(|| head.headers.get(name))?;
        value.map(|value| Key::Text(value.as_bytes()))
    }

    async fn deny(&mut self, route: &RoutePlan, guard: &AdmissionPlan, denial: Denial) {
        let wait = match denial {
            Denial::Rate(wait) => Some(retry_after(wait)),
            Denial::Address | Denial::Shielded => None,
        };
        let mut answer = self.refusal(denial.problem(), wait);
        self.story.reason = Some(denial.reason());
        self.proxy.telemetry.denied(&route.name, self.asker.client, denial);
        if let (Some(seconds), Some(limit)) = (wait, &guard.rate_limit) {
            answer.headers.extend(match self.call {
                Some(_) => vec![(grpc::PUSHBACK, (seconds * 1000).to_string())],
                None => told(limit, seconds),
            });
        }
        self.answer(answer).await;
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
