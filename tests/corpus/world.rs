//! Who runs the rows? Several proxies side by side, each with a backend of its own, each working through its share of the rows twice.

use super::PULSEGATE;
use super::broken::Broken;
use super::line::{Heard, Line};
use super::pace::Pace;
use super::permissive::Permissive;
use super::rows::Answer;
use super::strict::{self, Message};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use support::gateway::Gateway;
use tokio::time::timeout;

/// The gateway answers as soon as the machine lets it, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);
/// The control often does not answer at all.
const IMPATIENCE: Duration = Duration::from_millis(150);

/// What a request that nobody tampered with has at the backend.
const PLAIN: [&str; 7] =
    ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "x-request-id", "cdn-loop"];

/// Something that must not be.
#[derive(Clone, Debug)]
pub struct Finding {
    pub row: String,
    pub pace: Pace,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {} ({:?}): {}", self.row, self.pace, self.what)
    }
}

/// A proxy and its backend.
#[derive(Debug)]
pub struct World {
    pub backend: Permissive,
    pub patience: Duration,
    /// The backend's answers come in pieces too. Not for the control: it searches all it has with each piece, and would keep the
    /// processor from the gateways.
    pub drips: bool,
    address: SocketAddr,
    _proxy: Proxy,
}

#[derive(Debug)]
#[allow(dead_code, reason = "held so that it runs")]
enum Proxy {
    Gateway(Gateway),
    Broken(Broken),
}

impl World {
    async fn gateway(answers: &[Answer]) -> Self {
        let backend = Permissive::start(answers).await;
        let gateway = PULSEGATE.start_with(&configuration(backend.address), LIMITS).await;
        let address = gateway.address;
        Self { backend, patience: PATIENCE, drips: true, address, _proxy: Proxy::Gateway(gateway) }
    }

    async fn broken(answers: &[Answer]) -> Self {
        let backend = Permissive::start(answers).await;
        let broken = Broken::start(backend.address).await;
        let address = broken.address;
        Self { backend, patience: IMPATIENCE, drips: false, address, _proxy: Proxy::Broken(broken) }
    }

    pub async fn connect(&self) -> Line {
        Line::connect(self.address, self.patience).await
    }

    /// A plain request; what is wrong with its answer.
    pub async fn probe(&self, line: &mut Line, id: &str) -> Option<String> {
        let first_line = probe_line(id);
        line.send(format!("{first_line}\r\nHost: probe\r\n\r\n").as_bytes(), Pace::Whole).await;
        match line.answer(false).await {
            Heard::Answer(answer) if answer.status() == 200 && answer.body == first_line.as_bytes() => None,
            heard => Some(format!("the plain request {id} got another answer: {heard:?}")),
        }
    }

    /// What reached the backend since the last call, parsed strictly: the requests, what is wrong, and how many are unfinished.
    /// The plain requests are checked and left out.
    pub fn requests(&self, probes: &[&str]) -> (Vec<Message>, Vec<String>, usize) {
        let (mut requests, mut wrong, mut unfinished) = (Vec::new(), Vec::new(), 0);
        self.backend.judge(|bytes| {
            let mut at = 0;
            while at < bytes.len() {
                match strict::request(&bytes[at..]) {
                    Ok(Some((message, used))) => {
                        at += used;
                        requests.push(message);
                    }
                    Ok(None) => {
                        unfinished += 1;
                        break;
                    }
                    Err(why) => {
                        wrong.push(format!("the backend saw what is not HTTP/1.1: {why}"));
                        return bytes.len();
                    }
                }
            }
            at
        });
        wrong.extend(probes.iter().filter_map(|id| take_probe(&mut requests, id)));
        (requests, wrong, unfinished)
    }

    /// What began and never ended must have been cut.
    async fn loose_ends(&self) -> Option<Finding> {
        let _ = timeout(self.patience, async {
            while self.backend.loose_ends() > 0 {
                support::pause(Duration::from_millis(20)).await;
            }
        })
        .await;
        let left = self.backend.loose_ends();
        let what = format!("{left} connections with half a request on them are still open");
        (left > 0).then(|| Finding { row: "all".to_owned(), pace: Pace::Whole, what })
    }
}

/// Takes a plain request out of `requests`; what is wrong with it.
fn take_probe(requests: &mut Vec<Message>, id: &str) -> Option<String> {
    let line = probe_line(id);
    let Some(at) = requests.iter().position(|request| request.start == line) else {
        return Some(format!("the plain request {id} did not arrive as it is"));
    };
    let probe = requests.remove(at);
    let foreign = probe.fields.iter().any(|(name, _)| !PLAIN.contains(&name.as_str()));
    let untouched = !foreign && probe.field("host") == Some("probe") && probe.body.is_empty();
    (!untouched).then(|| format!("foreign bytes in the plain request: {probe:?}"))
}

fn probe_line(id: &str) -> String {
    format!("GET /app/probe-{id} HTTP/1.1")
}

/// Proxies of one kind.
#[derive(Debug)]
pub struct Worlds(Vec<World>);

impl Worlds {
    pub async fn gateways(number: usize, answers: &[Answer]) -> Self {
        Self(futures_util::future::join_all((0..number).map(|_| World::gateway(answers))).await)
    }

    pub async fn broken(number: usize, answers: &[Answer]) -> Self {
        Self(futures_util::future::join_all((0..number).map(|_| World::broken(answers))).await)
    }

    /// Every row, whole and dripped, spread over the worlds.
    pub async fn run<R>(&self, rows: &[R], run: impl AsyncFn(&World, usize, &R, Pace) -> Vec<Finding>) -> Vec<Finding> {
        let share = async |offset: usize, world: &World| {
            let mut found = Vec::new();
            for (number, row) in rows.iter().enumerate().skip(offset).step_by(self.0.len()) {
                for pace in [Pace::Whole, Pace::Drip] {
                    found.extend(run(world, number, row, pace).await);
                }
            }
            found.extend(world.loose_ends().await);
            found
        };
        let shares = self.0.iter().enumerate().map(|(offset, world)| share(offset, world));
        futures_util::future::join_all(shares).await.into_iter().flatten().collect()
    }
}

/// Limits small enough to be met by a row.
const LIMITS: &str = "    limits: { head_bytes: 16KiB, head_timeout: 4s, body_bytes: 100KiB, body_idle_timeout: 4s }";

/// Whatever is not named here has no route: 404.
fn configuration(backend: SocketAddr) -> String {
    let nobody = support::free_address();
    format!(
        "routes:
  - {{ match: {{ path: /fixed }}, respond: {{ body: fixed }} }}
  - {{ match: {{ path: /moved }}, redirect: {{ location: \"https://elsewhere/\" }} }}
  - {{ match: {{ path: /dead }}, upstream: dead }}
  - {{ match: {{ path: /gone }}, upstream: gone }}
  - {{ match: {{ path: /app }}, upstream: pool }}
  - {{ match: {{ path: /answer }}, upstream: pool }}
  - {{ match: {{ path_exact: / }}, upstream: pool }}
  - {{ match: {{ methods: [OPTIONS] }}, upstream: pool }}
upstreams:
  pool: {{ backends: [\"{backend}\"], timeouts: {{ per_try: 3s, expect_continue: 300ms, idle: 3s }} }}
  dead: {{ backends: [\"{nobody}\"] }}
  gone: {{ backends: [\"{nobody}\"], readiness: {{ path: /ready }} }}
"
    )
}
