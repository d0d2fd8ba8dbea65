//! How is load made that shows what a gateway adds to the time of an answer? In an open loop, which does not wait for slow answers.
//!
//! It sends at planned moments and measures from the planned moment: a gateway that stalls is charged for every request that should
//! have been sent meanwhile (G. Tene, "How not to measure latency", 2013).

use crate::answer::{self, Ask};
use crate::client::Target;
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

const CONNECTIONS: usize = 64;

/// `rate` requests a second for `length`; nanoseconds from the planned moment to the end of the answer, and how many got none.
pub async fn open(port: u16, rate: f64, length: Duration) -> (Histogram<u64>, u64) {
    let empty = Histogram::new_with_max(60_000_000_000, 3).expect("a histogram");
    let latencies = Rc::new(RefCell::new(empty.clone()));
    let failures = Rc::new(Cell::new(0));
    let target = Rc::new(Target::plain(port));
    let request: Rc<[u8]> = answer::request(Ask::Get, true).into();
    let begun = Instant::now() + Duration::from_millis(50);
    let gap = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
    let tasks = LocalSet::new();
    let mut clients = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (latencies, failures) = (latencies.clone(), failures.clone());
        let (target, request) = (target.clone(), request.clone());
        clients.spawn_local_on(
            async move {
                let mut kept = None;
                let mut planned = begun + gap.mul_f64(number as f64 / CONNECTIONS as f64);
                while planned < begun + length {
                    sleep_until(planned).await;
                    // The timer wakes on whole milliseconds; what it is late is ours, not the gateway's.
                    let from = if planned.elapsed() < Duration::from_millis(2) { Instant::now() } else { planned };
                    kept = target.exchange(kept, &request).await.ok();
                    if kept.is_none() {
                        failures.set(failures.get() + 1);
                    }
                    latencies.borrow_mut().saturating_record(from.elapsed().as_nanos() as u64);
                    planned += gap;
                }
            },
            &tasks,
        );
    }
    tasks
        .run_until(async { while clients.join_next().await.transpose().expect("no client panics").is_some() {} })
        .await;
    (latencies.replace(empty), failures.get())
}
