//! Which part of a query is nobody's business? The values of chosen keys, however the keys are written.

use std::borrow::Cow;

/// What is written in place of a secret.
pub const REDACTED: &str = "REDACTED";

/// `query` (with or without its `?`, or a whole address) with the values of `keys` (lower case) taken out.
pub fn query<'q>(query: &'q str, keys: &[String]) -> Cow<'q, str> {
    let Some(start) = query.find('?') else { return Cow::Borrowed(query) };
    let (before, pairs) = query.split_at(start + 1);
    if !split(pairs).any(|(_, pair)| secret_of(pair, keys).is_some()) {
        return Cow::Borrowed(query);
    }
    let mut out = String::with_capacity(query.len());
    out.push_str(before);
    for (separator, pair) in split(pairs) {
        out.push_str(separator);
        match secret_of(pair, keys) {
            Some(key) => out.extend([key, "=", REDACTED]),
            None => out.push_str(pair),
        }
    }
    Cow::Owned(out)
}

/// The pairs, each with what stands before it.
fn split(pairs: &str) -> impl Iterator<Item = (&str, &str)> {
    pairs.split_inclusive(['&', ';', '#']).scan("", |before, piece| {
        let separator = std::mem::take(before);
        let end = piece.strip_suffix(['&', ';', '#']).unwrap_or(piece);
        *before = piece.get(end.len()..).unwrap_or_default();
        Some((separator, end))
    })
}

/// The key of a pair, as it was written, where it is one of those.
fn secret_of<'p>(pair: &'p str, keys: &[String]) -> Option<&'p str> {
    let (key, _) = pair.split_once('=')?;
    let named = |known: &String| {
        let mut known = known.bytes();
        decoded(key).all(|byte| known.next() == Some(byte.to_ascii_lowercase())) && known.next().is_none()
    };
    keys.iter().any(named).then_some(key)
}

/// The bytes of a key, `%` and `+` undone: `p%61ssword` is what a server reads as `password`.
fn decoded(key: &str) -> impl Iterator<Item = u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut rest = key.as_bytes();
    std::iter::from_fn(move || {
        let (first, after) = rest.split_first()?;
        rest = after;
        match (first, after) {
            (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = behind;
                    Some(high * 16 + low)
                }
                _ => Some(b'%'),
            },
            (b'+', _) => Some(b' '),
            (byte, _) => Some(*byte),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_chosen_keys_are_taken_out() {
        let keys = ["token", "password"].map(str::to_owned);
        for (from, to) in [
            ("", ""),
            ("?", "?"),
            ("?a=1&b=2", "?a=1&b=2"),
            ("?token=abc", "?token=REDACTED"),
            ("?a=1&TOKEN=abc&b=2", "?a=1&TOKEN=REDACTED&b=2"),
            ("?a=1;password=x=y;b", "?a=1;password=REDACTED;b"),
            ("?p%61ssword=x", "?p%61ssword=REDACTED"),
            ("?tokens=1&xtoken=2&token", "?tokens=1&xtoken=2&token"),
            ("?token=", "?token=REDACTED"),
            ("?%=1&%7=2&to%6Ben=3", "?%=1&%7=2&to%6Ben=REDACTED"),
            ("https://a.test/x?a=1&token=2#token=3", "https://a.test/x?a=1&token=REDACTED#token=REDACTED"),
            ("/x/token=7", "/x/token=7"),
        ] {
            assert_eq!(query(from, &keys), to, "{from}");
        }
    }

    #[test]
    fn a_query_without_a_secret_is_not_copied() {
        assert!(matches!(query("?a=1&b=2", &["token".to_owned()]), Cow::Borrowed(_)));
    }
}
