//! Who has a turn when? First memory, of fresh processes; then row by row all gateways, round by round, each time in another order.

use crate::answer::Ask;
use crate::backend;
use crate::client::Target;
use crate::figures::{Added, Figures};
use crate::gateways::{Gateway, Setting};
use crate::load::{self, Shape, Window};
use crate::memory;
use crate::open::open;
use crate::options::Options;
use crate::peers::{Column, Log, Peer};
use crate::process::{Place, Process, pin_self};
use crate::report::{self, Report};
use crate::rows::{LATENCY, Load, MEMORY, Row, USUAL};
use std::collections::HashMap;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The share of the least capacity at which latency is measured, the same rate for all.
const SHARE: f64 = 0.3;

pub fn run(options: &Options) {
    let (columns, rows) = (Column::asked_for(options), Row::asked_for(options));
    let mut bench = Bench::new(options);
    let held = if options.wants_row(MEMORY) {
        eprintln!("memory: crowds of 10 000");
        memory::measure(&bench.setting, &columns)
    } else {
        Vec::new()
    };
    let mut figures = Figures::default();
    for round in 0..options.rounds {
        for row in &rows {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, row.title);
            for column in turns(&columns, round) {
                if let Some(peer) = row.peer(column) {
                    figures.cell(row.key, column, &bench.window(row.load, peer, options.cell));
                }
            }
        }
        if options.wants_row(LATENCY) {
            eprintln!("round {} of {}: latency", round + 1, options.rounds);
            bench.latency(&mut figures, &columns, round, options.cell);
        }
    }
    report::tell(&Report {
        options,
        setting: &bench.setting,
        columns: &columns,
        rows: &rows,
        figures: &figures,
        held: &held,
    });
}

/// A different order in each round, so that nobody always follows the same neighbour.
fn turns(columns: &[Column], round: usize) -> impl Iterator<Item = Column> {
    let first = round % columns.len().max(1);
    columns[first..].iter().chain(&columns[..first]).copied()
}

/// What stays between turns.
struct Bench {
    setting: Setting,
    backend: Process,
    gateways: HashMap<Peer, Gateway>,
    runtime: Runtime,
}

impl Bench {
    fn new(options: &Options) -> Self {
        let (port, backend) = backend::start();
        pin_self(Place::Load);
        Self {
            setting: Setting::new(&options.pulsegate, port),
            backend,
            gateways: HashMap::new(),
            runtime: crate::runtime(),
        }
    }

    /// Started at its first turn.
    fn gateway(&mut self, peer: Peer) -> &Gateway {
        self.gateways.entry(peer).or_insert_with(|| self.setting.start(peer))
    }

    fn window(&mut self, load: Load, peer: Peer, length: Duration) -> Window {
        self.gateway(peer);
        let beside_two = peer.workers > 1;
        if beside_two {
            self.move_load(Place::LoadBesideTwo);
        }
        let gateway = &self.gateways[&peer];
        let meter = gateway.process.meter();
        let window = match load {
            Load::Closed(shape) => {
                let target =
                    if shape.tls { Target::tls(gateway.ports.tls) } else { Target::plain(gateway.ports.plain) };
                self.runtime.block_on(load::closed(target, shape, length, &meter))
            }
            Load::Http2 { connections, streams } => {
                crate::http2::run(gateway.ports.http2, connections, streams, length, &meter)
            }
        };
        gateway.forget();
        if beside_two {
            self.move_load(Place::Load);
        }
        window
    }

    fn move_load(&self, place: Place) {
        self.backend.pin(place);
        pin_self(place);
    }

    fn latency(&mut self, figures: &mut Figures, columns: &[Column], round: usize, length: Duration) {
        let columns: Vec<Column> = columns.iter().copied().filter(|column| !column.is_newer()).collect();
        let peers = columns.iter().map(|column| Peer { column: *column, log: Log::Off, workers: 1 });
        let capacities: Vec<f64> = peers.map(|peer| self.capacity(figures, peer, round)).collect();
        let rate = capacities.into_iter().fold(f64::INFINITY, f64::min) * SHARE;
        if !rate.is_finite() {
            return;
        }
        figures.rates.push(rate);
        let (direct, _) = self.runtime.block_on(open(self.setting.backend, rate, length));
        for column in turns(&columns, round) {
            let port = self.gateway(Peer { column, log: Log::Off, workers: 1 }).ports.plain;
            let (through, failures) = self.runtime.block_on(open(port, rate, length));
            let added = |quantile: f64| {
                (through.value_at_quantile(quantile) as f64 - direct.value_at_quantile(quantile) as f64) / 1e3
            };
            figures.failed(LATENCY, column, failures);
            figures.latency(column, Added { p50: added(0.5), p99: added(0.99) });
        }
    }

    /// Requests per second with 64 connections: of this round's row, or measured now.
    fn capacity(&mut self, figures: &Figures, peer: Peer, round: usize) -> f64 {
        if let Some(sample) = figures.of(USUAL, peer.column).get(round) {
            return sample.per_second;
        }
        let shape = Shape { connections: 64, ask: Ask::Get, keep: true, tls: false };
        let window = self.window(Load::Closed(shape), peer, Duration::from_millis(500));
        window.answers as f64 / window.length.as_secs_f64()
    }
}
