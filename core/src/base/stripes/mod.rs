//! How do many threads count the same things without meeting? Each in a row of its own; whoever reads adds the rows up.
//!
//! A thread that holds a [`Number`] is the only writer of its row, which lies on cache lines that nobody else writes: to add is to load and to store, no
//! more. All others share one row, and pay for it with an atomic addition. Rows are made when the first thread with a number counts; a thread
//! whose number came later than that shares, too.
//!
//! What is read never goes back: no row does, and none is ever taken away, whoever ends. It is for what is told, not for what decides: a
//! reader may miss what was added a moment ago.

mod number;

pub use number::{Here, Number};

use crate::base::sync::{AtomicU64, Relaxed};
use std::marker::PhantomData;
use std::sync::OnceLock;

/// Numbers of one cache line.
const LINE: usize = 8;

#[repr(align(64))]
#[derive(Debug, Default)]
struct Line([AtomicU64; LINE]);

/// Numbers in columns, added up over all threads. They wrap around.
#[derive(Debug)]
pub struct Stripes {
    common: Box<[AtomicU64]>,
    /// One row after the other, each of as many lines as hold all columns.
    own: OnceLock<Box<[Line]>>,
}

/// The row of this thread, for who adds in several of its columns. It does not leave the thread.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    kind: Kind<'a>,
    stays: PhantomData<*const ()>,
}

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    Own(&'a [Line]),
    Common(&'a [AtomicU64]),
}

impl Stripes {
    pub fn new(columns: usize) -> Self {
        Self { common: (0..columns).map(|_| AtomicU64::new(0)).collect(), own: OnceLock::new() }
    }

    /// With as many rows at once.
    #[cfg(all(loom, test))]
    fn of(columns: usize, rows: usize) -> Self {
        let stripes = Self::new(columns);
        stripes.own.get_or_init(|| lines(rows * stripes.lines_of_a_row()));
        stripes
    }

    fn lines_of_a_row(&self) -> usize {
        self.common.len().div_ceil(LINE)
    }

    #[inline]
    pub fn row(&self) -> Row<'_> {
        let own = number::of_this_thread().and_then(|number| self.own(number));
        Row { kind: own.map_or(Kind::Common(&self.common), Kind::Own), stays: PhantomData }
    }

    #[inline]
    fn own(&self, number: usize) -> Option<&[Line]> {
        let length = self.lines_of_a_row();
        let rows = self.own.get_or_init(|| lines(number::most() * length));
        rows.get(number * length..(number + 1) * length)
    }

    #[inline]
    pub fn add(&self, column: usize, more: u64) {
        self.row().add(column, more);
    }

    /// Of all rows. A column that there is not is 0.
    pub fn sum(&self, column: usize) -> u64 {
        let Some(common) = self.common.get(column) else { return 0 };
        let rows = self.own.get().into_iter().flat_map(|rows| rows.chunks(self.lines_of_a_row().max(1)));
        rows.filter_map(|row| cell(row, column))
            .fold(common.load(Relaxed), |sum, cell| sum.wrapping_add(cell.load(Relaxed)))
    }
}

impl Row<'_> {
    #[inline]
    pub fn add(&self, column: usize, more: u64) {
        match self.kind {
            Kind::Own(row) => {
                if let Some(cell) = cell(row, column) {
                    cell.store(cell.load(Relaxed).wrapping_add(more), Relaxed);
                }
            }
            Kind::Common(row) => {
                if let Some(cell) = row.get(column) {
                    cell.fetch_add(more, Relaxed);
                }
            }
        }
    }
}

#[inline]
fn cell(row: &[Line], column: usize) -> Option<&AtomicU64> {
    row.get(column / LINE)?.0.get(column % LINE)
}

fn lines(count: usize) -> Box<[Line]> {
    (0..count).map(|_| Line::default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    #[test]
    fn rows_add_up_and_lie_apart() {
        assert_eq!((size_of::<Line>(), align_of::<Line>()), (64, 64));
        let stripes = Stripes::new(11);
        stripes.add(10, 1);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let _here = Number::claim().here();
                    (0..1000).for_each(|_| stripes.add(10, 1));
                    let row = stripes.row();
                    row.add(0, u64::MAX);
                    row.add(11, 1);
                });
            }
        });
        let sums = [0, 1, 10, 11].map(|column| stripes.sum(column));
        assert_eq!(sums, [3_u64.wrapping_neg(), 0, 3001, 0]);
    }

    #[test]
    fn who_gets_a_number_after_the_rows_were_made_shares_one() {
        let stripes = Stripes::new(1);
        let first = Number::claim();
        thread::scope(|scope| {
            scope.spawn(|| {
                let _here = first.here();
                stripes.add(0, 1);
            });
        });
        // More than there were.
        let more: Vec<Number> = (0..100).map(|_| Number::claim()).collect();
        thread::scope(|scope| {
            for number in more {
                let stripes = &stripes;
                scope.spawn(move || {
                    let _here = number.here();
                    stripes.add(0, 1);
                });
            }
        });
        assert_eq!(stripes.sum(0), 101);
    }

    #[test]
    fn what_is_read_never_goes_back_while_threads_come_and_go() {
        let (stripes, ended) = (Stripes::new(1), AtomicBool::new(false));
        thread::scope(|scope| {
            let come_and_go = || {
                for _ in 0..50 {
                    thread::scope(|scope| {
                        scope.spawn(|| {
                            let _here = Number::claim().here();
                            (0..20).for_each(|_| stripes.add(0, 1));
                        });
                    });
                }
            };
            let reader = scope.spawn(|| {
                let mut before = 0;
                while !ended.load(Ordering::Relaxed) {
                    let now = stripes.sum(0);
                    assert!(now >= before, "{now} after {before}");
                    before = now;
                }
            });
            let workers = [scope.spawn(come_and_go), scope.spawn(come_and_go)];
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            ended.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
        assert_eq!(stripes.sum(0), 2000);
    }
}

#[cfg(loom)]
#[cfg(test)]
mod model {
    use super::*;
    use std::sync::Arc;

    /// One that has a number, and one that has none, while somebody reads twice.
    #[test]
    fn nothing_is_lost_and_what_is_read_never_goes_back() {
        loom::model(|| {
            let stripes = Arc::new(Stripes::of(1, 1));
            let number = Arc::new(number::Numbers::default()).claim();
            let own = Arc::clone(&stripes);
            let own = loom::thread::spawn(move || {
                let _here = number.here();
                own.add(0, 1);
                own.add(0, 1);
            });
            let common = Arc::clone(&stripes);
            let common = loom::thread::spawn(move || common.add(0, 1));
            let (first, second) = (stripes.sum(0), stripes.sum(0));
            assert!(first <= second && second <= 3, "{first}, then {second}");
            own.join().unwrap();
            common.join().unwrap();
            assert_eq!(stripes.sum(0), 3);
        });
    }
}
