//! What do hostile HTTP/2 clients achieve? Frames written by hand: each attack ends in a GOAWAY or a closed connection, or costs the
//! gateway less than a hundred times the CPU time that it cost its sender.

use super::PULSEGATE;
use nix::time::{ClockId, clock_gettime};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use support::gateway::Gateway;
use support::h2::H2Client;
use support::raw::{Raw, ok};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// `:method GET`, `:scheme http`, `:path /x`, `:authority a`, as HPACK.
const REQUEST: &[u8] = &[0x82, 0x86, 0x04, 0x02, b'/', b'x', 0x01, 0x01, b'a'];
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Below this, a figure of CPU time is the clock's own grain and the process's housekeeping.
const GRAIN: Duration = Duration::from_millis(200);

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The bytes of the attack's step with this number; streams are odd.
type Step = fn(u32) -> Vec<u8>;

struct Attack {
    name: &'static str,
    steps: u32,
    step: Step,
}

fn stream(number: u32) -> u32 {
    number * 2 + 1
}

const ATTACKS: [Attack; 9] = [
    Attack { name: "SETTINGS flood", steps: 50_000, step: |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xFF, 0xFF]) },
    Attack { name: "PING flood", steps: 50_000, step: |_| frame(PING, 0, 0, b"whatever") },
    Attack { name: "WINDOW_UPDATE flood", steps: 50_000, step: |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]) },
    Attack {
        name: "CONTINUATION flood",
        steps: 50_000,
        step: |number| match number {
            0 => frame(HEADERS, END_STREAM, 1, REQUEST),
            _ => frame(CONTINUATION, 0, 1, &[0x00, 0x01, b'a', 0x01, b'b']),
        },
    },
    Attack {
        name: "empty CONTINUATION flood",
        steps: 50_000,
        step: |number| match number {
            0 => frame(HEADERS, END_STREAM, 1, REQUEST),
            _ => frame(CONTINUATION, 0, 1, &[]),
        },
    },
    Attack {
        name: "header compression bomb",
        steps: 2_000,
        // An entry of 4000 bytes in the dynamic table, then a thousand references of a byte each.
        step: |number| {
            let mut block = REQUEST.to_vec();
            block.extend([0x40, 0x01, b'b', 0x7F, 0xA1, 0x1E]);
            block.extend(vec![b'x'; 4000]);
            block.extend(vec![0xBE; 1000]);
            frame(HEADERS, END_STREAM | END_HEADERS, stream(number), &block)
        },
    },
    Attack {
        name: "empty DATA flood",
        steps: 50_000,
        step: |number| match number {
            0 => frame(HEADERS, END_HEADERS, 1, &[&[0x83], &REQUEST[1..]].concat()),
            _ => frame(DATA, 0, 1, &[]),
        },
    },
    Attack {
        name: "rapid reset",
        steps: 20_000,
        step: |number| {
            let mut both = frame(HEADERS, END_HEADERS, stream(number), REQUEST);
            both.extend(frame(RST_STREAM, 0, stream(number), &8u32.to_be_bytes()));
            both
        },
    },
    Attack {
        name: "made you reset",
        steps: 20_000,
        // The server must reset a stream whose window is moved by nothing.
        step: |number| {
            let mut both = frame(HEADERS, END_STREAM | END_HEADERS, stream(number), REQUEST);
            both.extend(frame(WINDOW_UPDATE, 0, stream(number), &0u32.to_be_bytes()));
            both
        },
    },
];

/// How an attack went.
struct Outcome {
    sent: u32,
    /// The gateway ended it.
    ended: bool,
    goodbye: bool,
    cpu: Duration,
}

/// Sends the attack on a thread of its own, whose CPU time is what it cost.
async fn run(address: SocketAddr, attack: &Attack) -> Outcome {
    let (steps, step) = (attack.steps, attack.step);
    tokio::task::spawn_blocking(move || send(address, steps, step)).await.unwrap()
}

fn send(address: SocketAddr, steps: u32, step: Step) -> Outcome {
    let before = cpu();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut opening = PREFACE.to_vec();
    opening.extend(frame(SETTINGS, 0, 0, &[]));
    socket.write_all(&opening).unwrap();
    let (mut seen, mut sent, mut ended) = (Vec::new(), 0, false);
    while sent < steps && !ended {
        let mut batch = Vec::new();
        for number in sent..(sent + 100).min(steps) {
            batch.extend(step(number));
        }
        sent += 100;
        ended = socket.write_all(&batch).is_err() || !read_on(&mut socket, &mut seen);
    }
    let cpu = cpu() - before;
    // What the gateway says last may come a moment later.
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    while !ended && !has_goodbye(&seen) && read_on(&mut socket, &mut seen) && !seen.is_empty() {
        if !waits_for_more(&mut socket, &mut seen) {
            break;
        }
    }
    Outcome { sent, ended, goodbye: has_goodbye(&seen), cpu }
}

/// False: the connection has ended.
fn read_on(socket: &mut TcpStream, seen: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 65536];
    match socket.read(&mut buffer) {
        Ok(0) => false,
        Ok(read) => {
            seen.extend(&buffer[..read]);
            true
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Something came within the read timeout.
fn waits_for_more(socket: &mut TcpStream, seen: &mut Vec<u8>) -> bool {
    let before = seen.len();
    read_on(socket, seen) && seen.len() > before
}

fn has_goodbye(seen: &[u8]) -> bool {
    let mut rest = seen;
    while let [a, b, c, kind, _, _, _, _, _, behind @ ..] = rest {
        if *kind == GOAWAY {
            return true;
        }
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        rest = behind.get(length..).unwrap_or_default();
    }
    false
}

fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

async fn cpu_of(gateway: &Gateway) -> Duration {
    let metrics = gateway.get("/metrics").await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("process_cpu_seconds_total "));
    Duration::from_secs_f64(line.unwrap().trim().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_frames_end_in_a_goodbye_or_cost_their_sender_as_much() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{}\"], readiness: {{ path: /ready }} }}\n",
        backend.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut wrong = Vec::new();
    for attack in &ATTACKS {
        let before = cpu_of(&gateway).await;
        let outcome = run(gateway.address, attack).await;
        let cost = cpu_of(&gateway).await.saturating_sub(before);
        let ratio = cost.saturating_sub(GRAIN).as_secs_f64() / outcome.cpu.as_secs_f64().max(1e-6);
        println!(
            "{}: {} steps, {}; {:.0?} of the sender's CPU, {cost:.0?} of the gateway's (x {ratio:.1})",
            attack.name,
            outcome.sent,
            if outcome.goodbye {
                "GOAWAY"
            } else if outcome.ended {
                "closed"
            } else {
                "served"
            },
            outcome.cpu,
        );
        if !outcome.goodbye && !outcome.ended && ratio >= 100.0 {
            wrong.push(attack.name);
        }
        assert_eq!(H2Client::connect(gateway.address).await.get("/x").await.status, 200, "after {}", attack.name);
    }
    assert!(wrong.is_empty(), "{wrong:?} cost more than a hundred times what they cost their sender");
}
