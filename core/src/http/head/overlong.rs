//! What is too long of a head that does not end within its bound? Whoever is refused is told of the part that was.

use crate::http::problem::Problem;

/// `within`: what the bound has let in of it, and which does not end there.
pub fn too_large(within: &[u8]) -> Problem {
    if within.contains(&b'\n') {
        return Problem::HeadTooLarge;
    }
    match within.iter().filter(|byte| **byte == b' ').count() {
        1 => Problem::TargetTooLong,
        // No method is so long, and behind the version there is nothing.
        _ => Problem::MalformedRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_is_too_long_is_the_one_that_is_named() {
        for (within, problem) in [
            ("GETGETGETGET", Problem::MalformedRequest),
            ("", Problem::MalformedRequest),
            ("GET /aaaaaaaaaaa", Problem::TargetTooLong),
            ("GET ", Problem::TargetTooLong),
            ("GET / HTTP/1.1111111", Problem::MalformedRequest),
            ("GET / HTTP/1.1\r", Problem::MalformedRequest),
            ("GET / HTTP/1.1\r\n", Problem::HeadTooLarge),
            ("GET / HTTP/1.1\nHost: a a a", Problem::HeadTooLarge),
        ] {
            assert_eq!(too_large(within.as_bytes()), problem, "{within:?}");
        }
    }
}
