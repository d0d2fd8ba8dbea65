//! Which bytes may stand where in a head? Every byte of every head is asked about, so many are looked at together wherever they can be, and one
//! is a look in a table.

/// RFC 9110 §5.6.2.
pub const fn is_token(byte: u8) -> bool {
    TOKENS[byte as usize]
}

const TOKENS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'z' | b'|' | b'~' | b'0'..=b'9' | b'A'..=b'Z'
        );
        byte += 1;
    }
    table
};

/// What may stand in a field's value, a reason phrase or a chunk extension: no control character but the tab.
pub const fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || is_plain(byte)
}

const fn is_plain(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7F
}

/// How many such bytes stand at the start.
#[inline]
pub(super) fn field_bytes(bytes: &[u8]) -> usize {
    leading(passed_over(bytes, is_plain), bytes, controls, is_field_byte)
}

/// How many bytes of a token stand at the start.
#[inline]
pub(super) fn token(bytes: &[u8]) -> usize {
    leading(bytes, bytes, no_letters, is_token)
}

/// Are all of them bytes of a field?
pub(super) fn are_field_bytes(bytes: &[u8]) -> bool {
    field_bytes(bytes) == bytes.len()
}

/// Where the first CR or LF stands.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += field_bytes(bytes.get(at..)?);
        match bytes.get(at)? {
            b'\r' | b'\n' => return Some(at),
            _ => at += 1,
        }
    }
}

/// Is it this word, in any letter case? All bytes together, since the first one rarely says no.
#[inline]
pub(in crate::http) fn is_word<const N: usize>(bytes: &[u8], lower: &[u8; N]) -> bool {
    let Ok(bytes) = <&[u8; N]>::try_from(bytes) else { return false };
    // Of the words that are asked for, what has 0x40 is a letter, and 0x20 is what tells its two forms apart.
    bytes.iter().zip(lower).fold(0, |all, (one, other)| all | ((one | ((other & 0x40) >> 1)) ^ other)) == 0
}

/// Where this byte stands first.
#[inline]
pub(super) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let is_other = |other| other != byte;
    let at = leading(passed_over(bytes, is_other), bytes, |word| zeros(word ^ (ONES * u64::from(byte))), is_other);
    (at < bytes.len()).then_some(at)
}

/// What is left behind blocks of nothing but bytes like this.
#[inline(always)]
fn passed_over(bytes: &[u8], is_like_this: impl Fn(u8) -> bool) -> &[u8] {
    let mut rest = bytes;
    // None is skipped, so that the compiler compares a block at once.
    while let Some((block, behind)) = rest.split_first_chunk::<16>()
        && block.iter().fold(true, |all, byte| all & is_like_this(*byte))
    {
        rest = behind;
    }
    rest
}

/// How many bytes stand at the start of all that fit, where `rest` begins behind some that do. `suspects`: of eight bytes, the high bit of the first that
/// may not fit, and nothing in front of it.
#[inline(always)]
fn leading(rest: &[u8], all: &[u8], suspects: impl Fn(u64) -> u64, fits: impl Fn(u8) -> bool) -> usize {
    let mut rest = rest;
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let found = suspects(u64::from_le_bytes(*eight));
        if found == 0 {
            rest = behind;
            continue;
        }
        rest = rest.get(found.trailing_zeros() as usize / 8..).unwrap_or_default();
        match rest {
            [byte, behind @ ..] if fits(*byte) => rest = behind,
            _ => return all.len() - rest.len(),
        }
    }
    all.len() - rest.len() + rest.iter().take_while(|byte| fits(**byte)).count()
}

const ONES: u64 = u64::MAX / 0xFF;
const HIGH: u64 = ONES << 7;

/// The first byte of a word that is zero. What borrows from it may seem to be one too, but stands behind it.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The first one below the blank, or DEL.
const fn controls(word: u64) -> u64 {
    let below_blank = word.wrapping_sub(ONES * 0x20);
    let del = (word ^ (ONES * 0x7F)).wrapping_sub(ONES);
    (below_blank | del) & !word & HIGH
}

/// The first one that is neither a letter nor a hyphen, of which most names are.
const fn no_letters(word: u64) -> u64 {
    let low = (word | (ONES * 0x20)) & !HIGH;
    let letters = (low + ONES * (0x80 - b'a' as u64)) & !(low + ONES * (0x7F - b'z' as u64));
    // No byte borrows or carries here: each stays below 0x80 before something below 0x80 is added.
    let hyphens = !(((word ^ (ONES * b'-' as u64)) & !HIGH) + ONES * 0x7F);
    !((letters | hyphens) & !word) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_field_bytes() {
        let tokens = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for byte in 0..=255 {
            assert_eq!(is_token(byte), tokens.as_bytes().contains(&byte), "{byte}");
            assert_eq!(is_field_byte(byte), byte == b'\t' || (byte >= b' ' && byte != 0x7f), "{byte}");
            let value = [b"a".repeat(20).as_slice(), &[byte], b"b"].concat();
            assert_eq!(are_field_bytes(&value), is_field_byte(byte), "{byte}");
        }
        assert!(are_field_bytes(b""));
    }

    /// Two bytes of every kind, wherever in a block they stand.
    #[test]
    fn many_bytes_together_are_read_as_one_by_one() {
        let plain = |bytes: &[u8], fits: fn(u8) -> bool| bytes.iter().take_while(|byte| fits(**byte)).count();
        for one in 0..=255 {
            for other in [0, 1, b'\t', b'\n', b'\r', 0x1f, b' ', b'-', b':', b'Z', b'a', b'z', b'{', 0x7f, 0x80, 0xff] {
                for at in 0..35 {
                    let mut bytes = *b"Accept-Language-abcdefg-0123456789-abc";
                    (bytes[at], bytes[at + 1 + at % 3]) = (one, other);
                    assert_eq!(field_bytes(&bytes), plain(&bytes, is_field_byte), "{bytes:?}");
                    assert_eq!(token(&bytes), plain(&bytes, is_token), "{bytes:?}");
                    assert_eq!(find(&bytes, one), bytes.iter().position(|byte| *byte == one), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn words_in_any_letter_case() {
        for (bytes, is_it) in [
            (&b"keep-alive"[..], true),
            (b"Keep-ALIVE", true),
            (b"keep\ralive", false),
            (b"keep-alive ", false),
            (b"keep-aliv", false),
            (b"\x0beep-alive", false),
            (b"\xebeep-alive", false),
            (b"", false),
        ] {
            assert_eq!(is_word(bytes, b"keep-alive"), is_it, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn the_end_of_a_line_wherever_it_stands() {
        for length in 0..70 {
            for end in [b"\r\n".as_slice(), b"\n", b"\r"] {
                for inner in [b"a", b"\t", b"\0", b"\x7f"] {
                    let text = [inner.repeat(length).as_slice(), end, b"b\r\n"].concat();
                    assert_eq!(line_end(&text), Some(length));
                }
            }
            assert_eq!(line_end(&b"a".repeat(length)), None);
        }
    }
}
