//! Where does a connection get room from? From its thread: a buffer is lent while there is something in it, and rests with the thread else, so that an
//! idle connection has none and a busy one asks nobody for memory.

use bytes::BytesMut;
use std::cell::RefCell;

/// What one read may bring. By measurement: twice as much is no faster, and half costs a third of the speed of large bodies.
pub(super) const SIZE: usize = 16 * 1024;
/// What a thread keeps at most; more go back to the system.
const KEPT: usize = 64;

thread_local! {
    static RESTING: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for one more read.
pub(super) fn lend(buffer: &mut BytesMut) {
    if buffer.capacity() == 0 {
        *buffer = RESTING.with_borrow_mut(Vec::pop).unwrap_or_default();
    }
    // Takes the room of pieces that are gone, where all are; asks for new room else.
    if buffer.capacity() - buffer.len() < SIZE / 4 {
        buffer.reserve(SIZE);
    }
}

/// Takes back a buffer that has nothing in it.
pub(super) fn give_back(buffer: &mut BytesMut) {
    let buffer = std::mem::take(buffer);
    RESTING.with_borrow_mut(|resting| {
        if resting.len() < KEPT && buffer.capacity() > 0 {
            resting.push(buffer);
        }
    });
}
