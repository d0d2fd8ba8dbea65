//! How does a moment get into a line cheaply? What is the same for a whole second is written once a second, by each thread.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

/// A second, written.
struct Second {
    unix: u64,
    /// "2026-11-24T08:15:30"
    rfc3339: String,
    /// "24/Nov/2026:08:15:30 +0000"
    common: String,
}

thread_local! {
    static SECOND: RefCell<Second> = const { RefCell::new(Second { unix: u64::MAX, rfc3339: String::new(), common: String::new() }) };
}

/// "2026-11-24T08:15:30.250Z"
pub fn rfc3339(line: &mut String, at: SystemTime) {
    let since = since_1970(at);
    with(since.as_secs(), |second| line.push_str(&second.rfc3339));
    let millis = since.subsec_millis();
    line.push('.');
    for place in [100, 10, 1] {
        line.push(char::from(b'0' + (millis / place % 10) as u8));
    }
    line.push('Z');
}

/// "24/Nov/2026:08:15:30 +0000", as NCSA's format has it.
pub fn common(line: &mut String, at: SystemTime) {
    with(since_1970(at).as_secs(), |second| line.push_str(&second.common));
}

fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn with(unix: u64, write: impl FnOnce(&Second)) {
    SECOND.with_borrow_mut(|second| {
        if second.unix != unix {
            second.renew(unix);
        }
        write(second);
    });
}

impl Second {
    /// In the room of the one before, so that no memory is asked for.
    fn renew(&mut self, unix: u64) {
        let at = i64::try_from(unix).ok().and_then(|unix| jiff::Timestamp::from_second(unix).ok());
        let at = at.unwrap_or(jiff::Timestamp::MAX);
        self.unix = unix;
        let forms = [(&mut self.rfc3339, "%Y-%m-%dT%H:%M:%S"), (&mut self.common, "%d/%b/%Y:%H:%M:%S +0000")];
        for (text, form) in forms {
            text.clear();
            // A string takes everything, and both forms can be written of every moment.
            let _ = write!(text, "{}", at.strftime(form));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_follow_the_clock() {
        for (millis, one, other) in [
            (1_795_507_200_250, "2026-11-24T08:00:00.250Z", "24/Nov/2026:08:00:00 +0000"),
            (1_795_507_200_999, "2026-11-24T08:00:00.999Z", "24/Nov/2026:08:00:00 +0000"),
            (1_795_507_201_000, "2026-11-24T08:00:01.000Z", "24/Nov/2026:08:00:01 +0000"),
            (0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 +0000"),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
            let (mut first, mut second) = (String::new(), String::new());
            rfc3339(&mut first, at);
            common(&mut second, at);
            assert_eq!((first.as_str(), second.as_str()), (one, other));
        }
    }
}
