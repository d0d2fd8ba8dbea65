//! Which trailers travel? Decided by the core (`http::forwarding::trailers`), and by what a route changes.

use super::edited::is_taken_out;
use crate::proxy::ConnectionFacts;
use crate::proxy::asked::Asker;
use http::{HeaderMap, HeaderName};
use pulsegate_core::http::forwarding::trailers::{request_trailer_travels, response_trailer_travels};
use pulsegate_core::plan::RoutePlan;

/// Leaves what may travel of the trailers behind a request's body: as of its head, and less.
pub(in crate::proxy) fn request_trailers(
    trailers: &mut HeaderMap,
    (asker, facts): (&Asker, &ConnectionFacts),
    route: &RoutePlan,
) {
    let (rules, edits) = (asker.rules(facts), &route.request_headers);
    sift(trailers, |name| {
        request_trailer_travels(name, &rules, edits.names()) && !is_taken_out(edits, name.as_bytes())
    });
}

/// Leaves what may travel of the trailers behind an answer's body.
pub(in crate::proxy) fn response_trailers(trailers: &mut HeaderMap, route: &RoutePlan, drain_header: Option<&str>) {
    let edits = &route.response_headers;
    sift(trailers, |name| {
        response_trailer_travels(name) && !is_taken_out(edits, name.as_bytes()) && Some(name) != drain_header
    });
}

fn sift(trailers: &mut HeaderMap, travels: impl Fn(&str) -> bool) {
    let gone: Vec<HeaderName> = trailers.keys().filter(|name| !travels(name.as_str())).cloned().collect();
    for name in gone {
        trailers.remove(name);
    }
}
