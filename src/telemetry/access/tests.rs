//! What the access log writes, and what it drops.

use super::*;
use crate::domain::identity::Address;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

fn record(backend: &Address) -> RequestRecord<'_> {
    RequestRecord {
        request_id: "r-1",
        client: "10.0.0.7".parse().unwrap(),
        listener: "public",
        method: "GET",
        host: "api.example.com",
        path: "/orders/7",
        protocol: "HTTP/1.1",
        route: Some("orders"),
        upstream: Some("orders"),
        backend: Some(backend),
        status: 200,
        reason: None,
        attempts: 2,
        retry_stopped: None,
        bytes_in: 0,
        bytes_out: 512,
        took: Duration::from_micros(12_345),
        upstream_took: Some(Duration::from_millis(9)),
    }
}

fn address() -> Address {
    Address::Socket("127.0.0.1:9001".parse().unwrap())
}

#[test]
fn a_text_line_has_every_field_that_has_a_value() {
    assert_eq!(
        line::text(SystemTime::UNIX_EPOCH, &record(&address())),
        "time=1970-01-01T00:00:00.000Z client=10.0.0.7 method=GET host=api.example.com path=/orders/7 protocol=HTTP/1.1 \
         status=200 route=orders upstream=orders backend=127.0.0.1:9001 attempts=2 took_ms=12.345 upstream_ms=9 bytes_in=0 \
         bytes_out=512 listener=public request_id=r-1\n"
    );
}

#[test]
fn a_json_line_has_the_same_fields() {
    let line = line::json(SystemTime::UNIX_EPOCH, &record(&address()));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let expected = serde_json::json!({
        "time": "1970-01-01T00:00:00.000Z", "client": "10.0.0.7", "method": "GET", "host": "api.example.com",
        "path": "/orders/7", "protocol": "HTTP/1.1", "status": 200, "route": "orders", "upstream": "orders",
        "backend": "127.0.0.1:9001", "attempts": 2, "took_ms": 12.345, "upstream_ms": 9.0, "bytes_in": 0, "bytes_out": 512,
        "listener": "public", "request_id": "r-1",
    });
    assert_eq!(value, expected);
    assert!(line.ends_with("}\n"));
}

#[test]
fn an_answer_of_our_own_names_its_reason_and_no_backend() {
    let address = address();
    let own = RequestRecord {
        backend: None,
        upstream_took: None,
        reason: Some("none_eligible"),
        status: 503,
        ..record(&address)
    };
    let line = line::text(SystemTime::UNIX_EPOCH, &own);
    assert!(line.contains(" status=503 ") && line.contains(" reason=none_eligible "), "{line}");
    assert!(!line.contains("backend=") && !line.contains("upstream_ms="), "{line}");
}

#[test]
fn a_refusal_says_who_where_and_why() {
    let refusal =
        |format| line::refusal(format, SystemTime::UNIX_EPOCH, "public", "10.0.0.7".parse().unwrap(), "head_timeout");
    assert_eq!(
        refusal(LogFormat::Text),
        "time=1970-01-01T00:00:00.000Z client=10.0.0.7 listener=public refused=head_timeout\n"
    );
    let json: serde_json::Value = serde_json::from_str(&refusal(LogFormat::Json)).unwrap();
    let expected = serde_json::json!({
        "time": "1970-01-01T00:00:00.000Z", "client": "10.0.0.7", "listener": "public", "refused": "head_timeout",
    });
    assert_eq!(json, expected);
}

#[test]
fn what_a_client_wrote_cannot_forge_a_line() {
    let address = address();
    let hostile = RequestRecord { path: "/x status=200\n time=1 forged", host: "a\"b\u{1b}[0m", ..record(&address) };
    for line in [line::text(SystemTime::UNIX_EPOCH, &hostile), line::json(SystemTime::UNIX_EPOCH, &hostile)] {
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }
    assert!(line::text(SystemTime::UNIX_EPOCH, &hostile).contains(r#" path="/x status=200\n time=1 forged" "#));
}

#[test]
fn lines_arrive_in_order_before_flush_returns() {
    let out = Arc::new(Mutex::new(Vec::new()));
    let log = AccessLog::start(LogFormat::Text, Shared(Arc::clone(&out)), dropped()).unwrap();
    let address = address();
    for status in [200, 201, 202] {
        log.write(SystemTime::UNIX_EPOCH, &RequestRecord { status, ..record(&address) });
    }
    log.flush();
    let text = String::from_utf8(out.lock().unwrap().clone()).unwrap();
    let statuses: Vec<&str> = text.lines().filter_map(|line| line.split(' ').nth(6)).collect();
    assert_eq!(statuses, ["status=200", "status=201", "status=202"]);
}

#[test]
fn a_reader_that_does_not_read_costs_lines_and_never_a_wait() {
    let (gate, out) = stuck();
    let counter = dropped();
    let log = AccessLog::start(LogFormat::Text, out, counter.clone()).unwrap();
    let address = address();
    // Before it is stuck, the writer takes a batch at most out of the queue.
    let taken = BATCH / line::text(SystemTime::UNIX_EPOCH, &record(&address)).len() + 1;
    for _ in 0..QUEUE + taken + 10 {
        log.write(SystemTime::UNIX_EPOCH, &record(&address));
    }
    assert!(counter.get() >= 10, "{} dropped", counter.get());
    drop(gate);
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
    let counter = dropped();
    let log = AccessLog::start(LogFormat::Text, Closed, counter.clone()).unwrap();
    let address = address();
    for _ in 0..3 {
        log.write(SystemTime::UNIX_EPOCH, &record(&address));
        log.flush();
    }
    assert_eq!(counter.get(), 3);
}

fn dropped() -> IntCounter {
    IntCounter::new("dropped", "For this test.").unwrap()
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
