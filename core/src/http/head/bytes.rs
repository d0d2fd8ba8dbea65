//! Which bytes may stand where in a head? Every byte of every head is asked about, so one is a look in a table, and many are compared at once.

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

/// Are all of them such? None is skipped, so that the compiler looks at many at a time.
pub(super) fn are_field_bytes(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |all, byte| all & is_field_byte(*byte))
}

/// Where the first CR or LF stands. Blocks without one are passed over at once.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 16;
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let blocks = bytes.chunks_exact(BLOCK);
    let passed = blocks.take_while(|block| !block.iter().fold(false, |found, byte| found | ends(byte))).count() * BLOCK;
    bytes.get(passed..)?.iter().position(ends).map(|at| passed + at)
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

    #[test]
    fn the_end_of_a_line_wherever_it_stands() {
        for length in 0..70 {
            for end in [b"\r\n".as_slice(), b"\n", b"\r"] {
                let text = [b"a".repeat(length).as_slice(), end, b"b\r\n"].concat();
                assert_eq!(line_end(&text), Some(length));
            }
            assert_eq!(line_end(&b"a".repeat(length)), None);
        }
    }
}
