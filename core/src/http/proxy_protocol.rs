//! Who stands behind a connection, as the proxy in front says? The PROXY protocol's header, versions 1 and 2, read from the first bytes.
//!
//! Read as strictly as HAProxy reads it, and bounded: nothing is guessed, a header that breaks off, overruns or contradicts itself is
//! malformed. The invariant: as long as a header is incomplete, every byte so far belongs to it, so a reader that stops here has read
//! nothing of what follows.
//!
//! A header can say that nobody stands behind the connection (`LOCAL`, `UNKNOWN`, a balancer's health check), or somebody whose address
//! is of another kind (Unix sockets, datagrams): the connection then speaks for its socket's own addresses.

mod write;

pub use write::{introduction, local};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A header of version 1 is a line of at most so many bytes.
pub const LONGEST_LINE: usize = 107;
/// A header of version 2 may be 64 KiB; no more than this is read. Real ones have a few hundred bytes.
pub const LONGEST: usize = 4096;

const LINE_BEGINS: &[u8] = b"PROXY ";
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;
/// The TLV that holds a checksum over the whole header (CRC-32C).
const CHECKSUM: u8 = 0x03;

/// Which version is spoken to backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// From where to where a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    pub source: SocketAddr,
    pub destination: SocketAddr,
}

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The beginning of a header; all of these bytes are part of it.
    Incomplete,
    /// A header of so many bytes. Without ends, the connection speaks for itself.
    Header {
        ends: Option<Ends>,
        length: usize,
    },
    /// It does not begin as a header does.
    Missing,
    Malformed,
}

/// Reads a header at the beginning of `bytes`.
pub fn parse(bytes: &[u8]) -> Parsed {
    if begins(bytes, SIGNATURE) {
        return if bytes.len() < FIXED { Parsed::Incomplete } else { binary(bytes).unwrap_or(Parsed::Malformed) };
    }
    if begins(bytes, LINE_BEGINS) {
        return line(bytes);
    }
    Parsed::Missing
}

/// Does one begin with the other, as far as they go?
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    bytes.iter().zip(with).all(|(byte, expected)| byte == expected)
}

// --------------------------------------------------------------- version 1

fn line(bytes: &[u8]) -> Parsed {
    let within = bytes.get(..LONGEST_LINE).unwrap_or(bytes);
    match within.windows(2).position(|two| two == b"\r\n") {
        None if bytes.len() >= LONGEST_LINE => Parsed::Malformed,
        None => Parsed::Incomplete,
        Some(end) => match within.get(LINE_BEGINS.len()..end).and_then(words) {
            Some(ends) => Parsed::Header { ends, length: end + 2 },
            None => Parsed::Malformed,
        },
    }
}

/// `None`: malformed; `Some(None)`: nobody stands behind it.
fn words(rest: &[u8]) -> Option<Option<Ends>> {
    // Whatever stands behind UNKNOWN is to be ignored.
    if rest == b"UNKNOWN" || rest.starts_with(b"UNKNOWN ") {
        return Some(None);
    }
    let mut words = std::str::from_utf8(rest).ok()?.split(' ');
    let family = words.next()?;
    let address = |word: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (source, destination) = (address(words.next()?)?, address(words.next()?)?);
    let (from, to) = (port(words.next()?)?, port(words.next()?)?);
    let ends = Ends { source: (source, from).into(), destination: (destination, to).into() };
    words.next().is_none().then_some(Some(ends))
}

/// Digits only, and no zeros in front: what could be octal is nothing.
fn port(word: &str) -> Option<u16> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word.len() == 1 || !word.starts_with('0'));
    word.parse().ok().filter(|_| plain)
}

// --------------------------------------------------------------- version 2

/// `None`: malformed.
fn binary(bytes: &[u8]) -> Option<Parsed> {
    let (fixed, rest) = bytes.split_at_checked(FIXED)?;
    let [command, kind, high, low] = *fixed.get(SIGNATURE.len()..)?.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return None,
    };
    // Families: none, IPv4, IPv6, Unix; transports: none, stream, datagram.
    let is_known = kind >> 4 <= 3 && kind & 0x0f <= 2;
    if FIXED + length > LONGEST || !(is_local || is_known) {
        return None;
    }
    let Some(block) = rest.get(..length) else { return Some(Parsed::Incomplete) };
    let whole = Parsed::Header { ends: None, length: FIXED + length };
    if is_local {
        return Some(whole);
    }
    let (ends, attachments) = match kind {
        0x11 => addresses::<4>(block)?,
        0x21 => addresses::<16>(block)?,
        _ => return Some(whole),
    };
    attachments_are_sound(attachments, fixed, block)?;
    Some(Parsed::Header { ends: Some(ends), length: FIXED + length })
}

/// Two addresses of `N` bytes, two ports, and what is attached.
fn addresses<const N: usize>(block: &[u8]) -> Option<(Ends, &[u8])>
where
    IpAddr: From<[u8; N]>,
{
    let (source, rest) = block.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (from, rest) = rest.split_first_chunk()?;
    let (to, rest) = rest.split_first_chunk()?;
    let end = |address: &[u8; N], port| SocketAddr::new(IpAddr::from(*address), u16::from_be_bytes(port));
    Some((Ends { source: end(source, *from), destination: end(destination, *to) }, rest))
}

/// Each attachment (TLV) lies within the header; a checksum among them is right; nothing else of them is of interest.
fn attachments_are_sound(mut rest: &[u8], fixed: &[u8], block: &[u8]) -> Option<()> {
    while !rest.is_empty() {
        let ([kind, high, low], behind) = rest.split_first_chunk()?;
        let at = block.len() - behind.len();
        let (value, next) = behind.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        if *kind == CHECKSUM {
            let expected = u32::from_be_bytes(*value.first_chunk().filter(|_| value.len() == 4)?);
            // The checksum is made while its own four bytes are zero.
            let before = fixed.iter().chain(block.get(..at)?);
            let bytes = before.chain(&[0; 4]).chain(next).copied();
            if crc32c(bytes) != expected {
                return None;
            }
        }
        rest = next;
    }
    Some(())
}

/// CRC-32C (Castagnoli), bit by bit: few headers have one, and they are short.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests;
