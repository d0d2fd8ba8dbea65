//! How large may the head of a backend's answer be?
//!
//! That is our limit, not HTTP's: a backend that goes beyond it has broken no rule. So it is a key of its upstream, and what goes beyond it has an end and
//! a reason of its own.

/// In bytes; of HTTP/2, decoded, and counted as RFC 9113 §10.5.1 does.
pub const DEFAULT: usize = 32 * 1024;
pub const LEAST: usize = 1024;
/// pingora reads no longer one.
pub const MOST: usize = 1024 * 1024;
/// More fields than anybody needs; pingora gives up at more.
pub const FIELDS: usize = 256;

/// What a library decodes of HTTP/2 at least.
const DECODED: usize = 1024 * 1024;

/// What a library may hand us over HTTP/2, so that the verdict is ours where it can be: a head beyond it is reset without a word on why, and
/// trailers beyond it are cut to what fits without a word at all.
pub const fn of_library(limit: usize) -> usize {
    let four_times = limit.saturating_mul(4);
    if four_times > DECODED { four_times } else { DECODED }
}

/// Is a decoded head within `limit`? Of each field, the length of its name and of its value.
pub fn fits(fields: impl Iterator<Item = (usize, usize)>, limit: usize) -> bool {
    let (mut count, mut bytes) = (0, 0_usize);
    for (name, value) in fields {
        count += 1;
        bytes = bytes.saturating_add(name + value + 32);
    }
    count <= FIELDS && bytes <= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_within_its_limit_or_not() {
        let fields = |count, value| std::iter::repeat_n((4, value), count);
        for (count, value, limit, within) in [
            (0, 0, 0, true),
            (10, 64, 1000, true),
            (10, 64, 999, false),
            (FIELDS, 0, MOST, true),
            (FIELDS + 1, 0, MOST, false),
            (1, usize::MAX - 100, MOST, false),
        ] {
            assert_eq!(fits(fields(count, value), limit), within, "{count} {value} {limit}");
        }
        assert_eq!((of_library(DEFAULT), of_library(MOST)), (DECODED, 4 * MOST));
    }
}
