//! What is asked, and by whom? Read off the head once, and the same for all that comes of it.

use super::message::RequestHead;
use super::target::Target;
use super::{ConnectionFacts, RequestId, heads};
use crate::proxy::downstream::ClientSide;
use crate::telemetry::Traffic;
use http::Version;
use pulsegate_core::http::fields::Fields;
use pulsegate_core::http::forwarding::{
    Rules, acceptable_request_id, client_address, is_trusted, names_client_certificate,
};
use pulsegate_core::http::grpc;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::plan::route_table::Lines;
use pulsegate_core::traffic::request::Call;
use std::net::IpAddr;

/// Who asks, as far as it can be believed.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub client: IpAddr,
    pub trusted: bool,
    pub request_id: RequestId,
    /// Where we have a word in its trace.
    pub trace: Option<Trace>,
}

impl Asker {
    pub(super) fn of(head: &RequestHead, facts: &ConnectionFacts, telemetry: &Traffic) -> Self {
        let networks = &facts.listener.trusted_proxies;
        let peer = facts.client.ip();
        let trusted = is_trusted(peer, networks);
        let trace = telemetry
            .tracer()
            .as_deref()
            .and_then(Option::as_ref)
            .and_then(|tracer| tracer.begin(heads::trace_parent(head), trusted));
        Self {
            client: if trusted { client_address(peer, head.lines("x-forwarded-for"), networks) } else { peer },
            trusted,
            request_id: inbound_id(head).map_or_else(RequestId::new, RequestId::from),
            trace,
        }
    }

    /// Which fields of the request are believed.
    pub(super) fn rules<'f>(&self, facts: &'f ConnectionFacts) -> Rules<'f> {
        Rules {
            trusted: self.trusted,
            underscores: facts.listener.underscores_in_headers,
            certificates: facts.asks_for_certificates(),
            pass: &facts.listener.headers.pass,
        }
    }
}

/// The id by which the client knows its request; of two that it names, none.
fn inbound_id(head: &RequestHead) -> Option<&str> {
    match Lines::of(head.lines("x-request-id")) {
        Lines::One(id) => std::str::from_utf8(id).ok().filter(|id| acceptable_request_id(id)),
        Lines::None | Lines::Several => None,
    }
}

/// One request, as it is known from its head.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub asker: Asker,
    pub target: Target,
    /// A gRPC call: it is answered in gRPC's way, on its own deadline.
    pub call: Option<Call>,
}

impl Asked {
    /// And why its target is refused, if it is.
    pub(super) fn of(client: &ClientSide, facts: &ConnectionFacts, telemetry: &Traffic) -> (Self, Result<(), Problem>) {
        let head = client.head();
        let (target, checked) = match Target::of(head) {
            Ok(target) => (target, Ok(())),
            Err(problem) => (Target::unknown(), Err(problem)),
        };
        (Self { asker: Asker::of(head, facts, telemetry), target, call: call(head) }, checked)
    }
}

fn call(head: &RequestHead) -> Option<Call> {
    let is_call = head.version() == Version::HTTP_2
        && head.lines("content-type").next().is_some_and(grpc::is_call)
        && heads::upgrade_of(head).is_none();
    is_call.then(|| Call { timeout: head.value(grpc::TIMEOUT).and_then(grpc::timeout) })
}

/// A header as routes see it (lower-case name): of who the client is, only what backends will be told too; of the host, its one form.
pub(super) fn seen<'h>(name: &str, head: &'h RequestHead, asked: &'h Asked, facts: &'h ConnectionFacts) -> Lines<'h> {
    if name == "host" {
        return Lines::of(Some(asked.target.host.as_bytes()).filter(|host| !host.is_empty()).into_iter());
    }
    if facts.asks_for_certificates() && names_client_certificate(name) {
        let shown = facts.certificate.as_ref().and_then(|certificate| certificate.header(name));
        return Lines::of(shown.into_iter().map(str::as_bytes));
    }
    if asked.asker.rules(facts).chooses(name) { Lines::of(head.lines(name)) } else { Lines::None }
}
