//! Which atomics does the core count with? Those of the standard library; those of loom while it tries the models.
//!
//! A model (`mod model`, beside what it checks) is run once for every order in which its threads may meet, stale reads of relaxed atomics
//! included. That takes atomics that loom can watch, so the whole core takes its own from here. Only under test: no build that is used
//! for anything else has loom's.
//!
//! One ordering for all: each figure stands for itself. Nothing here is published by a flag that another thread waits for.

#[cfg(not(all(loom, test)))]
use std::sync::atomic;

#[cfg(all(loom, test))]
use loom::sync::atomic;

pub(crate) use atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
