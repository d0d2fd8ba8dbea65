//! Who may ask, and how? GET and HEAD only, and on a loopback listener only for a name that cannot be rebound.
//!
//! A page in an operator's browser can make the browser resolve the page's own name to 127.0.0.1 and read whatever listens
//! there (DNS rebinding). Such a request carries the page's name as Host. So a loopback listener answers to IP literals, to
//! `localhost` and to requests without a Host, and to nobody else.

use super::view::problem;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, Ipv6Addr};

/// The middleware around every page. `loopback`: the listener's address is one.
pub async fn guard(State(loopback): State<bool>, request: Request, next: Next) -> Response {
    let mut response = match refusal(loopback, &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn refusal(loopback: bool, request: &Request) -> Option<Response> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Some(method_not_allowed(request.method()));
    }
    (loopback && !trusted_host(request)).then(|| {
        problem(
            StatusCode::FORBIDDEN,
            "Host not allowed",
            "this listener is bound to loopback and answers only to an IP address or localhost as Host (protection against DNS \
             rebinding); ask http://127.0.0.1:<port>/",
        )
    })
}

fn method_not_allowed(method: &Method) -> Response {
    let detail = format!("{method} was asked; this listener is read-only and answers GET and HEAD");
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", &detail).into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// A request target with a host of its own (absolute form) must pass as well.
fn trusted_host(request: &Request) -> bool {
    let in_target = request.uri().authority().is_none_or(|authority| trusted(authority.as_str()));
    in_target && trusted_headers(request.headers())
}

fn trusted_headers(headers: &HeaderMap) -> bool {
    headers.get_all(header::HOST).iter().all(|host| host.to_str().is_ok_and(trusted))
}

/// Is this Host (with or without port) an IP literal, `localhost` or empty?
fn trusted(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(ip, port)| ip.parse::<Ipv6Addr>().is_ok() && is_port(port));
    }
    let (name, port) = host.find(':').map_or((host, ""), |colon| host.split_at(colon));
    let name = name.strip_suffix('.').unwrap_or(name);
    is_port(port) && (name.is_empty() || name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok())
}

/// "" or ":" and digits.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_trusted() {
        for host in [
            "",
            "localhost",
            "LocalHost:9090",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:9090",
            "10.1.2.3:80",
            "[::1]",
            "[::1]:9090",
        ] {
            assert!(trusted(host), "{host}");
        }
    }

    #[test]
    fn names_that_a_stranger_can_point_here_are_not() {
        for host in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:9090.evil.example",
            "[::1].evil.example",
            "[evil.example]",
            "localhost@evil.example",
            "localhost:80, evil.example",
        ] {
            assert!(!trusted(host), "{host}");
        }
    }

    #[test]
    fn every_host_header_must_pass() {
        let mut headers = HeaderMap::new();
        assert!(trusted_headers(&headers));
        headers.append(header::HOST, HeaderValue::from_static("localhost"));
        headers.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(!trusted_headers(&headers));
    }
}
