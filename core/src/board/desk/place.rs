//! Where is a backend on the board? By position, until members are regrouped: who keeps a name across that keeps its
//! [`BackendKey`](crate::base::identity::BackendKey).

/// An upstream's place in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::board) struct Position(usize);

/// A member's place in its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::board) struct Seat(usize);

/// A member's place on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::board) struct Place {
    pub upstream: Position,
    pub seat: Seat,
}

impl Position {
    /// Of an upstream that the plan does not have any more: it is told goodbye, and touched no more.
    pub(in crate::board) const GONE: Self = Self(usize::MAX);

    pub(in crate::board) const fn new(index: usize) -> Self {
        Self(index)
    }

    pub(in crate::board) const fn index(self) -> usize {
        self.0
    }
}

impl Seat {
    pub(in crate::board) const fn new(index: usize) -> Self {
        Self(index)
    }

    pub(in crate::board) const fn index(self) -> usize {
        self.0
    }
}
