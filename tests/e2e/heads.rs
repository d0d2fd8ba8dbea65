//! What does a head ask for? One canonical form of host and path, whatever the spelling and the version, and guards that hold for all of them.

use super::{PULSEGATE, pool};
use http::Request;
use support::client::{Answer, Client};
use support::eventually;
use support::gateway::Gateway;
use support::h2::{self, H2Client};
use support::raw::{Raw, ok};
use support::raw_h2::{Frames, request};

/// Answers with the head that it was sent.
async fn echo() -> Raw {
    Raw::start(|head, _| vec![ok(head)]).await
}

async fn ask(gateway: &Gateway, head: &str) -> Answer {
    let mut client = Client::connect(gateway.address).await;
    client.send(format!("{head}\r\n\r\n")).await;
    client.answer().await
}

async fn status(gateway: &Gateway, path: &str, host: &str) -> u16 {
    ask(gateway, &format!("GET {path} HTTP/1.1\r\nHost: {host}")).await.status
}

async fn status_over_http2(gateway: &Gateway, path: &str, authority: &str) -> u16 {
    let mut client = H2Client::connect(gateway.address).await;
    let request = Request::builder().uri(format!("http://{authority}{path}")).body(()).unwrap();
    let (response, _) = client.open(request, true).await;
    h2::Answer::of(response).await.unwrap().status
}

fn routed(backend: &Raw, routes: &str) -> String {
    format!("routes:\n{routes}\nupstreams:\n  app: {{ backends: [\"{}\"] }}\n", backend.address)
}

