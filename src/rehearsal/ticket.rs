//! Which request is meant, and what is due for it?

/// Names a request; the place may be another's by the time that something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub slot: u32,
    pub generation: u32,
}

/// What is due for a request. Void where it stands otherwise by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Its time in a queue, or on hold, is up.
    WaitEnds,
    /// The flight of this number ends.
    FlightEnds(u64),
    /// The answer to the flight of this number is late.
    IsLate(u64),
}
