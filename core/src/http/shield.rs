//! Does this request ask for a health endpoint? The probed paths, and every spelling by which a backend would still serve them.
//!
//! Frameworks read paths in many ways: they merge slashes, decode `%2F`, drop `;parameters`, ignore case, trailing slashes and white space, and
//! take `/up.json` for `/up`. What one of them would serve as the probed path is shielded for all: a health endpoint that is found by a trick
//! is not shielded at all, while a path that is hidden without need is one that nobody has named. The query says nothing here.

use std::fmt;

/// What is hidden from the public side of a route; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shield {
    /// In the one form of [`folded`].
    paths: Vec<Vec<u8>>,
    /// Every method of `grpc.health.v1.Health`.
    grpc: bool,
}

/// Decoding goes on as long as it changes something, but so often at most.
const DECODED: usize = 4;
const GRPC_SERVICE: &[u8] = b"/grpc.health.v1.health";

impl Shield {
    /// Hides a path, as a probe asks for it (with its query).
    pub fn hide_path(&mut self, probed: &str) {
        let path = folded(probed.split(['?', '#']).next().unwrap_or_default());
        if !self.paths.contains(&path) {
            self.paths.push(path);
        }
    }

    pub fn hide_grpc(&mut self) {
        self.grpc = true;
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.grpc
    }

    /// Is the path that a backend would see (without query) hidden?
    pub fn hides(&self, path: &str) -> bool {
        let path = folded(path);
        self.paths.iter().any(|hidden| is_same(hidden, &path)) || (self.grpc && is_health_call(&path))
    }

    /// Is the front page among what is hidden?
    pub fn hides_root(&self) -> bool {
        self.paths.iter().any(Vec::is_empty)
    }
}

/// What is hidden, in its one form.
impl fmt::Display for Shield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.paths.iter().map(|path| match path.as_slice() {
            b"" => "/".to_owned(),
            path => String::from_utf8_lossy(path).into_owned(),
        });
        let calls = self.grpc.then(|| "the calls of grpc.health.v1.Health".to_owned());
        f.write_str(&paths.chain(calls).collect::<Vec<_>>().join(", "))
    }
}

/// The same, or with a format behind it (`/up.json`).
fn is_same(hidden: &[u8], path: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(hidden) else { return false };
    match rest.strip_prefix(b".") {
        _ if rest.is_empty() => true,
        Some(format) => !hidden.is_empty() && !format.contains(&b'.') && !format.contains(&b'/'),
        None => false,
    }
}

