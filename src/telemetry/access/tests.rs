//! What the access log writes, what it leaves out, and what it drops.

mod lines;

use super::super::lines::WAITING;
use super::*;
use crate::telemetry::{Tries, Try};
use http::{HeaderMap, HeaderValue};
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::access_log::Template;
use pulsegate_core::plan::{AccessForm, Redacted};
use pulsegate_core::traffic::outcome::AttemptEnd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex};

static NO_TRIES: LazyLock<Tries> = LazyLock::new(Tries::default);

fn record(backend: &Address) -> RequestRecord<'_> {
    RequestRecord {
        request_id: b"r-1",
        client: "10.0.0.7".parse().unwrap(),
        listener: "public",
        method: "GET",
        host: "api.example.com",
        path: "/orders/7",
        query: "",
        headers: None,
        protocol: "HTTP/1.1",
        route: Some("orders"),
        upstream: Some("orders"),
        backend: Some(backend),
        status: 200,
        reason: None,
        attempts: 1,
        tries: &NO_TRIES,
        retry_stopped: None,
        bytes_in: 0,
        bytes_out: 512,
        tls: false,
        began: Timestamp::ZERO,
        took: Duration::from_micros(12_345),
        head_took: Some(Duration::from_millis(10)),
        queued: Duration::ZERO,
        stalled: Duration::ZERO,
        grpc_status: None,
        upstream_took: Some(Duration::from_millis(9)),
        overhead: None,
        trace_id: None,
        trace: None,
    }
}

fn address() -> Address {
    Address::Socket("127.0.0.1:9001".parse().unwrap())
}

fn written(form: AccessForm, record: &RequestRecord<'_>) -> String {
    line_of(&AccessPlan::plain(form), record)
}

fn line_of(plan: &AccessPlan, record: &RequestRecord<'_>) -> String {
    let mut line = String::new();
    line::request(&mut line, plan, SystemTime::UNIX_EPOCH, record);
    line
}

fn json(plan: &AccessPlan, record: &RequestRecord<'_>) -> serde_json::Value {
    let line = line_of(plan, record);
    assert!(line.ends_with("}\n") && line.lines().count() == 1, "{line}");
    serde_json::from_str(&line).unwrap()
}

#[test]
fn successes_are_sampled_and_failures_are_not() {
    let out = Arc::new(Mutex::new(Vec::new()));
    let plan = AccessPlan { sample: 0.0, ..AccessPlan::plain(AccessForm::Text) };
    let log = AccessLog::start(plan, Shared(Arc::clone(&out)), Health::default()).unwrap();
    let address = address();
    for _ in 0..100 {
        log.write(SystemTime::UNIX_EPOCH, &record(&address));
    }
    log.write(SystemTime::UNIX_EPOCH, &RequestRecord { status: 500, ..record(&address) });
    log.write(SystemTime::UNIX_EPOCH, &RequestRecord { attempts: 2, ..record(&address) });
    log.write(SystemTime::UNIX_EPOCH, &RequestRecord { reason: Some("client_left"), ..record(&address) });
    log.flush();
    assert_eq!(String::from_utf8(out.lock().unwrap().clone()).unwrap().lines().count(), 3);
}

#[test]
fn lines_arrive_in_order_before_flush_returns() {
    let out = Arc::new(Mutex::new(Vec::new()));
    let health = Health::default();
    let log = AccessLog::start(plain(), Shared(Arc::clone(&out)), health.clone()).unwrap();
    let address = address();
    for status in [200, 201, 202] {
        log.write(SystemTime::UNIX_EPOCH, &RequestRecord { status, ..record(&address) });
    }
    log.flush();
    let text = String::from_utf8(out.lock().unwrap().clone()).unwrap();
    let statuses: Vec<&str> = text.lines().filter_map(|line| line.split(' ').nth(6)).collect();
    assert_eq!(statuses, ["status=200", "status=201", "status=202"]);
    assert_eq!((health.written.get(), health.waiting.get(), health.dropped.get()), (3, 0, 0));
}

/// A flush gives up after two seconds, which may be too few for all that these tests have written beside others.
fn written_out(log: &AccessLog, health: &Health) {
    log.flush();
    while health.waiting.get() > 0 {
        log.flush();
    }
}

