//! Which host is meant? A name or an address with its port, in the one form that decisions hang on, and in the form that a backend is told.
//!
//! A name says the same in any case, with or without its final dot; a port that is not there, and an empty one, is the scheme's own
//! (RFC 9110 §4.2.3, RFC 3986 §6.2.3).

use super::bytes::find;
use std::borrow::Cow;
use std::fmt::Write;
use std::net::Ipv6Addr;

/// A name or an address, with an optional port: no user, no list, no blanks, no empty label but behind a final dot.
pub(super) fn is_host(value: &[u8]) -> bool {
    // Nearly all are names, and those are read in one go.
    let behind = if value.starts_with(b"[") { behind_address(value) } else { behind_name(value) };
    match behind {
        Some([]) => true,
        Some([b':', port @ ..]) => is_port(port),
        _ => false,
    }
}

fn is_port(text: &[u8]) -> bool {
    let port = || std::str::from_utf8(text).ok()?.parse::<u16>().ok();
    text.is_empty() || (text.iter().all(u8::is_ascii_digit) && port().is_some())
}

fn behind_address(value: &[u8]) -> Option<&[u8]> {
    let end = value.iter().position(|byte| *byte == b']')? + 1;
    let (host, behind) = value.split_at_checked(end)?;
    address(host).map(|_| behind)
}

/// What stands behind the name; `None`: there is no name, or it has an empty label, which some would take for another name's final dot, and others for
/// a part of it.
fn behind_name(value: &[u8]) -> Option<&[u8]> {
    let mut rest = value;
    loop {
        let label = rest.iter().take_while(|byte| NAMED[usize::from(**byte)]).count();
        match rest.get(label..)? {
            [b'.', behind @ ..] if label > 0 => rest = behind,
            behind => {
                return (label > 0 || (rest.len() < value.len() && behind.first() != Some(&b'.'))).then_some(behind);
            }
        }
    }
}

/// What may stand in a label.
const NAMED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'_' | b'~');
        byte += 1;
    }
    table
};

/// What may stand in a name in its one form: that, but for capitals, and dots.
const CANONICAL: [bool; 256] = {
    let mut table = NAMED;
    let mut capital = b'A';
    while capital <= b'Z' {
        table[capital as usize] = false;
        capital += 1;
    }
    table[b'.' as usize] = true;
    table
};

/// The name or address (with its brackets), and the port; `None` where a bracket has no end.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let end = if text.starts_with(b"[") { find(text, b']')? + 1 } else { find(text, b':').unwrap_or(text.len()) };
    match text.split_at_checked(end)? {
        (host, []) => Some((host, None)),
        (host, [b':', port @ ..]) => Some((host, Some(port))),
        _ => None,
    }
}

fn address(host: &[u8]) -> Option<Ipv6Addr> {
    let inner = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inner).ok()?.parse().ok()
}

fn without_dot(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

/// The host that decisions hang on: in lower case, without final dot and port; an address in its shortest form.
pub fn canonical(text: &str) -> String {
    let mut out = String::new();
    canonical_into(text.trim_ascii().as_bytes(), &mut out);
    out
}

/// The same of what stands in a head, written behind what `out` holds.
pub fn canonical_into(text: &[u8], out: &mut String) {
    if is_canonical(text) {
        return out.push_str(std::str::from_utf8(text).unwrap_or_default());
    }
    let host = split(text).map_or(text, |(host, _)| host);
    match address(host) {
        // Writing to a string cannot fail.
        Some(address) => drop(write!(out, "[{address}]")),
        None => {
            let from = out.len();
            out.push_str(std::str::from_utf8(without_dot(host)).unwrap_or_default());
            if let Some(host) = out.get_mut(from..) {
                host.make_ascii_lowercase();
            }
        }
    }
}

/// Is it a name in that form, as nearly all are?
fn is_canonical(text: &[u8]) -> bool {
    // None is skipped: to look is less than to ask whether to go on.
    !text.ends_with(b".") && text.iter().fold(true, |all, byte| all & CANONICAL[usize::from(*byte)])
}

/// As a backend is told: as it came, but for a final dot and an empty port.
pub fn told(text: &[u8]) -> Cow<'_, [u8]> {
    match split(text) {
        Some((host, None | Some([]))) => Cow::Borrowed(without_dot(host)),
        Some((host, Some(port))) if host.ends_with(b".") => Cow::Owned([without_dot(host), b":", port].concat()),
        _ => Cow::Borrowed(text),
    }
}

