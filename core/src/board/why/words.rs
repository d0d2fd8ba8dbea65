//! How are moments, counts and shares written for people?

use crate::base::time::{Timestamp, brief};

/// "in 1.8 s"; "now" when it is due.
pub(in crate::board) fn ahead(at: Timestamp, now: Timestamp) -> String {
    if at <= now { "now".to_owned() } else { format!("in {}", brief(at.since(now))) }
}

/// "1 pass", "2 passes".
pub(in crate::board) fn count(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

pub(in crate::board) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
