//! What does a malformed HTTP/2 request cost the others on its connection? Ten thousand of them, of every kind, beside innocent streams:
//! a bad stream ends by itself, and whoever it shares the connection with is answered. What ends the whole connection is in the table of
//! SECURITY, with the reason.

use super::PULSEGATE;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use support::eventually;
use support::raw::{Raw, ok};
use support::raw_h2::{CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, block, frame};

/// Malformed requests in all, at least.
const REQUESTS: usize = 10_000;
/// On one connection: fewer than it may break at once.
const PER_CONNECTION: usize = 150;
/// An innocent stream between so many.
const INNOCENT_EVERY: usize = 10;

type Field = (&'static [u8], &'static [u8]);

/// One way to be malformed.
struct Kind {
    name: &'static str,
    /// The frames of a stream.
    frames: fn(u32) -> Vec<u8>,
}

const GET: [Field; 4] =
    [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/bad"), (b":authority", b"a.example")];

/// A whole request with these fields.
fn whole(stream: u32, fields: &[Field]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(fields))
}

/// A GET with one pseudo-field changed; an empty name leaves it out.
fn changed(stream: u32, at: usize, field: Field) -> Vec<u8> {
    let mut fields = GET.to_vec();
    fields[at] = field;
    fields.retain(|(name, _)| !name.is_empty());
    whole(stream, &fields)
}

/// A GET with one more field.
fn more(stream: u32, field: Field) -> Vec<u8> {
    whole(stream, &[&GET[..], &[field]].concat())
}

/// A POST with this length and body.
fn post(stream: u32, length: &'static [u8], body: &[u8]) -> Vec<u8> {
    let fields = [&[(&b":method"[..], &b"POST"[..])], &GET[1..], &[(&b"content-length"[..], length)]].concat();
    let head = frame(HEADERS, END_HEADERS, stream, &block(&fields));
    [head, frame(DATA, END_STREAM, stream, body)].concat()
}

/// A POST with trailers.
fn trailers(stream: u32, flags: u8, field: Field) -> Vec<u8> {
    let fields = [&[(&b":method"[..], &b"POST"[..])], &GET[1..]].concat();
    let head = frame(HEADERS, END_HEADERS, stream, &block(&fields));
    [head, frame(DATA, 0, stream, b"body"), frame(HEADERS, END_HEADERS | flags, stream, &block(&[field]))].concat()
}

macro_rules! kinds {
    ($($name:literal: $frames:expr,)*) => { [$(Kind { name: $name, frames: $frames }),*] };
}

