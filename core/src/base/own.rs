//! How does one thread hold what all threads share, without counting where all of them count? By a count of its own.
//!
//! To clone an `Arc` is to write to a number that lies with the value: where every thread does so for every request, that piece of memory
//! travels between their caches all day. An [`Own`] is made once per thread and value; its clones are counted with it.

use std::ops::Deref;
use std::sync::Arc;

/// Something shared, held by one count of it.
#[derive(Debug)]
#[expect(clippy::redundant_allocation, reason = "the outer count is what this is for")]
pub struct Own<T>(Arc<Arc<T>>);

impl<T> Own<T> {
    /// Is this what it holds?
    pub fn is(&self, shared: &Arc<T>) -> bool {
        Arc::ptr_eq(&*self.0, shared)
    }
}

impl<T> From<Arc<T>> for Own<T> {
    fn from(shared: Arc<T>) -> Self {
        Self(Arc::new(shared))
    }
}

impl<T> Clone for Own<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Own<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_not_counted_where_all_count() {
        let shared = Arc::new(7);
        let own = Own::from(Arc::clone(&shared));
        let clones = [own.clone(), own.clone()];
        assert_eq!(Arc::strong_count(&shared), 2);
        assert!(clones.iter().all(|clone| **clone == 7 && clone.is(&shared)));
        assert!(!own.is(&Arc::new(7)));
        drop((own, clones));
        assert_eq!(Arc::strong_count(&shared), 1);
    }
}
