//! Where does a connection get room from? From its thread: a buffer is lent while there is something in it, and rests with the thread else, so that an
//! idle connection has none and a busy one asks nobody for memory.

use bytes::BytesMut;
use std::cell::RefCell;

/// What one read may bring.
pub(super) const SIZE: usize = 16 * 1024;
/// What a head of ours usually takes.
const HEAD: usize = 2 * 1024;
/// What a thread keeps at most; more go back to the system.
const KEPT: usize = 64;

thread_local! {
    static READ: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
    static WRITTEN: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for one more read.
pub(super) fn lend(buffer: &mut BytesMut) {
    if buffer.capacity() == 0 {
        *buffer = READ.with_borrow_mut(Vec::pop).unwrap_or_default();
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
        *buffer = WRITTEN.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(HEAD));
    }
}

pub(super) fn give_back_of_heads(buffer: &mut Vec<u8>) {
    buffer.clear();
    keep(&WRITTEN, std::mem::take(buffer), Vec::capacity);
}

/// One that has grown beyond what is usual goes back to the system.
fn keep<B>(resting: &'static std::thread::LocalKey<RefCell<Vec<B>>>, buffer: B, capacity: impl Fn(&B) -> usize) {
    if capacity(&buffer) == 0 || capacity(&buffer) > 2 * SIZE {
        return;
    }
    resting.with_borrow_mut(|resting| {
        if resting.len() < KEPT {
            resting.push(buffer);
        }
    });
}
