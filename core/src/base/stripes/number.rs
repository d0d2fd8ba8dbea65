//! Which row of numbers is this thread's? The one whose number it holds: no two threads hold the same at the same time.
//!
//! A thread that counts a lot is given a number for as long as it lives; who has none shares a row with all others that have none. What a thread
//! has written in its row is seen by the next one that is given its number, since numbers change hands within a lock: so a row goes on
//! where its former writer left it.

use crate::base::sync::{Mutex, of_each_thread};
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::{Arc, LazyLock, PoisonError};

/// Which numbers are held.
#[derive(Debug, Default)]
pub(super) struct Numbers(Mutex<Vec<bool>>);

/// Those of this process.
static NUMBERS: LazyLock<Arc<Numbers>> = LazyLock::new(Arc::default);

of_each_thread! {
    /// One more than the number of this thread; 0: it has none.
    static HERE: Cell<usize> = const { Cell::new(0) };
}

/// A number, for a thread that is about to begin. Given back when it is dropped.
#[derive(Debug)]
pub struct Number {
    number: usize,
    of: Arc<Numbers>,
}

/// The number of the thread that this lives on, and must not leave: its row has one writer.
#[derive(Debug)]
pub struct Here {
    _number: Number,
    before: usize,
    stays: PhantomData<*const ()>,
}

impl Numbers {
    /// The least that nobody holds.
    pub(super) fn claim(self: &Arc<Self>) -> Number {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = held.iter().position(|held| !held);
        let number = free.unwrap_or(held.len());
        match held.get_mut(number) {
            Some(place) => *place = true,
            None => held.push(true),
        }
        Number { number, of: Arc::clone(self) }
    }
}

impl Number {
    /// One that no other thread of this process holds.
    pub fn claim() -> Self {
        NUMBERS.claim()
    }

    /// From now on this thread counts by itself, until what comes back is dropped.
    #[must_use]
    pub fn here(self) -> Here {
        let before = HERE.with(|here| here.replace(self.number + 1));
        Here { _number: self, before, stays: PhantomData }
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let mut held = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = held.get_mut(self.number) {
            *place = false;
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        HERE.with(|here| here.set(self.before));
    }
}

/// The number of this thread; `None`: it shares a row.
pub(super) fn of_this_thread() -> Option<usize> {
    HERE.with(Cell::get).checked_sub(1)
}

/// As many threads have had a number at the same time.
pub(super) fn most() -> usize {
    NUMBERS.0.lock().unwrap_or_else(PoisonError::into_inner).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_free_number_is_the_next() {
        let numbers = Arc::new(Numbers::default());
        let mut held: Vec<Number> = (0..3).map(|_| numbers.claim()).collect();
        assert_eq!(held.iter().map(|held| held.number).collect::<Vec<_>>(), [0, 1, 2]);
        drop(held.remove(1));
        for _ in 0..2 {
            assert_eq!(numbers.claim().number, 1);
        }
        assert_eq!((held.len(), numbers.0.lock().unwrap().len()), (2, 3));
    }

    #[test]
    fn a_thread_has_its_number_while_it_holds_it() {
        assert_eq!(of_this_thread(), None);
        let numbers = Arc::new(Numbers::default());
        let outer = numbers.claim().here();
        assert_eq!(of_this_thread(), Some(0));
        let inner = numbers.claim().here();
        assert_eq!(of_this_thread(), Some(1));
        drop(inner);
        assert_eq!(of_this_thread(), Some(0));
        drop(outer);
        assert_eq!(of_this_thread(), None);
    }
}

#[cfg(loom)]
#[cfg(test)]
mod model {
    use super::super::Stripes;
    use super::*;

    /// One after the other, two threads hold one number, or both at once two: whoever comes second goes on where the first has left the row.
    #[test]
    fn whoever_is_given_a_number_goes_on_in_its_row() {
        loom::model(|| {
            let shared = Arc::new((Arc::new(Numbers::default()), Stripes::of(1, 2)));
            let count = |shared: Arc<(Arc<Numbers>, Stripes)>| {
                let (numbers, stripes) = &*shared;
                let here = numbers.claim().here();
                stripes.add(0, 1);
                drop(here);
            };
            let other = Arc::clone(&shared);
            let other = loom::thread::spawn(move || count(other));
            count(Arc::clone(&shared));
            other.join().unwrap();
            assert_eq!(shared.1.sum(0), 2);
        });
    }
}
