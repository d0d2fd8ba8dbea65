//! Where do the buckets of a rate limit stand? In shards with a lock each, held for a few instructions, and never more of them than [`MOST`].
//!
//! A bucket is one number: the moment at which it is full again. Where a shard has no room, those that are full soonest make room, a quarter at
//! a time: they have the least to be forgotten. So a flood of new keys never wins back the budget of whoever has used it up; it only lets
//! light users begin anew.

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys of one limit: at most about 4 MiB.
pub(super) const MOST: usize = 1 << 17;
const SHARDS: usize = 64;
const MOST_OF_SHARD: usize = MOST / SHARDS;

/// By key, which is a hash already.
type Shard = HashMap<u64, u64, BuildHasherDefault<Hashed>>;

#[derive(Debug)]
pub(super) struct Buckets(Box<[Mutex<Shard>; SHARDS]>);

impl Default for Buckets {
    fn default() -> Self {
        Self(Box::new(std::array::from_fn(|_| Mutex::default())))
    }
}

impl Buckets {
    fn shard(&self, key: u64) -> Option<MutexGuard<'_, Shard>> {
        // The bits in the middle: the map within takes the lower and the upper ones.
        self.0.get((key >> 32) as usize % SHARDS).map(locked)
    }
}

fn locked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StateStore for Buckets {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Some(mut shard) = self.shard(*key) else { return f(None).map(|(result, _)| result) };
        let known = shard.get(key).copied();
        let (result, full_at) = f(known.map(Nanos::from))?;
        if known.is_none() && shard.len() >= MOST_OF_SHARD {
            make_room(&mut shard);
        }
        shard.insert(*key, full_at.into());
        Ok(result)
    }
}

/// Forgets the quarter that is full soonest.
fn make_room(shard: &mut Shard) {
    let mut moments: Vec<u64> = shard.values().copied().collect();
    let quarter = moments.len() / 4;
    let (sooner, last, _) = moments.select_nth_unstable(quarter);
    // Of those that are full at the very same moment, only as many as are needed.
    let mut ties = 1 + sooner.iter().filter(|full_at| *full_at == last).count();
    shard.retain(|_, full_at| {
        let tie = full_at == last && ties > 0;
        ties -= usize::from(tie);
        *full_at >= *last && !tie
    });
}

impl ShrinkableKeyedStateStore<u64> for Buckets {
    fn retain_recent(&self, drop_below: Nanos) {
        for shard in self.0.iter() {
            let mut shard = locked(shard);
            shard.retain(|_, full_at| *full_at > drop_below.as_u64());
            // What a flood has needed is given back.
            if shard.capacity() > 4 * shard.len().max(16) {
                let size = 2 * shard.len();
                shard.shrink_to(size);
            }
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|shard| locked(shard).len()).sum()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The key as it is.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
