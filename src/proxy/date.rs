//! What does a `Date` say now (RFC 9110 §6.6.1)? Written once a second by each thread.

use crate::clock::Clock;
use pulsegate_core::http::http1::date::imf_fixdate;
use std::cell::Cell;
use std::time::SystemTime;

pub type Date = [u8; 29];

thread_local! {
    static WRITTEN: Cell<(u64, Date)> = const { Cell::new((u64::MAX, [b' '; 29])) };
}

pub fn now() -> Date {
    let seconds = Clock::date().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    WRITTEN.with(|written| {
        let (at, text) = written.get();
        if at == seconds {
            return text;
        }
        let text = imf_fixdate(seconds);
        written.set((seconds, text));
        text
    })
}
