//! What does a gateway hold that does nothing, and what a connection that says nothing?
//!
//! Each kind of connection meets a fresh process. Crowds gather side by side and rest together.

use crate::crowd::CROWD;
use crate::gateways::{Gateway, Setting};
use crate::peers::{Column, Log, Peer, Work};
use crate::process::{Place, pin_self};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

const SETTLE: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_secs(12);
const KINDS: [&str; 3] = ["plain", "tls", "http2"];

/// Of one gateway, bytes that nobody shares (RssAnon).
#[derive(Debug)]
pub struct Held {
    pub column: Column,
    pub idle: u64,
    /// Of which in huge pages.
    pub huge: u64,
    /// Of a connection: plain, TLS, HTTP/2.
    pub each: [f64; 3],
}

pub fn measure(setting: &Setting, columns: &[Column]) -> Vec<Held> {
    let same = columns.iter().copied().filter(|column| column.work == Work::Same && !column.is_newer());
    let met: Vec<(Column, Vec<Met>)> =
        same.map(|column| (column, KINDS.map(|kind| Met::new(setting, column, kind)).into())).collect();
    pin_self(Place::Load);
    std::thread::sleep(SETTLE);
    let idle: Vec<Vec<u64>> = met.iter().map(|(_, met)| met.iter().map(Met::anonymous).collect()).collect();
    let huge: Vec<u64> = met.iter().map(|(_, met)| met.first().map_or(0, |met| met.gateway.process.huge())).collect();
    let crowds: Vec<Vec<Crowd>> = met.iter().map(|(_, met)| met.iter().map(Crowd::gather).collect()).collect();
    let mut crowds: Vec<Vec<Crowd>> =
        crowds.into_iter().map(|crowds| crowds.into_iter().map(|crowd| crowd.expect_word("here")).collect()).collect();
    std::thread::sleep(REST);
    let mut held = Vec::new();
    for (((column, met), idle), huge) in met.iter().zip(&idle).zip(huge) {
        let grown = |at: usize| met[at].anonymous().saturating_sub(idle[at]) as f64 / CROWD as f64;
        held.push(Held { column: *column, idle: idle[0], huge, each: [0, 1, 2].map(grown) });
    }
    for crowd in crowds.drain(..).flatten() {
        crowd.leave();
    }
    held
}

/// A gateway and the kind of connection that it is to meet.
struct Met {
    gateway: Gateway,
    kind: &'static str,
}

impl Met {
    fn new(setting: &Setting, column: Column, kind: &'static str) -> Self {
        Self { gateway: setting.start(Peer { column, log: Log::Off, workers: 1 }), kind }
    }

    fn anonymous(&self) -> u64 {
        self.gateway.process.memory("RssAnon:")
    }
}

struct Crowd {
    child: Child,
    words: std::io::Lines<BufReader<std::process::ChildStdout>>,
    told: ChildStdin,
}

impl Crowd {
    fn gather(met: &Met) -> Self {
        let ports = met.gateway.ports;
        let port = match met.kind {
            "plain" => ports.plain,
            "tls" => ports.tls,
            _ => ports.http2,
        };
        let mut child = Command::new(std::env::current_exe().expect("our own path"))
            .args(["crowd", met.kind, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process for the crowd");
        let words = BufReader::new(child.stdout.take().expect("what it says")).lines();
        let told = child.stdin.take().expect("what it is told");
        Self { child, words, told }
    }

    fn expect_word(mut self, word: &str) -> Self {
        let said = self.words.next().and_then(Result::ok);
        assert!(said.as_deref() == Some(word), "the crowd did not say {word}; its own words stand above");
        self
    }

    fn leave(mut self) {
        self.told.write_all(b"again\n").expect("the crowd listens");
        let mut left = self.expect_word("alive");
        let _ = left.child.wait();
    }
}
