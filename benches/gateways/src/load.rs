//! How is load made that shows what a request costs? In a closed loop: each client sends its next request when it has its answer.
//!
//! The window begins when all are connected and have warmed up, and ends before they leave.

use crate::answer::{self, Ask};
use crate::client::Target;
use crate::process::{Cpu, Meter};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, timeout};

const WARM_UP: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(20);
/// After a failure, so that a gateway that refuses everything is not called in a busy loop.
const PAUSE: Duration = Duration::from_millis(5);

/// How clients behave.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub connections: usize,
    pub ask: Ask,
    /// Another connection for each request, or one for all.
    pub keep: bool,
    pub tls: bool,
}

/// What was seen in a window.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub answers: u64,
    pub failures: u64,
    pub length: Duration,
    pub cpu: Cpu,
}

#[derive(Default)]
struct State {
    ended: Cell<bool>,
    ready: Cell<usize>,
    answers: Cell<u64>,
    failures: Cell<u64>,
}

pub async fn closed(target: Target, shape: Shape, length: Duration, meter: &Meter) -> Window {
    let state = Rc::new(State::default());
    let target = Rc::new(target);
    let request: Rc<[u8]> = answer::request(shape.ask, shape.keep).into();
    let tasks = LocalSet::new();
    let mut clients = JoinSet::new();
    for _ in 0..shape.connections {
        clients.spawn_local_on(client(target.clone(), request.clone(), shape.keep, state.clone()), &tasks);
    }
    let window = tasks.run_until(async {
        let begun = Instant::now();
        while state.ready.get() < shape.connections && begun.elapsed() < PATIENCE {
            sleep(Duration::from_millis(2)).await;
        }
        sleep(WARM_UP).await;
        let (begun, cpu) = (Instant::now(), meter.read());
        let (answers, failures) = (state.answers.get(), state.failures.get());
        sleep(length).await;
        let window = Window {
            cpu: meter.read().since(&cpu),
            length: begun.elapsed(),
            answers: state.answers.get() - answers,
            failures: state.failures.get() - failures,
        };
        state.ended.set(true);
        let _ = timeout(PATIENCE, async { while clients.join_next().await.is_some() {} }).await;
        window
    });
    window.await
}

async fn client(target: Rc<Target>, request: Rc<[u8]>, keep: bool, state: Rc<State>) {
    let mut kept = None;
    let mut first = true;
    while !state.ended.get() {
        match target.exchange(kept.take(), &request).await {
            Ok(client) => {
                kept = keep.then_some(client);
                state.answers.set(state.answers.get() + 1);
            }
            Err(error) => {
                if state.failures.get() == 0 {
                    eprintln!("  failed: {error}");
                }
                state.failures.set(state.failures.get() + 1);
                sleep(PAUSE).await;
            }
        }
        if std::mem::take(&mut first) {
            state.ready.set(state.ready.get() + 1);
        }
    }
}
