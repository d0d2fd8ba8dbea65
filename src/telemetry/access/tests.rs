//! What the access log writes, what it leaves out, and what it drops.

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
        request_id: "r-1",
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
fn a_text_line_has_every_field_that_has_a_value() {
    assert_eq!(
        written(AccessForm::Text, &record(&address())),
        "time=1970-01-01T00:00:00.000Z client=10.0.0.7 method=GET host=api.example.com path=/orders/7 protocol=HTTP/1.1 \
         status=200 route=orders upstream=orders backend=127.0.0.1:9001 attempts=1 took_ms=12.345 head_ms=10 upstream_ms=9 \
         bytes_in=0 bytes_out=512 listener=public request_id=r-1\n"
    );
}

#[test]
fn a_json_line_has_the_same_fields() {
    let expected = serde_json::json!({
        "time": "1970-01-01T00:00:00.000Z", "client": "10.0.0.7", "method": "GET", "host": "api.example.com",
        "path": "/orders/7", "protocol": "HTTP/1.1", "status": 200, "route": "orders", "upstream": "orders",
        "backend": "127.0.0.1:9001", "attempts": 1, "took_ms": 12.345, "head_ms": 10, "upstream_ms": 9, "bytes_in": 0,
        "bytes_out": 512, "listener": "public", "request_id": "r-1",
    });
    assert_eq!(json(&AccessPlan::plain(AccessForm::Json), &record(&address())), expected);
}

#[test]
fn every_attempt_has_its_cause_and_its_time() {
    let mut tries = Tries::default();
    let backend = |port: u16| Address::Socket(([127, 0, 0, 1], port).into());
    let began = Timestamp::ZERO;
    for (port, end, millis) in
        [(9002, AttemptEnd::ConnectFailed { timed_out: false }, 1), (9001, AttemptEnd::Response { status: 200 }, 9)]
    {
        let took = Duration::from_millis(millis);
        tries.push(Try { backend: backend(port), end, began, took, span: 0, url: None });
    }
    let address = address();
    let queued = Duration::from_millis(3);
    let record = RequestRecord { attempts: 2, tries: &tries, queued, trace_id: Some(0xabc), ..record(&address) };
    let line = written(AccessForm::Text, &record);
    let told = " attempts=2 tries=127.0.0.1:9002/connect_failed/1,127.0.0.1:9001/response:200/9 took_ms=12.345 head_ms=10 queue_ms=3 ";
    assert!(line.contains(told), "{line}");
    assert!(line.contains(" trace_id=00000000000000000000000000000abc\n"), "{line}");
    let json = json(&AccessPlan::plain(AccessForm::Json), &record);
    let expected = serde_json::json!([
        { "backend": "127.0.0.1:9002", "end": "connect_failed", "took_ms": 1 },
        { "backend": "127.0.0.1:9001", "end": "response", "status": 200, "took_ms": 9 },
    ]);
    assert_eq!(json["tries"], expected);
    assert_eq!(json["queue_ms"], 3);
}

/// What a browser sends, with secrets.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("user-agent", "curl \"8\""),
        ("referer", "https://a.test/x?token=t0p&b=1"),
        ("authorization", "Bearer t0p"),
        ("cookie", "session=t0p"),
        ("x-tag", "one"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.append("x-tag", HeaderValue::from_static("two"));
    headers
}

