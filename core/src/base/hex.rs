//! How is an identifier of a trace written? In hexadecimal digits, by table: this is done for every request.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Digits, `N` of them.
#[derive(Clone, Copy, Debug)]
pub struct Hex<const N: usize>([u8; N]);

/// The 32 digits of a trace's id.
pub fn of_trace(id: u128) -> Hex<32> {
    Hex::of((id >> 64) as u64, id as u64)
}

/// The 16 digits of a span's id.
pub fn of_span(id: u64) -> Hex<16> {
    Hex::of(0, id)
}

impl<const N: usize> Hex<N> {
    /// The last digits of the number that has these two halves.
    fn of(mut high: u64, mut low: u64) -> Self {
        let mut digits = [b'0'; N];
        for (index, digit) in digits.iter_mut().rev().enumerate() {
            let half = if index < 16 { &mut low } else { &mut high };
            *digit = DIGITS[(*half & 15) as usize];
            *half >>= 4;
        }
        Self(digits)
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
        }
    }
}
