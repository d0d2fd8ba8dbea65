//! How is a moment written in a head? As an IMF-fixdate (RFC 9110 §5.6.7), from seconds that the caller counts.

/// As long as every one.
pub const LENGTH: usize = 29;

const DAY: u64 = 86_400;
const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec", b"Jan", b"Feb"];
/// The first second of the year 10000, which has one digit too many.
const END: u64 = 253_402_300_800;

/// The date so many seconds behind the first of January 1970; of years that it cannot write, the last moment that it can.
pub fn imf_fixdate(seconds: u64) -> [u8; LENGTH] {
    let seconds = if seconds < END { seconds } else { END - 1 };
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let mut date = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let mut put = |at: usize, text: &[u8]| {
        if let Some(place) = date.get_mut(at..at + text.len()) {
            place.copy_from_slice(text);
        }
    };
    put(0, WEEKDAYS.get((days % 7) as usize).copied().unwrap_or(b"Thu"));
    put(5, &two(day));
    put(8, MONTHS.get(month as usize).copied().unwrap_or(b"Jan"));
    put(12, &two(year / 100));
    put(14, &two(year % 100));
    put(17, &two(second / 3600));
    put(20, &two(second / 60 % 60));
    put(23, &two(second % 60));
    date
}

/// Year, month counted from March, and day, of a day counted from 1970. Years that begin in March end with the day that leaps, so that no month's place
/// in one depends on it.
const fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let from_march = days + 719_468;
    let (era, day) = (from_march / ERA, from_march % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let next_year = if month >= 10 { 1 } else { 0 };
    (era * 400 + year + next_year, month, of_month)
}

const fn two(number: u64) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (END - 1, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (END, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(std::str::from_utf8(&imf_fixdate(seconds)), Ok(text), "{seconds}");
        }
    }

    /// Day by day, as a calendar on the wall is read, from 1970 to 2110.
    #[test]
    fn every_day_follows_the_one_before() {
        let (mut day, mut month, mut year) = (1, 1, 1970);
        for days in 0..51_000 {
            let (of_year, from_march, of_month) = civil(days);
            assert_eq!((of_year, (from_march + 2) % 12 + 1, of_month), (year, month, day), "{days}");
            let leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let last = match month {
                2 => 28 + u64::from(leaps),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (day, month, year) = match (day == last, month) {
                (false, _) => (day + 1, month, year),
                (true, 12) => (1, 1, year + 1),
                (true, _) => (1, month + 1, year),
            };
        }
    }
}
