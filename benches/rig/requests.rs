//! What does a finished request cost on a worker? Everything that telemetry and the ledger of its upstream do for one, with tracing off and, where that
//! is asked for, its line in the access log.

use pulsegate::clock::Clock;
use pulsegate::telemetry::{RequestRecord, Telemetry, Tries, Try};
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::stripes::{Here, Number};
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::plan::{
    AccessFile, AccessForm, AccessPlan, Forward, MetricsPlan, Plan, RouteAction, RoutePlan, UpstreamPlan,
};
use pulsegate_core::traffic::ledger::{Ended, Ledger, entry};
use pulsegate_core::traffic::outcome::{AttemptEnd, Outcome};
use pulsegate_core::traffic::overhead::{Course, overhead};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

const ROUTE: &str = "api.example.com/orders/*";
const UPSTREAM: &str = "orders";

pub const HISTOGRAMS: [&str; 2] = ["classic", "native"];
/// With classic histograms, and a line in the access log besides.
pub const LOGGED: &str = "logged";

pub struct Counting {
    telemetry: Telemetry,
    ledger: Ledger,
    backend: Address,
    tries: Tries,
    /// As a worker has it.
    _counts: Here,
}

impl Counting {
    /// With classic histograms, or native ones besides; or with the access log.
    pub fn new(manner: &str) -> Self {
        let file = AccessFile { path: "/dev/null".into(), max_size: 0, keep: 0 };
        let access = AccessPlan { file: Some(file), ..AccessPlan::plain(AccessForm::Json) };
        let telemetry = Telemetry::new((manner == LOGGED).then_some(&access), Clock::start(), None);
        let plan = Plan {
            routes: vec![RoutePlan::named(ROUTE, RouteAction::Forward(Forward::default()))],
            upstreams: vec![Arc::new(UpstreamPlan::named(UPSTREAM))],
            metrics: MetricsPlan { native_histograms: manner == "native" },
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
        Self { telemetry, ledger: Ledger::default(), backend, tries, _counts: Number::claim().here() }
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
            request_id: b"4bf92f3577b34da6a3ce929d0e0e4736",
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
