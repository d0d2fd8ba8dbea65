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
    /// It is not one number. It has to be counted down, and cannot be.
    Malformed,
}

/// What `Max-Forwards` says for this method; `None`: nothing.
pub fn max_forwards<'v>(method: &str, mut lines: impl Iterator<Item = &'v [u8]>) -> Option<MaxForwards> {
    let first = lines.next().filter(|_| matches!(method, "OPTIONS" | "TRACE"))?;
    let is_number = |digits: &&[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let only = Some(first.trim_ascii()).filter(is_number).filter(|_| lines.next().is_none());
    let Some(digits) = only.and_then(|digits| std::str::from_utf8(digits).ok()) else {
        return Some(MaxForwards::Malformed);
    };
    // By the paper's rules, since a sender may write a number that no register holds.
    let zeros = digits.bytes().rev().take_while(|byte| *byte == b'0').count();
    let Some((before, last)) = digits
        .split_at_checked(digits.len() - zeros)
        .and_then(|(rest, _)| rest.split_at_checked(rest.len().checked_sub(1)?))
    else {
        return Some(MaxForwards::Last);
    };
    let last = last.bytes().next().map_or('0', |byte| char::from(byte - 1));
    let less = format!("{before}{last}{}", "9".repeat(zeros));
    let plain = less.trim_start_matches('0');
    Some(MaxForwards::Onward(if plain.is_empty() { "0" } else { plain }.to_owned()))
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
        let malformed = || Some(MaxForwards::Malformed);
        for (method, list, expected) in [
            ("OPTIONS", &[&b"0"[..]][..], Some(MaxForwards::Last)),
            ("TRACE", &[b"000"], Some(MaxForwards::Last)),
            ("OPTIONS", &[b"1"], onward("0")),
            ("OPTIONS", &[b" 10 "], onward("9")),
            ("OPTIONS", &[b"1000"], onward("999")),
            ("OPTIONS", &[b"99999999999999999999999"], onward("99999999999999999999998")),
            ("OPTIONS", &[], None),
            ("OPTIONS", &[b""], malformed()),
            ("OPTIONS", &[b"-1"], malformed()),
            ("OPTIONS", &[b"1\xe9"], malformed()),
            ("OPTIONS", &[b"1", b"1"], malformed()),
            ("OPTIONS", &[b"0", b"0"], malformed()),
            ("OPTIONS", &[b"0, 0"], malformed()),
            ("OPTIONS", &[b"3,"], malformed()),
            ("TRACE", &[b"1.5"], malformed()),
            ("OPTIONS", &[b"007"], onward("6")),
            ("GET", &[b"0"], None),
            ("GET", &[b"many", b"1"], None),
        ] {
            assert_eq!(max_forwards(method, lines(list)), expected, "{method} {list:?}");
        }
    }
}
