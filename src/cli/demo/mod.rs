//! `pulsegate demo`: one process that shows the main job. Three small backends, the gateway, a little traffic; then
//! readiness fails, a backend bursts 500s while its readiness still passes, another dies and returns. Each transition is a
//! line with its cause, and the end counts what clients felt.
//!
//! Everything is real: the gateway is the one that `run` starts, only its thresholds are those of a short story.

mod backend;
mod narrator;
mod traffic;

use super::run::{build_runtime, fail};
use crate::config;
use crate::runtime::Gateway;
use backend::Backend;
use narrator::Narrator;
use pulsegate_core::base::identity::Address;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

/// Below this the ejected backend cannot return within the story.
const SHORTEST: Duration = Duration::from_secs(10);

pub(super) fn demo(length: Duration, admin: SocketAddr) -> ExitCode {
    if length < SHORTEST {
        return fail(&[format!("demo --for {length:?}: the story needs at least {SHORTEST:?}")]);
    }
    let told = build_runtime().map_err(|error| vec![format!("the runtime could not be started: {error}")]);
    match told.and_then(|runtime| runtime.block_on(tell(length, admin))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentences) => fail(&sentences),
    }
}

async fn tell(length: Duration, admin: SocketAddr) -> Result<(), Vec<String>> {
    let mut backends =
        start_backends().await.map_err(|error| vec![format!("a demo backend could not start: {error}")])?;
    let names = backends.iter().map(|backend| (Address::Socket(backend.address), backend.name)).collect();
    let narrator = Arc::new(Narrator::new(names));

    println!("Three backends (alpha, beta, gamma), probed every 500 ms; 100 requests per second through the gateway.");
    let loaded = config::load_text(&configuration(&backends, length, admin), Path::new("."))
        .map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let gateway = Gateway::start(loaded.plan, Some(narrator.clone()), None).await?;
    let address = gateway.addresses().first().copied().ok_or_else(|| vec!["the demo has no listener".to_owned()])?;
    println!("The gateway listens on http://{address}");
    if let Some(admin) = gateway.admin_address() {
        println!("Its metrics are at http://{admin}/metrics");
    }
    println!();

    let counts = Arc::new(traffic::Counts::default());
    let traffic = traffic::start(address, counts.clone());
    story(&mut backends, length).await.map_err(|error| vec![format!("gamma could not return: {error}")])?;
    traffic.abort();

    let (requests, failures) = (counts.requests.load(Ordering::Relaxed), counts.failures.load(Ordering::Relaxed));
    let ejections = narrator.ejections.load(Ordering::Relaxed);
    println!("\n{requests} requests, {failures} client-visible failures, {ejections} ejections");
    gateway.leave().await;
    Ok(())
}

async fn start_backends() -> std::io::Result<[Backend; 3]> {
    Ok([Backend::start("alpha").await?, Backend::start("beta").await?, Backend::start("gamma").await?])
}

/// Eight equal acts.
async fn story([alpha, beta, gamma]: &mut [Backend; 3], length: Duration) -> std::io::Result<()> {
    let act = length / 8;
    sleep(act).await;
    println!("--- alpha's readiness begins to answer 503");
    alpha.set_ready(false);
    sleep(act).await;
    println!("--- alpha is ready again");
    alpha.set_ready(true);
    sleep(act).await;
    println!("--- beta bursts 500s, while its readiness still answers 200");
    beta.set_failing(true);
    sleep(act).await;
    println!("--- beta is mended");
    beta.set_failing(false);
    sleep(act).await;
    println!("--- gamma dies");
    gamma.die();
    sleep(act).await;
    println!("--- gamma returns");
    gamma.return_to_life().await?;
    sleep(act * 2).await;
    Ok(())
}

fn configuration(backends: &[Backend; 3], length: Duration, admin: SocketAddr) -> String {
    let [a, b, c] = backends.each_ref().map(|backend| backend.address);
    let ejection = length.as_millis() / 8;
    format!(
        "
listeners:
  - {{ name: demo, address: 127.0.0.1:0 }}
routes:
  - upstream: demo
upstreams:
  demo:
    backends: [\"{a}\", \"{b}\", \"{c}\"]
    readiness: {{ path: /ready, period: 500ms, fast_period: 200ms, timeout: 300ms, failure_threshold: 2 }}
    passive: {{ base_ejection: {ejection}ms, ejection_jitter: 0% }}
    slow_start: {{ duration: 1s }}
admin: {{ address: \"{admin}\" }}
logging: {{ level: error, access: false }}
"
    )
}
