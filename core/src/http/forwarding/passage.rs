//! Where has a request been, and how far may it go on? The loop mark (RFC 8586), `Max-Forwards` and `Via` (RFC 9110 §7.6), on the lines of
//! those fields.

/// How often a list of CDN-Loop holds this mark. What stands behind a mark (`;…`) is of those who made it.
pub fn times<'v>(lines: impl Iterator<Item = &'v [u8]>, mark: &str) -> usize {
    let elements = lines.flat_map(|line| line.split(|byte| *byte == b','));
    let name = |element: &'v [u8]| element.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    elements.map(name).filter(|name| *name == mark.as_bytes()).count()
}

/// How far an OPTIONS or a TRACE may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaxForwards {
    /// It ends here.
    Last,
    /// What the next one is told.
    Onward(String),
}

/// What `Max-Forwards` says for this method; `None`: nothing. What is no number, or stands there twice, says nothing and travels as it came.
pub fn max_forwards<'v>(method: &str, mut lines: impl Iterator<Item = &'v [u8]>) -> Option<MaxForwards> {
    let only = lines.next().filter(|_| matches!(method, "OPTIONS" | "TRACE") && lines.next().is_none())?;
    let digits = std::str::from_utf8(only).ok().map(str::trim)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // By the paper's rules, since a sender may write a number that no register holds.
    let zeros = digits.bytes().rev().take_while(|byte| *byte == b'0').count();
    let Some((before, last)) = digits
        .split_at_checked(digits.len() - zeros)
        .and_then(|(rest, _)| rest.split_at_checked(rest.len().checked_sub(1)?))
    else {
        return Some(MaxForwards::Last);
    };
    let last = last.bytes().next().map_or('0', |byte| char::from(byte - 1));
    Some(MaxForwards::Onward(format!("{before}{last}{}", "9".repeat(zeros))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'v>(lines: &'v [&'v [u8]]) -> impl Iterator<Item = &'v [u8]> {
        lines.iter().copied()
    }

    #[test]
    fn our_mark_is_counted_wherever_it_stands() {
        for (list, expected) in [
            (&[][..], 0),
            (&[&b"other"[..]][..], 0),
            (&[b"us"], 1),
            (&[b"us, other; us, us;v=1 ,us-2", b"\xe9,us"], 3),
            (&[b"other;x=us", b""], 0),
        ] {
            assert_eq!(times(lines(list), "us"), expected, "{list:?}");
        }
    }

    #[test]
    fn options_and_trace_are_counted_down() {
        let onward = |text: &str| Some(MaxForwards::Onward(text.to_owned()));
        for (method, list, expected) in [
            ("OPTIONS", &[&b"0"[..]][..], Some(MaxForwards::Last)),
            ("TRACE", &[b"000"], Some(MaxForwards::Last)),
            ("OPTIONS", &[b"1"], onward("0")),
            ("OPTIONS", &[b" 10 "], onward("09")),
            ("OPTIONS", &[b"1000"], onward("0999")),
            ("OPTIONS", &[b"99999999999999999999999"], onward("99999999999999999999998")),
            ("OPTIONS", &[], None),
            ("OPTIONS", &[b""], None),
            ("OPTIONS", &[b"-1"], None),
            ("OPTIONS", &[b"1\xe9"], None),
            ("OPTIONS", &[b"1", b"1"], None),
            ("GET", &[b"0"], None),
        ] {
            assert_eq!(max_forwards(method, lines(list)), expected, "{method} {list:?}");
        }
    }
}
