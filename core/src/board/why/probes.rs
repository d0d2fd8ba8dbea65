//! What do a backend's probes say of it?

use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(in crate::board) enum ProbesSay<'a> {
    /// It has no readiness probe.
    Nothing,
    Unchecked,
    /// Its startup probe has not passed yet.
    Starting {
        how: &'a str,
    },
    /// Another instance was seen, and its startup probe has not ended.
    StartsAnew,
    NotStarted {
        within: Duration,
        how: &'a str,
    },
    /// Its liveness probe failed for good; passes that came since, of those that bring it back.
    NotAlive {
        how: &'a str,
        passes: Option<(u32, u32)>,
    },
    Pass,
    /// It is up, and the last probe failed: how, and how many of how many failures are left.
    Fail {
        how: &'a str,
        left: (u32, u32),
        held: bool,
    },
    /// It is out, and the last probe failed.
    OutFailing {
        how: &'a str,
    },
    /// It is out, and the last probe passed: how the last failed one failed, and how many of how many passes are there.
    OutPassing {
        how: &'a str,
        passes: (u32, u32),
    },
}

impl fmt::Display for ProbesSay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("it has no readiness probe"),
            Self::Unchecked => f.write_str("waits for its first probe"),
            Self::Starting { how } => write!(f, "it has not passed its startup probe yet: {how}"),
            Self::StartsAnew => {
                f.write_str("another instance answers at its address, and has to pass its startup probe")
            }
            Self::NotStarted { within, how } => write!(f, "it did not start within {}: {how}", whole(*within)),
            Self::NotAlive { how, passes: None } => write!(f, "its liveness probe fails: {how}"),
            Self::NotAlive { how, passes: Some((passes, needed)) } => {
                write!(f, "its liveness probe failed: {how}; {passes} of {needed} passes that bring it back")
            }
            Self::Pass => f.write_str("its probes pass"),
            Self::Fail { how, held: true, .. } => write!(f, "its probes fail, but its traffic succeeds: {how}"),
            Self::Fail { how, left: (left, threshold), .. } => {
                let failures = threshold.saturating_sub(*left);
                write!(f, "its last probe failed, {failures} of the {threshold} failures that take it out: {how}")
            }
            Self::OutFailing { how } => write!(f, "its probes fail: {how}"),
            Self::OutPassing { how, passes: (passes, needed) } => {
                write!(f, "its probes failed: {how}; {passes} of {needed} passes that bring it back")
            }
        }
    }
}

/// In whole milliseconds below ten seconds, else in whole seconds.
fn whole(span: Duration) -> String {
    if span < Duration::from_secs(10) { format!("{} ms", span.as_millis()) } else { format!("{} s", span.as_secs()) }
}
