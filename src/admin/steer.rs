//! What do operators change? One backend's orders, and the configuration; each call with its line in the audit log.
//!
//! An order is answered when it is in force: whatever is asked of the gateway after the answer follows it.

use super::backend::backend_id;
use super::callers::Who;
use super::desk::Desk;
use super::failure::Failure;
use super::server::Peer;
use super::view::{self, upstreams};
use crate::control::Source;
use crate::telemetry::{AdminWrite, WriteResult};
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, routing::post};
use pulsegate_core::board::{BackendReport, Steering, WEIGHT_AT_MOST};
use pulsegate_core::health::order::{Order, Steer};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// What a body may have; beyond it, it is no order.
const BODY: usize = 4096;
const REASON: usize = 200;
/// Longer orders are given without an end.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

const ACTIONS: [&str; 6] = ["drain", "undrain", "force-up", "force-down", "release", "weight"];

/// The routes of everything that changes something.
pub fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/upstreams/{upstream}/backends/{backend}/{action}", post(steer)).route("/reload", post(reload))
}

/// The fixed word for what this path would do.
pub fn action_of(path: &str) -> &'static str {
    let last = path.rsplit('/').next().unwrap_or_default();
    ACTIONS.into_iter().chain(["reload", "logging"]).find(|action| *action == last).unwrap_or("other")
}

/// What may be written into a body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// How long, as `10m`.
    #[serde(rename = "for")]
    lasts: Option<String>,
    weight: Option<Value>,
    reason: Option<String>,
}

async fn steer(
    State(desk): State<Arc<Desk>>,
    Extension(Who(who)): Extension<Who>,
    Extension(Peer(from)): Extension<Peer>,
    Path((upstream, backend, action)): Path<(String, String, String)>,
    body: Body,
) -> Response {
    let outcome = order(&desk, &who, &upstream, &backend, &action, body).await;
    let detail = match &outcome {
        Ok(report) => format!("it is {} now, with weight {}", report.standing.cause, report.weight),
        Err(failure) => failure.sentence.clone(),
    };
    desk.telemetry.admin_write(&AdminWrite {
        by: &who,
        from,
        action: action_of(&action),
        what: &format!("{upstream}/{backend}"),
        result: if outcome.is_ok() { WriteResult::Applied } else { WriteResult::Refused },
        detail: &detail,
    });
    match outcome {
        Ok(report) => view::json(StatusCode::OK, &upstreams::steered(&report, &desk.recent(), desk.now())),
        Err(failure) => failure.into_response(),
    }
}

async fn order(
    desk: &Desk,
    who: &Arc<str>,
    upstream: &str,
    backend: &str,
    action: &str,
    body: Body,
) -> Result<BackendReport, Failure> {
    let wish = wish(body).await?;
    let steering = Steering {
        what: what(action, &wish)?,
        lasts: lasts(&wish)?,
        reason: reason(&wish)?,
        by: Arc::clone(who),
        backend: backend_id(upstream, backend),
    };
    if steering.lasts.is_some() && !matches!(steering.what, Steer::Order(_) | Steer::Weight(Some(_))) {
        return Err(Failure::bad(format!(
            "`for` says how long an order lasts; {} takes one back at once",
            steering.what
        )));
    }
    match desk.source.steer(steering).await {
        Some(Ok(report)) => Ok(report),
        Some(Err(refused)) => Err(Failure::refused(refused, upstream, backend)),
        None => Err(Failure::leaving()),
    }
}

async fn wish(body: Body) -> Result<Wish, Failure> {
    let bytes = to_bytes(body, BODY).await.map_err(|_| {
        let sentence = format!("the body broke off or is longer than {BODY} bytes; nothing was changed");
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "Body too large", sentence)
    })?;
    if bytes.trim_ascii().is_empty() {
        return Ok(Wish::default());
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::bad(format!("the body is not understood: {error}; allowed: {{ \"for\": \"10m\", \"weight\": 5, \"reason\": \"…\" }}, each optional"))
    })
}

fn what(action: &str, wish: &Wish) -> Result<Steer, Failure> {
    let steer = match action {
        "drain" => Steer::Order(Order::Drain),
        "undrain" => Steer::Undrain,
        "force-up" => Steer::Order(Order::ForceUp),
        "force-down" => Steer::Order(Order::ForceDown),
        "release" => Steer::Release,
        "weight" => return weight(wish.weight.as_ref()),
        other => {
            let sentence = format!("{other:?} is nothing that can be done to a backend");
            return Err(Failure::new(StatusCode::NOT_FOUND, "No such action", sentence)
                .listing(ACTIONS.map(str::to_owned).into()));
        }
    };
    if wish.weight.is_some() {
        return Err(Failure::bad(format!("`weight` belongs to the action weight, not to {action}")));
    }
    Ok(steer)
}

fn weight(written: Option<&Value>) -> Result<Steer, Failure> {
    let number = written.and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    match (written, number.filter(|number| *number <= WEIGHT_AT_MOST)) {
        (_, Some(number)) => Ok(Steer::Weight(Some(number))),
        (Some(Value::String(word)), _) if word == "configured" => Ok(Steer::Weight(None)),
        (found, _) => {
            let found = found.map_or("none".to_owned(), Value::to_string);
            Err(Failure::bad(format!(
                "found {found} as `weight`, allowed: 0 to {WEIGHT_AT_MOST} (0 = no new traffic), or \"configured\" to take an order back"
            )))
        }
    }
}

fn lasts(wish: &Wish) -> Result<Option<Duration>, Failure> {
    let Some(text) = &wish.lasts else { return Ok(None) };
    match humantime::parse_duration(text) {
        Ok(lasts) if !lasts.is_zero() && lasts <= LONGEST => Ok(Some(lasts)),
        _ => Err(Failure::bad(format!(
            "found {text:?} as `for`, allowed: a duration with its unit, such as 30s, 10m or 2h, up to a year; without it, the order stays"
        ))),
    }
}

fn reason(wish: &Wish) -> Result<Option<Arc<str>>, Failure> {
    let Some(text) = wish.reason.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > REASON {
        return Err(Failure::bad(format!("`reason` is longer than {REASON} characters; say it shorter")));
    }
    Ok(Some(text.into()))
}

async fn reload(
    State(desk): State<Arc<Desk>>,
    Extension(Who(who)): Extension<Who>,
    Extension(Peer(from)): Extension<Peer>,
) -> Response {
    let outcome = ask_for_reload(&desk).await;
    let (result, detail) = match &outcome {
        Ok(()) => (WriteResult::Applied, "the new configuration is in force"),
        Err(failure) => (WriteResult::Refused, failure.sentence.as_str()),
    };
    desk.telemetry.admin_write(&AdminWrite { by: &who, from, action: "reload", what: "/reload", result, detail });
    match outcome {
        Ok(()) => view::json(StatusCode::OK, &serde_json::json!({ "applied": true })),
        Err(failure) => failure.into_response(),
    }
}

async fn ask_for_reload(desk: &Desk) -> Result<(), Failure> {
    let Some(reloads) = &desk.reloads else {
        let sentence = "this process was not started from a configuration file; there is nothing to read again";
        return Err(Failure::new(StatusCode::NOT_IMPLEMENTED, "No configuration file", sentence));
    };
    match reloads.reload(Source::Admin).await {
        Some(Ok(())) => Ok(()),
        Some(Err(sentences)) => {
            let sentence = "the old configuration stays in force; every reason is listed here";
            Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "Reload refused", sentence).listing(sentences))
        }
        None => Err(Failure::leaving()),
    }
}
