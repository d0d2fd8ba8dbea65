//! Which trace does a request belong to, and is it recorded? W3C Trace Context, read strictly: what is not exactly a `traceparent` begins
//! a new trace.

use crate::base::hex;

/// What a `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// Never 0.
    pub trace: u128,
    /// The span that asks; never 0.
    pub span: u64,
    pub sampled: bool,
    /// The trace id was drawn at random (level 2 of the specification): said again to whoever is next.
    pub random: bool,
}

const SAMPLED: u8 = 0b01;
const RANDOM: u8 = 0b10;
/// Of version 0; later ones may have more behind it.
const LENGTH: usize = 55;

impl TraceParent {
    /// `None`: none that can be continued.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (version, rest) = field(text, 2)?;
        let (trace, rest) = field(rest, 32)?;
        let (span, rest) = field(rest, 16)?;
        let (flags, rest) = rest.split_at_checked(2)?;
        let (version, trace, span, flags) = (hex(version)?, hex(trace)?, hex(span)? as u64, hex(flags)? as u8);
        let ends_well = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || (rest.starts_with(b"-") && std::str::from_utf8(rest).is_ok()),
        };
        let known = ends_well && trace != 0 && span != 0;
        known.then_some(Self { trace, span, sampled: flags & SAMPLED != 0, random: flags & RANDOM != 0 })
    }

    /// As the field says it.
    pub fn written(&self) -> [u8; LENGTH] {
        let flags: &[u8] = match (self.random, self.sampled) {
            (false, false) => b"-00",
            (false, true) => b"-01",
            (true, false) => b"-02",
            (true, true) => b"-03",
        };
        let (trace, span) = (hex::of_trace(self.trace), hex::of_span(self.span));
        let parts = [b"00-", &trace.bytes()[..], b"-", &span.bytes()[..], flags];
        let mut text = [b'0'; LENGTH];
        text.iter_mut().zip(parts.into_iter().flatten()).for_each(|(place, byte)| *place = *byte);
        text
    }
}

/// So many bytes with a `-` behind them, and what comes then.
fn field(text: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    match text.split_at_checked(length)? {
        (field, [byte, rest @ ..]) if *byte == b'-' => Some((field, rest)),
        _ => None,
    }
}

/// Of lower-case digits, as many as a number of 128 bits has at most.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(number << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

/// A request's place in its trace, where we have a word in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What the next backend is told; its span is that of the attempt.
    pub told: TraceParent,
    /// Our own span.
    pub own: u64,
    /// Whose request it is.
    pub parent: Option<u64>,
}

impl Trace {
    pub const fn is_recorded(&self) -> bool {
        self.told.sampled
    }

    /// It begins here: what else the client said of a trace belongs to none.
    pub const fn is_new(&self) -> bool {
        self.parent.is_none()
    }
}

/// Continues the trace of `parent`, or begins one with the ids of `drawn` (trace and span). `trusted`: its peer may decide what is recorded
/// here; a stranger may not, neither by saying so nor by choosing an id. `None`: the trace is not recorded here, and goes on as it came.
pub fn begin(
    parent: Option<TraceParent>,
    trusted: bool,
    (ratio, follow_parent): (f64, bool),
    (trace, span): (u128, u64),
) -> Option<Trace> {
    match parent {
        Some(parent) if trusted => {
            let recorded = if follow_parent { parent.sampled } else { chosen(parent.trace, ratio) };
            let told = TraceParent { span, sampled: true, ..parent };
            recorded.then_some(Trace { told, own: span, parent: Some(parent.span) })
        }
        Some(parent) => {
            let recorded = chosen(trace, ratio);
            // Whoever is behind us decides by our word, not by the stranger's.
            let told = TraceParent { span: if recorded { span } else { parent.span }, sampled: recorded, ..parent };
            (recorded || parent.sampled).then_some(Trace { told, own: span, parent: Some(parent.span) })
        }
        None => {
            let told = TraceParent { trace, span, sampled: chosen(trace, ratio), random: true };
            Some(Trace { told, own: span, parent: None })
        }
    }
}

