//! How does a request find its counters without a lock? Through a map that is replaced, never changed.
//!
//! A lookup is one atomic load, one hash of the labels and one comparison; it allocates nothing. Only the first request with
//! new labels takes the mutex and publishes a map with one entry more. Labels come from the plan, so that happens a few times
//! in the life of a plan.
//!
//! What every request looks for, its thread keeps [`Near`]: as long as nothing was taken out of the map, the labels are where they were.
//! The place there is told by where the labels lie in memory, which is the same for all requests of a plan; what is found is
//! compared, so that a wrong place costs time and nothing else.

use arc_swap::ArcSwap;
use pulsegate_core::base::rng::{hash_bytes, mix};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::LocalKey;

/// Handles of type `H` by `N` label values.
#[derive(Debug)]
pub struct Handles<H, const N: usize> {
    map: ArcSwap<Map<H, N>>,
    /// Another whenever something was taken out of the map; no two maps of the process have the same.
    state: AtomicU64,
    /// Held by whoever replaces the map.
    writing: Mutex<()>,
}

type Map<H, const N: usize> = HashMap<u64, Arc<Entry<H, N>>, BuildHasherDefault<AsItIs>>;

#[derive(Debug)]
struct Entry<H, const N: usize> {
    labels: [Box<str>; N],
    handle: H,
}

/// What a thread has found in the map of that state.
#[derive(Debug)]
pub struct Near<H, const N: usize>(RefCell<Found<H, N>>);

#[derive(Debug)]
struct Found<H, const N: usize> {
    state: u64,
    entries: [Option<Arc<Entry<H, N>>>; PLACES],
}

/// More than most configurations have pairs of a route and an upstream. A power of two.
const PLACES: usize = 256;

static STATES: AtomicU64 = AtomicU64::new(1);

fn new_state() -> u64 {
    STATES.fetch_add(1, Relaxed)
}

impl<H, const N: usize> Default for Near<H, N> {
    fn default() -> Self {
        Self(RefCell::new(Found { state: 0, entries: [const { None }; PLACES] }))
    }
}

impl<H, const N: usize> Default for Handles<H, N> {
    fn default() -> Self {
        Self {
            map: ArcSwap::from_pointee(HashMap::default()),
            state: AtomicU64::new(new_state()),
            writing: Mutex::new(()),
        }
    }
}

impl<H, const N: usize> Handles<H, N> {
    /// Calls `act` with the handle of these labels. Where there is none, `make` may make one, within the lock that [`Self::retain`] takes, too.
    /// Two sets of labels with one hash (2⁻⁶⁴ per pair) take turns in the map: slower, and right.
    pub fn with(&self, labels: [&str; N], make: impl FnOnce() -> Option<H>, act: impl FnOnce(&H)) {
        let key = key(&labels);
        match self.map.load().get(&key) {
            Some(entry) if entry.is(&labels) => act(&entry.handle),
            _ => {
                if let Some(entry) = self.insert(key, labels, make) {
                    act(&entry.handle);
                }
            }
        }
    }

    /// As [`Self::with`], for what this thread looks for again and again.
    pub fn with_near(
        &self,
        near: &'static LocalKey<Near<H, N>>,
        labels: [&str; N],
        make: impl FnOnce() -> Option<H>,
        act: impl FnOnce(&H),
    ) {
        near.with(|near| {
            let found = &mut *near.0.borrow_mut();
            // Before the map is looked at: what is taken out of it meanwhile is not kept under the state that comes then.
            let state = self.state.load(Acquire);
            if found.state != state {
                found.entries = [const { None }; PLACES];
                found.state = state;
            }
            let Some(place) = found.entries.get_mut(place(&labels)) else { return };
            match place {
                Some(entry) if entry.is(&labels) => act(&entry.handle),
                _ => {
                    *place = self.find(labels, make);
                    if let Some(entry) = place {
                        act(&entry.handle);
                    }
                }
            }
        });
    }

    fn find(&self, labels: [&str; N], make: impl FnOnce() -> Option<H>) -> Option<Arc<Entry<H, N>>> {
        let key = key(&labels);
        let found = self.map.load().get(&key).filter(|entry| entry.is(&labels)).cloned();
        found.or_else(|| self.insert(key, labels, make))
    }