#[tokio::test]
async fn a_guarded_host_has_one_name_however_it_is_spelt() {
    let backend = echo().await;
    let routes = "  - { match: { host: admin.example.com }, upstream: app, deny: [\"0.0.0.0/0\"] }\n  \
                  - { match: { host: \"[2001:db8::1]\" }, upstream: app, deny: [\"0.0.0.0/0\"] }\n  \
                  - { match: { path: / }, upstream: app }";
    let gateway = PULSEGATE.start(&routed(&backend, routes)).await;
    for host in [
        "admin.example.com",
        "admin.example.com.",
        "ADMIN.Example.com.",
        "admin.example.com:80",
        "admin.example.com.:80",
        "admin.example.com:",
        "admin.example.com.:",
        " \tadmin.example.com. \t",
        "[2001:DB8::1]",
        "[2001:db8:0:0:0:0:0:1]:80",
    ] {
        assert_eq!(status(&gateway, "/", host).await, 403, "{host:?}");
        if !host.contains([' ', '[']) && !host.ends_with(':') {
            assert_eq!(status_over_http2(&gateway, "/", host).await, 403, "{host:?} over HTTP/2");
        }
    }
    for host in ["admin.example.com..", ".admin.example.com", "admin..example.com", ".", ".."] {
        assert_eq!(ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: {host}")).await.reason(), "bad_host", "{host}");
    }
    assert!(backend.seen().is_empty());
    assert_eq!(status(&gateway, "/", "www.example.com.").await, 200);
}

#[tokio::test]
async fn the_backend_is_told_the_host_without_its_final_dot() {
    let backend = echo().await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for (host, told) in [
        ("shop.example.", "shop.example"),
        ("Shop.Example.:8080", "Shop.Example:8080"),
        ("shop.example:", "shop.example"),
        ("shop.example.:", "shop.example"),
        ("shop.example:80", "shop.example:80"),
        ("[::1]:80", "[::1]:80"),
        ("[::1]:", "[::1]"),
    ] {
        let seen = ask(&gateway, &format!("GET / HTTP/1.1\r\nHost: {host}")).await.text();
        assert!(seen.contains(&format!("\r\nHost: {told}\r\n")), "{host}: {seen}");
        assert!(seen.contains(&format!("\r\nX-Forwarded-Host: {told}\r\n")), "{host}: {seen}");
    }
    let mut client = H2Client::connect(gateway.address).await;
    let request = Request::builder().uri("http://shop.example.:81/").body(()).unwrap();
    let (response, _) = client.open(request, true).await;
    let seen = h2::Answer::of(response).await.unwrap().text();
    assert!(seen.contains("\r\nHost: shop.example:81\r\n"), "{seen}");
}

#[tokio::test]
async fn the_guard_of_a_path_holds_for_every_spelling_of_it() {
    let backend = echo().await;
    let routes = "  - { name: admin, match: { path: /admin }, upstream: app, deny: [\"0.0.0.0/0\"] }\n  \
                  - { name: health, match: { path: /admin/health }, upstream: app }\n  \
                  - { name: exact, match: { path_exact: /report }, upstream: app, deny: [\"0.0.0.0/0\"] }\n  \
                  - { name: verb, match: { path: \"/v1:purge\" }, upstream: app, deny: [\"0.0.0.0/0\"] }\n  \
                  - { name: all, match: { path: / }, upstream: app, allow_encoded_slashes: true }";
    let gateway = PULSEGATE.start(&routed(&backend, routes)).await;
    for path in [
        "/admin",
        "/admin/x",
        "//admin",
        "/x/..//admin",
        "/./admin",
        "/%61dmin",
        "/Admin",
        "/ADMIN/x",
        "/admin;x=1",
        "/admin;x=1/y",
        "/;/admin",
        "/public/..;/admin",
        "/admin%20",
        "/admin.",
        "/admin%2e/x",
        "/%2Fadmin",
        "/admin%2Fx",
        "/public%2F..;%2Fadmin",
        "/%2561dmin",
        "/admin%3Bx",
        "/admin%5Cx",
        "/report",
        "/report/",
        "/REPORT",
        "/v1%3Apurge",
        "/V1:purge",
    ] {
        assert_eq!(status(&gateway, path, "a").await, 403, "{path}");
        assert_eq!(status_over_http2(&gateway, path, "a").await, 403, "{path} over HTTP/2");
    }
    assert!(backend.seen().is_empty(), "{:?}", backend.seen());
    for path in ["/admin/health", "/ADMIN/health", "/administrator", "/", "//", "/report/x", "/report.txt", "/Public/"]
    {
        assert_eq!(status(&gateway, path, "a").await, 200, "{path}");
    }
    // Below a guarded prefix both routes are asked: the one that was found, and the one that a folding backend would serve.
    assert_eq!(status(&gateway, "/admin//health", "a").await, 403);
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    assert!(metrics.contains("pulsegate_ip_denied_total{route=\"admin\"}"), "{metrics}");
}

#[tokio::test]
async fn routes_that_the_operator_tells_apart_by_their_spelling_stay_apart() {
    let backend = echo().await;
    let routes = "  - { match: { path: /api }, upstream: app, deny: [\"0.0.0.0/0\"] }\n  \
                  - { match: { path: /Api }, upstream: app }";
    let gateway = PULSEGATE.start(&routed(&backend, routes)).await;
    for (path, expected) in [("/api", 403), ("/Api", 200), ("/Api/x", 200), ("/API", 404)] {
        assert_eq!(status(&gateway, path, "a").await, expected, "{path}");
    }
}

#[tokio::test]
async fn each_limit_counts_once_when_two_routes_must_let_a_request_pass() {
    let backend = echo().await;
    let routes = "  - { match: { path: /slow }, upstream: app, rate_limit: { requests: 1, per: 1h, burst: 3 } }\n  \
                  - { match: { path: / }, upstream: app, rate_limit: { requests: 1, per: 1h, burst: 5 } }";
    let gateway = PULSEGATE.start(&routed(&backend, routes)).await;
    let mut statuses = Vec::new();
    for path in ["/Slow", "/slow", "/SLOW", "/sloW", "/", "/", "/"] {
        statuses.push(status(&gateway, path, "a").await);
    }
    // Three of /slow; of / those that were not its own took a token too, and the one that was refused at the other door took one as well.
    assert_eq!(statuses, [200, 200, 200, 429, 200, 200, 429]);
}

#[tokio::test]
async fn a_target_in_absolute_form_says_which_host_is_meant() {
    let backend = echo().await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for (target, host, told) in [
        ("http://example.com:80/x", "example.com", "example.com"),
        ("http://example.com/x", "example.com:80", "example.com"),
        ("http://example.com:/x", "example.com", "example.com"),
        ("http://example.com./x", "example.com", "example.com"),
        ("http://Example.com/x", "example.COM", "Example.com"),
        ("http://example.com:8080/x", "example.com:8080", "example.com:8080"),
        ("https://example.com:443/x", "example.com", "example.com"),
        ("https://example.com/x", "example.com:443", "example.com"),
    ] {
        let answer = ask(&gateway, &format!("GET {target} HTTP/1.1\r\nHost: {host}")).await;
        let seen = answer.text();
        assert!(seen.starts_with("GET /x HTTP/1.1\r\n"), "{target} {host}: {seen}");
        assert!(seen.contains(&format!("\r\nHost: {told}\r\n")), "{target} {host}: {seen}");
    }
    for (target, host) in [
        ("http://example.com:443/x", "example.com"),
        ("https://example.com:80/x", "example.com"),
        ("http://example.com/x", "other.example"),
        ("http://example.com/x", "example.com:81"),
    ] {
        let answer = ask(&gateway, &format!("GET {target} HTTP/1.1\r\nHost: {host}")).await;
        assert_eq!((answer.status, answer.reason().as_str()), (400, "bad_host"), "{target} {host}");
    }
}

#[tokio::test]
async fn raw_bytes_that_browsers_send_in_a_path_are_escaped_before_anything_is_decided() {
    let backend = echo().await;
    let routes = "  - { match: { path: \"/%7Bid%7D\" }, upstream: app, deny: [\"0.0.0.0/0\"] }\n  \
                  - { match: { path: / }, upstream: app }";
    let gateway = PULSEGATE.start(&routed(&backend, routes)).await;
    let seen = ask(&gateway, "GET /a{b}^\"|`c?q={}|^` HTTP/1.1\r\nHost: a").await.text();
    assert!(seen.starts_with("GET /a%7Bb%7D%5E%22%7C%60c?q={}|^` HTTP/1.1\r\n"), "{seen}");
    eventually("the log shows the escaped path", async || gateway.output().contains("/a%7Bb%7D%5E%22%7C%60c")).await;
    assert_eq!(status(&gateway, "/{id}", "a").await, 403);
    assert_eq!(status_over_http2(&gateway, "/{id}", "a").await, 403);
    for refused in ["/a\\b", "/a<b", "/a>b", "/a#b", "/a\tb", "/a\u{7f}b", "/caf\u{e9}"] {
        assert_eq!(status(&gateway, refused, "a").await, 400, "{refused:?}");
    }
}

#[tokio::test]
async fn a_raw_quotation_mark_in_a_query_is_escaped_before_anything_is_decided() {
    let backend = echo().await;
    let gateway = PULSEGATE.start(&routed(&backend, "  - { match: { path: / }, upstream: app }")).await;
    for (target, told) in
        [("/?q=\"a\"", "/?q=%22a%22"), ("/{?{\"a\":1}", "/%7B?{%22a%22:1}"), ("http://a?\"?\"", "/?%22?%22")]
    {
        let seen = ask(&gateway, &format!("GET {target} HTTP/1.1\r\nHost: a")).await.text();
        assert!(seen.starts_with(&format!("GET {told} HTTP/1.1\r\n")), "{target}: {seen}");
    }
    for refused in ["/?a<b", "/?a>b", "/?\"<"] {
        assert_eq!(status(&gateway, refused, "a").await, 400, "{refused}");
    }
    // The HTTP/2 library does not hand us these; what it does hand us, passes.
    let mut client = Frames::connect(gateway.address).await;
    for (stream, path, reset) in [(1, "/?q=\"a\"", Some(1)), (3, "/a`", Some(1)), (5, "/a{}^\"|?{}^|`", None)] {
        client.open(stream, &request("GET", path), true).await;
        let outcome = client.outcome(stream).await.expect("the connection goes on");
        assert_eq!((outcome.reset, outcome.status()), (reset, reset.is_none().then_some(200)), "{path}");
    }
}

#[tokio::test]
async fn a_location_that_begins_with_the_client_s_path_stays_on_this_host() {
    let backend = echo().await;
    let routes = "  - { match: { path: /plain }, redirect: { location: \"https://{host}{path}{query}\" } }\n  \
                  - { match: { path: /cdn }, redirect: { location: \"//cdn.example{path}\" } }\n  \
                  - { match: { host: slash.example }, redirect: { location: \"/{path}\" } }\n  \
                  - { match: { path: / }, redirect: { location: \"{path}/{query}\" } }";
    let gateway = PULSEGATE.start(&routed(&backend, routes)).await;
    for (path, host, location) in [
        ("//evil.com", "a", "/evil.com/"),
        ("///evil.com?x", "a", "/evil.com/?x"),
        ("/.//evil.com", "a", "/evil.com/"),
        ("/ok//x", "a", "/ok//x/"),
        ("/evil.com", "slash.example", "/evil.com"),
        ("//evil.com", "slash.example", "/evil.com"),
        ("/plain//x?y", "A.example.:80", "https://a.example/plain//x?y"),
        ("/cdn/x", "a", "//cdn.example/cdn/x"),
    ] {
        let answer = ask(&gateway, &format!("GET {path} HTTP/1.1\r\nHost: {host}")).await;
        assert_eq!((answer.status, answer.header("location")), (308, Some(location)), "{path} {host}");
    }
}

#[tokio::test]
async fn no_path_takes_the_place_of_a_host_that_is_not_there() {
    let backend = Raw::start(|_, _| vec![ok("ok")]).await;
    let yaml = pool(&[backend.address]).replace(
        "routes: [{",
        "routes: [{ match: { path: /moved }, redirect: { location: \"https://{host}{path}\" } }, {",
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET /moved/evil.com HTTP/1.0\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.reason().as_str(), answer.header("location")), (400, "bad_host", None));
}
