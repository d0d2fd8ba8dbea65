//! Which path do routes match and backends receive?
//!
//! One normalised form, so that a route and a backend never see two different paths: dot segments removed (RFC 3986 §5.2.4), unreserved
//! characters percent-decoded, escapes in upper case. The six that browsers and tools send raw though they may not (`{ } ^ " |` and the
//! backtick) are escaped, so that nobody behind us has to decide about them. `%00` and dot segments above the root are refused; `%2F` and `%5C` are
//! kept and reported, since only the matched route knows whether it allows them. Beside a dot segment they are refused for
//! every route: a backend that decodes `/public/..%2Fadmin` would serve a path that no route has matched.

use std::borrow::Cow;

/// Why a request target is refused (answered 400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathRefusal {
    /// Not origin-form, or holds a byte that a target cannot hold, or a broken escape.
    Malformed,
    /// `%2F` or `%5C` where the route does not allow it, or beside a dot segment.
    EncodedSlash,
    /// `%00`.
    EncodedNul,
    /// `..` above the root.
    AboveRoot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised<'a> {
    pub path: Cow<'a, str>,
    /// In the path as it came, even where `..` has taken that segment away: a reader that decodes first reads another path.
    pub has_encoded_slash: bool,
}

impl Normalised<'_> {
    fn into_owned(self) -> Normalised<'static> {
        Normalised { path: Cow::Owned(self.path.into_owned()), has_encoded_slash: self.has_encoded_slash }
    }
}

/// The normalised path (without query). `Cow::Borrowed` when nothing had to change. `*` (of `OPTIONS *`) stays as it is.
///
/// # Errors
/// Why the target is refused.
pub fn normalise(path: &str) -> Result<Normalised<'_>, PathRefusal> {
    if path == "*" {
        return Ok(Normalised { path: Cow::Borrowed(path), has_encoded_slash: false });
    }
    let kinds = path.bytes().fold(0, |kinds, byte| kinds | KINDS[usize::from(byte)]);
    if !path.starts_with('/') || kinds & BAD != 0 {
        return Err(PathRefusal::Malformed);
    }
    match kinds {
        0 => Ok(Normalised { path: Cow::Borrowed(path), has_encoded_slash: false }),
        _ if kinds & RAW != 0 => normalise_escaped(&escaped(path)).map(Normalised::into_owned),
        _ => normalise_escaped(path),
    }
}

/// It may not stand in a path.
const BAD: u8 = 1;
/// Neither may this, which is sent all the same.
const RAW: u8 = 2;
/// A path that holds it may be no normal one.
const ODD: u8 = 4;

/// Of which kind a byte is. Nearly all paths have none of any kind, and are looked at once.
const KINDS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'%' | b'.' => ODD,
            raw if is_sent_raw(raw) => RAW,
            other if may_stand_in_a_path(other) => 0,
            _ => BAD,
        };
        byte += 1;
    }
    table
};

fn normalise_escaped(path: &str) -> Result<Normalised<'_>, PathRefusal> {
    let (decoded, has_encoded_slash) = if path.contains('%') { decode(path)? } else { (Cow::Borrowed(path), false) };
    let path = if decoded.contains("/.") { Cow::Owned(remove_dot_segments(&decoded)?) } else { decoded };
    if has_encoded_slash && hides_a_dot_segment(&path) {
        return Err(PathRefusal::EncodedSlash);
    }
    Ok(Normalised { path, has_encoded_slash })
}

/// RFC 3986's pchar and "/", and the two that browsers send unescaped and servers take all the same: `[` and `]`.
const fn may_stand_in_a_path(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b';' | b'=' | b'@'..=b'Z' | b'_' | b'a'..=b'z' | b'~' | b'[' | b']')
}

/// Browsers and tools send it raw, though it may not stand in a path.
pub(super) const fn is_sent_raw(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'^' | b'"' | b'|' | b'`')
}

/// A path with those escaped.
pub(super) fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 16);
    for character in path.chars() {
        match u8::try_from(character) {
            Ok(byte) if is_sent_raw(byte) => out.push_str(&format!("%{byte:02X}")),
            _ => out.push(character),
        }
    }
    out
}

fn decode(path: &str) -> Result<(Cow<'_, str>, bool), PathRefusal> {
    let mut out = String::with_capacity(path.len());
    let mut has_encoded_slash = false;
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let byte = after.get(..2).and_then(hex_byte).ok_or(PathRefusal::Malformed)?;
        match byte {
            0 => return Err(PathRefusal::EncodedNul),
            _ if is_unreserved(byte) => out.push(char::from(byte)),
            _ => {
                has_encoded_slash |= matches!(byte, b'/' | b'\\');
                out.push_str(&format!("%{byte:02X}"));
            }
        }
        rest = after.get(2..).unwrap_or_default();
    }
    out.push_str(rest);
    let unchanged = out == path;
    Ok((if unchanged { Cow::Borrowed(path) } else { Cow::Owned(out) }, has_encoded_slash))
}

