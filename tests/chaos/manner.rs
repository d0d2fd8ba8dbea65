//! How is a scenario played? By the clock, with impatient clients, where gateways are compared; with patience and from decision to decision
//! where it is a test: how soon everything happens is the machine's doing there, and what is decided is not.

use super::scenarios::Step;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// GETs and POSTs per second.
    pub gets: u32,
    pub posts: u32,
    /// After so long, a client gives up.
    pub patience: Duration,
    /// A step is over when the gateway has decided what follows from it, and the load goes on until the last. The gateway's own timeouts
    /// are long enough for a busy machine.
    pub by_decisions: bool,
}

impl Manner {
    /// What `docs/chaos.md` is about.
    pub const COMPARED: Self = Self { gets: 150, posts: 50, patience: Duration::from_secs(2), by_decisions: false };
    /// As many requests as a machine with ten times as much to do still answers.
    pub const TESTED: Self = Self { gets: 30, posts: 10, patience: Duration::from_secs(60), by_decisions: true };
}

/// What a gateway decides upon a step.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    pub backend: usize,
    /// As one of these it stands then.
    pub standings: &'static [&'static str],
    /// And has nothing in flight any more: whoever takes a backend away waits for that.
    pub idle: bool,
}

pub fn verdict(step: Step) -> Option<Verdict> {
    let verdict = |backend, standings| Some(Verdict { backend, standings, idle: false });
    match step {
        Step::Kill(backend) => verdict(backend, &["down", "ejected"]),
        Step::Freeze(backend) => verdict(backend, &["down", "not_ready", "ejected"]),
        Step::Restart(backend) => verdict(backend, &["up", "ramping"]),
        Step::Tell(backend, "ready 503") => Some(Verdict { backend, standings: &["not_ready"], idle: true }),
        Step::Tell(backend, "failing 100") => verdict(backend, &["ejected"]),
        _ => None,
    }
}
