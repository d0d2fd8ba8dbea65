//! How is an identifier of a trace or of a request written? In hexadecimal digits, two at a time by table: this is done for every request.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The two digits of every byte.
const PAIRS: [[u8; 2]; 256] = {
    let (mut pairs, mut byte) = ([[0; 2]; 256], 0);
    while byte < pairs.len() {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

/// Digits, `N` of them.
#[derive(Clone, Copy, Debug)]
pub struct Hex<const N: usize>([u8; N]);

/// The 32 digits of a trace's id, or of a request's.
pub fn of_trace(id: u128) -> Hex<32> {
    Hex::of(&id.to_be_bytes())
}

/// The 16 digits of a span's id.
pub fn of_span(id: u64) -> Hex<16> {
    Hex::of(&id.to_be_bytes())
}

impl<const N: usize> Hex<N> {
    fn of(bytes: &[u8]) -> Self {
        let mut digits = [b'0'; N];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(&PAIRS[usize::from(*byte)]);
        }
        Self(digits)
    }

    pub const fn bytes(&self) -> &[u8; N] {
        &self.0
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_library_writes_them() {
        for id in [0, 1, 0xabc, u128::MAX, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c] {
            assert_eq!(of_trace(id).text(), format!("{id:032x}"));
            let id = id as u64;
            assert_eq!(of_span(id).text(), format!("{id:016x}"));
            assert_eq!(of_span(id).bytes(), of_span(id).text().as_bytes());
        }
    }
}
