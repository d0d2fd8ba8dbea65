//! Is this address one of those? Many networks as sorted ranges that do not touch, so that a look costs one binary search, however long the
//! list is.
//!
//! An IPv4 address is one address, also where it is written inside of IPv6 (`::ffff:192.0.2.1`): in the list as in what is looked for.

use std::net::IpAddr;

/// The networks of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

/// `::ffff:0:0/96`: IPv4 inside of IPv6.
const MAPPED: u128 = 0xffff << 32;
const MAPPED_BITS: u8 = 96;

impl Networks {
    pub fn new(networks: &[Network]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match range(network) {
                Range::V4(range) => v4.push(range),
                Range::V6(range) => v6.push(range),
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }

    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Every address there is?
    pub fn is_everybody(&self) -> bool {
        self.v4 == [(0, u128::from(u32::MAX))] && self.v6 == [(0, u128::MAX)]
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => holds(&self.v4, u128::from(u32::from(address))),
            IpAddr::V6(address) => holds(&self.v6, u128::from(address)),
        }
    }
}

enum Range {
    V4((u128, u128)),
    V6((u128, u128)),
}

/// The first and the last address.
fn range(network: &Network) -> Range {
    match network.address {
        IpAddr::V4(address) => Range::V4(ends(u128::from(u32::from(address)), 32, network.prefix)),
        IpAddr::V6(address) => {
            let (first, last) = ends(u128::from(address), 128, network.prefix);
            if network.prefix >= MAPPED_BITS && first >> 32 == MAPPED >> 32 {
                return Range::V4((first - MAPPED, last - MAPPED));
            }
            Range::V6((first, last))
        }
    }
}

fn ends(address: u128, bits: u8, prefix: u8) -> (u128, u128) {
    let hosts = u128::MAX.checked_shr(128 - u32::from(bits.saturating_sub(prefix))).unwrap_or(0);
    (address & !hosts, address | hosts)
}

/// Sorted; what overlaps or touches is one.
fn merged(mut ranges: Vec<(u128, u128)>) -> Vec<(u128, u128)> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn holds(ranges: &[(u128, u128)], address: u128) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    ranges.get(after.wrapping_sub(1)).is_some_and(|(_, last)| address <= *last)
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    pub address: IpAddr,
    pub prefix: u8,
}

impl Network {
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.address, ip.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0);
                u32::from(net) & mask == u32::from(ip) & mask
            }
            (IpAddr::V6(net), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix.min(128))).unwrap_or(0);
                u128::from(net) & mask == u128::from(ip) & mask
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }
    }

    fn list(texts: &[&str]) -> Networks {
        Networks::new(&texts.iter().map(|text| network(text)).collect::<Vec<_>>())
    }

    #[test]
    fn the_table() {
        let some = ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::ffff:198.51.100.0/120", "203.0.113.9/30"];
        for (address, expected) in [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("9.255.255.255", false),
            ("11.0.0.0", false),
            ("::ffff:10.1.2.3", true),
            ("192.0.2.7", true),
            ("192.0.2.6", false),
            ("192.0.2.8", false),
            ("2001:db8::", true),
            ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true),
            ("2001:db9::", false),
            ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", false),
            ("198.51.100.1", true),
            ("::ffff:198.51.100.255", true),
            ("198.51.101.0", false),
            ("203.0.113.8", true),
            ("203.0.113.11", true),
            ("203.0.113.12", false),
            ("::10.0.0.1", false),
            ("0.0.0.0", false),
            ("::", false),
        ] {
            assert_eq!(list(&some).contains(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn everybody_and_nobody() {
        for address in ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"] {
            assert!(list(&["0.0.0.0/0"]).contains(address.parse().unwrap()), "{address}");
            assert!(!list(&["::/0"]).contains(address.parse().unwrap()), "{address}");
            assert!(!list(&[]).contains(address.parse().unwrap()), "{address}");
        }
        for address in ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1"] {
            assert!(!list(&["0.0.0.0/0"]).contains(address.parse().unwrap()), "{address}");
            assert!(list(&["::/0"]).contains(address.parse().unwrap()), "{address}");
        }
        assert!(list(&["::/1", "0.0.0.0/0", "8000::/1"]).is_everybody());
        assert!(!list(&["0.0.0.0/0"]).is_everybody() && !list(&["0.0.0.0/1", "::/0"]).is_everybody());
        assert!(list(&[]).is_empty() && !list(&["::/0"]).is_empty());
    }

    #[test]
    fn networks_that_overlap_or_touch_are_one_range() {
        let networks = list(&["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "10.0.0.0/8", "11.0.0.0/8", "13.0.0.0/8"]);
        assert_eq!(networks.v4.len(), 2);
        assert_eq!(list(&["::/0", "::1/128", "2001:db8::/32"]).v6.len(), 1);
    }

    #[test]
    fn it_answers_as_a_look_at_every_network_would() {
        let mut rng = Rng::new(11);
        for _ in 0..200 {
            let networks: Vec<Network> = (0..rng.below(40))
                .map(|_| match rng.below(2) {
                    0 => Network {
                        address: Ipv4Addr::from(rng.below(64) << 26 | rng.below(1 << 26)).into(),
                        prefix: 1 + rng.below(32) as u8,
                    },
                    _ => Network {
                        address: Ipv6Addr::from(u128::from(rng.below(16)) << 124 | u128::from(rng.next_u64())).into(),
                        prefix: 1 + rng.below(128) as u8,
                    },
                })
                .collect();
            let compiled = Networks::new(&networks);
            let mut asked: Vec<IpAddr> = networks.iter().map(|network| network.address).collect();
            asked.extend((0..50).map(|_| IpAddr::from(Ipv4Addr::from(rng.next_u64() as u32))));
            asked.extend((0..50).map(|_| IpAddr::from(Ipv6Addr::from(u128::from(rng.next_u64()) << 64))));
            for address in asked {
                let expected = networks.iter().any(|network| network.contains(address));
                assert_eq!(compiled.contains(address), expected, "{address} among {networks:?}");
            }
        }
    }
}
