//! What does a browser get? One page with its parts, all in this binary: nothing is asked of another origin.
//!
//! The parts lie under a name that changes with their content, so browsers may keep them for ever. Page and parts hold no secret: they
//! are served without a token, and ask for one.

use super::desk::Desk;
use super::view;
use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pulsegate_core::base::rng::hash_bytes;
use std::sync::{Arc, LazyLock};

/// The page itself; `@` stands for the name of the parts' folder.
const PAGE: &str = include_str!("page/index.html");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! parts {
    ($($name:literal: $kind:expr),* $(,)?) => {
        [$(($name, $kind, include_str!(concat!("page/", $name)))),*]
    };
}

/// Name, type and content of every part.
const PARTS: [(&str, &str, &str); 17] = parts! {
    "calm.svg": IMAGE,
    "chart.js": SCRIPT,
    "details.js": SCRIPT,
    "dom.js": SCRIPT,
    "format.js": SCRIPT,
    "keys.js": SCRIPT,
    "list.js": SCRIPT,
    "main.js": SCRIPT,
    "orders.js": SCRIPT,
    "page.css": STYLE,
    "series.js": SCRIPT,
    "store.js": SCRIPT,
    "stream.js": SCRIPT,
    "theme.js": SCRIPT,
    "timeline.js": SCRIPT,
    "token.js": SCRIPT,
    "trouble.svg": IMAGE,
};

/// The folder that the parts of this very binary are in.
static FOLDER: LazyLock<String> = LazyLock::new(|| {
    let all = PARTS.iter().fold(0, |sum: u64, (_, _, content)| sum.rotate_left(7) ^ hash_bytes(content.as_bytes()));
    format!("{all:016x}")
});

static SERVED: LazyLock<String> = LazyLock::new(|| PAGE.replace("ui/@/", &format!("ui/{}/", *FOLDER)));

pub fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/ui/{folder}/{part}", get(part))
}

/// `GET /` for a reader of HTML; everybody else gets `index`.
pub fn front(headers: &HeaderMap, index: &'static str) -> Response {
    let vary = (header::VARY, "Accept");
    if wanted(headers) {
        ([vary, (header::CONTENT_TYPE, "text/html; charset=utf-8")], SERVED.as_str()).into_response()
    } else {
        ([vary, (header::CONTENT_TYPE, "text/plain; charset=utf-8")], index).into_response()
    }
}

/// Is this the page or a part of it?
pub fn is_page(request: &Request) -> bool {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        "/" => reads && wanted(request.headers()),
        path => reads && path.starts_with("/ui/"),
    }
}

fn wanted(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|accept| accept.to_str().is_ok_and(|text| text.contains("text/html")))
}

async fn part(Path((folder, name)): Path<(String, String)>) -> Response {
    match PARTS.iter().find(|(part, ..)| *part == name && folder == *FOLDER) {
        Some((_, kind, content)) => {
            let kept = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
            ([(header::CONTENT_TYPE, *kind), kept], *content).into_response()
        }
        None => {
            view::problem(StatusCode::NOT_FOUND, "No such part", "this gateway has another page by now; load it again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_named_and_nothing_else_is_asked_for() {
        for (name, _, content) in PARTS {
            let elsewhere = content.replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{name} names another origin");
            for import in content.split(" from \"./").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(PARTS.iter().any(|(part, ..)| *part == import), "{name} imports {import}");
            }
        }
        assert!(!SERVED.contains('@') && !SERVED.contains("http"), "the page names another origin");
    }

    #[test]
    fn texts_from_the_network_are_never_read_as_markup() {
        for (name, _, content) in PARTS {
            for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
                assert!(!content.contains(way), "{name} has {way}");
            }
        }
        assert!(!PAGE.contains(" style=") && !PAGE.contains("onclick") && !PAGE.contains("<style"));
    }

    #[test]
    fn a_reader_of_html_gets_the_page() {
        for (accept, page) in [
            (None, false),
            (Some("*/*"), false),
            (Some("application/json"), false),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), true),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            let kind = front(&headers, "index").headers()[header::CONTENT_TYPE].clone();
            assert_eq!(kind.to_str().unwrap().starts_with("text/html"), page, "{accept:?}");
        }
    }
}
