//! Which worker serves a connection that was accepted? The one with the fewest; of several, the first, which need not be woken.

use crate::proxy::Worker;
use std::sync::Arc;

/// All workers of the process. There is one at least.
#[derive(Debug)]
pub struct Workers {
    first: Arc<Worker>,
    others: Vec<Arc<Worker>>,
}

impl Workers {
    pub fn new(first: Arc<Worker>, others: Vec<Arc<Worker>>) -> Self {
        Self { first, others }
    }

    /// The one that accepts for all.
    pub(super) fn first(&self) -> &Arc<Worker> {
        &self.first
    }

    /// The number of the one that gets the next. Where connections end in no order, others than the first have more in time: counts decide, not turns.
    pub(super) fn least_busy(&self) -> usize {
        let connections = self.all().map(|worker| worker.connections().unwrap_or(i64::MAX));
        connections.enumerate().min_by_key(|(_, open)| *open).map_or(0, |(number, _)| number)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Worker>> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::telemetry::Telemetry;
    use tokio::runtime::Handle;

    #[tokio::test]
    async fn the_one_with_the_fewest_is_next_and_of_several_the_first_that_lives() {
        let telemetry = Telemetry::new(None, Clock::start(), None);
        let worker =
            |number| Arc::new(Worker::new(Handle::current(), telemetry.traffic.worker(number), &Arc::default()));
        let workers = Workers::new(worker(0), vec![worker(1), worker(2)]);
        let mut open = Vec::new();
        for expected in [0, 1, 2, 0, 1, 2, 0] {
            assert_eq!(workers.least_busy(), expected);
            open.push(workers.all().nth(expected).unwrap().opened());
        }
        drop(open.remove(2));
        drop(open.remove(4));
        assert_eq!(workers.least_busy(), 2);
        workers.others[1].has_ended();
        assert_eq!(workers.least_busy(), 1);
        workers.others[0].has_ended();
        assert_eq!(workers.least_busy(), 0);
    }
}
