//! How does a backend answer, as it is now? The one place to change when probes or requests learn to see more.
//!
//! Each effect of the timeline changes one side of it; of two that change the same side, the later one counts.

use pulsegate_core::base::rng::Rng;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::reading::{GrpcAnswer, GrpcSaid, HttpAnswer, Reading, ReadingResult, Sighting, Steps};
use pulsegate_core::http::problem::Problem;
use pulsegate_core::plan::{ProbeCheck, ProbePlan};
use pulsegate_core::traffic::outcome::AttemptEnd;
use pulsegate_core::traffic::request::{Bounds, Clear, Ended, Progress};
use std::time::Duration;

/// What a refusal takes, within one network.
const REFUSAL: Duration = Duration::from_micros(200);

/// Something that is wrong with a backend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Effect {
    Down,
    Silent,
    Unreachable,
    NotReady,
    Fails { share: f64, status: u16 },
    Slow(Duration),
}

/// A backend, as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Behaviour {
    door: Door,
    ready: bool,
    fails: f64,
    status: u16,
    latency: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    Refuses,
    /// Connections come about, and nothing follows.
    Silent,
    Unreachable,
}

/// What becomes of a request that is sent to it.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// When it ends.
    pub at: Timestamp,
    pub landing: Landing,
    /// There is a connection, and the request was sent over it.
    pub sent: bool,
}

/// How a request ends at a backend.
#[derive(Clone, Debug)]
pub(super) enum Landing {
    Answered { status: u16 },
    Unanswered(Ended),
}

impl Behaviour {
    /// One that is well and takes `latency`, but for these effects.
    pub(super) fn new<'a>(latency: Duration, effects: impl Iterator<Item = &'a Effect>) -> Self {
        let well = Self { door: Door::Open, ready: true, fails: 0.0, status: 500, latency };
        effects.fold(well, |so_far, effect| match *effect {
            Effect::Down => Self { door: Door::Refuses, ..so_far },
            Effect::Silent => Self { door: Door::Silent, ..so_far },
            Effect::Unreachable => Self { door: Door::Unreachable, ..so_far },
            Effect::NotReady => Self { ready: false, ..so_far },
            Effect::Fails { share, status } => Self { fails: share, status, ..so_far },
            Effect::Slow(latency) => Self { latency, ..so_far },
        })
    }

    /// What becomes of the requests that it has: `None` = they go on, else they end so, or never by themselves.
    pub(super) fn breaks_off(&self) -> Option<BreaksOff> {
        match self.door {
            Door::Open => None,
            Door::Refuses => Some(BreaksOff::Now),
            Door::Silent | Door::Unreachable => Some(BreaksOff::Never),
        }
    }

    /// Its answer to a probe.
    pub(super) fn probed(&self, probe: &ProbePlan, rng: &mut Rng) -> Reading {
        let timed_out = |connected| Reading::new(ReadingResult::TimedOut { connected }, probe.timeout);
        let took = self.takes(rng);
        match (self.door, &probe.kind) {
            (Door::Refuses, _) => Reading::new(ReadingResult::ConnectFailed("connection refused".to_owned()), REFUSAL),
            (Door::Unreachable, _) => timed_out(false),
            (Door::Open | Door::Silent, ProbeCheck::Tcp) => Reading::new(ReadingResult::Connected, REFUSAL),
            (Door::Silent, ProbeCheck::Http(_) | ProbeCheck::Grpc(_)) => timed_out(true),
            (Door::Open, _) if took >= probe.timeout => timed_out(true),
            (Door::Open, asked) => {
                let steps = Steps { connect: Some(REFUSAL), tls: None, first_byte: Some(took) };
                Reading { result: self.says(asked, recognised(probe)), took, steps }
            }
        }
    }

    fn says(&self, asked: &ProbeCheck, sighting: Sighting) -> ReadingResult {
        match asked {
            ProbeCheck::Tcp => ReadingResult::Connected,
            ProbeCheck::Http(check) => {
                let good = check.expected_statuses.first().map_or(200, |(first, _)| *first);
                let status = if self.ready { good } else { 503 };
                ReadingResult::Http(HttpAnswer { status, sighting, ..HttpAnswer::default() })
            }
            ProbeCheck::Grpc(_) => {
                let said = GrpcSaid::Health(if self.ready { 1 } else { 2 });
                ReadingResult::Grpc(GrpcAnswer { said, sighting })
            }
        }
    }

    /// Its answer to a request.
    pub(super) fn asked(&self, bounds: Bounds, now: Timestamp, rng: &mut Rng) -> Course {
        let took = self.takes(rng);
        let (in_vain, silence) = unanswered(bounds, now);
        match self.door {
            Door::Refuses => {
                let refused = Ended::Unanswered(AttemptEnd::ConnectFailed { timed_out: false });
                Course { at: now + REFUSAL, landing: Landing::Unanswered(refused), sent: false }
            }
            Door::Unreachable => unconnected(bounds, now),
            Door::Open if now + took < in_vain => {
                let fails = self.fails > 0.0 && rng.unit() < self.fails;
                let status = if fails { self.status } else { 200 };
                Course { at: now + took, landing: Landing::Answered { status }, sent: true }
            }
            Door::Open | Door::Silent => Course { at: in_vain, landing: silence, sent: true },
        }
    }

    /// Between half and one and a half of its latency.
    fn takes(&self, rng: &mut Rng) -> Duration {
        let nanos = self.latency.as_nanos() as f64 * (0.5 + rng.unit());
        Duration::from_nanos(nanos as u64)
    }
}

/// It is who it should be, and one and the same all the while.
fn recognised(probe: &ProbePlan) -> Sighting {
    let service = probe.recognition.identity.as_ref().map(|identity| identity.service.clone());
    Sighting { service, instance: probe.recognition.instance.as_ref().map(|_| "1".to_owned()) }
}

/// What becomes of the requests in flight at a backend that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BreaksOff {
    Now,
    Never,
}

impl Landing {
    /// The connection is closed while the answer is awaited.
    pub(super) fn reset() -> Self {
        Self::Unanswered(Ended::Unanswered(AttemptEnd::ResetBeforeHead { reused: false }))
    }
}

/// A request that was sent at `sent` and is never answered.
pub(super) fn unanswered(bounds: Bounds, sent: Timestamp) -> (Timestamp, Landing) {
    let mut progress = Progress::begun(bounds, sent);
    progress.upload().over();
    progress.upload().taken(sent);
    let at = progress.deadline(true);
    (at, Landing::Unanswered(progress.timed_out(at, Clear { client: true, backend: true })))
}

/// No connection comes about: whichever time is up first.
fn unconnected(bounds: Bounds, now: Timestamp) -> Course {
    let connect = now + bounds.connect;
    let ended = if bounds.total < connect {
        Ended::Refused { problem: Problem::TotalTimeout, end: AttemptEnd::Ours }
    } else {
        Ended::Unanswered(AttemptEnd::ConnectFailed { timed_out: true })
    };
    Course { at: connect.min(bounds.total), landing: Landing::Unanswered(ended), sent: false }
}
