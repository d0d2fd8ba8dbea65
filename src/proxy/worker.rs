//! What has a thread of its own that serves connections? A runtime on which all of a connection happens, and the count of those that it has.
//!
//! A connection stays with the worker that got it, to its end, and so does what is begun for it: streams, copies, the drivers of HTTP/2
//! connections that were opened for it. Whoever begins such a thing names the worker; "the current runtime" would be true by luck.

use crate::telemetry::{OpenConnection, WorkerLoad};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::runtime::{EnterGuard, Handle};

/// One of the threads that serve.
#[derive(Debug)]
pub struct Worker {
    runtime: Handle,
    load: WorkerLoad,
    /// Its runtime is gone: whatever is given to it is dropped.
    ended: AtomicBool,
}

impl Worker {
    /// Of the thread that drives this runtime; `load`: where its connections are counted.
    pub fn new(runtime: Handle, load: WorkerLoad) -> Self {
        Self { runtime, load, ended: AtomicBool::new(false) }
    }

    /// Does this on its thread. Called there, it wakes nobody.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(task));
    }

    /// What is registered for as long as the guard is held waits on this worker.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// One connection more, until what comes back is dropped.
    #[must_use]
    pub fn opened(&self) -> OpenConnection {
        self.load.opened()
    }

    /// How many connections it has; `None`: it serves nobody any more.
    pub fn connections(&self) -> Option<i64> {
        (!self.ended.load(Relaxed)).then(|| self.load.open())
    }

    /// By whoever sees its thread end.
    pub fn has_ended(&self) {
        self.ended.store(true, Relaxed);
    }
}