/// Exactly two hexadecimal digits; `from_str_radix` alone would take a sign.
fn hex_byte(digits: &str) -> Option<u8> {
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn remove_dot_segments(path: &str) -> Result<String, PathRefusal> {
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let last = segments.clone().count() - 1;
    for (position, segment) in segments.enumerate() {
        match segment {
            "." => {}
            ".." => drop(kept.pop().ok_or(PathRefusal::AboveRoot)?),
            _ => kept.push(segment),
        }
        if position == last && matches!(segment, "." | "..") {
            // "/a/.." names the directory: it ends with a slash.
            kept.push("");
        }
    }
    Ok(format!("/{}", kept.join("/")))
}

/// Would a dot segment appear once the encoded slashes (in upper case by now) are decoded?
fn hides_a_dot_segment(path: &str) -> bool {
    let segments = path.split('/').flat_map(|part| part.split("%2F")).flat_map(|part| part.split("%5C"));
    segments.into_iter().any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        for (input, expected) in [
            ("/", Ok("/")),
            ("*", Ok("*")),
            ("/a/b", Ok("/a/b")),
            ("/a//b", Ok("/a//b")),
            ("/a;v=1", Ok("/a;v=1")),
            ("/a/./b", Ok("/a/b")),
            ("/a/../b", Ok("/b")),
            ("/a/..", Ok("/")),
            ("/a/b/.", Ok("/a/b/")),
            ("/%61%2d%7E", Ok("/a-~")),
            ("/%e4%f6", Ok("/%E4%F6")),
            ("/a/%2e%2e/b", Ok("/b")),
            ("/.well-known/x", Ok("/.well-known/x")),
            ("/a{b}^\"|`c", Ok("/a%7Bb%7D%5E%22%7C%60c")),
            ("/{/../%7b/[x]", Ok("/%7B/[x]")),
            ("/a<b", Err(PathRefusal::Malformed)),
            ("/a>b", Err(PathRefusal::Malformed)),
            ("/..", Err(PathRefusal::AboveRoot)),
            ("/a/../../b", Err(PathRefusal::AboveRoot)),
            ("/%2e%2e/etc", Err(PathRefusal::AboveRoot)),
            ("/a%00b", Err(PathRefusal::EncodedNul)),
            ("", Err(PathRefusal::Malformed)),
            ("a", Err(PathRefusal::Malformed)),
            ("/a b", Err(PathRefusal::Malformed)),
            ("/a\\b", Err(PathRefusal::Malformed)),
            ("/a%", Err(PathRefusal::Malformed)),
            ("/a%2", Err(PathRefusal::Malformed)),
            ("/a%zz", Err(PathRefusal::Malformed)),
            ("/a%+1", Err(PathRefusal::Malformed)),
            ("/ä", Err(PathRefusal::Malformed)),
            ("/a#b", Err(PathRefusal::Malformed)),
        ] {
            assert_eq!(normalise(input).as_ref().map(|n| &*n.path).map_err(|e| *e), expected, "{input}");
        }
    }

    #[test]
    fn encoded_slashes_are_kept_and_reported() {
        for (input, path) in [("/a%2fb", "/a%2Fb"), ("/a%5Cb", "/a%5Cb")] {
            let normalised = normalise(input).unwrap();
            assert_eq!((&*normalised.path, normalised.has_encoded_slash), (path, true));
        }
    }

    #[test]
    fn an_encoded_slash_beside_a_dot_segment_is_refused_for_every_route() {
        for input in ["/a/..%2Fb", "/a%2f..", "/a%5c..%5Cb", "/a/%2e%2e%2fb", "/.%2fa", "/a%2F./b"] {
            assert_eq!(normalise(input), Err(PathRefusal::EncodedSlash), "{input}");
        }
        for input in ["/a%2F...", "/a%2F.b", "/..a%2Fb"] {
            assert!(normalise(input).is_ok(), "{input}");
        }
    }

    #[test]
    fn a_normal_path_is_not_copied() {
        assert!(matches!(normalise("/a/b-c").unwrap().path, Cow::Borrowed(_)));
        assert!(matches!(normalise("/a/%E4").unwrap().path, Cow::Borrowed(_)));
    }

    #[test]
    fn an_accepted_path_is_final_and_safe() {
        let mut rng = crate::base::rng::Rng::new(3);
        let parts = [
            "/", "/", ".", "..", "a", "%2e", "%2F", "%5c", "%25", "%41", "%c3", "%", ";", "~", "\\", "%00", "2e", "{",
            "|", "^",
        ];
        let mut accepted = 0;
        for _ in 0..20_000 {
            let length = rng.below(8) as usize;
            let drawn = (0..length).map(|_| parts[rng.below(parts.len() as u32) as usize]).collect::<String>();
            let input = format!("/{drawn}");
            let Ok(once) = normalise(&input) else { continue };
            accepted += 1;
            assert_eq!(normalise(&once.path).map(|twice| twice.path), Ok(once.path.clone()), "{input}");
            assert!(once.path.starts_with('/') && !once.path.contains('\\'), "{input}");
            assert!(!once.path.split('/').any(|segment| matches!(segment, "." | "..")), "{input}");
            assert!(!hides_a_dot_segment(&once.path), "{input}");
        }
        assert!(accepted > 5_000, "only {accepted} were accepted");
    }
}
