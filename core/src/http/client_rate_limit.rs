//! May this client come once more? So many times in a while, each client by itself, in bounded memory.
//!
//! The generic cell rate algorithm: of each client one moment is kept, at which its allowance would be whole again. A client is an IPv4
//! address or an IPv6 network of 64 bits, since whoever has one address of that has all of them. When more clients come than are kept, the
//! new ones share one allowance until others have had a rest: a flood from many addresses does not forget the one that is slowed down.

use crate::base::time::Timestamp;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Clients that are kept.
const MOST: usize = 4096;

/// So many at once, and then one more each `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    pub burst: u32,
    pub interval: Duration,
}

impl Allowance {
    /// `None` where there is no limit.
    pub fn new(times: u32, within: Duration, burst: u32) -> Option<Self> {
        (times > 0).then(|| Self { burst: burst.max(1), interval: within / times })
    }
}

/// What is known of the clients.
#[derive(Clone, Debug, Default)]
pub struct ClientRateLimiter {
    /// When the allowance of each is whole again. In order, so that nothing depends on a hash.
    whole_at: BTreeMap<IpAddr, Timestamp>,
    /// Of all those for whom there was no room.
    crowd: Timestamp,
    swept: Timestamp,
}

impl ClientRateLimiter {
    /// Lets the client through, once. Else how long it has to wait.
    ///
    /// # Errors
    /// The allowance is used up.
    pub fn pass(&mut self, client: IpAddr, allowance: Allowance, now: Timestamp) -> Result<(), Duration> {
        self.look(client, allowance, now)?;
        let kept = self.kept(network(client), now);
        *kept = (*kept).max(now) + allowance.interval;
        Ok(())
    }

    /// As [`Self::pass`], without using up anything.
    ///
    /// # Errors
    /// The allowance is used up.
    pub fn look(&self, client: IpAddr, allowance: Allowance, now: Timestamp) -> Result<(), Duration> {
        let network = network(client);
        let full = self.whole_at.len() >= MOST;
        let unknown = if full { self.crowd } else { Timestamp::ZERO };
        let debt = self.whole_at.get(&network).copied().unwrap_or(unknown).since(now);
        let allowed = allowance.interval * (allowance.burst - 1);
        if debt > allowed { Err(debt - allowed) } else { Ok(()) }
    }

    fn kept(&mut self, network: IpAddr, now: Timestamp) -> &mut Timestamp {
        let known = self.whole_at.contains_key(&network);
        if !known && self.whole_at.len() >= MOST && now.since(self.swept) >= Duration::from_secs(1) {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            self.swept = now;
        }
        if known || self.whole_at.len() < MOST { self.whole_at.entry(network).or_default() } else { &mut self.crowd }
    }
}

/// As whom an address counts.
pub fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten a minute, all of them at once if need be.
    const TEN: Allowance = Allowance { burst: 10, interval: Duration::from_secs(6) };

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_in_each_interval() {
        let mut limiter = ClientRateLimiter::default();
        let client = ip("192.0.2.1");
        for time in 0..10 {
            assert_eq!(limiter.pass(client, TEN, at(0)), Ok(()), "{time}");
        }
        for (secs, expected) in [
            (0, Err(Duration::from_secs(6))),
            (2, Err(Duration::from_secs(4))),
            (6, Ok(())),
            (7, Err(Duration::from_secs(5))),
            (12, Ok(())),
            (12, Err(Duration::from_secs(6))),
            (600, Ok(())),
        ] {
            assert_eq!(limiter.pass(client, TEN, at(secs)), expected, "at {secs}");
        }
        assert_eq!(limiter.pass(ip("192.0.2.2"), TEN, at(0)), Ok(()), "another client is another");
    }

    #[test]
    fn a_look_costs_nothing() {
        let mut limiter = ClientRateLimiter::default();
        let one = Allowance { burst: 1, interval: Duration::from_secs(6) };
        for _ in 0..3 {
            assert_eq!(limiter.look(ip("192.0.2.1"), one, at(0)), Ok(()));
        }
        assert_eq!(limiter.pass(ip("192.0.2.1"), one, at(0)), Ok(()));
        assert_eq!(limiter.look(ip("192.0.2.1"), one, at(0)), Err(Duration::from_secs(6)));
    }

    #[test]
    fn a_client_with_a_network_has_one_allowance() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            assert_eq!(network(ip(one)) == network(ip(other)), same, "{one} {other}");
        }
    }

    #[test]
    fn a_flood_of_clients_is_bounded_and_forgets_nobody_who_is_slowed_down() {
        let mut limiter = ClientRateLimiter::default();
        let slowed = ip("192.0.2.1");
        while limiter.pass(slowed, TEN, at(0)).is_ok() {}
        let mut refused = 0;
        for number in 0..100_000_u32 {
            let client = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            refused += u32::from(limiter.pass(client, TEN, at(1)).is_err());
        }
        assert_eq!(limiter.whole_at.len(), MOST);
        assert!(refused > 90_000, "those without a place share one allowance: {refused}");
        assert!(limiter.pass(slowed, TEN, at(1)).is_err());
        assert_eq!(limiter.pass(ip("198.51.100.7"), TEN, at(120)), Ok(()), "after a rest there is room again");
        assert!(limiter.whole_at.len() < 10);
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(Allowance::new(0, Duration::from_secs(1), 5), None);
        assert_eq!(Allowance::new(10, Duration::from_secs(60), 10), Some(TEN));
    }
}