/// Is this trace recorded, where nobody has decided yet? By its id alone, so that everybody with the same ratio decides alike.
pub fn chosen(trace: u128, ratio: f64) -> bool {
    // The lowest 56 bits are the random ones in every generator; a number with a point holds 53 of them.
    let drawn = ((trace & 0x00ff_ffff_ffff_ffff) >> 3) as f64;
    drawn < ratio * (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_good_one_is_read_and_written_again() {
        for flags in ["00", "01", "02", "03"] {
            let text = GOOD.replace("-01", &format!("-{flags}"));
            let read = TraceParent::parse(text.as_bytes()).unwrap();
            assert_eq!((read.trace, read.span), (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331));
            assert_eq!(&read.written(), text.as_bytes());
        }
    }

    #[test]
    fn later_versions_may_say_more_and_unknown_flags_are_not_passed_on() {
        for (text, known) in [
            (GOOD.replace("00-0", "01-0"), true),
            (GOOD.replace("00-0", "cc-0") + "-what-else", true),
            (GOOD.replace("00-0", "cc-0") + ".x", false),
            (GOOD.replace("00-0", "cc-0") + "x", false),
        ] {
            assert_eq!(
                TraceParent::parse(text.as_bytes()).map(|read| read.written().to_vec()),
                known.then(|| GOOD.into()),
                "{text}"
            );
        }
        let flags = TraceParent::parse(GOOD.replace("-01", "-fd").as_bytes()).unwrap();
        assert_eq!(&flags.written(), GOOD.as_bytes());
    }

    #[test]
    fn a_traceparent_that_is_not_exactly_one_is_none() {
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b71692033310-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333x-01",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "00-0af7651916cd43dd8448eb211c8031ü-b7ad6b7169203331-01",
            "+0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_trace_is_continued_or_begun() {
        let parent = |sampled| TraceParent { trace: 7, span: 8, sampled, random: false };
        let drawn = (u128::MAX, 9);
        // Parent, ratio, follow; recorded, trace, parent of our span. `None`: passed on as it came.
        for (from, ratio, follow, expected) in [
            (None, 1.0, true, Some((true, u128::MAX, None))),
            (None, 0.0, true, Some((false, u128::MAX, None))),
            (Some(parent(true)), 0.0, true, Some((true, 7, Some(8)))),
            (Some(parent(false)), 1.0, true, None),
            (Some(parent(true)), 0.0, false, None),
            (Some(parent(false)), 1.0, false, Some((true, 7, Some(8)))),
        ] {
            let trace = begin(from, true, (ratio, follow), drawn);
            let told = trace.map(|trace| (trace.is_recorded(), trace.told.trace, trace.parent));
            assert_eq!(told, expected, "{from:?} {ratio} {follow}");
            assert!(trace.is_none_or(|trace| trace.own == 9 && trace.is_new() == from.is_none()));
        }
    }

    #[test]
    fn a_stranger_decides_nothing_of_what_is_recorded() {
        let parent = |sampled| TraceParent { trace: 0, span: 8, sampled, random: false };
        // What it says; the ratio; is it recorded, and what is told of it: the span, and whether it is sampled.
        for (sampled, ratio, expected) in [
            (true, 0.0, Some((false, 8, false))),
            (true, 1.0, Some((true, 9, true))),
            (false, 1.0, Some((true, 9, true))),
            (false, 0.0, None),
            // Its id would be chosen by any ratio; ours is drawn.
            (true, 0.5, Some((false, 8, false))),
        ] {
            for follow in [true, false] {
                let trace = begin(Some(parent(sampled)), false, (ratio, follow), (u128::MAX, 9));
                let told = trace.map(|trace| (trace.is_recorded(), trace.told.span, trace.told.sampled));
                assert_eq!(told, expected, "{sampled} {ratio} {follow}");
                assert!(trace.is_none_or(|trace| !trace.is_new() && trace.told.trace == 0));
            }
        }
    }

    #[test]
    fn the_ratio_is_kept_and_its_ends_are_never_and_always() {
        let trace = |index: u128| index.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        assert!((1..1000).all(|index| chosen(trace(index), 1.0) && !chosen(trace(index), 0.0)));
        let share = (1..100_000).filter(|index| chosen(trace(*index), 0.01)).count();
        assert!((800..1200).contains(&share), "{share} of 100000");
        assert!(chosen(u128::MAX, 1.0) && chosen(1, 0.01));
    }
}
