//! Which backends has this request asked? Few, so they have their place in the request itself: only one that tries on and on costs an allocation.

use crate::base::identity::BackendKey;

/// Most routes try twice or three times.
const FEW: usize = 4;

/// The backends, in the order in which they were asked. Those beyond the first few are kept with the others behind a pointer.
#[derive(Debug)]
pub(super) struct Tried {
    few: [BackendKey; FEW],
    length: usize,
    /// All of them, as soon as they are many; else empty.
    many: Vec<BackendKey>,
}

impl Default for Tried {
    fn default() -> Self {
        Self { few: [BackendKey(0); FEW], length: 0, many: Vec::new() }
    }
}

impl Tried {
    pub(super) fn keys(&self) -> &[BackendKey] {
        if self.many.is_empty() { self.few.get(..self.length).unwrap_or_default() } else { &self.many }
    }

    pub(super) fn push(&mut self, key: BackendKey) {
        if self.many.is_empty() {
            if let Some(free) = self.few.get_mut(self.length) {
                *free = key;
                self.length += 1;
                return;
            }
            self.many.extend_from_slice(&self.few);
        }
        self.many.push(key);
    }

    /// Forgets those behind the first `length`.
    pub(super) fn truncate(&mut self, length: usize) {
        if length <= FEW {
            // The first few are still where they were.
            self.many.clear();
            self.length = self.length.min(length);
        } else {
            self.many.truncate(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_in_their_order_and_forgotten_from_the_end() {
        let keys: Vec<BackendKey> = (0..20).map(BackendKey).collect();
        for (pushed, kept) in [(0, 0), (1, 0), (4, 4), (4, 2), (5, 5), (5, 4), (20, 20), (20, 7), (20, 1)] {
            let mut tried = Tried::default();
            keys.iter().take(pushed).for_each(|key| tried.push(*key));
            assert_eq!(tried.keys(), &keys[..pushed]);
            tried.truncate(kept);
            assert_eq!(tried.keys(), &keys[..kept], "{kept} of {pushed}");
            tried.push(BackendKey(99));
            assert_eq!(tried.keys().len(), kept + 1);
            assert_eq!(tried.keys()[..kept], keys[..kept]);
        }
    }
}
