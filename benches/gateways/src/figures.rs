//! What was seen, round by round?

use crate::gateways::Gateway;
use crate::{CLOSED_LOOP, LOAD, OPEN_LOOP, PHASE, load, memory};
use std::time::Duration;

/// The figures of one gateway.
#[derive(Debug, Default)]
pub struct Seen {
    pub name: &'static str,
    /// Requests per CPU-second, a value a round.
    pub efficiency: Vec<f64>,
    /// Requests per second with one core, a value a round.
    pub capacity: Vec<f64>,
    /// Microseconds added over direct at the same rate, a value a round.
    pub added_p50: Vec<f64>,
    pub added_p99: Vec<f64>,
    pub idle_bytes: u64,
    pub crowd_bytes: u64,
}

#[derive(Debug)]
pub struct Figures(pub Vec<Seen>);

impl Figures {
    pub fn new(gateways: &[Gateway]) -> Self {
        Self(gateways.iter().map(|gateway| Seen { name: gateway.name, ..Seen::default() }).collect())
    }

    fn of(&mut self, gateway: &Gateway) -> &mut Seen {
        self.0.iter_mut().find(|seen| seen.name == gateway.name).expect("a known gateway")
    }

    /// Before any traffic.
    pub fn idle(&mut self, gateway: &Gateway) {
        self.of(gateway).idle_bytes = gateway.process.resident();
    }

    pub async fn round(&mut self, gateway: &Gateway, backend: u16) {
        let before = gateway.process.cpu();
        let requests = load::closed(gateway.port, CLOSED_LOOP, PHASE).await as f64;
        let cpu = gateway.process.cpu() - before;
        let capacity = requests / PHASE.as_secs_f64();
        let rate = capacity * LOAD;
        let through = load::open(gateway.port, OPEN_LOOP, rate, PHASE).await;
        let direct = load::open(backend, OPEN_LOOP, rate, PHASE).await;
        let added = |quantile: f64| {
            (through.value_at_quantile(quantile) as f64 - direct.value_at_quantile(quantile) as f64) / 1e3
        };
        let seen = self.of(gateway);
        seen.efficiency.push(requests / cpu.as_secs_f64());
        seen.capacity.push(capacity);
        seen.added_p50.push(added(0.5));
        seen.added_p99.push(added(0.99));
    }

    pub async fn crowd(&mut self, gateway: &Gateway) {
        let clients = memory::crowd(gateway.port).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.of(gateway).crowd_bytes = gateway.process.resident();
        drop(clients);
    }
}
