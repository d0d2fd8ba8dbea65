//! Transcripts of the board.
