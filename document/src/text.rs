//! Which characters are these bytes? Health answers are UTF-8, except where they are not.
//!
//! What can be told without guessing is read: a byte order mark, UTF-16 by its mark or by the zeros between ASCII letters, Latin-1 where
//! the header says so, and UTF-8 with some broken characters. All but the first are objected to. Compressed bytes are not unpacked: nobody
//! asked for them, and what they unpack to has no bound.

use std::borrow::Cow;

/// Bytes as text, and what is wrong with them although they could be read.
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) objection: Option<String>,
}

/// # Errors
/// Why this is no text: a sentence.
pub(super) fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Result<Text<'a>, String> {
    if let Some(kind) = compressed(body) {
        return Err(format!("the body is compressed ({kind}), which was not asked for"));
    }
    if let Some(text) = utf16(body) {
        let objection = Some("the body is written in UTF-16, where UTF-8 is due (RFC 8259)".to_owned());
        return Ok(Text { text: Cow::Owned(text), objection });
    }
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if let Ok(text) = std::str::from_utf8(body) {
        return Ok(Text { text: Cow::Borrowed(text), objection: None });
    }
    if content_type.is_some_and(says_latin_1) {
        let text = body.iter().map(|byte| char::from(*byte)).collect();
        return Ok(Text { text: Cow::Owned(text), objection: None });
    }
    let objection = Some("the body is not valid UTF-8 (what could be read was)".to_owned());
    Ok(Text { text: String::from_utf8_lossy(body), objection })
}

/// By the first bytes, which no text begins with.
fn compressed(body: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 4] =
        [(b"\x1F\x8B", "gzip"), (b"\x28\xB5\x2F\xFD", "zstd"), (b"\x78\x9C", "deflate"), (b"PK\x03\x04", "zip")];
    KINDS.into_iter().find(|(magic, _)| body.starts_with(magic)).map(|(_, kind)| kind)
}

fn utf16(body: &[u8]) -> Option<String> {
    let (body, big) = match body {
        [0xFF, 0xFE, rest @ ..] => (rest, false),
        [0xFE, 0xFF, rest @ ..] => (rest, true),
        [first, 0, third, 0, ..] if *first != 0 && *third != 0 => (body, false),
        [0, second, 0, fourth, ..] if *second != 0 && *fourth != 0 => (body, true),
        _ => return None,
    };
    let units = body.chunks(2).map(|pair| match pair {
        [one, other] if big => u16::from_be_bytes([*one, *other]),
        [one, other] => u16::from_le_bytes([*one, *other]),
        _ => 0xFFFD,
    });
    Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

fn says_latin_1(content_type: &str) -> bool {
    let lower = content_type.to_ascii_lowercase();
    let charset = lower.split_once("charset=").map_or("", |(_, charset)| charset).trim_start_matches('"');
    ["iso-8859-1", "latin1", "latin-1", "windows-1252", "cp1252"].iter().any(|name| charset.starts_with(name))
}
