//! On which threads are connections served? On workers: a thread each, with a runtime that no other thread drives, so that nothing on the way of a
//! request is locked, stolen or woken across threads.
//!
//! Everything else (the control task, probes, discovery, operators, exporters, signals, sweeps of what is shared) lives on the runtime that starts
//! the workers. A worker ends with the process and not before; where one does, by a mistake of this program, the process must end too: its
//! connections are gone, and whatever is opened on it would be.

use crate::clock::Clock;
use crate::front::Workers;
use crate::proxy::{Places, Worker};
use crate::telemetry::Traffic;
use pulsegate_core::base::stripes::Number;
use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use tokio::runtime::Builder;
use tokio::sync::watch;

/// The threads. They end when this is dropped, and with them every connection that is left.
#[derive(Debug)]
pub(super) struct Crew {
    /// Nothing is ever sent: workers wait for its end.
    _serving: watch::Sender<()>,
    ended: watch::Receiver<Option<usize>>,
}

/// Told when one of them ends.
#[derive(Debug)]
pub(super) struct Losses(watch::Receiver<Option<usize>>);

impl Losses {
    /// Returns when a worker has ended, with its number; never while all live.
    pub(super) async fn next(&mut self) -> usize {
        match self.0.wait_for(Option::is_some).await {
            Ok(lost) => lost.unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }
}

impl Crew {
    /// Starts as many workers; 0 = one per core that this process may use.
    ///
    /// # Errors
    /// Why a thread cannot be had, as a sentence.
    pub(super) fn start(
        threads: usize,
        telemetry: &Traffic,
        places: &Arc<Places>,
        clock: Clock,
    ) -> Result<(Self, Workers), String> {
        let (crew, workers) = Self::of(threads, telemetry, places, until_the_end)?;
        workers.all().for_each(|worker| worker.begin(clock));
        Ok((crew, workers))
    }

    /// Each lives as long as what `life` makes.
    fn of<F: Future<Output = ()> + 'static>(
        threads: usize,
        telemetry: &Traffic,
        places: &Arc<Places>,
        life: fn(watch::Receiver<()>) -> F,
    ) -> Result<(Self, Workers), String> {
        let count = NonZeroUsize::new(threads).map_or_else(thread::available_parallelism, Ok);
        let count = count.map_or(1, NonZeroUsize::get);
        let (serving, (ends, ended)) = (watch::Sender::new(()), watch::channel(None));
        let begin = |number: usize| {
            let begun = || -> io::Result<Arc<Worker>> {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                let counts = Number::claim();
                let worker = Arc::new(Worker::new(runtime.handle().clone(), telemetry.worker(number), places));
                let (end, serving) =
                    (End { worker: Arc::clone(&worker), number, ends: ends.clone() }, serving.subscribe());
                let work = move || {
                    let _counts = counts.here();
                    runtime.block_on(life(serving));
                    drop((runtime, end));
                };
                thread::Builder::new().name(format!("worker-{number}")).spawn(work)?;
                Ok(worker)
            };
            begun().map_err(|error| format!("worker {number} of {count} could not be started: {error}"))
        };
        let workers = Workers::new(begin(0)?, (1..count).map(begin).collect::<Result<_, _>>()?);
        Ok((Self { _serving: serving, ended }, workers))
    }

    pub(super) fn losses(&self) -> Losses {
        Losses(self.ended.clone())
    }
}

async fn until_the_end(mut serving: watch::Receiver<()>) {
    while serving.changed().await.is_ok() {}
}

/// Says so when it is dropped: by the end of its thread, however that comes.
struct End {
    worker: Arc<Worker>,
    number: usize,
    ends: watch::Sender<Option<usize>>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.worker.has_ended();
        self.ends.send_replace(Some(self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::telemetry::Telemetry;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn the_end_of_a_worker_is_seen_and_it_is_given_nothing_more() {
        let telemetry = Telemetry::new(None, Clock::start(), None);
        let (crew, workers) = Crew::of(3, &telemetry.traffic, &Arc::default(), |serving| async move {
            assert_ne!(thread::current().name(), Some("worker-1"), "as a mistake would");
            until_the_end(serving).await;
        })
        .unwrap();
        assert_eq!(crew.losses().next().await, 1);
        let serving: Vec<_> = workers.all().map(|worker| worker.connections()).collect();
        assert_eq!(serving, [Some(0), None, Some(0)]);
    }

    #[tokio::test]
    async fn workers_work_on_threads_of_their_own_and_end_with_what_they_have() {
        let telemetry = Telemetry::new(None, Clock::start(), None);
        let (crew, workers) = Crew::start(2, &telemetry.traffic, &Arc::default(), Clock::start()).unwrap();
        for (number, worker) in workers.all().enumerate() {
            let (told, name) = oneshot::channel();
            worker.spawn(async move { told.send(thread::current().name().map(str::to_owned)).unwrap() });
            assert_eq!(name.await.unwrap(), Some(format!("worker-{number}")));
        }
        let (held, left) = oneshot::channel::<()>();
        workers.all().last().unwrap().spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(crew);
        assert!(left.await.is_err(), "it was cut");
    }
}