#[test]
fn the_common_formats_are_those_that_everybody_reads() {
    let (address, headers) = (address(), headers());
    let record = RequestRecord { headers: Some(&headers), query: "?password=t0p", ..record(&address) };
    let common = r#"10.0.0.7 - - [01/Jan/1970:00:00:00 +0000] "GET /orders/7 HTTP/1.1" 200 512"#;
    assert_eq!(written(AccessForm::Common, &record), format!("{common}\n"));
    assert_eq!(
        written(AccessForm::Combined, &record),
        format!("{common} \"https://a.test/x?token=REDACTED&b=1\" \"curl \\\"8\\\"\"\n")
    );
    let with_query = AccessPlan { query: true, ..AccessPlan::plain(AccessForm::Common) };
    let line = line_of(&with_query, &record);
    assert!(line.contains(r#""GET /orders/7?password=REDACTED HTTP/1.1""#), "{line}");
    let nobody = RequestRecord { headers: None, ..record };
    assert!(written(AccessForm::Combined, &nobody).ends_with("512 \"-\" \"-\"\n"));
}

#[test]
fn a_template_is_filled_and_what_is_absent_is_a_dash() {
    let template =
        "{client} {method} {path}{query} {status} {upstream} {backend} {attempts} {tries} {header:x-tag} {reason}";
    let template = Template::parse(template).unwrap();
    let (address, headers) = (address(), headers());
    let record = RequestRecord { headers: Some(&headers), query: "?a=1&token=t0p", ..record(&address) };
    assert_eq!(
        written(AccessForm::Template(template), &record),
        "10.0.0.7 GET /orders/7?a=1&token=REDACTED 200 orders 127.0.0.1:9001 1  one, two -\n"
    );
}

#[test]
fn secrets_are_written_nowhere() {
    let (address, headers) = (address(), headers());
    let query = "?api_key=t0p&a=1&code=t0p";
    let record = RequestRecord { headers: Some(&headers), query, ..record(&address) };
    let names = ["authorization", "cookie", "user-agent", "x-tag", "x-none"].map(str::to_owned).to_vec();
    for form in [AccessForm::Text, AccessForm::Json] {
        let plan = AccessPlan { query: true, headers: names.clone(), ..AccessPlan::plain(form) };
        let line = line_of(&plan, &record);
        assert!(!line.contains("t0p"), "{line}");
        assert!(line.contains("a=1") && line.contains("REDACTED"), "{line}");
    }
    let template = Template::parse("{header:authorization} {header:cookie} {query}").unwrap();
    assert_eq!(
        written(AccessForm::Template(template), &record),
        "REDACTED REDACTED ?api_key=REDACTED&a=1&code=REDACTED\n"
    );
    let plan = AccessPlan { headers: names, ..AccessPlan::plain(AccessForm::Json) };
    let told = serde_json::json!({
        "authorization": "REDACTED", "cookie": "REDACTED", "user-agent": "curl \"8\"", "x-tag": "one, two",
    });
    assert_eq!(json(&plan, &record)["headers"], told);
    let chosen = Redacted { headers: vec!["x-tag".into()], query: vec!["a".into()] };
    let plan = AccessPlan { redacted: chosen, query: true, ..plan };
    assert_eq!(json(&plan, &record)["headers"]["x-tag"], "REDACTED");
    assert_eq!(json(&plan, &record)["query"], "?api_key=t0p&a=REDACTED&code=t0p");
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
    let line = written(AccessForm::Text, &own);
    assert!(line.contains(" status=503 ") && line.contains(" reason=none_eligible "), "{line}");
    assert!(!line.contains("backend=") && !line.contains("upstream_ms="), "{line}");
}

#[test]
fn a_refusal_says_who_where_and_why() {
    let refusal =
        |form| line::refusal(&form, SystemTime::UNIX_EPOCH, "public", "10.0.0.7".parse().unwrap(), "head_timeout");
    for form in [AccessForm::Text, AccessForm::Common] {
        let expected = "time=1970-01-01T00:00:00.000Z client=10.0.0.7 listener=public refused=head_timeout\n";
        assert_eq!(refusal(form), expected);
    }
    let json: serde_json::Value = serde_json::from_str(&refusal(AccessForm::Json)).unwrap();
    let expected = serde_json::json!({
        "time": "1970-01-01T00:00:00.000Z", "client": "10.0.0.7", "listener": "public", "refused": "head_timeout",
    });
    assert_eq!(json, expected);
}

#[test]
fn text_of_a_client_cannot_forge_a_line_and_is_not_endless() {
    let address = address();
    let mut headers = headers();
    headers.insert("user-agent", HeaderValue::from_bytes("\u{2028}\"x".as_bytes()).unwrap());
    let endless = format!("?{}", "ü".repeat(5000));
    let hostile = RequestRecord {
        path: "/x status=200\n time=1 forged",
        host: "a\"b\u{1b}[0m",
        headers: Some(&headers),
        query: &endless,
        ..record(&address)
    };
    let template = Template::parse("{host} \"{path}\" {query} \"{header:user-agent}\"").unwrap();
    for form in [AccessForm::Text, AccessForm::Json, AccessForm::Combined, AccessForm::Template(template)] {
        let plan = AccessPlan { query: true, ..AccessPlan::plain(form) };
        let line = line_of(&plan, &hostile);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(!line.contains('\u{1b}') && !line.contains('\u{2028}'), "{line}");
        assert!(line.len() < 2048, "{} bytes", line.len());
    }
    assert!(written(AccessForm::Text, &hostile).contains(r#" path="/x status=200\n time=1 forged" "#));
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
    log.flush();
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
                    let record = RequestRecord { request_id: &name, bytes_out, ..record(&address) };
                    log.write(SystemTime::UNIX_EPOCH, &record);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    log.flush();
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
