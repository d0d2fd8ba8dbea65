//! How much does the process say of itself, and who wants it so? Shown, and changed while it runs; each change has its line in the audit log.

use super::callers::Who;
use super::desk::Desk;
use super::failure::Failure;
use super::server::Peer;
use super::view;
use crate::telemetry::{AdminWrite, LEVELS, Verbosity, WriteResult, order_level, verbosity};
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing::get};
use serde::Deserialize;
use std::sync::Arc;

/// Takes an order back.
const CONFIGURED: &str = "configured";

/// What a body may have.
const BODY: usize = 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    level: String,
}

pub fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/logging", get(show).post(change))
}

async fn show() -> Response {
    match verbosity() {
        Some(verbosity) => view::json(StatusCode::OK, &verbosity),
        None => foreign().into_response(),
    }
}

async fn change(
    State(desk): State<Arc<Desk>>,
    Extension(Who(who)): Extension<Who>,
    Extension(Peer(from)): Extension<Peer>,
    body: Body,
) -> Response {
    let outcome = order(body).await;
    let detail = match &outcome {
        Ok(verbosity) => format!("the level is {} now, by {}", verbosity.level, verbosity.by),
        Err(failure) => failure.sentence.clone(),
    };
    desk.telemetry.admin_write(&AdminWrite {
        by: &who,
        from,
        action: "logging",
        what: "/logging",
        result: if outcome.is_ok() { WriteResult::Applied } else { WriteResult::Refused },
        detail: &detail,
    });
    match outcome {
        Ok(verbosity) => view::json(StatusCode::OK, &verbosity),
        Err(failure) => failure.into_response(),
    }
}

async fn order(body: Body) -> Result<Verbosity, Failure> {
    let bytes = to_bytes(body, BODY).await.unwrap_or_default();
    let wish: Wish = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::bad(format!(
            "the body is not understood: {error}; allowed: {{ \"level\": \"debug\" }}, of at most {BODY} bytes"
        ))
    })?;
    let level = match wish.level.as_str() {
        CONFIGURED => None,
        level if LEVELS.contains(&level) => Some(level),
        other => {
            let allowed = LEVELS.join(", ");
            return Err(Failure::bad(format!(
                "found {other:?} as `level`, allowed: {allowed}; or \"{CONFIGURED}\" to take an order back"
            )));
        }
    };
    order_level(level).ok_or_else(foreign)
}

fn foreign() -> Failure {
    let sentence = "the program around this gateway has a logger of its own; its level is changed there";
    Failure::new(StatusCode::NOT_IMPLEMENTED, "Not our logger", sentence)
}
