//! How does a body leave over HTTP/1? As its head says: by a length, in chunks, or to the connection's end.

use super::Leaving;
use bytes::Bytes;
use http::HeaderMap;
use pulsegate_core::http::http1::write;

/// The body that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framer {
    /// There is none, whatever is offered.
    Nothing,
    /// So many bytes are left of it.
    Length(u64),
    Chunked,
    /// What comes is the body, or another protocol.
    ToTheEnd,
}

/// What was offered is not the body that the head promised: the connection can only be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unframed;

impl Framer {
    /// Frames a piece. `end`: it is the last, unless trailers do the ending.
    ///
    /// # Errors
    /// It is more, or less, than was promised.
    pub fn frame(&mut self, piece: Bytes, end: bool, leaving: &mut Leaving) -> Result<(), Unframed> {
        match self {
            Self::Nothing => return Ok(()),
            Self::Length(left) => {
                *left = left.checked_sub(piece.len() as u64).ok_or(Unframed)?;
                if end && *left > 0 {
                    return Err(Unframed);
                }
            }
            Self::Chunked if !piece.is_empty() => write::chunk_size(piece.len() as u64, leaving.out()),
            Self::Chunked | Self::ToTheEnd => {}
        }
        let is_chunk = *self == Self::Chunked && !piece.is_empty();
        if !piece.is_empty() {
            leaving.piece(piece);
        }
        if is_chunk {
            leaving.out().extend_from_slice(b"\r\n");
        }
        if end && *self == Self::Chunked {
            leaving.out().extend_from_slice(b"0\r\n\r\n");
        }
        Ok(())
    }

    /// Ends the body with trailers, where it has a place for them.
    ///
    /// # Errors
    /// It is less than was promised.
    pub fn end_with(&mut self, trailers: &HeaderMap, leaving: &mut Leaving) -> Result<(), Unframed> {
        if *self != Self::Chunked {
            return self.frame(Bytes::new(), true, leaving);
        }
        let out = leaving.out();
        out.extend_from_slice(b"0\r\n");
        for (name, value) in trailers {
            write::field(name.as_str().as_bytes(), value.as_bytes(), out);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}
