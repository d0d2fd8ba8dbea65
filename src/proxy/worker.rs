//! What has a thread for itself that serves connections? A runtime on which all of a connection happens, the count of those that it has, the
//! shelves of its idle connections to backends, and the picture of this moment.
//!
//! A connection stays with the worker that got it, to its end, and so does what is begun for it: streams, copies, the drivers of HTTP/2
//! connections that were opened for it. Whoever begins such a thing names the worker; "the current runtime" would be true by luck.

use crate::clock::Clock;
use crate::control::{self, Reader};
use crate::proxy::SWEEP;
use crate::proxy::connection_pool::idle::{Idle, Places};
use crate::telemetry::{OpenConnection, WorkerLoad};
use pulsegate_core::base::own::Own;
use pulsegate_core::plan::Plan;
use pulsegate_core::traffic::snapshot::Snapshot;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::{EnterGuard, Handle};
use tokio::time::sleep;

/// One of the threads that serve.
#[derive(Debug)]
pub struct Worker {
    runtime: Handle,
    load: WorkerLoad,
    pub(in crate::proxy) idle: Idle,
    /// No other thread takes this lock; `None`: nobody has asked yet.
    seen: Mutex<Option<Seen>>,
    /// Its runtime is gone: whatever is given to it is dropped.
    ended: AtomicBool,
}

impl Worker {
    /// Of the thread that drives this runtime. `load`: where its connections are counted; `places`: for what rests here and with others.
    pub fn new(runtime: Handle, load: WorkerLoad, places: &Arc<Places>) -> Self {
        Self {
            runtime,
            load,
            idle: Idle::new(Arc::clone(places)),
            seen: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// Looks after its shelves, for as long as it lives.
    pub fn begin(self: &Arc<Self>, clock: Clock) {
        let worker = Arc::downgrade(self);
        self.spawn(async move {
            while let Some(worker) = worker.upgrade() {
                worker.idle.sweep(clock.now());
                // A picture that has been replaced is let go, also where nobody asks for the new one.
                if let Some(seen) = &mut *worker.seen() {
                    seen.look();
                }
                drop(worker);
                sleep(SWEEP).await;
            }
        });
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

    /// The picture of this moment. To hold it touches no count but this worker's.
    pub(in crate::proxy) fn picture(&self, control: &control::Handle) -> Picture {
        let mut seen = self.seen();
        let seen = seen.get_or_insert_with(|| Seen::of(control.reader()));
        seen.look();
        seen.picture.clone()
    }

    /// Looks whether this is still the picture of the moment, and takes the one that is.
    pub(in crate::proxy) fn look(&self, control: &control::Handle, picture: &mut Picture) {
        let mut seen = self.seen();
        let seen = seen.get_or_insert_with(|| Seen::of(control.reader()));
        seen.look();
        if !Arc::ptr_eq(&seen.picture.0, &picture.0) {
            *picture = seen.picture.clone();
        }
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        // Held for a look; a panic cannot leave it half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A snapshot and its plan, as one worker holds them.
#[derive(Clone, Debug)]
pub(in crate::proxy) struct Picture(Arc<Held>);

#[derive(Debug)]
struct Held {
    snapshot: Arc<Snapshot>,
    plan: Own<Plan>,
}

impl Picture {
    fn of(snapshot: &Arc<Snapshot>) -> Self {
        Self(Arc::new(Held { snapshot: Arc::clone(snapshot), plan: Arc::clone(&snapshot.plan).into() }))
    }

    pub(in crate::proxy) fn snapshot(&self) -> &Snapshot {
        &self.0.snapshot
    }

    pub(in crate::proxy) fn plan(&self) -> &Own<Plan> {
        &self.0.plan
    }
}

/// What a worker has seen last, and where it looks.
#[derive(Debug)]
struct Seen {
    reader: Reader,
    picture: Picture,
}

impl Seen {
    fn of(mut reader: Reader) -> Self {
        let picture = Picture::of(reader.latest());
        Self { reader, picture }
    }

    fn look(&mut self) {
        let latest = self.reader.latest();
        if !Arc::ptr_eq(&self.picture.0.snapshot, latest) {
            self.picture = Picture::of(latest);
        }
    }
}
