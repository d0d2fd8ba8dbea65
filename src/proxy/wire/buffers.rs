//! Where does a connection get room from? From its thread: a buffer is lent while there is something in it, and rests with the thread else, so that an
//! idle connection has none and a busy one asks nobody for memory.

use crate::proxy::spare::{self, Spares};
use bytes::BytesMut;
use std::thread::LocalKey;

/// What one read may bring.
pub(super) const SIZE: usize = 16 * 1024;
/// What a head of ours usually takes.
const HEAD: usize = 2 * 1024;
/// What a thread keeps at most; more go back to the system.
const KEPT: usize = 64;

thread_local! {
    static READ: Spares<BytesMut> = const { Spares::at_most(KEPT) };
    static WRITTEN: Spares<Vec<u8>> = const { Spares::at_most(KEPT) };
}

/// Makes room for one more read.
pub(super) fn lend(buffer: &mut BytesMut) {
    if buffer.capacity() == 0 {
        *buffer = spare::take(&READ).unwrap_or_default();
    }
    // From its beginning, where all pieces that lay in it are gone; behind them, as long as there is some room; in new room else.
    if !buffer.try_reclaim(SIZE) && buffer.capacity() - buffer.len() < SIZE / 4 {
        buffer.reserve(SIZE);
    }
}

/// Takes back a buffer that has nothing in it.
pub(super) fn give_back(buffer: &mut BytesMut) {
    keep(&READ, std::mem::take(buffer), BytesMut::capacity);
}

/// Room to put a head together.
pub(super) fn lend_for_heads(buffer: &mut Vec<u8>) {
    if buffer.capacity() == 0 {
        *buffer = spare::take(&WRITTEN).unwrap_or_else(|| Vec::with_capacity(HEAD));
    }
}

pub(super) fn give_back_of_heads(buffer: &mut Vec<u8>) {
    buffer.clear();
    keep(&WRITTEN, std::mem::take(buffer), Vec::capacity);
}

/// One that has grown beyond what is usual goes back to the system.
fn keep<B>(spares: &'static LocalKey<Spares<B>>, buffer: B, capacity: impl Fn(&B) -> usize) {
    if (1..=2 * SIZE).contains(&capacity(&buffer)) {
        spare::keep(spares, buffer);
    }
}
