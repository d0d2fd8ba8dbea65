//! `pulsegate probe`: one check of a backend, exactly as the gateway would do it, from the configuration alone.
//!
//! Exit codes: 0 everybody passes, 1 somebody does not, or could not be found; 64 the configuration cannot be used, or knows nobody of
//! that name.

mod report;

use super::{EXIT_CONFIG, print_out, standalone};
use crate::clock::Clock;
use crate::config::backend_address;
use crate::discovery::look_once;
use crate::probe::{Equivalent, ask, equivalent, job};
use clap::Args;
use pulsegate_core::base::identity::Address;
use pulsegate_core::board::ProbeJob;
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::reading::Reading;
use pulsegate_core::plan::{Plan, UpstreamPlan};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

#[derive(Debug, Args)]
pub(super) struct Wish {
    /// The upstream's name
    upstream: String,
    /// The backend's address; without it, every backend is asked
    backend: Option<String>,
    #[command(flatten)]
    config: ConfigFlag,
    /// Everything, as JSON
    #[arg(long)]
    json: bool,
    /// Write header values that look like secrets into the curl line
    #[arg(long)]
    show_secrets: bool,
}

/// Only by its flag: the names stand where other commands take a file.
#[derive(Debug, Args)]
struct ConfigFlag {
    /// The configuration file
    #[arg(short, long, default_value = "pulsegate.yaml", value_name = "FILE")]
    config: std::path::PathBuf,
}

/// One backend, asked once.
struct Asked {
    job: ProbeJob,
    dns: Option<Duration>,
    reading: Reading,
    by_hand: Equivalent,
}

/// What all sources of an upstream came to.
#[derive(Default)]
struct Behind {
    /// By address, each with the time that its name took.
    backends: BTreeMap<Address, Option<Duration>>,
    failures: Vec<String>,
}

pub(super) fn probe(wish: &Wish) -> ExitCode {
    standalone::with_plan(&wish.config.config, async |plan| probe_all(&plan, wish).await)
}

async fn probe_all(plan: &Plan, wish: &Wish) -> ExitCode {
    let Some(upstream) = plan.upstreams.iter().find(|upstream| *upstream.name == *wish.upstream) else {
        let sentence = format!("there is no upstream {:?}; the configuration knows:", wish.upstream);
        return nobody(&sentence, plan.upstreams.iter().map(|upstream| upstream.name.to_string()));
    };
    if upstream.readiness.is_none() {
        let sentence = format!("the upstream {} has no readiness probe; give it one with `readiness:`", upstream.name);
        return nobody(&sentence, std::iter::empty());
    }
    let clock = Clock::start();
    let mut behind = behind(upstream, clock).await;
    for failure in &behind.failures {
        eprintln!("pulsegate: {failure}");
    }
    if let Some(wanted) = &wish.backend {
        let known: Vec<String> = behind.backends.keys().map(ToString::to_string).collect();
        let address = backend_address(wanted).unwrap_or_else(|_| Address::Unix(wanted.into()));
        behind.backends.retain(|found, _| *found == address);
        if behind.backends.is_empty() {
            let sentence = format!("{} has no backend {wanted:?}; its sources know:", upstream.name);
            return nobody(&sentence, known.into_iter());
        }
    }
    let asked = ask_all(upstream, behind.backends, plan.probing.concurrency, wish.show_secrets, clock).await;
    print_out(&if wish.json { report::json(&asked) } else { report::text(&asked) });
    let passes = |asked: &Asked| report::passes(&judge(&asked.reading, &asked.job.probe));
    let well = behind.failures.is_empty() && !asked.is_empty() && asked.iter().all(passes);
    if asked.is_empty() {
        eprintln!("pulsegate: nobody is behind the upstream {}", upstream.name);
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn nobody(sentence: &str, known: impl Iterator<Item = String>) -> ExitCode {
    eprintln!("pulsegate: {sentence}");
    known.for_each(|name| eprintln!("  {name}"));
    ExitCode::from(EXIT_CONFIG)
}

/// The first source that knows an address wins, as in the gateway.
async fn behind(upstream: &UpstreamPlan, clock: Clock) -> Behind {
    let mut behind = Behind::default();
    for source in &upstream.sources {
        let looked = look_once(source, clock).await;
        match looked.answer {
            Ok(found) => {
                for one in found {
                    behind.backends.entry(one.address).or_insert(looked.dns);
                }
            }
            Err(why) => behind.failures.push(why),
        }
    }
    behind
}

async fn ask_all(
    upstream: &Arc<UpstreamPlan>,
    backends: BTreeMap<Address, Option<Duration>>,
    at_once: usize,
    show_secrets: bool,
    clock: Clock,
) -> Vec<Asked> {
    let places = Arc::new(Semaphore::new(at_once.max(1)));
    let mut under_way = JoinSet::new();
    for (address, dns) in backends {
        let Some(job) = job(upstream, address) else { continue };
        let places = Arc::clone(&places);
        under_way.spawn(async move {
            let _place = places.acquire_owned().await;
            let reading = ask(&job, clock).await;
            let by_hand = equivalent(&job, show_secrets);
            Asked { job, dns, reading, by_hand }
        });
    }
    let mut asked = under_way.join_all().await;
    asked.sort_by(|one, other| one.job.backend.cmp(&other.job.backend));
    asked
}
