//! What goes wrong? Every scenario by name: what happens to which backend, and when.

/// What happens at a moment of a scenario. Backends are numbered from 0.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// SIGKILL.
    Kill(usize),
    /// SIGSTOP, and SIGCONT.
    Freeze(usize),
    Thaw(usize),
    /// SIGTERM, and the wait for its end.
    Terminate(usize),
    Restart(usize),
    /// A line to its control port (`tests/support/src/server.rs`).
    Tell(usize, &'static str),
    /// Of the packets from and to it, so many of a hundred are dropped. Only in a network namespace of our own.
    Lose(usize, u32),
    /// trixter is started anew, with these options; its connections are gone then.
    Trixter(&'static str),
    /// The gateway reads a configuration with this weight of the first backend.
    Reload(u32),
    /// The gateway gets another certificate.
    Renew,
    /// A new process of the gateway's binary takes over.
    Upgrade,
    /// The gateway is asked to end; a second one takes those whom it refuses.
    Leave,
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// The fault, for the table.
    pub says: &'static str,
    pub backends: usize,
    pub seconds: u64,
    pub tls: bool,
    /// The first backend stands behind trixter, which begins with these options.
    pub trixter: Option<&'static str>,
    /// Before the gateway starts; then the load begins as soon as it accepts.
    pub cold: Vec<Step>,
    /// Milliseconds from the begin of the load.
    pub steps: Vec<(u64, Step)>,
}

impl Scenario {
    pub fn named(name: &str) -> Option<Self> {
        all().into_iter().find(|scenario| scenario.name == name)
    }

    pub fn upgrades(&self) -> bool {
        self.steps.iter().any(|(_, step)| matches!(step, Step::Upgrade))
    }

    pub fn leaves(&self) -> bool {
        self.steps.iter().any(|(_, step)| matches!(step, Step::Leave))
    }

    fn steps(mut self, steps: impl IntoIterator<Item = (u64, Step)>) -> Self {
        self.steps.extend(steps);
        self
    }

    fn seconds(self, seconds: u64) -> Self {
        Self { seconds, ..self }
    }
}

/// Three backends and eight seconds, unless said otherwise.
fn scenario(name: &'static str, says: &'static str) -> Scenario {
    Scenario { name, says, backends: 3, seconds: 8, tls: false, trixter: None, cold: Vec::new(), steps: Vec::new() }
}

/// One step for every backend of three.
fn each(at: u64, step: impl Fn(usize) -> Step) -> impl Iterator<Item = (u64, Step)> {
    (0..3).map(move |backend| (at, step(backend)))
}

pub fn all() -> Vec<Scenario> {
    let mut all = processes();
    all.extend(answers());
    all.extend(network());
    all.extend(deployments());
    all.extend(gateways());
    all
}

use Step::{Freeze, Kill, Leave, Lose, Reload, Renew, Restart, Tell, Terminate, Thaw, Trixter, Upgrade};

fn processes() -> Vec<Scenario> {
    vec![
        scenario("kill", "SIGKILL to one of three").steps([(2000, Kill(0))]),
        scenario("freeze", "SIGSTOP to one of three, SIGCONT after 4 s").steps([(2000, Freeze(0)), (6000, Thaw(0))]),
        scenario("refuse", "one of three refuses connections for 4 s")
            .steps([(2000, Tell(0, "listen false")), (6000, Tell(0, "listen true"))]),
        Scenario { backends: 4, ..scenario("half-the-pool", "SIGKILL to two of four at once") }
            .steps([(2000, Kill(0)), (2000, Kill(1))]),
        scenario("whole-pool", "SIGKILL to all three at once, restarted after 2 s")
            .steps(each(2000, Kill).chain(each(4000, Restart))),
        scenario("flapping", "one of three refuses connections every other second").steps(
            (1..7).map(|second| (second * 1000, Tell(0, if second % 2 == 1 { "listen false" } else { "listen true" }))),
        ),
    ]
}

fn answers() -> Vec<Scenario> {
    let from_2_to_6 = |on: &'static str, off: &'static str| [(2000, Tell(0, on)), (6000, Tell(0, off))];
    vec![
        scenario("reset-before-head", "one of three resets connections before the head, for 4 s; readiness passes")
            .steps(from_2_to_6("reset before-head", "reset never")),
        scenario("reset-in-head", "… in the middle of the head").steps(from_2_to_6("reset in-head", "reset never")),
        scenario("reset-after-head", "… after the head").steps(from_2_to_6("reset after-head", "reset never")),
        scenario("mid-body-death", "bodies take 300 ms; SIGKILL to one of three")
            .steps(each(0, |backend| Tell(backend, "drip 300")).chain([(3000, Kill(0))])),
        scenario("500-burst", "one of three answers 500 for 2 s; readiness passes")
            .steps([(2000, Tell(0, "failing 100")), (4000, Tell(0, "failing 0"))]),
        scenario("lying-readiness", "one of three answers 503 to everything but its readiness, to the end")
            .steps([(2000, Tell(0, "status 503")), (2000, Tell(0, "failing 100"))]),
        scenario("30-percent-500", "one of three answers 500 to 30 %, to the end")
            .steps([(2000, Tell(0, "failing 30"))]),
        scenario("gray-slowness", "one of three takes 100 ms instead of 10, to the end")
            .steps([(2000, Tell(0, "delay 100"))]),
        scenario("shared-dependency", "all three answer 500, and 503 to readiness, for 2 s")
            .steps(
                (0..3).flat_map(|backend| [(2000, Tell(backend, "failing 100")), (2000, Tell(backend, "ready 503"))]),
            )
            .steps((0..3).flat_map(|backend| [(4000, Tell(backend, "failing 0")), (4000, Tell(backend, "ready 200"))])),
        scenario("keep-alive-closed", "all three close connections that were idle for some 20 ms")
            .steps(each(0, |backend| Tell(backend, "idle 20"))),
    ]
}

fn network() -> Vec<Scenario> {
    vec![
        scenario("blackhole", "packets from and to one of three vanish for 4 s (nftables)")
            .steps([(2000, Lose(0, 100)), (6000, Lose(0, 0))]),
        scenario("packet-loss", "10 % of the packets from and to one of three are lost (nftables)")
            .steps([(1000, Lose(0, 10))]),
        Scenario {
            trixter: Some("--delay-ms 100"),
            ..scenario("delay", "one of three behind trixter, which holds everything up by 100 ms")
        },
        Scenario {
            trixter: Some("--delay-ms 0"),
            ..scenario("cut", "one of three behind trixter, which cuts every connection when it is 250 ms old")
        }
        // Not by its chance per read and write: it draws the same numbers for every connection of a run, and all break at one point.
        .steps([(1000, Trixter("--connection-duration-ms 250"))]),
    ]
}

fn deployments() -> Vec<Scenario> {
    let restart_of = |backend: usize| {
        let begin = 1000 + backend as u64 * 6500;
        [(begin, Tell(backend, "ready 503")), (begin + 3000, Terminate(backend)), (begin + 3500, Restart(backend))]
    };
    vec![
        Scenario {
            cold: vec![Kill(0), Tell(1, "ready 503"), Tell(1, "status 503"), Tell(1, "failing 100")],
            ..scenario("cold-start", "the gateway starts while one of three is down and one not ready, both for 3 s")
        }
        .steps([(3000, Restart(0)), (3000, Tell(1, "ready 200")), (3000, Tell(1, "failing 0"))]),
        scenario("drain-then-kill", "readiness of one of three says 503, SIGKILL 4 s later")
            .steps([(1000, Tell(0, "ready 503")), (5000, Kill(0))]),
        scenario("rolling-restart", "one after the other: readiness 503, SIGTERM 3 s later, started again")
            .steps((0..3).flat_map(restart_of))
            .seconds(20),
    ]
}

fn gateways() -> Vec<Scenario> {
    vec![
        scenario("reload-dead-backend", "SIGKILL to one of three, then four reloads with a changed weight").steps([
            (1000, Kill(0)),
            (3000, Reload(2)),
            (4000, Reload(1)),
            (5000, Reload(3)),
            (6000, Reload(1)),
        ]),
        Scenario {
            tls: true,
            ..scenario("certificate-reload", "another certificate twice, ten requests per connection")
        }
        .steps([(2000, Renew), (4000, Renew)]),
        scenario("binary-upgrade", "a new process of the binary takes over").steps([(2000, Upgrade)]),
        scenario("leaving", "a graceful end (SIGTERM or its like); those it refuses go to a second gateway")
            .steps([(2000, Leave)]),
    ]
}