    fn insert(&self, key: u64, labels: [&str; N], make: impl FnOnce() -> Option<H>) -> Option<Arc<Entry<H, N>>> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.map.load_full();
        if let Some(entry) = current.get(&key).filter(|entry| entry.is(&labels)) {
            return Some(Arc::clone(entry));
        }
        let entry = Arc::new(Entry { labels: labels.map(Box::from), handle: make()? });
        let mut next = HashMap::clone(&current);
        next.insert(key, Arc::clone(&entry));
        self.map.store(Arc::new(next));
        Some(entry)
    }

    /// Looks at all of them, in no order.
    pub fn each(&self, mut look: impl FnMut([&str; N], &H)) {
        for entry in self.map.load().values() {
            look(entry.words(), &entry.handle);
        }
    }

    /// Forgets the entries whose labels `keep` denies.
    pub fn retain(&self, keep: impl Fn([&str; N]) -> bool) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.map.load_full();
        let mut kept = HashMap::clone(&current);
        kept.retain(|_, entry| keep(entry.words()));
        if kept.len() < current.len() {
            self.map.store(Arc::new(kept));
            self.state.store(new_state(), Release);
        }
    }
}

impl<H, const N: usize> Entry<H, N> {
    fn words(&self) -> [&str; N] {
        self.labels.each_ref().map(|label| &**label)
    }

    fn is(&self, labels: &[&str; N]) -> bool {
        self.words() == *labels
    }
}

/// The keys are hashes already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = hash_bytes(bytes);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// By where the labels lie.
fn place(labels: &[&str]) -> usize {
    let mixed = labels.iter().fold(0, |mixed: u64, label| mixed.rotate_left(21) ^ label.as_ptr().addr() as u64);
    (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - PLACES.ilog2())) as usize
}

fn key(labels: &[&str]) -> u64 {
    labels.iter().fold(0, |key, label| mix(key ^ hash_bytes(label.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn a_handle_is_made_once_and_found_again() {
        let handles = Handles::<AtomicU32, 2>::default();
        let count = || Some(AtomicU32::default());
        for _ in 0..3 {
            handles.with(["orders", "pool"], count, |n| assert!(n.fetch_add(1, Ordering::Relaxed) < 3));
        }
        handles.with(["orders", "pool"], || panic!("made twice"), |n| assert_eq!(n.load(Ordering::Relaxed), 3));
        handles.with(["pool", "orders"], count, |n| assert_eq!(n.load(Ordering::Relaxed), 0));
    }

    #[test]
    fn a_handle_that_is_not_made_is_not_kept() {
        let handles = Handles::<u32, 1>::default();
        handles.with(["x"], || None, |_| panic!("there is none"));
        handles.with(["x"], || Some(1), |n| assert_eq!(*n, 1));
    }

    #[test]
    fn a_series_that_is_not_retained_is_made_anew() {
        let handles = Handles::<u32, 1>::default();
        handles.with(["old"], || Some(1), |_| ());
        handles.with(["new"], || Some(2), |_| ());
        handles.retain(|[name]| name == "new");
        handles.with(["old"], || Some(3), |n| assert_eq!(*n, 3));
        handles.with(["new"], || panic!("it was kept"), |n| assert_eq!(*n, 2));
    }

    thread_local! {
        static NEAR: Near<u32, 1> = Near::default();
    }

    /// The handle of these labels; `made`: the one that is made where there is none.
    fn near(handles: &Handles<u32, 1>, label: &str, made: u32) -> u32 {
        let mut found = 0;
        handles.with_near(&NEAR, [label], || Some(made), |n| found = *n);
        found
    }

    #[test]
    fn what_a_thread_keeps_is_of_its_map_and_goes_when_something_is_taken_out() {
        let (one, other) = (Handles::<u32, 1>::default(), Handles::default());
        // Two names that lie at one place after the other.
        let mut name = String::from("one");
        assert_eq!((near(&one, &name, 1), near(&other, &name, 2)), (1, 2));
        name.replace_range(.., "two");
        assert_eq!((near(&one, &name, 3), near(&one, "one", 9), near(&one, &name, 9)), (3, 1, 3));
        one.retain(|[name]| name == "two");
        assert_eq!((near(&one, "one", 4), near(&one, &name, 9), near(&other, "one", 9)), (4, 3, 2));
        one.with_near(&NEAR, ["three"], || None, |_| panic!("there is none"));
        assert_eq!(near(&one, "three", 5), 5);
    }

    #[test]
    fn threads_that_race_for_one_label_share_one_handle() {
        let handles = Handles::<AtomicU32, 1>::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        handles.with(
                            ["x"],
                            || Some(AtomicU32::default()),
                            |n| {
                                let _ = n.fetch_add(1, Ordering::Relaxed);
                            },
                        );
                    }
                });
            }
        });
        handles.with(["x"], || panic!("it is there"), |n| assert_eq!(n.load(Ordering::Relaxed), 4000));
    }
}