const KINDS: [Kind; 70] = kinds![
    "`:method` with a character that no method has": |s| changed(s, 0, (b":method", b"GET?")),
    "an empty `:method`": |s| changed(s, 0, (b":method", b"")),
    "`:method` with a blank": |s| changed(s, 0, (b":method", b"GE T")),
    "no `:method`": |s| changed(s, 0, (b"", b"")),
    "two of `:method`": |s| whole(s, &[GET[0], GET[0], GET[1], GET[2], GET[3]]),
    "CONNECT with a path": |s| changed(s, 0, (b":method", b"CONNECT")),
    "CONNECT": |s| whole(s, &[(b":method", b"CONNECT"), GET[3]]),
    "TRACE": |s| changed(s, 0, (b":method", b"TRACE")),
    "no `:scheme`": |s| changed(s, 1, (b"", b"")),
    "an empty `:scheme`": |s| changed(s, 1, (b":scheme", b"")),
    "`:scheme` with a blank": |s| changed(s, 1, (b":scheme", b"ht tp")),
    "8-bit `:scheme`": |s| changed(s, 1, (b":scheme", b"htt\xFF")),
    "two of `:scheme`": |s| whole(s, &[GET[0], GET[1], GET[1], GET[2], GET[3]]),
    "no `:path`": |s| changed(s, 2, (b"", b"")),
    "an empty `:path`": |s| changed(s, 2, (b":path", b"")),
    "`:path` without a slash": |s| changed(s, 2, (b":path", b"bad")),
    "`:path` with a blank": |s| changed(s, 2, (b":path", b"/bad x")),
    "`:path` with CR LF": |s| changed(s, 2, (b":path", b"/bad\r\nx: y")),
    "`:path` with NUL": |s| changed(s, 2, (b":path", b"/bad\0")),
    "8-bit `:path`": |s| changed(s, 2, (b":path", b"/bad\xFF")),
    "absolute `:path`": |s| changed(s, 2, (b":path", b"http://a.example/bad")),
    "`*` for a GET": |s| changed(s, 2, (b":path", b"*")),
    "two of `:path`": |s| whole(s, &[GET[0], GET[1], GET[2], GET[2], GET[3]]),
    "neither `:authority` nor Host": |s| changed(s, 3, (b"", b"")),
    "an empty `:authority`": |s| changed(s, 3, (b":authority", b"")),
    "a user in `:authority`": |s| changed(s, 3, (b":authority", b"me@a.example")),
    "`:authority` with a blank": |s| changed(s, 3, (b":authority", b"a b")),
    "`:authority` with CR LF": |s| changed(s, 3, (b":authority", b"a\r\nx: y")),
    "8-bit `:authority`": |s| changed(s, 3, (b":authority", b"a\xFF")),
    "two of `:authority`": |s| whole(s, &[GET[0], GET[1], GET[2], GET[3], GET[3]]),
    "Host that is not `:authority`": |s| more(s, (b"host", b"other")),
    "two of Host": |s| whole(s, &[GET[0], GET[1], GET[2], (b"host", b"a"), (b"host", b"a")]),
    "an unknown pseudo-field": |s| more(s, (b":other", b"x")),
    "an unknown pseudo-field in front": |s| whole(s, &[&[(&b":other"[..], &b"x"[..])], &GET[..]].concat()),
    "`:status` in a request": |s| whole(s, &[&GET[..], &[(&b":status"[..], &b"200"[..])]].concat()),
    "`:protocol` for a GET": |s| whole(s, &[&GET[..], &[(&b":protocol"[..], &b"websocket"[..])]].concat()),
    "a pseudo-field behind a field": |s| whole(s, &[GET[0], GET[1], GET[3], (b"x", b"y"), GET[2]]),
    "a name in upper case": |s| more(s, (b"X-Upper", b"x")),
    "a name with a blank": |s| more(s, (b"x y", b"x")),
    "a name with a colon": |s| more(s, (b"x:y", b"x")),
    "a name with CR": |s| more(s, (b"x\r", b"x")),
    "a name with CR LF": |s| more(s, (b"x\r\ny", b"x")),
    "a name with NUL": |s| more(s, (b"x\0", b"x")),
    "8-bit name": |s| more(s, (b"x\xFF", b"x")),
    "an empty name": |s| more(s, (b"", b"x")),
    "a value with CR LF": |s| more(s, (b"x", b"a\r\ny: z")),
    "a value with CR": |s| more(s, (b"x", b"a\rb")),
    "a value with LF": |s| more(s, (b"x", b"a\nb")),
    "a value with NUL": |s| more(s, (b"x", b"a\0b")),
    "a value with DEL": |s| more(s, (b"x", b"a\x7Fb")),
    "a value with a control character": |s| more(s, (b"x", b"a\x01b")),
    "a value that begins with a blank": |s| more(s, (b"x", b" a")),
    "a value that ends with a blank": |s| more(s, (b"x", b"a ")),
    "a value that begins with a tab": |s| more(s, (b"x", b"\ta")),
    "a value that ends with a tab": |s| more(s, (b"x", b"a\t")),
    "Connection": |s| more(s, (b"connection", b"close")),
    "Keep-Alive": |s| more(s, (b"keep-alive", b"timeout=5")),
    "Proxy-Connection": |s| more(s, (b"proxy-connection", b"close")),
    "Transfer-Encoding": |s| more(s, (b"transfer-encoding", b"chunked")),
    "Upgrade": |s| more(s, (b"upgrade", b"websocket")),
    "TE that is not `trailers`": |s| more(s, (b"te", b"gzip")),
    "Content-Length that is no number": |s| more(s, (b"content-length", b"abc")),
    "two lengths": |s| whole(s, &[&GET[..], &[(&b"content-length"[..], &b"1"[..]), (b"content-length", b"2")]].concat()),
    "a length and no body": |s| more(s, (b"content-length", b"5")),
    "more body than its length": |s| post(s, b"1", b"body"),
    "less body than its length": |s| post(s, b"9", b"body"),
    "an unknown expectation": |s| more(s, (b"expect", b"a miracle")),
    "a trailer's name in upper case": |s| trailers(s, END_STREAM, (b"X-Upper", b"x")),
    "trailers that do not end the stream": |s| trailers(s, 0, (b"x", b"y")),
    "a forbidden field in a block of two frames": |s| [
        frame(HEADERS, END_STREAM, s, &block(&[&GET[..], &[(b"connection", b"close")]].concat())),
        frame(CONTINUATION, END_HEADERS, s, &block(&[(b"x", b"y")])),
    ].concat(),
];

