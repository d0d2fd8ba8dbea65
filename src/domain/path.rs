//! Which path do routes match and backends receive?
//!
//! One normalised form, so that a route and a backend never see two different paths: dot segments removed (RFC 3986 §5.2.4), unreserved
//! characters percent-decoded, escapes in upper case. `%2F`, `%5C`, `%00` and dot segments above the root are refused.

/// Why a request target is refused (answered 400).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathRefusal {
    /// Not origin-form, or holds a byte that a target cannot hold.
    Malformed,
    /// `%2F` or `%5C` where the route does not allow it.
    EncodedSlash,
    /// `%00`.
    EncodedNul,
    /// `..` above the root.
    AboveRoot,
}

/// The normalised path (without query). `Cow::Borrowed` when nothing had to change. Encoded slashes are kept (upper case) and
/// reported as `has_encoded_slash`, since only the matched route knows whether it allows them.
pub fn normalise(_path: &str) -> Result<Normalised<'_>, PathRefusal> {
    todo!()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised<'a> {
    pub path: std::borrow::Cow<'a, str>,
    pub has_encoded_slash: bool,
}
