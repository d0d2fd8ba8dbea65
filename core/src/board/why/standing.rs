//! Why does a backend stand where it stands? A sentence from the evidence that holds it there now, never from what happened to
//! bring it there: that may be over, and then the sentence would be false exactly when somebody asks.
//!
//! A transition may add its occasion, where the evidence does not tell it.

use super::probes::ProbesSay;
use crate::health::combine::Passive;
use crate::health::standing::Cause;
use std::sync::Arc;

/// What holds a backend in its standing at one moment.
#[derive(Clone, Copy, Debug)]
pub(in crate::board) struct Grounds<'a> {
    pub cause: Cause,
    pub passive: Passive,
    pub probes: ProbesSay<'a>,
    /// Whose order is in force.
    pub ordered_by: &'a str,
    /// What for, where that was said.
    pub ordered_for: Option<&'a str>,
    /// The evidence of its last ejection.
    pub ejected_for: &'a str,
    /// How it says that it is degraded.
    pub degraded: &'a str,
    /// How its readiness document asks for a drain, where that does.
    pub drains: Option<&'a str>,
    /// The ejection's time is over, and a passing probe is awaited.
    pub ejection_waits: bool,
}

/// What brought a transition about, where the evidence does not tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::board) enum Occasion {
    EjectionOver,
    RampOver,
    TrialPassed,
    DrainOver,
    Released {
        by: Arc<str>,
    },
    OrderOver,
    /// The process before knew it.
    Learned,
    /// Another instance answers at its address.
    Restarted,
    /// Its liveness probe passes again.
    LivesAgain,
}

impl Occasion {
    fn told(&self) -> String {
        match self {
            Self::EjectionOver => "its ejection is over".to_owned(),
            Self::RampOver => "its ramp is over".to_owned(),
            Self::TrialPassed => "its trial request succeeded".to_owned(),
            Self::DrainOver => "it has not asked for a drain again".to_owned(),
            Self::Released { by } => format!("released by {by}"),
            Self::OrderOver => "the time of an order is over".to_owned(),
            Self::Learned => "learned from the process before".to_owned(),
            Self::Restarted => "another instance answers at its address".to_owned(),
            Self::LivesAgain => "its liveness probe passes again".to_owned(),
        }
    }
}

/// Why it stands there now.
pub(in crate::board) fn standing(grounds: &Grounds<'_>) -> String {
    let sentence = holds(grounds);
    let held_by_probes = matches!(grounds.cause, Cause::NotAlive | Cause::Down | Cause::NotReady | Cause::Starting);
    if held_by_probes && grounds.passive == Passive::Trial {
        return format!("{sentence} ({})", Occasion::EjectionOver.told());
    }
    sentence
}

/// Why it came to stand there. A return is told by its occasion; a loss by what holds it out.
pub(in crate::board) fn transition(grounds: &Grounds<'_>, occasion: Option<&Occasion>) -> String {
    match occasion {
        None => standing(grounds),
        Some(Occasion::EjectionOver) if grounds.cause == Cause::Trial => standing(grounds),
        Some(occasion) if grounds.cause.eligible() && *occasion != Occasion::EjectionOver => occasion.told(),
        Some(occasion) => format!("{} ({})", holds(grounds), occasion.told()),
    }
}

fn holds(grounds: &Grounds<'_>) -> String {
    match grounds.cause {
        Cause::ForcedDown => ordered("forced down", grounds),
        Cause::Drained => ordered("drained", grounds),
        Cause::ForcedUp => ordered("forced up", grounds),
        Cause::Ejected if grounds.ejection_waits => {
            format!("{}; its ejection time is over, and a passing probe is awaited", grounds.ejected_for)
        }
        Cause::Ejected => grounds.ejected_for.to_owned(),
        Cause::Draining => match grounds.drains {
            Some(how) => format!("it asked for a drain by its readiness document: {how}"),
            None => "it asked for a drain by its response header".to_owned(),
        },
        Cause::Trial => "its ejection time is over; one request decides".to_owned(),
        Cause::Degraded => format!("it is degraded: {}", grounds.degraded),
        Cause::NotAlive
        | Cause::Down
        | Cause::NotReady
        | Cause::Starting
        | Cause::Unchecked
        | Cause::Ramping
        | Cause::Up => grounds.probes.to_string(),
    }
}

