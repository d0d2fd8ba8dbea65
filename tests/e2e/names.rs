//! Which fields of a request are believed? Names in every spelling, names of other gateways, and values with odd bytes.

use super::{PULSEGATE, pool};
use std::net::SocketAddr;
use support::client::{Answer, Client};
use support::raw::{Raw, ok};

async fn echo() -> Raw {
    Raw::start(|head, _| vec![ok(head)]).await
}

async fn ask(address: SocketAddr, fields: &[u8]) -> Answer {
    let mut client = Client::connect(address).await;
    client.send([b"GET / HTTP/1.1\r\nHost: a\r\n", fields, b"\r\n"].concat()).await;
    client.answer().await
}

/// Which of these names the backend saw, in lower case; each was sent with the value `lie`.
async fn that_pass(address: SocketAddr, names: &[&str]) -> Vec<String> {
    let fields: String = names.iter().map(|name| format!("{name}: lie\r\n")).collect();
    let seen = ask(address, fields.as_bytes()).await.text();
    seen.lines().filter_map(|line| line.strip_suffix(": lie")).map(str::to_ascii_lowercase).collect()
}

#[tokio::test]
async fn no_key_lets_an_alias_of_framing_or_of_a_path_through() {
    let backend = echo().await;
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), "    underscores_in_headers: true").await;
    let names = [
        "Script_Name",
        "Path_Info",
        "Remote_User",
        "Content_Length",
        "Transfer_Encoding",
        "Request_Uri",
        "X_Real_IP",
        "X-Forwarded_For",
        "Script.Name",
        "Transfer.Encoding",
        "X!Request!Id",
        "CDN_Loop",
        "Client_Cert",
        "X_Own",
        "X.Own",
    ];
    assert_eq!(that_pass(gateway.address, &names).await, ["x_own", "x.own"]);
}

#[tokio::test]
async fn what_folds_to_a_header_that_the_route_sets_is_dropped_beside_it() {
    let backend = echo().await;
    let edits =
        "{ upstream: pool, request_headers: { set: { X-Auth-User: ours }, add: { X-More: ours }, remove: [X-Gone] } }";
    let yaml = pool(&[backend.address]).replace("{ upstream: pool }", edits);
    let gateway = PULSEGATE.start_with(&yaml, "    underscores_in_headers: true").await;
    let names = ["X.Auth.User", "X_Auth_User", "X-Auth-User", "X.More", "X-More", "X_Gone", "X-Gone", "X.Auth.Users"];
    assert_eq!(that_pass(gateway.address, &names).await, ["x-more", "x.auth.users"]);
}

#[tokio::test]
async fn names_by_which_other_gateways_tell_identity_are_believed_from_trusted_proxies_only() {
    let backend = echo().await;
    let names = [
        "X-ARR-ClientCert",
        "X-Amzn-Mtls-Clientcert",
        "X-Tls-Client-Cert",
        "X-Client-Verify",
        "X-Client-Dn",
        "X-Original-URL",
        "X-Rewrite-URL",
        "CF-Connecting-IP",
        "X-Client-IP",
        "Remote-User",
        "X-Auth-Request-Email",
        "X-Forwarded-User",
        "X-Scheme",
        "X-Url-Scheme",
        "Front-End-Https",
        "CloudFront-Forwarded-Proto",
        "CF-Visitor",
        "Fastly-SSL",
        "X-Original-Proto",
        "X-Original-For",
        "Proxy-Client-IP",
        "WL-Proxy-Client-IP",
        "WL-Proxy-SSL",
    ];
    let strangers = PULSEGATE.start(&pool(&[backend.address])).await;
    assert_eq!(that_pass(strangers.address, &names).await, [""; 0]);
    let dotted: Vec<String> = names.iter().map(|name| name.replace('-', ".")).collect();
    let dotted: Vec<&str> = dotted.iter().map(String::as_str).collect();
    assert_eq!(that_pass(strangers.address, &dotted).await, [""; 0]);

    let trusting = PULSEGATE.start_with(&pool(&[backend.address]), "    trusted_proxies: [127.0.0.1]").await;
    assert_eq!(that_pass(trusting.address, &names).await.len(), names.len());
    assert_eq!(that_pass(trusting.address, &dotted).await, [""; 0]);

    let passing = "    headers: { pass: [CF-Connecting-IP, x-client-verify] }";
    let passing = PULSEGATE.start_with(&pool(&[backend.address]), passing).await;
    assert_eq!(that_pass(passing.address, &names).await, ["x-client-verify", "cf-connecting-ip"]);
    assert_eq!(that_pass(passing.address, &dotted).await, [""; 0]);
}

