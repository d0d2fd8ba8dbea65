//! Does the process live, and does it serve? The two answers that never need a token, and a listener for them alone.

use super::view::{self, Problem};
use super::{Phase, server};
use axum::Router;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use tokio::sync::watch;

/// What is true now may not be in a moment.
const UNCACHED: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

pub async fn livez() -> &'static str {
    "ok\n"
}

pub fn readyz(phase: Phase) -> Response {
    match phase {
        Phase::Serving => "ok\n".into_response(),
        Phase::Starting => {
            (StatusCode::SERVICE_UNAVAILABLE, "starting: the first probe round has not ended\n").into_response()
        }
        Phase::Leaving => (StatusCode::SERVICE_UNAVAILABLE, "leaving: a stop was asked for\n").into_response(),
    }
}

/// Serves `/livez` and `/readyz` and nothing else until `stop` turns true.
///
/// # Errors
/// The listener cannot be registered with the runtime.
pub async fn serve_health(
    listener: std::net::TcpListener,
    phase: watch::Receiver<Phase>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(async move || readyz(*phase.borrow())))
        .fallback(elsewhere)
        .layer(map_response(async |response: Response| (UNCACHED, response)));
    server::run(server::register(listener)?, router, Arc::default(), stop).await;
    Ok(())
}

async fn elsewhere() -> Response {
    view::problem_with(&Problem {
        title: "No such page",
        status: 404,
        detail: "this listener serves nothing else; everything about backends is at admin.address",
        known: Some(vec!["/livez", "/readyz"]),
    })
}
