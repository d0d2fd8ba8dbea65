//! How did the traffic of an upstream's backends go in the last quarter of an hour? What the page draws its charts from.

use super::backend::backend_id;
use super::desk::Desk;
use super::failure::Failure;
use super::view::{self, traffic};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use percent_encoding::percent_decode_str;
use pulsegate_core::base::identity::BackendId;
use pulsegate_core::traffic::snapshot::Pool;
use std::sync::Arc;

/// Of so many backends in one answer; one is some five kilobytes.
const AT_MOST: usize = 100;

pub fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/upstreams/{name}/traffic", get(page))
}

async fn page(State(desk): State<Arc<Desk>>, Path(name): Path<String>, uri: Uri) -> Response {
    let snapshot = desk.source.snapshot();
    let Some(pool) = snapshot.pools.iter().find(|pool| *pool.upstream.name == *name) else {
        return view::no_such_upstream(&name, snapshot.pools.iter().map(|pool| &*pool.upstream.name).collect());
    };
    match asked(pool, uri.query().unwrap_or_default()) {
        Ok(backends) => view::compact(&traffic::document(&name, &desk.traffic.points(&backends), desk.now())),
        Err(sentence) => Failure::bad(sentence).into_response(),
    }
}

/// Those that the query names; all of them where it names none.
fn asked(pool: &Pool, query: &str) -> Result<Vec<BackendId>, String> {
    let mut backends = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let Some(address) = part.strip_prefix("backend=") else {
            return Err(format!("found {part:?} behind the path, allowed: backend=<address>, as often as needed"));
        };
        let address = percent_decode_str(address).decode_utf8_lossy();
        backends.push(backend_id(&pool.upstream.name, &address));
    }
    if backends.is_empty() {
        backends.extend(pool.members.iter().map(|member| member.id.clone()));
    }
    match backends.len() {
        ..=AT_MOST => Ok(backends),
        more => Err(format!("this is about {more} backends; name at most {AT_MOST} of them, as backend=<address>")),
    }
}
