//! How is a number written? In digits, by hand: the formatting machinery costs more than the number.

/// A number as text.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    /// The most that a number of 64 bits has.
    digits: [u8; 20],
    start: usize,
}

impl Digits {
    pub fn decimal(number: u64) -> Self {
        Self::of(number, 10)
    }

    /// In lower case.
    pub fn hexadecimal(number: u64) -> Self {
        Self::of(number, 16)
    }

    fn of(number: u64, base: u64) -> Self {
        let (mut digits, mut start, mut rest) = ([b'0'; 20], 20, number);
        for digit in digits.iter_mut().rev() {
            *digit = BY_VALUE.get((rest % base) as usize).copied().unwrap_or_default();
            start -= 1;
            rest /= base;
            if rest == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    pub fn bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

const BY_VALUE: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_library_writes_them() {
        for number in [0, 1, 9, 10, 15, 16, 99, 100, 255, 256, 65_535, 1_234_567_890, u64::MAX - 1, u64::MAX] {
            assert_eq!(Digits::decimal(number).bytes(), number.to_string().as_bytes());
            assert_eq!(Digits::hexadecimal(number).bytes(), format!("{number:x}").as_bytes());
        }
    }
}
