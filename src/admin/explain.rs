//! How is one backend's standing asked for? As JSON, or as text for people; both are made from the board's own explanation.

use super::backend::backend_id;
use super::desk::Desk;
use super::failure::Failure;
use super::view::{self, Now, explain};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

pub fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/upstreams/{upstream}/backends/{backend}/explain", get(page))
}

async fn page(
    State(desk): State<Arc<Desk>>,
    Path((upstream, backend)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let as_text = match uri.query() {
        Some("format=text") => true,
        Some("format=json") => false,
        Some(found) => {
            let sentence = format!("found {found:?} behind the path, allowed: format=json (the default), format=text");
            return view::problem(StatusCode::BAD_REQUEST, "No such format", &sentence);
        }
        None => wants_text(&headers),
    };
    match desk.source.explain(backend_id(&upstream, &backend)).await {
        Some(Ok(explanation)) => {
            let now = Now::of(desk.source.clock());
            if as_text {
                let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
                (kind, explain::text(&explanation, now)).into_response()
            } else {
                view::json(StatusCode::OK, &explain::document(&explanation, &desk.recent(), now))
            }
        }
        Some(Err(refused)) => Failure::refused(refused, &upstream, &backend).into_response(),
        None => Failure::leaving().into_response(),
    }
}

/// Text is named, and JSON is not.
fn wants_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/plain") && !accept.contains("json")
}
