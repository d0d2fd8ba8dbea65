//! How well is an upstream, in the three words that monitoring knows?
//!
//! The same rule as `/health`'s, so that a page and an alarm cannot disagree: a backend that is drained, draining, starting or unchecked is outside the
//! count, because an intended absence wakes nobody. Beyond it, a backend that serves at a reduced weight because it says that it is
//! degraded is worth a warning too.

use crate::health::standing::Cause;

/// The worse, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceState {
    /// Everybody who counts gets traffic.
    Ok,
    /// Somebody who counts is out, or degraded.
    Warning,
    /// Nobody gets traffic.
    Critical,
}

impl ServiceState {
    /// As monitoring plugins print it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }

    /// The exit code of a monitoring plugin.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        }
    }

    /// Of a pool with backends in these standings.
    pub fn of(standings: &[Cause]) -> Self {
        if !standings.iter().any(|cause| cause.eligible()) {
            Self::Critical
        } else if standings.iter().any(|cause| concern(*cause) <= 1) {
            Self::Warning
        } else {
            Self::Ok
        }
    }
}

/// Which of them says most about the pool? `None` in a pool without backends.
pub fn worst(standings: &[Cause]) -> Option<usize> {
    let ranked = standings.iter().enumerate().min_by_key(|(_, cause)| (concern(**cause), **cause));
    ranked.map(|(index, _)| index)
}

/// 0 to 4, the smaller the worse.
const fn concern(cause: Cause) -> u8 {
    match cause {
        Cause::Up => 4,
        Cause::ForcedUp | Cause::Ramping => 3,
        Cause::Degraded => 1,
        out if out.counted() => 0,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Cause::*;

    #[test]
    fn verdicts_and_who_stands_for_the_pool() {
        for (standings, verdict, stands) in [
            (&[][..], ServiceState::Critical, None),
            (&[Up, Up], ServiceState::Ok, Some(0)),
            (&[Up, Ramping], ServiceState::Ok, Some(1)),
            (&[Up, ForcedUp], ServiceState::Ok, Some(1)),
            (&[Up, Drained], ServiceState::Ok, Some(1)),
            (&[Up, Draining, Unchecked, Starting], ServiceState::Ok, Some(1)),
            (&[Up, Drained, Degraded], ServiceState::Warning, Some(2)),
            (&[Degraded, Degraded], ServiceState::Warning, Some(0)),
            (&[Up, Down], ServiceState::Warning, Some(1)),
            (&[Up, NotReady, Ejected], ServiceState::Warning, Some(2)),
            (&[Up, Trial], ServiceState::Warning, Some(1)),
            (&[Up, ForcedDown], ServiceState::Warning, Some(1)),
            (&[ForcedUp, NotAlive], ServiceState::Warning, Some(1)),
            (&[Down, NotReady], ServiceState::Critical, Some(0)),
            (&[Drained, Drained], ServiceState::Critical, Some(0)),
            (&[Unchecked], ServiceState::Critical, Some(0)),
            (&[Drained, Trial], ServiceState::Critical, Some(1)),
        ] {
            assert_eq!((ServiceState::of(standings), worst(standings)), (verdict, stands), "{standings:?}");
        }
    }

    #[test]
    fn every_standing_alone_agrees_with_its_eligibility() {
        for cause in Cause::ALL {
            assert_eq!(ServiceState::of(&[cause]) == ServiceState::Critical, !cause.eligible(), "{cause}");
            assert_eq!(ServiceState::of(&[Up, cause]) == ServiceState::Warning, concern(cause) <= 1, "{cause}");
        }
    }

    #[test]
    fn the_worst_verdict_is_the_greatest() {
        assert!(ServiceState::Ok < ServiceState::Warning && ServiceState::Warning < ServiceState::Critical);
        let told =
            [ServiceState::Ok, ServiceState::Warning, ServiceState::Critical].map(|one| (one.exit_code(), one.word()));
        assert_eq!(told, [(0, "OK"), (1, "WARNING"), (2, "CRITICAL")]);
    }
}