fn ordered(what: &str, grounds: &Grounds<'_>) -> String {
    match grounds.ordered_for {
        Some(reason) => format!("{what} by {}: {reason}", grounds.ordered_by),
        None => format!("{what} by {}", grounds.ordered_by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: ProbesSay<'static> = ProbesSay::OutFailing { how: "answered 503" };
    const COMING: ProbesSay<'static> = ProbesSay::OutPassing { how: "answered 503", passes: (1, 2) };

    fn grounds(cause: Cause, passive: Passive, probes: ProbesSay<'static>) -> Grounds<'static> {
        let ejected_for = "5 failures in a row (limit 5)";
        let (degraded, drains) = ("says DEGRADED: cache DEGRADED", None);
        let (ordered_by, ordered_for) = ("ops", None);
        Grounds {
            cause,
            passive,
            probes,
            ordered_by,
            ordered_for,
            ejected_for,
            degraded,
            drains,
            ejection_waits: false,
        }
    }

    #[test]
    fn every_standing_is_explained_by_what_holds_it() {
        use Passive::{Clear, Ejected, Trial};
        let failing = ProbesSay::Fail { how: "answered 500", left: (2, 3), held: false };
        let held = ProbesSay::Fail { how: "no answer", left: (1, 3), held: true };
        for (cause, passive, probes, says) in [
            (Cause::ForcedDown, Ejected, OUT, "forced down by ops"),
            (Cause::Drained, Clear, ProbesSay::Pass, "drained by ops"),
            (Cause::ForcedUp, Clear, OUT, "forced up by ops"),
            (Cause::Ejected, Ejected, OUT, "5 failures in a row (limit 5)"),
            (Cause::Down, Clear, OUT, "its probes fail: answered 503"),
            (Cause::Down, Clear, COMING, "its probes failed: answered 503; 1 of 2 passes that bring it back"),
            (Cause::NotReady, Trial, OUT, "its probes fail: answered 503 (its ejection is over)"),
            (Cause::Draining, Clear, ProbesSay::Pass, "it asked for a drain by its response header"),
            (Cause::Starting, Clear, OUT, "its probes fail: answered 503"),
            (Cause::Unchecked, Clear, ProbesSay::Unchecked, "waits for its first probe"),
            (Cause::Trial, Trial, ProbesSay::Pass, "its ejection time is over; one request decides"),
            (Cause::Degraded, Clear, ProbesSay::Pass, "it is degraded: says DEGRADED: cache DEGRADED"),
            (Cause::Ramping, Clear, ProbesSay::Pass, "its probes pass"),
            (Cause::Up, Clear, ProbesSay::Pass, "its probes pass"),
            (Cause::Up, Clear, ProbesSay::Nothing, "it has no readiness probe"),
            (Cause::Up, Clear, failing, "its last probe failed, 1 of the 3 failures that take it out: answered 500"),
            (Cause::Up, Clear, held, "its probes fail, but its traffic succeeds: no answer"),
        ] {
            let grounds = grounds(cause, passive, probes);
            assert_eq!(standing(&grounds), says, "{grounds:?}");
            assert_eq!(transition(&grounds, None), says, "{grounds:?}");
        }
    }

    #[test]
    fn a_return_is_told_by_its_occasion_and_a_loss_by_what_holds_it_out() {
        use Occasion::{DrainOver, EjectionOver, Learned, RampOver, TrialPassed};
        use Passive::{Clear, Trial};
        let released = || Occasion::Released { by: "ops".into() };
        for (cause, passive, probes, occasion, says) in [
            (Cause::Ramping, Clear, ProbesSay::Pass, TrialPassed, "its trial request succeeded"),
            (Cause::Ramping, Clear, ProbesSay::Pass, EjectionOver, "its probes pass (its ejection is over)"),
            (Cause::Ramping, Clear, ProbesSay::Pass, released(), "released by ops"),
            (Cause::Up, Clear, ProbesSay::Pass, RampOver, "its ramp is over"),
            (Cause::Ramping, Clear, ProbesSay::Pass, Learned, "learned from the process before"),
            (Cause::Drained, Clear, OUT, Learned, "drained by ops (learned from the process before)"),
            (Cause::Up, Clear, ProbesSay::Nothing, DrainOver, "it has not asked for a drain again"),
            (Cause::Trial, Trial, ProbesSay::Pass, EjectionOver, "its ejection time is over; one request decides"),
            (Cause::NotReady, Trial, OUT, EjectionOver, "its probes fail: answered 503 (its ejection is over)"),
            (Cause::Down, Trial, OUT, released(), "its probes fail: answered 503 (released by ops)"),
            (
                Cause::Down,
                Clear,
                COMING,
                EjectionOver,
                "its probes failed: answered 503; 1 of 2 passes that bring it back (its ejection is over)",
            ),
        ] {
            let grounds = grounds(cause, passive, probes);
            assert_eq!(transition(&grounds, Some(&occasion)), says, "{grounds:?} {occasion:?}");
        }
    }

    #[test]
    fn a_drain_says_whether_a_header_or_a_document_asked_for_it() {
        let drains = Some("answered 503: OUT_OF_SERVICE");
        let grounds = Grounds { drains, ..grounds(Cause::Draining, Passive::Clear, OUT) };
        let says = "it asked for a drain by its readiness document: answered 503: OUT_OF_SERVICE";
        assert_eq!(standing(&grounds), says);
    }

    #[test]
    fn an_ejection_whose_time_is_over_says_what_it_waits_for() {
        let grounds = Grounds { ejection_waits: true, ..grounds(Cause::Ejected, Passive::Ejected, OUT) };
        let says = "5 failures in a row (limit 5); its ejection time is over, and a passing probe is awaited";
        assert_eq!(standing(&grounds), says);
    }
}
