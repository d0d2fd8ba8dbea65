//! How is a scenario played? Backends, the gateway, the load, then the steps by the clock; clients count what they saw.

use super::certificate::{Certificate, trusting};
use super::gateway::{Gateway, Kind, Transition};
use super::manner::{self, Manner};
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

/// What clients saw, and what the gateway said.
#[derive(Debug)]
pub struct Played {
    pub gets: Vec<Outcome>,
    pub posts: Vec<Outcome>,
    pub words: String,
    /// The backends that were decided upon, and those whose standing changed, as Pulsegate says it.
    pub decided: Vec<Decision>,
    pub transitions: Vec<Transition>,
}

/// A step of which something follows: from its beginning until the gateway had decided, by the clock of the load.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    pub backend: SocketAddr,
    pub from: Duration,
    pub until: Duration,
}

struct World {
    manner: Manner,
    backends: Vec<Backend>,
    trixter: Option<Trixter>,
    gateway: Gateway,
    second: Option<Gateway>,
    certificates: Vec<Certificate>,
    renewed: usize,
}

/// Plays `scenario` in front of this gateway.
#[allow(clippy::disallowed_methods, reason = "a scenario is timed by the real clock")]
pub async fn play(scenario: &Scenario, kind: Kind, manner: Manner, tools: &Tools) -> Played {
    let mut world = World::build(scenario, kind, manner, tools).await;
    let target = world.target();
    if scenario.cold.is_empty() {
        world.really_proxies(&target).await;
    }
    let length = Duration::from_secs(scenario.seconds);
    let load = |method, rate| match manner.by_decisions {
        true => Load::until_ended(request(method), target.clone(), rate),
        false => Load::of(request(method), target.clone(), rate, length),
    };
    let outcomes = async |load: Load| if manner.by_decisions { load.ended().await } else { load.outcomes().await };
    let (gets, posts) = (load("GET", manner.gets), load("POST", manner.posts));
    let begun = Instant::now();
    let decided = world.run(begun, &scenario.steps).await;
    sleep_until(begun + length).await;
    let (gets, posts) = tokio::join!(outcomes(gets), outcomes(posts));
    let (words, transitions) = (world.gateway.words(), world.gateway.transitions());
    let played = Played { gets, posts, words, decided, transitions };
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
    async fn build(scenario: &Scenario, kind: Kind, manner: Manner, tools: &Tools) -> Self {
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
        let start = || Gateway::start(kind, &pool, certificates.first(), manner.by_decisions, tools);
        let gateway = start().await;
        let second = match scenario.leaves() {
            true => Some(start().await),
            false => None,
        };
        Self { manner, backends, trixter, gateway, second, certificates, renewed: 0 }
    }

    fn target(&self) -> Target {
        let mut addresses = vec![self.gateway.address()];
        addresses.extend(self.second.as_ref().map(Gateway::address));
        let secure = !self.certificates.is_empty();
        Target {
            addresses,
            tls: secure.then(|| trusting(&self.certificates)),
            patience: self.manner.patience,
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

    /// Every step in its time, or later where the one before is not decided; what was decided.
    async fn run(&mut self, begun: Instant, steps: &[(u64, Step)]) -> Vec<Decision> {
        let mut decided = Vec::new();
        for (at, step) in steps {
            sleep_until(begun + Duration::from_millis(*at)).await;
            let from = begun.elapsed();
            self.take(*step).await;
            if let Some(verdict) = manner::verdict(*step).filter(|_| self.manner.by_decisions) {
                let backend = self.backends[verdict.backend].address;
                self.gateway.decides(backend, verdict).await;
                decided.push(Decision { backend, from, until: begun.elapsed() });
            }
        }
        decided
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Lose(backend, percent) => namespace::lose(self.backends[backend].address.port(), percent),
            Step::Trixter(options) => {
                if let Some(trixter) = &mut self.trixter {
                    trixter.restart(options).await;
                }
            }
            Step::Reload(weight) => self.gateway.reload(weight).await,
            Step::Renew => {
                self.renewed += 1;
                self.gateway.renew(&self.certificates[self.renewed]).await;
            }
            Step::Upgrade => self.gateway.upgrade().await,
            Step::Leave => self.gateway.leave().await,
            step => step_of_a_backend(step, &mut self.backends).await,
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