#[test]
fn a_reader_that_does_not_read_costs_lines_and_never_a_wait() {
    let (gate, out) = stuck();
    let health = Health::default();
    let log = AccessLog::start(plain(), out, health.clone()).unwrap();
    let address = address();
    // The writer may have taken some before it is stuck: they count as waiting until they are written.
    let fit = WAITING as usize / written(AccessForm::Text, &record(&address)).len() + 1;
    for _ in 0..fit + 10 {
        log.write(SystemTime::UNIX_EPOCH, &record(&address));
    }
    assert!((9..=10).contains(&health.dropped.get()), "{} dropped", health.dropped.get());
    assert!((WAITING..WAITING + 1024).contains(&health.waiting.get()), "{} bytes", health.waiting.get());
    drop(gate);
    written_out(&log, &health);
    assert_eq!((health.written.get() + health.dropped.get(), health.waiting.get()), (fit as u64 + 10, 0));
}

#[test]
fn threads_lose_nothing_and_mix_no_lines() {
    let out = Arc::new(Mutex::new(Vec::new()));
    let health = Health::default();
    let log = Arc::new(AccessLog::start(plain(), Shared(Arc::clone(&out)), health.clone()).unwrap());
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                let (address, name) = (address(), format!("t{thread}"));
                for bytes_out in 0..2_000 {
                    let record = RequestRecord { request_id: name.as_bytes(), bytes_out, ..record(&address) };
                    log.write(SystemTime::UNIX_EPOCH, &record);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    written_out(&log, &health);
    let text = String::from_utf8(out.lock().unwrap().clone()).unwrap();
    assert_eq!((health.written.get(), health.dropped.get(), text.lines().count()), (16_000, 0, 16_000));
    let mut said: std::collections::BTreeMap<&str, std::collections::BTreeSet<u64>> = Default::default();
    for line in text.lines() {
        let (before, thread) = line.rsplit_once(" request_id=").unwrap();
        let bytes = before.split(' ').find_map(|pair| pair.strip_prefix("bytes_out=")).unwrap();
        assert!(said.entry(thread).or_default().insert(bytes.parse().unwrap()), "twice: {line}");
    }
    assert!(said.len() == 8 && said.values().all(|lines| lines.len() == 2_000));
}

#[test]
fn the_writer_ends_with_the_log_and_writes_everything_first() {
    let out = Arc::new(Mutex::new(Vec::new()));
    let log = AccessLog::start(plain(), Shared(Arc::clone(&out)), Health::default()).unwrap();
    log.write(SystemTime::UNIX_EPOCH, &record(&address()));
    drop(log);
    // The writer has its own half of `out` as long as it lives.
    let clock = crate::clock::Clock::start();
    let patience = clock.now() + Duration::from_secs(20);
    while Arc::strong_count(&out) > 1 {
        assert!(clock.now() < patience, "the writer lives on");
        std::thread::yield_now();
    }
    assert_eq!(out.lock().unwrap().iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn a_closed_stdout_ends_nothing_and_is_counted() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let health = Health::default();
    let log = AccessLog::start(plain(), Closed, health.clone()).unwrap();
    let address = address();
    for _ in 0..3 {
        log.write(SystemTime::UNIX_EPOCH, &record(&address));
        log.flush();
    }
    assert_eq!((health.dropped.get(), health.waiting.get()), (3, 0));
}

#[test]
fn a_file_that_cannot_be_opened_is_a_sentence() {
    let file = AccessFile { path: "/nowhere/access.log".into(), max_size: 0, keep: 0 };
    let told = check(&file).unwrap_err();
    assert!(
        told.starts_with("logging.access.file /nowhere/access.log: ") && told.contains("the folder must be there"),
        "{told}"
    );
    assert_eq!(AccessLog::open(&AccessPlan { file: Some(file), ..plain() }, Health::default()).unwrap_err(), told);
}

fn plain() -> AccessPlan {
    AccessPlan::plain(AccessForm::Text)
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A writer that blocks until the other half is dropped.
struct Stuck(Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn stuck() -> (Sender<()>, Stuck) {
    let (gate, wait) = channel();
    (gate, Stuck(wait))
}
