//! What becomes of a client's connection when its request is over?

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// As HTTP says: it carries another request, or it is closed.
    Finish,
    /// Closed with unread bytes on it, so that the answer arrives all the same.
    Linger,
    /// Ended within an answer: what broke off must not look whole, and what was written of it arrives.
    Cut,
    /// Cut, and what the kernel still holds for a client that does not read is thrown away.
    Reset,
}
