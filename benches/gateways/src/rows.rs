//! Which rows does the table have, and who stands in each?

use crate::answer::{Ask, KIB, MIB};
use crate::load::Shape;
use crate::options::Options;
use crate::peers::{Column, Log, Peer, Program, Work};

/// How a row is measured.
#[derive(Clone, Copy, Debug)]
pub enum Load {
    Closed(Shape),
    /// By h2load.
    Http2 {
        connections: u8,
        streams: u8,
    },
}

#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub key: &'static str,
    pub title: &'static str,
    pub load: Load,
    pub log: Log,
    pub workers: u8,
    /// Newer gateways stand in it too.
    pub newer: bool,
}

/// The row with which others are compared: its requests per second are the capacity of which the load of the latencies is a share.
pub const USUAL: &str = "64";

/// The key of the latencies, and of the memory, which have tables of their own.
pub const LATENCY: &str = "p99";
pub const MEMORY: &str = "memory";

const GET: Shape = Shape { connections: 64, ask: Ask::Get, keep: true, tls: false };

const fn row(key: &'static str, title: &'static str, shape: Shape) -> Row {
    Row { key, title, load: Load::Closed(shape), log: Log::Off, workers: 1, newer: false }
}

/// Large bodies: fewer connections, which move more bytes than a core can copy.
const LARGE: Shape = Shape { connections: 16, ..GET };

pub const ROWS: [Row; 14] = [
    Row { newer: true, ..row(USUAL, "64 connections", GET) },
    Row { log: Log::Line, ..row("log", "64, access log on", GET) },
    Row { log: Log::Watched, ..row("watched", "64, log in JSON and 1 % traced", GET) },
    row("8", "8 connections", Shape { connections: 8, ..GET }),
    row("1", "1 connection", Shape { connections: 1, ..GET }),
    Row { newer: true, ..row("1000", "1 000 connections", Shape { connections: 1000, ..GET }) },
    row("close", "64, a connection per request", Shape { keep: false, ..GET }),
    row("4k-up", "64, 4 KiB up", Shape { ask: Ask::Send(4 * KIB), ..GET }),
    row("1m-down", "16, 1 MiB down", Shape { ask: Ask::Large, ..LARGE }),
    row("1m-up", "16, 1 MiB up", Shape { ask: Ask::Send(MIB), ..LARGE }),
    Row { newer: true, ..row("tls", "64, TLS, kept", Shape { tls: true, ..GET }) },
    Row { newer: true, ..row("tls-new", "64, TLS, a handshake per request", Shape { tls: true, keep: false, ..GET }) },
    Row {
        newer: true, load: Load::Http2 { connections: 8, streams: 8 }, ..row("http2", "HTTP/2, 8 × 8 streams", GET)
    },
    Row { workers: 2, ..row("workers", "64, two workers", GET) },
];

impl Row {
    pub fn asked_for(options: &Options) -> Vec<Self> {
        if let Some(rows) = &options.rows {
            let known = |row: &str| ROWS.iter().any(|one| one.key == row) || [LATENCY, MEMORY].contains(&row);
            let keys: Vec<&str> = ROWS.iter().map(|row| row.key).chain([LATENCY, MEMORY]).collect();
            assert!(rows.iter().all(|row| known(row)), "--rows: there are {}", keys.join(", "));
        }
        ROWS.iter().copied().filter(|row| options.wants_row(row.key)).collect()
    }

    /// Who stands in it in this column, if anybody.
    pub fn peer(&self, column: Column) -> Option<Peer> {
        let stands = match self.log {
            Log::Off => !column.is_newer() || self.newer && self.speaks(column.program),
            Log::Line => !column.is_newer() && column.work == Work::Same,
            Log::Watched => column.program == Program::Pulsegate,
        };
        stands.then_some(Peer { column, log: self.log, workers: self.workers })
    }

    /// Whether a newer gateway is configured for it: TLS where the configuration is that of the older one; HTTP/2 where it is to be had
    /// without TLS, unlike in pingora's own proxy.
    fn speaks(&self, program: Program) -> bool {
        match self.load {
            Load::Closed(shape) if shape.tls => program.is_nginx() || program.is_haproxy(),
            Load::Closed(_) => true,
            Load::Http2 { .. } => program != Program::Bare,
        }
    }
}
