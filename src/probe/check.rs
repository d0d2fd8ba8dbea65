//! What did one probe read? Connect, TLS, head and body under one deadline, as facts.
//!
//! Knows no board and no handle, so that a test can ask it about any misbehaviour. It cannot fail: whatever happens is a reading.

use super::recognise::Recogniser;
use super::request::To;
use super::steps::Watch;
use super::witness::{Seen, Witness};
use super::{connect, grpc, http, http2, request};
use crate::clock::Clock;
use crate::tls::ClientConfigs;
use pulsegate_core::base::identity::Address;
use pulsegate_core::board::ProbeJob;
use pulsegate_core::health::reading::{Reading, ReadingResult};
use pulsegate_core::http::proxy_protocol::Version;
use pulsegate_core::http::trace::TraceParent;
use pulsegate_core::plan::{HttpCheck, ProbeCheck, Protocol, UpstreamTls};
use tokio::time::timeout;

/// Runs the job's check once, over a connection of its own; `told`: the trace that the backend is told, where there is one. Takes no longer than the probe's timeout.
pub(super) async fn check(job: &ProbeJob, configs: &ClientConfigs, clock: Clock, told: Option<TraceParent>) -> Reading {
    let started = clock.now();
    let (seen, watch) = (Seen::default(), Watch::start(clock));
    let result = match timeout(job.probe.timeout, ask(job, configs, told, (&seen, &watch))).await {
        Ok(Ok(result) | Err(result)) => result,
        Err(_) => seen.result(),
    };
    Reading { result, took: clock.now().since(started), steps: watch.steps() }
}

/// `Err` only ends early; both sides are readings.
async fn ask(
    job: &ProbeJob,
    configs: &ClientConfigs,
    told: Option<TraceParent>,
    (seen, watch): (&Seen, &Watch),
) -> Result<ReadingResult, ReadingResult> {
    let address = probed_address(job);
    let mut stream = match &job.probe.kind {
        ProbeCheck::Tcp => connect::open(&address).await?,
        ProbeCheck::Http(_) | ProbeCheck::Grpc(_) => connect::open_to_be_reset(&address).await?,
    };
    watch.connected();
    if let Some(version) = header_of(job) {
        connect::introduce(&mut stream, version).await?;
    }
    if let Some(tls) = tls_of(job) {
        stream = connect::secure(stream, tls, protocol_of(job), configs).await?;
        watch.secured();
    }
    seen.connection();
    let head_limit = job.upstream.limits.response_head_bytes;
    let witness = Witness { watch, seen, recogniser: Recogniser(&job.probe.recognition), head_limit };
    let to = To { address: &address, told };
    match &job.probe.kind {
        ProbeCheck::Tcp => Ok(ReadingResult::Connected),
        ProbeCheck::Http(check) => ask_http(stream, check, &to, &witness).await,
        ProbeCheck::Grpc(check) => Ok(grpc::exchange(stream, check, &to, job.probe.timeout, &witness).await),
    }
}

async fn ask_http(
    stream: connect::Stream,
    check: &HttpCheck,
    to: &To<'_>,
    witness: &Witness<'_>,
) -> Result<ReadingResult, ReadingResult> {
    let request = request::build(check, to).map_err(ReadingResult::BrokenAnswer)?;
    Ok(match check.protocol {
        Protocol::Http1 => http::exchange(stream, request, check, witness).await,
        Protocol::Http2 => http2::exchange(stream, request, check, witness).await,
    })
}

/// The backend's address, with the probe's own port where it has one. A Unix socket has no port.
pub(super) fn probed_address(job: &ProbeJob) -> Address {
    match (&job.backend.address, job.probe.port) {
        (Address::Socket(address), Some(port)) => {
            let mut address = *address;
            address.set_port(port);
            Address::Socket(address)
        }
        (address, _) => address.clone(),
    }
}

/// A probe begins as traffic does. Behind a port of its own something else may listen, which traffic tells nothing about.
pub(super) fn header_of(job: &ProbeJob) -> Option<Version> {
    job.upstream.send_proxy_protocol.filter(|_| job.probe.port.is_none())
}

/// A TCP check shakes hands as traffic would; an HTTP check says itself.
pub(super) fn tls_of(job: &ProbeJob) -> Option<&UpstreamTls> {
    match &job.probe.kind {
        ProbeCheck::Tcp => job.upstream.tls.as_ref(),
        ProbeCheck::Http(check) => check.tls.as_ref(),
        ProbeCheck::Grpc(check) => check.tls.as_ref(),
    }
}

pub(super) fn protocol_of(job: &ProbeJob) -> Protocol {
    match &job.probe.kind {
        ProbeCheck::Tcp => job.upstream.protocol,
        ProbeCheck::Http(check) => check.protocol,
        ProbeCheck::Grpc(_) => Protocol::Http2,
    }
}
