//! How is a scenario played? Backends, the gateway, the load, then the steps by the clock; clients count what they saw.

use super::certificate::{Certificate, trusting};
use super::gateway::{Gateway, Kind};
use super::namespace;
use super::scenarios::{Scenario, Step};
use super::tools::Tools;
use super::trixter::Trixter;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use support::backend::Backend;
use support::eventually;
use support::load::{Client, Load, Outcome, Request, Target};
use tokio::time::{Instant, sleep_until};

/// Requests per second.
pub const GETS: u32 = 150;
pub const POSTS: u32 = 50;
/// After so long, a client gives up.
const PATIENCE: Duration = Duration::from_secs(2);

/// What clients saw.
#[derive(Debug)]
pub struct Played {
    pub gets: Vec<Outcome>,
    pub posts: Vec<Outcome>,
    pub words: String,
}

struct World {
    backends: Vec<Backend>,
    trixter: Option<Trixter>,
    gateway: Gateway,
    second: Option<Gateway>,
    certificates: Vec<Certificate>,
    renewed: usize,
}

/// Plays `scenario` in front of this gateway.
pub async fn play(scenario: &Scenario, kind: Kind, tools: &Tools) -> Played {
    let mut world = World::build(scenario, kind, tools).await;
    let target = world.target();
    if scenario.cold.is_empty() {
        world.really_proxies(&target).await;
    }
    let length = Duration::from_secs(scenario.seconds);
    let load = |method, rate| Load::of(request(method), target.clone(), rate, length);
    let (gets, posts) = (load("GET", GETS), load("POST", POSTS));
    world.run(&scenario.steps).await;
    let played = Played { gets: gets.outcomes().await, posts: posts.outcomes().await, words: world.gateway.words() };
    world.serves_the_last_certificate(&target).await;
    if scenario.upgrades() {
        world.gateway.has_upgraded().await;
    }
    if scenario.leaves() {
        world.gateway.has_left().await;
    }
    played
}

fn request(method: &'static str) -> Request {
    Request { method, host: "localhost", path: "/work" }
}

impl World {
    async fn build(scenario: &Scenario, kind: Kind, tools: &Tools) -> Self {
        let mut backends = Vec::new();
        for _ in 0..scenario.backends {
            backends.push(Backend::start().await);
        }
        for step in &scenario.cold {
            step_of_a_backend(*step, &mut backends).await;
        }
        let mut pool: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
        let trixter = match scenario.trixter {
            Some(options) => Some(Trixter::start(pool[0], options).await),
            None => None,
        };
        pool[0] = trixter.as_ref().map_or(pool[0], |trixter| trixter.address);
        let renewals = scenario.steps.iter().filter(|(_, step)| matches!(step, Step::Renew)).count();
        let certificates: Vec<Certificate> =
            (0..if scenario.tls { renewals + 1 } else { 0 }).map(|_| Certificate::make()).collect();
        let gateway = Gateway::start(kind, &pool, certificates.first(), tools).await;
        let second = match scenario.leaves() {
            true => Some(Gateway::start(kind, &pool, certificates.first(), tools).await),
            false => None,
        };
        Self { backends, trixter, gateway, second, certificates, renewed: 0 }
    }

    fn target(&self) -> Target {
        let mut addresses = vec![self.gateway.address()];
        addresses.extend(self.second.as_ref().map(Gateway::address));
        let secure = !self.certificates.is_empty();
        Target {
            addresses,
            tls: secure.then(|| trusting(&self.certificates)),
            patience: PATIENCE,
            requests_per_connection: if secure { 10 } else { 0 },
        }
    }

    /// An answer of every backend by every gateway: one that does not proxy would look as if nothing could harm it.
    async fn really_proxies(&self, target: &Target) {
        for address in &target.addresses {
            let client = Client::new(Target { addresses: vec![*address], ..target.clone() });
            let mut seen = BTreeSet::new();
            eventually("every backend answers through the gateway", async || {
                let answers = (0..8).map(|_| client.ask(request("GET")));
                for (status, headers) in futures_util::future::join_all(answers).await.into_iter().flatten() {
                    seen.extend(
                        headers.get("x-backend").filter(|_| status == 200).cloned().map(|v| v.as_bytes().to_vec()),
                    );
                }
                seen.len() == self.backends.len()
            })
            .await;
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a scenario is timed by the real clock")]
    async fn run(&mut self, steps: &[(u64, Step)]) {
        let begun = Instant::now();
        for (at, step) in steps {
            sleep_until(begun + Duration::from_millis(*at)).await;
            match step {
                Step::Lose(backend, percent) => namespace::lose(self.backends[*backend].address.port(), *percent),
                Step::Trixter(options) => {
                    if let Some(trixter) = &mut self.trixter {
                        trixter.restart(options).await;
                    }
                }
                Step::Reload(weight) => self.gateway.reload(*weight).await,
                Step::Renew => {
                    self.renewed += 1;
                    self.gateway.renew(&self.certificates[self.renewed]).await;
                }
                Step::Upgrade => self.gateway.upgrade().await,
                Step::Leave => self.gateway.leave().await,
                step => step_of_a_backend(*step, &mut self.backends).await,
            }
        }
    }

    /// A gateway that had never read the new certificate would have failed nobody either.
    async fn serves_the_last_certificate(&self, target: &Target) {
        let Some(last) = self.certificates.last() else { return };
        let only = Target { tls: Some(trusting(std::slice::from_ref(last))), ..target.clone() };
        let client = Client::new(only);
        eventually("the last certificate is served", async || client.ask(request("GET")).await.is_ok()).await;
    }
}

async fn step_of_a_backend(step: Step, backends: &mut [Backend]) {
    match step {
        Step::Kill(backend) => backends[backend].kill(),
        Step::Freeze(backend) => backends[backend].freeze(),
        Step::Thaw(backend) => backends[backend].thaw(),
        Step::Terminate(backend) => backends[backend].terminate().await,
        Step::Restart(backend) => backends[backend].restart().await,
        Step::Tell(backend, line) => backends[backend].tell(line).await,
        step => panic!("{step:?} is not a backend's"),
    }
}
