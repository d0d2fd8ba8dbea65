//! What does counting a finished request cost? Everything that telemetry and the ledger of its upstream do for one, with access log and tracing off.

use pulsegate::clock::Clock;
use pulsegate::telemetry::{RequestRecord, Telemetry, Tries, Try};
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::{Forward, MetricsPlan, Plan, RouteAction, RoutePlan, UpstreamPlan};
use pulsegate_core::traffic::ledger::{Ended, Ledger, entry};
use pulsegate_core::traffic::outcome::{AttemptEnd, Outcome};
use pulsegate_core::traffic::overhead::{Course, overhead};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

const ROUTE: &str = "api.example.com/orders/*";
const UPSTREAM: &str = "orders";

pub const HISTOGRAMS: [&str; 2] = ["classic", "native"];

pub struct Counting {
    telemetry: Telemetry,
    ledger: Ledger,
    backend: Address,
    tries: Tries,
}

impl Counting {
    /// With classic histograms, or native ones besides.
    pub fn new(histograms: &str) -> Self {
        let telemetry = Telemetry::new(None, Clock::start(), None);
        let plan = Plan {
            routes: vec![RoutePlan::named(ROUTE, RouteAction::Forward(Forward::default()))],
            upstreams: vec![Arc::new(UpstreamPlan::named(UPSTREAM))],
            metrics: MetricsPlan { native_histograms: histograms == "native" },
            ..Plan::default()
        };
        telemetry.life.begin(&plan, Vec::new());
        let backend = Address::Socket(([10, 0, 0, 1], 80).into());
        let mut tries = Tries::default();
        tries.push(Try {
            backend: backend.clone(),
            end: AttemptEnd::Response { status: 200 },
            began: Timestamp::ZERO,
            took: Duration::from_millis(2),
            span: 0,
            url: None,
        });
        Self { telemetry, ledger: Ledger::default(), backend, tries }
    }

    /// The `number`th request of one route has ended: a GET that the first backend answered, while a quarter of the pool is out.
    pub fn count(&self, number: u64) {
        let took = Duration::from_micros(200 + number % 10_000);
        self.ledger.taken();
        self.ledger.rests();
        let ended = Ended { outcome: Outcome::Success, retried: false, in_rotation: true, share_out: 250_000 };
        self.ledger.saved(entry(&ended));
        let (began, ready) = (Timestamp::from_secs(9), Timestamp::from_secs(9) + took);
        let upstream = took - Duration::from_micros(50 + number % 100);
        self.telemetry.traffic.request(&RequestRecord {
            request_id: "4bf92f3577b34da6a3ce929d0e0e4736",
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            listener: "public",
            method: "GET",
            host: "api.example.com",
            path: "/orders/7",
            query: "",
            headers: None,
            protocol: "HTTP/1.1",
            route: Some(ROUTE),
            upstream: Some(UPSTREAM),
            backend: Some(&self.backend),
            status: 200,
            reason: None,
            attempts: 1,
            tries: &self.tries,
            retry_stopped: None,
            bytes_in: 150,
            bytes_out: 900,
            tls: false,
            began,
            took,
            head_took: Some(took),
            queued: Duration::ZERO,
            stalled: Duration::ZERO,
            grpc_status: None,
            upstream_took: Some(upstream),
            overhead: Some(overhead(&Course { began, ready, queued: Duration::ZERO, upstream })),
            trace_id: None,
            trace: None,
        });
    }
}