/// Of a target in absolute form: without the port that its scheme has anyway.
pub fn told_of_scheme<'t>(text: &'t [u8], scheme: &str) -> Cow<'t, [u8]> {
    match split(text) {
        Some((host, port)) if port_of(port, scheme) == default_port(scheme) => Cow::Borrowed(without_dot(host)),
        _ => told(text),
    }
}

/// Do two of them mean the same in a target of this scheme?
pub(super) fn are_one(one: &[u8], other: &[u8], scheme: &str) -> bool {
    let (Some((one, one_port)), Some((other, other_port))) = (split(one), split(other)) else { return false };
    let alike = match (address(one), address(other)) {
        (None, None) => without_dot(one).eq_ignore_ascii_case(without_dot(other)),
        (one, other) => one == other,
    };
    alike && port_of(one_port, scheme) == port_of(other_port, scheme)
}

fn port_of(port: Option<&[u8]>, scheme: &str) -> u16 {
    let port = port.and_then(|port| std::str::from_utf8(port).ok()?.parse().ok());
    port.unwrap_or_else(|| default_port(scheme))
}

fn default_port(scheme: &str) -> u16 {
    if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_host() {
        for (text, expected) in [
            ("a", true),
            ("a.example", true),
            ("a.example.", true),
            ("a_b~c-d", true),
            ("a:80", true),
            ("a.:80", true),
            ("a:", true),
            ("[::1]", true),
            ("[::1]:", true),
            ("[::1]:8080", true),
            ("", false),
            (".", false),
            ("..", false),
            ("a..", false),
            (".a", false),
            ("a..b", false),
            (":80", false),
            (".:80", false),
            ("a:65536", false),
            ("a:+1", false),
            ("a:1:1", false),
            ("a b", false),
            ("u@a", false),
            ("[::1", false),
            ("[::1]x", false),
            ("[x]", false),
            ("::1", false),
            ("a%2e", false),
        ] {
            assert_eq!(is_host(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn the_form_that_decides_and_the_form_that_is_told() {
        for (text, decides, tells) in [
            ("a.example", "a.example", "a.example"),
            ("a-1_b~.example", "a-1_b~.example", "a-1_b~.example"),
            ("a.examplE", "a.example", "a.examplE"),
            ("A.Example.", "a.example", "A.Example"),
            ("a.example:8080", "a.example", "a.example:8080"),
            ("a.example.:80", "a.example", "a.example:80"),
            ("a.example:", "a.example", "a.example"),
            ("a.example.:", "a.example", "a.example"),
            ("[2001:DB8:0::1]:80", "[2001:db8::1]", "[2001:DB8:0::1]:80"),
            ("[::1]:", "[::1]", "[::1]"),
            ("", "", ""),
        ] {
            assert_eq!((&*canonical(text), &*told(text.as_bytes())), (decides, tells.as_bytes()), "{text}");
        }
        for (text, scheme, tells) in [
            ("a:80", "http", "a"),
            ("a.:80", "HTTP", "a"),
            ("a:443", "https", "a"),
            ("a:443", "http", "a:443"),
            ("a.", "https", "a"),
            ("a.:81", "http", "a:81"),
        ] {
            assert_eq!(&*told_of_scheme(text.as_bytes(), scheme), tells.as_bytes(), "{text} {scheme}");
        }
    }

    #[test]
    fn hosts_that_are_one() {
        for (one, other, scheme, expected) in [
            ("a", "a", "http", true),
            ("a:80", "a", "http", true),
            ("a:", "A.", "http", true),
            ("a:443", "a", "https", true),
            ("a:443", "a", "http", false),
            ("a:081", "a:81", "http", true),
            ("a", "b", "http", false),
            ("[::1]", "[0::1]:80", "http", true),
        ] {
            let (one_host, other_host) = (one.as_bytes(), other.as_bytes());
            assert_eq!(are_one(one_host, other_host, scheme), expected, "{one} {other} {scheme}");
        }
    }
}
