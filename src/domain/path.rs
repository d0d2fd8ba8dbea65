//! Which path do routes match and backends receive?
//!
//! One normalised form, so that a route and a backend never see two different paths: dot segments removed (RFC 3986 §5.2.4), unreserved
//! characters percent-decoded, escapes in upper case. `%00` and dot segments above the root are refused; `%2F` and `%5C` are
//! kept and reported, since only the matched route knows whether it allows them.

use std::borrow::Cow;

/// Why a request target is refused (answered 400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathRefusal {
    /// Not origin-form, or holds a byte that a target cannot hold, or a broken escape.
    Malformed,
    /// `%2F` or `%5C` where the route does not allow it.
    EncodedSlash,
    /// `%00`.
    EncodedNul,
    /// `..` above the root.
    AboveRoot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised<'a> {
    pub path: Cow<'a, str>,
    pub has_encoded_slash: bool,
}

/// The normalised path (without query). `Cow::Borrowed` when nothing had to change. `*` (of `OPTIONS *`) stays as it is.
///
/// # Errors
/// Why the target is refused.
pub fn normalise(path: &str) -> Result<Normalised<'_>, PathRefusal> {
    if path == "*" {
        return Ok(Normalised { path: Cow::Borrowed(path), has_encoded_slash: false });
    }
    if !path.starts_with('/') || !path.bytes().all(may_stand_in_a_path) {
        return Err(PathRefusal::Malformed);
    }
    let (decoded, has_encoded_slash) = if path.contains('%') { decode(path)? } else { (Cow::Borrowed(path), false) };
    let path = if decoded.contains("/.") { Cow::Owned(remove_dot_segments(&decoded)?) } else { decoded };
    Ok(Normalised { path, has_encoded_slash })
}

/// RFC 3986's pchar and "/", and the four characters that browsers leave as they are: `[ ] | ^`-like bytes are not among them.
fn may_stand_in_a_path(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b';' | b'=' | b'@'..=b'Z' | b'_' | b'a'..=b'z' | b'~' | b'[' | b']' | b'|')
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
    fn a_normal_path_is_not_copied() {
        assert!(matches!(normalise("/a/b-c").unwrap().path, Cow::Borrowed(_)));
        assert!(matches!(normalise("/a/%E4").unwrap().path, Cow::Borrowed(_)));
    }

    #[test]
    fn normalising_twice_changes_nothing() {
        for input in ["/a/./%7e/%2F/../b", "/%41/%5c//x/.", "/a/b/../../c"] {
            let once = normalise(input).unwrap().path.into_owned();
            assert_eq!(normalise(&once).unwrap().path, once);
        }
    }
}
