//! Which path gives which answer? The routes of the admin listener and their handlers.
//!
//! A handler gathers what a view needs and hands it over; what an answer says stands in [`super::view`].

use super::access_control::{AccessControl, admitted_only};
use super::desk::Desk;
use super::live::{self, Live};
use super::view::{self, Problem, health, status, upstreams};
use super::{explain, life, logging, page, points, steer};
use crate::telemetry::Format;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;

/// How old an answer of `/health` may be: many load balancers ask at once, and each asks the board otherwise.
const HEALTH_AGE: Duration = Duration::from_secs(1);

const PATHS: [&str; 13] = [
    "/livez",
    "/readyz",
    "/health",
    "/status",
    "/upstreams",
    "/upstreams/{name}",
    "/upstreams/{name}/traffic",
    "/upstreams/{name}/backends/{address}/explain",
    "/live",
    "/metrics",
    "/upstreams/{name}/backends/{address}/{action}",
    "/reload",
    "/logging",
];

const INDEX: &str = "\
Pulsegate's admin listener. In a browser, this address is a page: every pool live, with explanations and orders.

/livez             200 while the process runs
/readyz            200 while it serves, 503 with the reason before and after
/health            every upstream and backend as UP, DEGRADED or DOWN; 503 only when nobody is eligible anywhere
/status            version, phase, last reload
/upstreams         every backend: standing, cause, probes, ejection, history
/upstreams/{name}  one upstream; /upstreams/{name}/traffic: its last quarter of an hour
/live              everything that changes, as a stream (text/event-stream)
/metrics           Prometheus text, OpenMetrics or protocol buffers, as Accept says
/logging           the level of the process's log, and who wants it so

/upstreams/{name}/backends/{address}/explain    why it stands where it stands, and when it returns; ?format=text for people

POST, with a JSON body such as { \"for\": \"10m\", \"reason\": \"a new disk\" } or none:

/upstreams/{name}/backends/{address}/{action}   drain, undrain, force-up, force-down, release; weight with { \"weight\": 5 }
/reload                                         reads the configuration again; answers 422 with every reason when it is refused
/logging                                        { \"level\": \"debug\" }: off, error, warn, info, debug, trace; \"configured\" takes it back
";

/// The pages, each for those who are admitted.
pub fn router(desk: Arc<Desk>, live: Arc<Live>, access: Arc<AccessControl>) -> Router {
    Router::new()
        .route("/", get(async |headers: HeaderMap| page::front(&headers, INDEX)))
        .route("/livez", get(life::livez))
        .route("/readyz", get(readyz))
        .route("/health", get(health_page))
        .route("/status", get(status_page))
        .route("/upstreams", get(upstreams_page))
        .route("/upstreams/{name}", get(upstream_page))
        .route("/metrics", get(metrics))
        .merge(explain::routes())
        .merge(live::routes(live))
        .merge(page::routes())
        .merge(points::routes())
        .merge(steer::routes())
        .merge(logging::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(access, admitted_only))
        .with_state(desk)
}

async fn readyz(State(desk): State<Arc<Desk>>) -> Response {
    life::readyz(*desk.phase.borrow())
}

async fn health_page(State(desk): State<Arc<Desk>>) -> Response {
    let now = desk.now();
    let mut last = desk.last_health.lock().await;
    let fresh = last.as_ref().is_some_and(|(made, _)| now.at.since(*made) < HEALTH_AGE);
    if !fresh {
        *last = Some((now.at, health::health(&desk.source.reports().await, now)));
    }
    match last.as_ref() {
        Some((_, health)) if health.status == health::Status::Down => {
            view::json(StatusCode::SERVICE_UNAVAILABLE, health)
        }
        health => view::json(StatusCode::OK, &health.map(|(_, health)| health)),
    }
}

async fn status_page(State(desk): State<Arc<Desk>>) -> Response {
    let reload = desk.reload.borrow().clone();
    let phase = *desk.phase.borrow();
    let snapshot = desk.source.snapshot();
    view::json(StatusCode::OK, &status::status(&snapshot, phase, &reload, desk.now()))
}

async fn upstreams_page(State(desk): State<Arc<Desk>>) -> Response {
    let reports = desk.source.reports().await;
    view::json(StatusCode::OK, &upstreams::upstreams(&reports, &desk.recent(), desk.now()))
}

async fn upstream_page(State(desk): State<Arc<Desk>>, Path(name): Path<String>) -> Response {
    let reports = desk.source.reports().await;
    match reports.iter().find(|report| *report.name == *name) {
        Some(report) => view::json(StatusCode::OK, &upstreams::upstream(report, &desk.recent(), desk.now())),
        None => view::no_such_upstream(&name, reports.iter().map(|report| &*report.name).collect()),
    }
}

async fn metrics(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    let format = Format::wanted(headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()));
    let reports = desk.source.reports().await;
    let snapshot = desk.source.snapshot();
    // Ten thousand backends are more than a hundred thousand series: seconds of work that requests and probes must not wait for.
    let rendering = tokio::task::spawn_blocking(move || desk.telemetry.expose(&snapshot, &reports, format));
    let Ok(metrics) = rendering.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    ([(header::CONTENT_TYPE, format.content_type()), (header::VARY, "Accept")], metrics).into_response()
}

async fn method_not_allowed() -> Response {
    view::problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "Method not allowed",
        "Allow names what this path answers; orders and reloads are POST, everything else GET and HEAD",
    )
}

async fn not_found() -> Response {
    view::problem_with(&Problem {
        title: "No such page",
        status: 404,
        detail: "nothing is served at this path; known are the paths listed here",
        known: Some(PATHS.to_vec()),
    })
}
