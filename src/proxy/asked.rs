//! What is asked, and by whom? Read off the head once, and the same for all that comes of it.

use super::target::Target;
use super::{ConnectionFacts, heads};
use crate::proxy::downstream::ClientSide;
use crate::telemetry::Traffic;
use http::Version;
use pingora::http::RequestHeader;
use pulsegate_core::http::forwarding::{
    acceptable_request_id, client_address, is_trusted, names_client_certificate, request_header_routes,
};
use pulsegate_core::http::grpc;
use pulsegate_core::http::problem::Problem;
use pulsegate_core::http::trace::Trace;
use pulsegate_core::traffic::request::Call;
use std::net::IpAddr;

/// Who asks, as far as it can be believed.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub client: IpAddr,
    pub trusted: bool,
    pub request_id: String,
    /// Where we have a word in its trace.
    pub trace: Option<Trace>,
}

impl Asker {
    pub(super) fn of(head: &RequestHeader, facts: &ConnectionFacts, telemetry: &Traffic) -> Self {
        let trace = telemetry.tracer().as_ref().and_then(|tracer| tracer.begin(heads::trace_parent(head)));
        let networks = &facts.listener.trusted_proxies;
        let forwarded: Vec<&str> =
            head.headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect();
        let inbound = heads::value(head, "x-request-id").filter(|id| acceptable_request_id(id));
        Self {
            client: client_address(facts.client, Some(&forwarded.join(",")), networks),
            trusted: is_trusted(facts.client, networks),
            request_id: inbound.map_or_else(super::new_request_id, str::to_owned),
            trace,
        }
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

fn call(head: &RequestHeader) -> Option<Call> {
    let is_call = head.version == Version::HTTP_2 && heads::value(head, "content-type").is_some_and(grpc::is_call);
    let is_call = is_call && heads::upgrade_of(head).is_none();
    is_call.then(|| Call { timeout: heads::value(head, grpc::TIMEOUT).and_then(grpc::timeout) })
}

/// A header as routes see it (lower-case name): of who the client is, only what backends will be told too.
pub(super) fn seen<'h>(
    name: &str,
    head: &'h RequestHeader,
    asker: &Asker,
    facts: &'h ConnectionFacts,
) -> Option<&'h str> {
    if facts.asks_for_certificates() && names_client_certificate(name) {
        return facts.certificate.as_ref()?.header(name);
    }
    request_header_routes(name, asker.trusted).then(|| heads::value(head, name))?
}
