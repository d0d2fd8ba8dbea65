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

/// `take` takes a token, or says how long there is none; `path` is the path that a backend would see. Neither is asked without need.
pub fn admit(
    plan: &AdmissionPlan,
    client: IpAddr,
    take: impl FnOnce(&RateLimitPlan) -> Result<(), Duration>,
    path: impl FnOnce() -> String,
) -> Result<(), Denial> {
    let allowed = plan.allow.as_ref().is_none_or(|allow| allow.contains(client));
    if !allowed || plan.deny.contains(client) {
        return Err(Denial::Address);
    }
    if let Some(limit) = &plan.rate_limit
        && let Err(wait) = take(limit)
        && limit.enforce
    {
        return Err(Denial::Rate(wait));
    }
    if !plan.shield.is_empty() && plan.shield.hides(&path()) {
        return Err(Denial::Shielded);
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
            let take = |_: &RateLimitPlan| if has_token { Ok(()) } else { Err(WAIT) };
            let admitted = admit(&all(), client.parse().unwrap(), take, || path.to_owned());
            assert_eq!(admitted, expected, "{client} {has_token} {path}");
        }
    }

    #[test]
    fn a_denied_stranger_takes_no_token_and_nobody_folds_a_path_without_need() {
        let no_token = |_: &RateLimitPlan| panic!("a token was taken");
        let stranger = "192.0.2.1".parse().unwrap();
        assert_eq!(admit(&all(), stranger, no_token, || panic!("asked")), Err(Denial::Address));
        assert_eq!(admit(&AdmissionPlan::default(), stranger, no_token, || panic!("asked")), Ok(()));
    }

    #[test]
    fn deny_alone_lets_everybody_else_in() {
        let plan = AdmissionPlan { deny: networks("10.0.0.0", 8), ..AdmissionPlan::default() };
        for (client, expected) in [("192.0.2.1", Ok(())), ("::1", Ok(())), ("10.2.3.4", Err(Denial::Address))] {
            assert_eq!(admit(&plan, client.parse().unwrap(), |_| Ok(()), String::new), expected, "{client}");
        }
    }

    #[test]
    fn a_limit_that_is_not_enforced_takes_tokens_and_denies_nobody() {
        let plan = AdmissionPlan { rate_limit: Some(limit(false)), ..AdmissionPlan::default() };
        let mut taken = 0;
        let take = |_: &RateLimitPlan| {
            taken += 1;
            Err(WAIT)
        };
        assert_eq!(admit(&plan, "::1".parse().unwrap(), take, String::new), Ok(()));
        assert_eq!(taken, 1);
    }

    #[test]
    fn retry_after_is_rounded_up() {
        for (millis, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_500, 60)] {
            assert_eq!(retry_after(Duration::from_millis(millis)), seconds, "{millis}");
        }
    }
}
