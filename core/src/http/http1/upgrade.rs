//! To which protocols may a connection be switched? To those that the client has asked for, and of these to the ones that the backend says
//! (RFC 9110 §7.8, §15.2.2).
//!
//! A list that is none is not guessed at: its request goes on in HTTP/1.1, as a server may that does not want to switch.

use crate::http::forwarding::lists;
use crate::http::head::is_token;

/// What the request asks for, where that is an upgrade that we pass on. `connections`: its lines, which are one list.
pub fn asked<'a, 'c>(connections: impl IntoIterator<Item = &'c [u8]>, upgrade: Option<&'a str>) -> Option<&'a str> {
    upgrade.filter(|list| {
        let mut protocols = elements(list.as_bytes()).peekable();
        protocols.peek().is_some()
            && protocols.all(|one| is_protocol(one) && !is_h2c(one))
            && connections.into_iter().any(|line| lists(line, "upgrade"))
    })
}

/// Does a 101 with these lines of `Upgrade` switch to what was asked for? It may be several, one above the other, and each was asked for.
pub fn is_answered_by<'v>(asked: &[u8], said: impl Iterator<Item = &'v [u8]>) -> bool {
    let mut said = said.flat_map(elements).peekable();
    said.peek().is_some() && said.all(|one| is_protocol(one) && elements(asked).any(|wish| is_one(wish, one)))
}

/// The elements of a list; empty ones are none (§5.6.1).
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|one| !one.is_empty())
}

/// A name, or a name and a version.
fn is_protocol(one: &[u8]) -> bool {
    let are_tokens = one.split(|byte| *byte == b'/').all(|part| !part.is_empty() && part.iter().copied().all(is_token));
    are_tokens && one.iter().filter(|byte| **byte == b'/').count() <= 1
}

/// By upgrade it would smuggle a second protocol past every rule of the first.
fn is_h2c(one: &[u8]) -> bool {
    split(one).0.eq_ignore_ascii_case(b"h2c")
}

/// Names and versions are compared without case; who names no version means any.
fn is_one(wish: &[u8], said: &[u8]) -> bool {
    let ((wished, wished_version), (name, version)) = (split(wish), split(said));
    let fits = wished_version.zip(version).is_none_or(|(one, other)| one.eq_ignore_ascii_case(other));
    fits && wished.eq_ignore_ascii_case(name)
}

fn split(protocol: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = protocol.splitn(2, |byte| *byte == b'/');
    (parts.next().unwrap_or_default(), parts.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking<'a>(connections: &[&'static str], upgrade: Option<&'a str>) -> Option<&'a str> {
        asked(connections.iter().map(|line| line.as_bytes()), upgrade)
    }

    #[test]
    fn upgrades_need_both_headers_and_are_never_h2c() {
        for connections in [
            &["keep-alive, Upgrade"][..],
            &["keep-alive", "UPGRADE"],
            &["upgrade", "close"],
            &["", " ,\tupgrade , x"],
            &["\u{e9}", "upgrade"],
        ] {
            assert_eq!(asking(connections, Some("websocket")), Some("websocket"), "{connections:?}");
            assert_eq!(asking(connections, None), None);
        }
        for connections in [&[][..], &["keep-alive"], &["x-upgrade", "upgrades", "up grade"]] {
            assert_eq!(asking(connections, Some("websocket")), None, "{connections:?}");
        }
        for list in ["h2c", "H2C", "websocket, h2c", "h2c/1"] {
            assert_eq!(asking(&["upgrade, http2-settings"], Some(list)), None, "{list}");
        }
    }

    #[test]
    fn what_is_a_list_of_protocols() {
        for list in ["tcp", "foo/1.1", "a, b/2", ",a ,\tb,", "h2", "HTTP/2.0, SHTTP/1.3, IRC/6.9, RTA/x11"] {
            assert_eq!(asking(&["upgrade"], Some(list)), Some(list), "{list:?}");
        }
        for list in
            ["", " ", ",", "t cp", "a, t cp", "/", "/1", "a/", "a/1/2", "a /1", "a/ 1", "a;b", "\"a\"", "\u{e9}"]
        {
            assert_eq!(asking(&["upgrade"], Some(list)), None, "{list:?}");
        }
    }

    #[test]
    fn a_switch_is_to_what_was_asked_for() {
        for (asked, said, expected) in [
            ("websocket", &["websocket"][..], true),
            ("websocket", &["WebSocket"], true),
            ("WEBSOCKET", &[" websocket ,"], true),
            ("a, b", &["b"], true),
            ("a, b", &["a, b"], true),
            ("a, b", &["a", "b"], true),
            (",a,,b", &["", "b"], true),
            ("a/1, a/2", &["A/2"], true),
            ("a/X", &["a/x"], true),
            ("a", &["a/2"], true),
            ("a/2", &["a"], true),
            ("websocket", &[], false),
            ("websocket", &[""], false),
            ("websocket", &[",", " "], false),
            ("websocket", &["tcp"], false),
            ("websocket", &["websocket, tcp"], false),
            ("websocket", &["websocket", "tcp"], false),
            ("websocket", &["web socket"], false),
            ("websocket", &["websockets"], false),
            ("a/1, a/2", &["a/3"], false),
            ("a/1", &["a/1/1"], false),
            ("a", &["a/"], false),
            ("", &["a"], false),
        ] {
            let lines = said.iter().map(|line| line.as_bytes());
            assert_eq!(is_answered_by(asked.as_bytes(), lines), expected, "{asked} {said:?}");
        }
    }
}
