//! `pulsegate explain`: why is a backend out, and when does it come back? The running gateway answers; here it is shown.
//!
//! Exit codes: 0 explained (whatever the standing is), 1 not: nobody knows the backend, or nobody was reached.

use super::asking::Asking;
use super::operate::{self, Target};
use std::process::ExitCode;

pub(super) fn explain(target: &Target, json: bool, asking: &Asking) -> ExitCode {
    let format = if json { "json" } else { "text" };
    operate::show(&target.path(&format!("explain?format={format}")), asking)
}
