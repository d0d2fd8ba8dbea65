//! How does a message say where its body ends?
//!
//! Sources: RFC 9112 §6.3.

/// What follows a head on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body; of a request, none of length 0 either.
    None,
    /// So many bytes.
    Length(u64),
    Chunked,
    /// An answer that ends with its connection.
    UntilClose,
    /// Another protocol, to the connection's end.
    Switched,
}
