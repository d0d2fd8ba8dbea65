//! Where does a thread keep room that requests need again and again? With itself: what one has used is taken by the next, while it is still in the cache,
//! and nobody is asked for memory.

use std::cell::RefCell;
use std::thread::LocalKey;

/// What a thread keeps of one kind.
pub struct Spares<T> {
    resting: RefCell<Vec<T>>,
    at_most: usize,
}

impl<T> Spares<T> {
    pub const fn at_most(at_most: usize) -> Self {
        Self { resting: RefCell::new(Vec::new()), at_most }
    }
}

/// What was laid down last.
pub fn take<T>(spares: &'static LocalKey<Spares<T>>) -> Option<T> {
    spares.with(|spares| spares.resting.borrow_mut().pop())
}

/// For whoever takes next. What is beyond the bound is let go, and so is all of a thread that ends.
pub fn keep<T>(spares: &'static LocalKey<Spares<T>>, room: T) {
    let _ = spares.try_with(|spares| {
        let mut resting = spares.resting.borrow_mut();
        if resting.len() < spares.at_most {
            resting.push(room);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static NUMBERS: Spares<u8> = const { Spares::at_most(2) };
    }

    #[test]
    fn the_last_is_taken_first_and_no_more_are_kept_than_that() {
        assert_eq!(take(&NUMBERS), None);
        (1..=3).for_each(|number| keep(&NUMBERS, number));
        assert_eq!([take(&NUMBERS), take(&NUMBERS), take(&NUMBERS)], [Some(2), Some(1), None]);
    }
}
