//! What does a request expect, by all lines of `Expect`? One list, whose empty elements are none (RFC 9110 §5.6.1), and whose only member that is
//! met is `100-continue` (§10.1.1).

/// From nothing to what nobody meets: of several lines the last in this order counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::http) enum Expectation {
    #[default]
    NoLine,
    /// There are lines, and nothing in them. That says nothing by the grammar, and is sent to find readers who take the name alone for a wish.
    Nothing,
    Continue,
    Unknown,
}

impl Expectation {
    /// Of one line.
    pub fn of(value: &[u8]) -> Self {
        let elements = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|one| !one.is_empty());
        let known = |one: &[u8]| one.eq_ignore_ascii_case(b"100-continue");
        elements.map(|one| if known(one) { Self::Continue } else { Self::Unknown }).max().unwrap_or(Self::Nothing)
    }

    pub fn is_met(self) -> bool {
        matches!(self, Self::NoLine | Self::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_expects() {
        for (value, expected) in [
            ("100-continue", Expectation::Continue),
            ("100-Continue", Expectation::Continue),
            ("100-continue,", Expectation::Continue),
            (",\t, 100-continue ,", Expectation::Continue),
            ("100-continue, 100-continue", Expectation::Continue),
            ("", Expectation::Nothing),
            (" , ", Expectation::Nothing),
            ("x", Expectation::Unknown),
            ("100-continue, x", Expectation::Unknown),
            ("100-continue;a", Expectation::Unknown),
            ("100-continue=1", Expectation::Unknown),
            ("\"100-continue\"", Expectation::Unknown),
            ("100-continue 100-continue", Expectation::Unknown),
        ] {
            assert_eq!(Expectation::of(value.as_bytes()), expected, "{value:?}");
        }
        assert!(Expectation::default().is_met() && !Expectation::Nothing.is_met() && !Expectation::Unknown.is_met());
    }
}
