//! Which atomics does the core count with? Those of the standard library; those of loom while it tries the models.
//!
//! A model (`mod model`, beside what it checks) is run once for every order in which its threads may meet, stale reads of relaxed atomics
//! included. That takes atomics that loom can watch, so the whole core takes its own from here. Only under test: no build that is used
//! for anything else has loom's.
//!
//! One ordering for all: each figure stands for itself. Nothing here is published by a flag that another thread waits for.
//!
//! The lock and what a thread has for itself are here for the one place that gives threads their rows of numbers (`stripes`).

#[cfg(not(all(loom, test)))]
use std::sync::atomic;
#[cfg(not(all(loom, test)))]
pub(crate) use std::{sync::Mutex, thread_local as of_each_thread};

#[cfg(all(loom, test))]
pub(crate) use loom::sync::Mutex;
#[cfg(all(loom, test))]
use loom::sync::atomic;
/// Loom's knows no `const`.
#[cfg(all(loom, test))]
macro_rules! of_each_thread {
    ($(#[$note:meta])* static $name:ident: $type:ty = const { $value:expr };) => {
        loom::thread_local! { $(#[$note])* static $name: $type = $value; }
    };
}
#[cfg(all(loom, test))]
pub(crate) use of_each_thread;

pub(crate) use atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
