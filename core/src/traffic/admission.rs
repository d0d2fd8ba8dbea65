//! May this request pass the door of its route? First who asks, then how often, then for what.
//!
//! In this order, since a stranger should cost nobody's budget, and whoever looks for hidden paths should be slowed down like anybody else.

use crate::http::problem::Problem;
use crate::plan::{AdmissionPlan, RateLimitPlan};
use std::net::IpAddr;
use std::time::Duration;

/// Why it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Its address is denied, or not among those that are allowed.
    Address,
    /// Too many came; the next may come after this.
    Rate(Duration),
    /// It asks for a health endpoint.
    Shielded,
}

impl Denial {
    /// As the client is told: a hidden path looks like one that is not there.
    pub const fn problem(self) -> Problem {
        match self {
            Self::Address => Problem::IpDenied,
            Self::Rate(_) => Problem::RateLimited,
            Self::Shielded => Problem::NoRoute,
        }
    }

    /// As the log and the metrics tell it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Address | Self::Rate(_) => self.problem().reason(),
            Self::Shielded => "health_shielded",
        }
    }
}

/// May a request pass all of these guards: those of its route, and of another whose path it may reach? Each is asked what it asks; nobody's
/// token is taken before every address list has been passed. `take` takes a token, or says how long there is none; `path` is the path that a
/// backend would see. Neither is asked without need, and both are told whose guard asks (by its place).
///
/// # Errors
/// Whose guard denied it, and why.
pub fn admit(
    guards: &[Option<&AdmissionPlan>],
    client: IpAddr,
    mut take: impl FnMut(usize, &RateLimitPlan) -> Result<(), Duration>,
    mut path: impl FnMut(usize) -> String,
) -> Result<(), (usize, Denial)> {
    let all = || guards.iter().enumerate().filter_map(|(place, guard)| Some((place, (*guard)?)));
    for (place, guard) in all() {
        let allowed = guard.allow.as_ref().is_none_or(|allow| allow.contains(client));
        if !allowed || guard.deny.contains(client) {
            return Err((place, Denial::Address));
        }
    }
    for (place, guard) in all() {
        if let Some(limit) = &guard.rate_limit
            && let Err(wait) = take(place, limit)
            && limit.enforce
        {
            return Err((place, Denial::Rate(wait)));
        }
    }
    for (place, guard) in all() {
        if !guard.shield.is_empty() && guard.shield.hides(&path(place)) {
            return Err((place, Denial::Shielded));
        }
    }
    Ok(())
}

