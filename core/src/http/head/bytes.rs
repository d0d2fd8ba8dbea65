//! Which bytes may stand where in a head? Every byte of every head is asked about, so eight are looked at together wherever they can be, and one
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
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..=0xFF)
}

/// How many such bytes stand at the start.
pub(super) fn field_bytes(bytes: &[u8]) -> usize {
    leading(bytes, controls, is_field_byte)
}

/// How many bytes of a token stand at the start.
pub(super) fn token(bytes: &[u8]) -> usize {
    leading(bytes, no_letters, is_token)
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

/// Where this byte stands first.
pub(super) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let at = leading(bytes, |word| zeros(word ^ (ONES * u64::from(byte))), |other| other != byte);
    (at < bytes.len()).then_some(at)
}

/// How many bytes stand at the start that fit. `suspects`: of eight bytes, the high bit of the first that may not fit, and nothing in front of it.
fn leading(bytes: &[u8], suspects: impl Fn(u64) -> u64, fits: impl Fn(u8) -> bool) -> usize {
    let (mut rest, mut at) = (bytes, 0);
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let found = suspects(u64::from_le_bytes(*eight));
        if found == 0 {
            (rest, at) = (behind, at + 8);
            continue;
        }
        let first = found.trailing_zeros() as usize / 8;
        let Some((byte, behind)) = rest.get(first..).and_then(<[u8]>::split_first) else { break };
        if !fits(*byte) {
            return at + first;
        }
        (rest, at) = (behind, at + first + 1);
    }
    at + rest.iter().take_while(|byte| fits(**byte)).count()
}

const ONES: u64 = u64::MAX / 0xFF;
const HIGH: u64 = ONES << 7;

/// The first byte of a word that is zero. What borrows from it may seem to be one too, but stands behind it.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGH
}

/// The first one below the blank, or DEL.
const fn controls(word: u64) -> u64 {
    (word.wrapping_sub(ONES * 0x20) & !word & HIGH) | zeros(word ^ (ONES * 0x7F))
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

    /// Two bytes of every kind, wherever in a word they stand.
    #[test]
    fn eight_bytes_together_are_read_as_one_by_one() {
        let plain = |bytes: &[u8], fits: fn(u8) -> bool| bytes.iter().take_while(|byte| fits(**byte)).count();
        for one in 0..=255 {
            for other in [0, 1, b'\t', b'\n', b'\r', 0x1f, b' ', b'-', b':', b'Z', b'a', b'z', b'{', 0x7f, 0x80, 0xff] {
                for at in 0..19 {
                    let mut bytes = *b"Accept-Language-abcdefg";
                    (bytes[at], bytes[at + 1 + at % 3]) = (one, other);
                    assert_eq!(field_bytes(&bytes), plain(&bytes, is_field_byte), "{bytes:?}");
                    assert_eq!(token(&bytes), plain(&bytes, is_token), "{bytes:?}");
                    assert_eq!(find(&bytes, one), bytes.iter().position(|byte| *byte == one), "{bytes:?}");
                }
            }
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