/// How many requests of a kind were sent, and with which code its connection said goodbye where it ended.
struct Outcome {
    sent: usize,
    goodbye: Option<u32>,
}

/// One connection with innocent streams among malformed ones, until the connection ends.
async fn one_connection(address: SocketAddr, kind: &Kind, requests: usize) -> Outcome {
    let mut client = Frames::connect(address).await;
    let mut stream = 1;
    // It is open all the time.
    let upload = [(":method", "POST"), (":scheme", "http"), (":path", "/good"), (":authority", "a.example")];
    client.open(stream, &upload, false).await;
    let mut sent = 0;
    while sent < requests {
        let mut bad = Vec::new();
        for _ in 0..INNOCENT_EVERY {
            stream += 2;
            bad.push(stream);
            client.send(&(kind.frames)(stream)).await;
        }
        stream += 2;
        let innocent = [(":method", "GET"), (":scheme", "http"), (":path", "/good"), (":authority", "a.example")];
        client.open(stream, &innocent, true).await;
        let Some(innocent) = client.outcome(stream).await else {
            return Outcome { sent: sent + 1, goodbye: Some(client.goodbye.unwrap_or_default()) };
        };
        assert_eq!((innocent.status(), innocent.ended), (Some(200), true), "{}: the innocent", kind.name);
        for bad in bad {
            let Some(outcome) = client.outcome(bad).await else { panic!("{}: the connection ended late", kind.name) };
            assert!(outcome.status() != Some(200), "{}: served", kind.name);
        }
        sent += INNOCENT_EVERY;
    }
    client.send(&frame(DATA, END_STREAM, 1, b"body")).await;
    let Some(upload) = client.outcome(1).await else { panic!("{}: the upload's connection ended", kind.name) };
    assert_eq!((upload.status(), upload.ended), (Some(200), true), "{}: the upload", kind.name);
    Outcome { sent, goodbye: None }
}

/// The kinds that SECURITY says end the connection.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/SECURITY.md")).unwrap();
    let (_, behind) = text.split_once("| one HTTP/2 request with |").unwrap();
    let rows = behind.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.split('|').nth(1)).map(|kinds| kinds.trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_request_ends_its_stream_and_nobody_elses_but_for_what_security_lists() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{}\"], readiness: {{ path: /ready }} }}\n",
        backend.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let (mut all, mut broken, mut ends) = (0, 0, BTreeSet::new());
    for kind in &KINDS {
        let mut sent = 0;
        while sent < REQUESTS.div_ceil(KINDS.len()) {
            let outcome = one_connection(gateway.address, kind, PER_CONNECTION).await;
            sent += outcome.sent;
            let Some(code) = outcome.goodbye else { continue };
            broken += 1;
            if ends.insert(kind.name.to_owned()) {
                println!("{}: GOAWAY with {code}", kind.name);
            }
        }
        all += sent;
    }
    // A client that is gone before it was told counts as gone.
    let counted = async || {
        let metrics = gateway.get("/metrics").await.unwrap_or_default();
        let line = metrics.lines().find_map(|line| line.split_once("reason=\"http2_protocol_error\"} "));
        line.and_then(|(_, count)| count.trim().parse::<usize>().ok()).unwrap_or_default()
    };
    eventually("the connections that were ended are counted", async || counted().await * 100 >= broken * 99).await;
    println!("{all} malformed requests of {} kinds; {} kinds end the connection", KINDS.len(), ends.len());
    assert!(all >= REQUESTS);
    let bad = backend.seen().into_iter().filter(|request| !request.contains(" /good HTTP/1.1\r\n")).collect::<Vec<_>>();
    assert!(bad.is_empty(), "malformed requests reached the backend: {bad:?}");
    assert_eq!(ends, documented(), "SECURITY lists the kinds that end a connection");
}