/// For Retry-After: whole seconds, rounded up, at least 1. To the moment, since each key has a moment of its own.
pub fn retry_after(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::networks::{Network, Networks};
    use crate::http::shield::Shield;

    fn networks(text: &str, prefix: u8) -> Networks {
        Networks::new(&[Network { address: text.parse().unwrap(), prefix }])
    }

    fn limit(enforce: bool) -> RateLimitPlan {
        RateLimitPlan { enforce, ..RateLimitPlan::of(1) }
    }

    fn all() -> AdmissionPlan {
        let mut shield = Shield::default();
        shield.hide_path("/ready");
        let (allow, deny) = (Some(networks("10.0.0.0", 8)), networks("10.1.0.0", 16));
        AdmissionPlan { allow, deny, rate_limit: Some(limit(true)), shield }
    }

    const WAIT: Duration = Duration::from_millis(1500);

    #[test]
    fn the_address_is_asked_first_then_the_rate_then_the_path() {
        for (client, has_token, path, expected) in [
            ("10.0.0.1", true, "/", Ok(())),
            ("::ffff:10.0.0.1", true, "/", Ok(())),
            ("192.0.2.1", true, "/", Err(Denial::Address)),
            ("192.0.2.1", false, "/ready", Err(Denial::Address)),
            ("10.1.0.1", true, "/", Err(Denial::Address)),
            ("2001:db8::1", true, "/", Err(Denial::Address)),
            ("10.0.0.1", false, "/", Err(Denial::Rate(WAIT))),
            ("10.0.0.1", false, "/ready", Err(Denial::Rate(WAIT))),
            ("10.0.0.1", true, "/ready", Err(Denial::Shielded)),
        ] {
            let take = |_, _: &RateLimitPlan| if has_token { Ok(()) } else { Err(WAIT) };
            let admitted = admit(&[Some(&all())], client.parse().unwrap(), take, |_| path.to_owned());
            assert_eq!(admitted, expected.map_err(|denial| (0, denial)), "{client} {has_token} {path}");
        }
    }

    #[test]
    fn a_denied_stranger_takes_no_token_and_nobody_folds_a_path_without_need() {
        let no_token = |_, _: &RateLimitPlan| panic!("a token was taken");
        let stranger = "192.0.2.1".parse().unwrap();
        assert_eq!(admit(&[Some(&all())], stranger, no_token, |_| panic!("asked")), Err((0, Denial::Address)));
        assert_eq!(admit(&[Some(&AdmissionPlan::default()), None], stranger, no_token, |_| panic!("asked")), Ok(()));
        // Nor does it cost the budget of the route that was found, where the other one denies it.
        let limited = AdmissionPlan { rate_limit: Some(limit(true)), ..AdmissionPlan::default() };
        let both = [Some(&limited), Some(&all())];
        assert_eq!(admit(&both, stranger, no_token, |_| panic!("asked")), Err((1, Denial::Address)));
    }

    #[test]
    fn two_routes_are_asked_in_turn_and_each_takes_one_token() {
        let limited = AdmissionPlan { rate_limit: Some(limit(true)), ..AdmissionPlan::default() };
        let friend = "10.0.0.1".parse().unwrap();
        for (tokens, path, expected, asked) in [
            ([true, true], "/", Ok(()), vec![0, 1]),
            ([false, true], "/", Err((0, Denial::Rate(WAIT))), vec![0]),
            ([true, false], "/", Err((1, Denial::Rate(WAIT))), vec![0, 1]),
            ([true, true], "/ready", Err((1, Denial::Shielded)), vec![0, 1]),
        ] {
            let mut places = Vec::new();
            let take = |place: usize, _: &RateLimitPlan| {
                places.push(place);
                if tokens[place] { Ok(()) } else { Err(WAIT) }
            };
            let admitted = admit(&[Some(&limited), Some(&all())], friend, take, |_| path.to_owned());
            assert_eq!((admitted, places), (expected, asked), "{tokens:?} {path}");
        }
    }

    #[test]
    fn deny_alone_lets_everybody_else_in() {
        let plan = AdmissionPlan { deny: networks("10.0.0.0", 8), ..AdmissionPlan::default() };
        for (client, expected) in [("192.0.2.1", Ok(())), ("::1", Ok(())), ("10.2.3.4", Err(Denial::Address))] {
            let admitted = admit(&[Some(&plan)], client.parse().unwrap(), |_, _| Ok(()), |_| String::new());
            assert_eq!(admitted, expected.map_err(|denial| (0, denial)), "{client}");
        }
    }

    #[test]
    fn a_limit_that_is_not_enforced_takes_tokens_and_denies_nobody() {
        let plan = AdmissionPlan { rate_limit: Some(limit(false)), ..AdmissionPlan::default() };
        let mut taken = 0;
        let take = |_, _: &RateLimitPlan| {
            taken += 1;
            Err(WAIT)
        };
        assert_eq!(admit(&[Some(&plan)], "::1".parse().unwrap(), take, |_| String::new()), Ok(()));
        assert_eq!(taken, 1);
    }

    #[test]
    fn retry_after_is_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_500, 60)] {
            assert_eq!(retry_after(Duration::from_millis(millis)), seconds, "{millis}");
        }
    }
}
