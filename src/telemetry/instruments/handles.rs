//! How does a request find its counters without a lock? Through a map that is replaced, never changed.
//!
//! A lookup is one atomic load, one hash of the labels and one comparison; it allocates nothing. Only the first request with
//! new labels takes the mutex and publishes a map with one entry more. Labels come from the plan, so that happens a few times
//! in the life of a plan.

use arc_swap::ArcSwap;
use pulsegate_core::base::rng::{hash_bytes, mix};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// Handles of type `H` by `N` label values.
#[derive(Debug)]
pub struct Handles<H, const N: usize> {
    map: ArcSwap<Map<H, N>>,
    /// Held by whoever replaces the map.
    writing: Mutex<()>,
}

type Map<H, const N: usize> = HashMap<u64, Arc<Entry<H, N>>, BuildHasherDefault<AsItIs>>;

#[derive(Debug)]
struct Entry<H, const N: usize> {
    labels: [Box<str>; N],
    handle: H,
}

impl<H, const N: usize> Default for Handles<H, N> {
    fn default() -> Self {
        Self { map: ArcSwap::from_pointee(HashMap::default()), writing: Mutex::new(()) }
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
