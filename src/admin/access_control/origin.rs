//! Is a request meant by whoever holds the browser that sends it?
//!
//! A page in an operator's browser can make the browser resolve the page's own name to 127.0.0.1 and read whatever listens
//! there (DNS rebinding). Such a request carries the page's name as Host. So a loopback listener answers to IP literals, to
//! `localhost` and to requests without a Host, and to nobody else. A page can also send a POST here without reading the answer
//! (a cross-site write). Browsers say so in `Origin` and `Sec-Fetch-Site`, and cannot be made to leave both out. Other ports of one machine
//! are other sites, too.

use super::refusal::Refusal;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use std::net::{IpAddr, Ipv6Addr};

/// Sent by a program or by a page of this very listener.
pub fn write_is_meant(request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let site = |value: &HeaderValue| matches!(value.as_bytes(), b"same-origin" | b"none");
    if !headers.get_all("sec-fetch-site").iter().all(site) {
        return Err(Refusal::CrossSite);
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let same = |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| same_origin(origin, host));
    if !headers.get_all(header::ORIGIN).iter().all(same) {
        return Err(Refusal::CrossSite);
    }
    let json = |value: &HeaderValue| {
        let essence = value.to_str().ok().and_then(|text| text.split(';').next());
        essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    };
    if headers.get_all(header::CONTENT_TYPE).iter().all(json) { Ok(()) } else { Err(Refusal::ContentType) }
}

/// The authority decides: what terminates TLS in front of us changes the scheme and passes the Host on.
fn same_origin(origin: &str, host: Option<&str>) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host))
}

/// A request target with a host of its own (absolute form) must pass as well.
pub fn trusted_host(request: &Request) -> bool {
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