/// A server of CGI makes `HTTP_PROXY` of it, which clients of HTTP take for the proxy to go through (CVE-2016-5385).
#[tokio::test]
async fn nobody_tells_a_backend_through_which_proxy_to_ask_others() {
    let backend = echo().await;
    for listener in ["", "    trusted_proxies: [127.0.0.1]", "    underscores_in_headers: true"] {
        let gateway = PULSEGATE.start_with(&pool(&[backend.address]), listener).await;
        assert_eq!(that_pass(gateway.address, &["Proxy", "X-Proxy"]).await, ["x-proxy"], "{listener}");
    }
}

#[tokio::test]
async fn an_odd_byte_in_a_list_of_addresses_hides_nobody() {
    let backend = echo().await;
    let yaml = pool(&[backend.address])
        .replace("{ upstream: pool }", "{ match: { path: / }, upstream: pool, deny: [127.0.0.66] }");
    let gateway = PULSEGATE.start_with(&yaml, "    trusted_proxies: [127.0.0.1]").await;
    for denied in [
        &b"X-Forwarded-For: \xe9, 127.0.0.66\r\n"[..],
        b"X-Forwarded-For: \xe9\r\nX-Forwarded-For: 127.0.0.66\r\n",
        b"X-Forwarded-For: 127.0.0.66, \r\n",
        b"X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 127.0.0.66, 127.0.0.1\r\n",
    ] {
        assert_eq!(ask(gateway.address, denied).await.status, 403, "{}", denied.escape_ascii());
    }
    let mut client = Client::connect(gateway.address).await;
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \xe9, 127.0.0.67\r\n\r\n").await;
    let seen = client.answer().await.text();
    assert!(seen.contains("\u{fffd}, 127.0.0.67, 127.0.0.1\r\n"), "the list travels on as it came: {seen}");
    assert!(seen.contains("X-Real-IP: 127.0.0.67\r\n"), "{seen}");
}

#[tokio::test]
async fn conditions_of_routes_read_bytes_and_every_line_of_a_name() {
    let backend = echo().await;
    let routes = "routes:\n  - { match: { headers: { X-Env: \"*\" } }, respond: { body: present } }\n  \
                  - { match: { headers: { X-Env: beta, X-Two: \"*\" } }, respond: { body: equal } }\n  \
                  - { match: { path: / }, respond: { body: none } }\n";
    let gateway =
        PULSEGATE.start(&format!("{routes}upstreams:\n  app: {{ backends: [\"{}\"] }}\n", backend.address)).await;
    for (fields, expected) in [
        (&b""[..], "none"),
        (b"X-Env: \xe9\r\n", "present"),
        (b"X-Env: \xe9\r\nX-Env: a\r\n", "present"),
        (b"X-Env: beta\r\nX-Two: \xe9\r\n", "equal"),
        (b"X-Env: beta\r\nX-Env: beta\r\nX-Two: 1\r\n", "present"),
        (b"X-Env: beta\xe9\r\nX-Two: 1\r\n", "present"),
    ] {
        assert_eq!(ask(gateway.address, fields).await.text(), expected, "{}", fields.escape_ascii());
    }
}

#[tokio::test]
async fn every_line_of_a_connection_header_counts_and_so_does_one_with_an_odd_byte() {
    let backend = echo().await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    for fields in [
        &b"Connection: \xe9, X-Secret\r\nX-Secret: lie\r\n"[..],
        b"Connection: keep-alive\r\nConnection: x-secret\r\nX-Secret: lie\r\n",
    ] {
        let seen = ask(gateway.address, fields).await.text();
        assert!(!seen.contains("lie"), "{}: {seen}", fields.escape_ascii());
    }
    let asks = b"Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let seen = ask(gateway.address, asks).await.text();
    assert!(seen.contains("Upgrade: websocket\r\n") && seen.contains("Connection: Upgrade\r\n"), "{seen}");
    let asks = b"Connection: te\r\nTE: gzip\r\nTE: trailers\r\n";
    let seen = ask(gateway.address, asks).await.text();
    assert!(seen.contains("TE: trailers\r\n"), "{seen}");
}

#[tokio::test]
async fn a_cookie_line_with_an_odd_byte_still_binds_its_client() {
    let named = |name: &'static str| Raw::start(move |_, _| vec![ok(name)]);
    let (one, two) = (named("one").await, named("two").await);
    let more = "    balance: { policy: round_robin, sticky: { cookie: pin, secret: a-secret-of-some-length } }\n";
    let gateway = PULSEGATE.start(&super::pool_with(&[one.address, two.address], more)).await;
    let first = ask(gateway.address, b"").await;
    let pair = first.header("set-cookie").and_then(|cookie| cookie.split(';').next()).unwrap().to_owned();
    for _ in 0..4 {
        let fields = [b"Cookie: name=caf\xe9; ", pair.as_bytes(), b"\r\n"].concat();
        assert_eq!(ask(gateway.address, &fields).await.text(), first.text());
    }
}
