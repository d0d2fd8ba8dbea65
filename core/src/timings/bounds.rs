//! Between which two times does something happen?

use std::time::Duration;

/// From the best case to the worst. No worst: it may never come to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub best: Duration,
    pub worst: Option<Duration>,
}

impl Bounds {
    pub const fn new(best: Duration, worst: Duration) -> Self {
        Self { best, worst: Some(worst) }
    }

    pub const fn exactly(length: Duration) -> Self {
        Self::new(length, length)
    }

    /// One after the other.
    pub fn then(self, next: Self) -> Self {
        Self { best: self.best + next.best, worst: self.worst.zip(next.worst).map(|(one, two)| one + two) }
    }

    /// Both are under way: whichever comes first.
    pub fn or_sooner(self, other: Self) -> Self {
        let worst = match (self.worst, other.worst) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self { best: self.best.min(other.best), worst }
    }

    /// It is one of the two, and nobody knows which.
    pub fn or_else(self, other: Self) -> Self {
        let worst = self.worst.zip(other.worst).map(|(one, two)| one.max(two));
        Self { best: self.best.min(other.best), worst }
    }
}

/// Whichever comes first, where each may never come at all.
pub fn sooner(one: Option<Bounds>, other: Option<Bounds>) -> Option<Bounds> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.or_sooner(other)),
        (one, other) => one.or(other),
    }
}

/// One of the two, where each may never come at all: then neither is sure.
pub fn either(one: Option<Bounds>, other: Option<Bounds>) -> Option<Bounds> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.or_else(other)),
        (one, other) => one.or(other).map(|some| Bounds { worst: None, ..some }),
    }
}
