//! How is a connection introduced to a backend? The PROXY protocol's header, versions 1 and 2, as bytes.

use super::{Ends, SIGNATURE, Version};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The header for a client's connection.
pub fn introduction(version: Version, ends: &Ends) -> Vec<u8> {
    let (source, destination) = (ends.source, ends.destination);
    match (source.ip().to_canonical(), destination.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => match version {
            Version::V1 => line("TCP4", from.into(), to.into(), ends),
            Version::V2 => binary(0x11, &from.octets(), &to.octets(), ends),
        },
        // A header has one family: an IPv4 address beside one of IPv6 is written as IPv6.
        (from, to) => match version {
            Version::V1 => line("TCP6", v6(from).into(), v6(to).into(), ends),
            Version::V2 => binary(0x21, &v6(from).octets(), &v6(to).octets(), ends),
        },
    }
}

/// The header for a connection of our own, such as a probe's: nobody stands behind it.
pub fn local(version: Version) -> Vec<u8> {
    match version {
        Version::V1 => b"PROXY UNKNOWN\r\n".to_vec(),
        Version::V2 => [&SIGNATURE[..], &[0x20, 0, 0, 0]].concat(),
    }
}

fn line(family: &str, from: IpAddr, to: IpAddr, ends: &Ends) -> Vec<u8> {
    format!("PROXY {family} {from} {to} {} {}\r\n", ends.source.port(), ends.destination.port()).into_bytes()
}

fn binary(kind: u8, from: &[u8], to: &[u8], ends: &Ends) -> Vec<u8> {
    let length = if kind == 0x11 { 12 } else { 36 };
    let port = |end: SocketAddr| end.port().to_be_bytes();
    [&SIGNATURE[..], &[0x21, kind, 0, length], from, to, &port(ends.source), &port(ends.destination)].concat()
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::to_ipv6_mapped(&address),
        IpAddr::V6(address) => address,
    }
}
