//! Five hundred backends, of which some are dying and all are busy: does the page stay smooth while one scrolls through them?
//!
//! Each backend has an address of its own; all of them are sockets of this process. On a machine that does other work a task lasts as long as it
//! waits for its turn; that is the machine's doing. So a task is judged by the processor time that the browser's own trace gives it, in
//! every run, and what the page's observer of long tasks saw by the clock is printed beside it. Frames are judged by the clock.

use super::PULSEGATE;
use crate::browser::Browser;
use crate::{TURN, standing};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::load::{Load, Request, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BACKENDS: u8 = 250;
const POOLS: u8 = 2;
const RUNS: usize = 2;
/// Milliseconds.
const LONGEST_TASK: f64 = 50.0;
const MEDIAN_FRAME: f64 = 33.0;

/// Scrolls to the end and back for five seconds, as one does with a wheel; what each frame and each long task took.
const SCROLL: &str = "new Promise((done) => {
    const list = document.querySelector('#list');
    const frames = [];
    let [down, last] = [1, performance.now()];
    window.longTasks = [];
    const began = last;
    const step = (now) => {
        frames.push(now - last);
        last = now;
        list.scrollTop += down * 90;
        if (list.scrollTop + list.clientHeight >= list.scrollHeight - 1) down = -1;
        if (list.scrollTop <= 0) down = 1;
        if (now - began < 5000) requestAnimationFrame(step);
        else {
            frames.sort((one, other) => one - other);
            setTimeout(() => done({
                frames: frames.length, median_frame_ms: frames[frames.length >> 1], p99_frame_ms: frames[Math.floor(frames.length * 0.99)],
                long_tasks_seen_ms: window.longTasks, nodes: document.querySelectorAll('#rows > *').length,
            }), 200);
        }
    };
    requestAnimationFrame(step);
})";

struct Many {
    addresses: Vec<Vec<SocketAddr>>,
    /// Every twentieth is not ready while this holds.
    troubled: Arc<AtomicBool>,
}

impl Many {
    async fn start() -> Self {
        let troubled = Arc::new(AtomicBool::new(false));
        let mut addresses = Vec::new();
        for pool in 1..=POOLS {
            let mut own = Vec::new();
            for number in 1..=BACKENDS {
                let listener =
                    TcpListener::bind((Ipv4Addr::new(127, 0, pool, number), 0)).await.expect("a loopback address");
                own.push(listener.local_addr().expect("its address"));
                tokio::spawn(accept(listener, number % 20 == 0, troubled.clone()));
            }
            addresses.push(own);
        }
        Self { addresses, troubled }
    }

    fn configuration(&self) -> String {
        let mut yaml = String::from("routes:\n");
        let mut upstreams = String::from("upstreams:\n");
        for (number, addresses) in self.addresses.iter().enumerate() {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            yaml.push_str(&format!("  - {{ match: {{ host: pool{number}.example }}, upstream: pool{number} }}\n"));
            upstreams.push_str(&format!(
                "  pool{number}:\n    backends: {addresses:?}\n    balance: {{ policy: round_robin }}\n    readiness: {{ path: /ready, period: 2s, timeout: 20s }}\n"
            ));
        }
        yaml + &upstreams
    }
}

async fn accept(listener: TcpListener, weak: bool, troubled: Arc<AtomicBool>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, weak, troubled.clone()));
    }
}

async fn answer(mut stream: TcpStream, weak: bool, troubled: Arc<AtomicBool>) {
    let mut read = [0; 4096];
    while stream.read(&mut read).await.is_ok_and(|count| count > 0) {
        let probed = read.starts_with(b"GET /ready");
        let status = if probed && weak && troubled.load(Ordering::Relaxed) { 503 } else { 200 };
        let head = format!("HTTP/1.1 {status} As told\r\nContent-Length: 2\r\n\r\nok");
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_backends_scroll_without_stutter() {
    let _turn = TURN.lock().await;
    let many = Many::start().await;
    let gateway = PULSEGATE.start(&many.configuration()).await;
    let asked = |host| Request { method: "GET", host, path: "/work" };
    let loads = ["pool0.example", "pool1.example"]
        .map(|host| Load::until_ended(asked(host), Target::spared(gateway.address), 60));
    let mut browser = Browser::start().await;
    browser.open(&format!("http://{}/", gateway.admin)).await;
    browser.until("document.querySelector('#shown').textContent === '500 backends'").await;
    browser.until("Number(document.querySelector('#sum-rate').textContent) > 0").await;

    for run in 0..RUNS {
        many.troubled.store(run % 2 == 0, Ordering::Relaxed);
        // The same loop with nothing to do: what a frame takes on this machine at this moment.
        let still = browser.traced(&SCROLL.replace("down * 90", "0")).await;
        let figures = browser.traced(SCROLL).await;
        println!("still {still}, scrolled {figures}");
        let usual = still["median_frame_ms"].as_f64().unwrap_or_default();
        let of = |key: &str| figures[key].as_f64().unwrap_or(f64::MAX);
        assert!(of("longest_task_cpu_ms") <= LONGEST_TASK, "a task of the page is too long: {figures}");
        assert!(of("median_frame_ms") <= MEDIAN_FRAME.max(usual * 2.0), "frames come too late: {figures}");
        assert!(of("nodes") < 80.0, "rows out of sight exist: {figures}");
    }

    many.troubled.store(true, Ordering::Relaxed);
    browser.look("document.querySelector('#list').scrollTop = 0").await;
    browser.fill("#filter", "not ready").await;
    standing(&mut browser, many.addresses[0][19], "not ready").await;
    browser.shot("filtered").await;
    browser.fill("#filter", "").await;
    browser.shot("many").await;
    browser.assert_calm(&[]).await;
    browser.close().await;
    for load in loads {
        load.ended().await;
    }
}