fn is_health_call(path: &[u8]) -> bool {
    path.strip_prefix(GRPC_SERVICE).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// The path in the one form that all spellings of it share, as a path again: for a look at it in a table of folded patterns. A byte that is
/// no ASCII becomes the character of its number, so that no two of them are one.
pub fn folded_path(path: &str) -> String {
    match folded(path) {
        root if root.is_empty() => "/".to_owned(),
        path => path.into_iter().map(char::from).collect(),
    }
}

/// Is a normalised path its own folded form, as most are? When in doubt it is not.
pub fn is_folded(path: &str) -> bool {
    let mut before = 0;
    for byte in path.bytes() {
        let stays = match byte {
            b'/' => !matches!(before, b'/' | b'.'),
            b'A'..=b'Z' | b'%' | b';' | b'\\' | b'?' | b'#' | 0..=b' ' | 0x7f.. => false,
            _ => true,
        };
        if !stays {
            return false;
        }
        before = byte;
    }
    path == "/" || (path.starts_with('/') && !matches!(before, b'/' | b'.'))
}

/// Decoded, in lower case, without parameters, empty and dot segments, and white space around segments; "" is the root.
fn folded(path: &str) -> Vec<u8> {
    let decoded = decoded(path);
    let cut = decoded.iter().position(|byte| matches!(byte, b'?' | b'#' | 0)).unwrap_or(decoded.len());
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in decoded.get(..cut).unwrap_or_default().split(|byte| matches!(byte, b'/' | b'\\')) {
        let plain = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        match trimmed(plain) {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            plain => kept.push(without_dots(plain)),
        }
    }
    let mut out = Vec::with_capacity(decoded.len());
    for segment in kept {
        out.push(b'/');
        out.extend(segment.iter().map(u8::to_ascii_lowercase));
    }
    out
}

/// Without those at its end, which Windows does not see.
fn without_dots(segment: &[u8]) -> &[u8] {
    let last = segment.iter().rposition(|byte| !matches!(byte, b'.' | b' '));
    last.and_then(|last| segment.get(..=last)).unwrap_or(segment)
}

fn trimmed(segment: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| *byte > b' ' && *byte != 0x7f;
    let Some(first) = segment.iter().position(is_text) else { return b"" };
    let last = segment.iter().rposition(is_text).unwrap_or(first);
    segment.get(first..=last).unwrap_or_default()
}

/// Percent-decoded until nothing changes: some decode twice.
fn decoded(path: &str) -> Vec<u8> {
    let mut path = path.as_bytes().to_vec();
    for _ in 0..DECODED {
        if !path.contains(&b'%') {
            break;
        }
        path = decoded_once(&path);
    }
    path
}

fn decoded_once(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.first_chunk::<2>().filter(|_| *byte == b'%').and_then(|[high, low]| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            Some((digit(*high)? << 4 | digit(*low)?) as u8)
        });
        out.push(escaped.unwrap_or(*byte));
        rest = after.get(if escaped.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::path::normalise;

    fn shield(paths: &[&str]) -> Shield {
        let mut shield = Shield::default();
        paths.iter().for_each(|path| shield.hide_path(path));
        shield
    }

    /// As a request's path comes to the shield: normalised, where it is accepted at all.
    fn is_hidden(shield: &Shield, path: &str) -> bool {
        normalise(path).map_or(true, |normal| shield.hides(&normal.path))
    }

    #[test]
    fn every_spelling_of_a_probed_path_is_hidden() {
        let shield = shield(&["/internal/ready?full=1"]);
        for path in [
            "/internal/ready",
            "/internal/ready/",
            "/internal/ready//",
            "//internal/ready",
            "/internal//ready",
            "/internal/./ready",
            "/internal/x/../ready",
            "/x/../internal/ready",
            "/internal/ready/.",
            "/internal/ready/x/..",
            "/internal/%72eady",
            "/%69nternal/%72%65%61%64%79",
            "/internal/%2572eady",
            "/internal/%252572eady",
            "/internal%2Fready",
            "/internal%2fready",
            "/internal%252Fready",
            "/internal%5Cready",
            "/internal/ready%2F",
            "/internal/ready%5C",
            "/internal%2F%2Fready",
            "/internal/x/%2e%2e/ready",
            "/internal/x%2F..%2Fready",
            "/internal/ready;x",
            "/internal/ready;x=1;y=2",
            "/internal/ready;",
            "/internal/ready%3Bx=1",
            "/internal;a/ready;b",
            "/;/internal/ready",
            "/internal/x/..;/ready",
            "/internal/x/..;a=b/ready",
            "/INTERNAL/Ready",
            "/Internal/READY/",
            "/internal/ready%20",
            "/internal/%20ready",
            "/internal/ready%09",
            "/internal/ready%0A",
            "/internal/ready%0D%0A",
            "/internal/ready%7F",
            "/internal/ready%2500x",
            "/internal/ready%3Fx",
            "/internal/ready%23x",
            "/internal/ready.json",
            "/internal/ready.xml/",
            "/internal/ready.",
            "/internal/ready...",
            "/internal./ready",
            "/internal/ready%20.",
        ] {
            assert!(is_hidden(&shield, path), "{path}");
        }
    }

    #[test]
    fn paths_that_no_backend_takes_for_it_are_not_hidden() {
        let shield = shield(&["/ready", "/internal/live"]);
        for path in [
            "/",
            "/*",
            "/read",
            "/readyz",
            "/ready-made",
            "/ready/x",
            "/ready/x.json",
            "/ready.tar.gz",
            "/...",
            "/.ready",
            "/orders/ready",
            "/internal",
            "/internal/",
            "/internal/liver",
            "/live",
            "/ready/..",
            "/already",
            "/%252F",
            "/ready%C3%A9",
        ] {
            assert!(!shield.hides(path), "{path}");
        }
        assert!(!Shield::default().hides("/"));
        assert!(Shield::default().is_empty() && !shield.is_empty());
    }

    #[test]
    fn a_probed_root_hides_the_front_page_and_nothing_else() {
        let shield = shield(&["/?health"]);
        assert!(shield.hides_root());
        for (path, hidden) in [("/", true), ("//", true), ("/.", true), ("/;x", true), ("/a", false), ("/.json", false)]
        {
            assert_eq!(is_hidden(&shield, path), hidden, "{path}");
        }
    }

    #[test]
    fn a_probed_path_may_itself_be_spelt_oddly() {
        for probed in ["//ready/", "/%72eady", "/READY", "/a/../ready", "/ready;x=1", "/ready#x"] {
            assert!(shield(&[probed]).hides("/ready"), "{probed}");
        }
        assert_eq!(shield(&["/ready", "/ready/", "/ready?x"]).paths.len(), 1);
    }

    #[test]
    fn every_method_of_the_grpc_health_service_is_hidden() {
        let mut shield = Shield::default();
        shield.hide_grpc();
        for (path, hidden) in [
            ("/grpc.health.v1.Health/Check", true),
            ("/grpc.health.v1.Health/Watch", true),
            ("/grpc.health.v1.Health/List", true),
            ("/grpc.health.v1.Health%2FCheck", true),
            ("//grpc.health.v1.Health/Check", true),
            ("/grpc.health.v1.Health", true),
            ("/grpc.health.v1.HealthX/Check", false),
            ("/grpc.health.v2.Health/Check", false),
            ("/orders.v1.Orders/Check", false),
            ("/", false),
        ] {
            assert_eq!(shield.hides(path), hidden, "{path}");
        }
    }

    #[test]
    fn folding_is_final_and_never_longer() {
        let mut rng = crate::base::rng::Rng::new(5);
        let parts =
            ["/", "/", ".", "..", "a", "%2e", "%2F", "%5c", "%25", "%41", "%c3", "%", ";", "~", "\\", " ", "2e", "?"];
        let mut own = 0;
        for _ in 0..20_000 {
            let length = rng.below(8) as usize;
            let drawn = (0..length).map(|_| parts[rng.below(parts.len() as u32) as usize]).collect::<String>();
            let once = folded(&format!("/{drawn}"));
            assert!(once.len() <= drawn.len() + 1, "{drawn}");
            assert!(!once.split(|byte| *byte == b'/').any(|segment| matches!(segment, b"." | b"..")), "{drawn}");
            if let Ok(normal) = normalise(&format!("/{drawn}"))
                && is_folded(&normal.path)
            {
                assert_eq!(folded_path(&normal.path), normal.path, "{drawn}");
                own += 1;
            }
        }
        assert!(own > 500, "only {own} were their own form");
    }

    #[test]
    fn paths_that_are_their_own_folded_form() {
        for (path, expected, own) in [
            ("/", "/", true),
            ("/a/b-c", "/a/b-c", true),
            ("/v1:x", "/v1:x", true),
            ("/a/", "/a", false),
            ("/A", "/a", false),
            ("//a", "/a", false),
            ("/a;x=1", "/a", false),
            ("/a.", "/a", false),
            ("/a./b", "/a/b", false),
            ("/v1%3Ax", "/v1:x", false),
            ("/caf%C3%A9", "/caf\u{c3}\u{a9}", false),
            ("//", "/", false),
        ] {
            assert_eq!((&*folded_path(path), is_folded(path)), (expected, own), "{path}");
        }
    }
}
