//! How does a body leave over HTTP/1? As its head says: by a length, in chunks, or to the connection's end.

use super::Leaving;
use bytes::Bytes;
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
pub(super) struct Unframed;

impl Framer {
    /// Frames a piece. `end`: it is the last, unless trailers do the ending.
    ///
    /// # Errors
    /// It is more, or less, than was promised.
    pub(super) fn frame(&mut self, piece: Bytes, end: bool, leaving: &mut Leaving) -> Result<(), Unframed> {
        match self {
            Self::Nothing => return Ok(()),
            Self::Length(left) => {
                *left = left.checked_sub(piece.len() as u64).ok_or(Unframed)?;
                if end && *left > 0 {
                    return Err(Unframed);
                }
            }
            Self::Chunked if !piece.is_empty() => write::chunk_start(leaving.out(), piece.len()),
            Self::Chunked | Self::ToTheEnd => {}
        }
        let is_chunk = *self == Self::Chunked && !piece.is_empty();
        if !piece.is_empty() {
            leaving.piece(piece);
        }
        if is_chunk {
            leaving.out().extend_from_slice(write::CHUNK_END);
        }
        if end && *self == Self::Chunked {
            leaving.out().extend_from_slice(write::LAST);
        }
        Ok(())
    }
}
