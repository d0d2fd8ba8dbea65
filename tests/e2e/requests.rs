//! What reaches the backend, and how a request finds it.

use super::PULSEGATE;
use super::{pool, pool_with};
use support::client::Client;
use support::h2::H2Backend;
use support::raw::{Raw, ok};

#[tokio::test]
async fn routes_match_host_path_method_and_header_and_rewrite_what_they_say() {
    let backend = Raw::start(|head, _| vec![ok(head.lines().next().unwrap_or_default())]).await;
    let yaml = format!(
        "routes:
  - {{ match: {{ path: /api }}, upstream: pool, strip_prefix: true }}
  - {{ match: {{ path: /v1 }}, upstream: pool, replace_prefix: /v2 }}
  - {{ match: {{ path: /old }}, redirect: {{ location: \"https://{{host}}/new{{path}}{{query}}\" }} }}
  - {{ match: {{ path_exact: /robots.txt }}, respond: {{ body: \"none\" }} }}
  - {{ match: {{ path: /write, methods: [POST] }}, upstream: pool }}
  - {{ match: {{ host: \"*.example.com\", headers: {{ X-Env: beta }} }}, respond: {{ body: beta }} }}
upstreams:
  pool: {{ backends: [\"{}\"] }}
",
        backend.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/api/orders?x=1").await.text(), "GET /orders?x=1 HTTP/1.1");
    assert_eq!(client.get("/api").await.text(), "GET / HTTP/1.1");
    assert_eq!(client.get("/v1/a").await.text(), "GET /v2/a HTTP/1.1");
    assert_eq!(client.get("/apis").await.status, 404, "prefixes match by segment");
    let redirect = client.get("/old/a?b").await;
    assert_eq!((redirect.status, redirect.header("location")), (308, Some("https://test/new/old/a?b")));
    assert_eq!(client.get("/robots.txt").await.text(), "none");
    assert_eq!(client.get("/write").await.reason(), "no_route");
    client.send("GET /x HTTP/1.1\r\nHost: a.Example.com:80\r\nX-Env: beta\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "beta");
}

#[tokio::test]
async fn a_stranger_s_claims_about_the_client_are_replaced_and_hop_by_hop_fields_end_here() {
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    client
        .send(
            "GET / HTTP/1.1\r\nHost: shop\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n\
             X_Forwarded_For: 6.6.6.6\r\nConnection: keep-alive, X-Secret, X-Forwarded-For\r\nX-Secret: 1\r\nTE: gzip\r\n\
             Keep-Alive: timeout=5\r\nX-Request-Id: bad id\r\nX-Own: yes\r\n\r\n",
        )
        .await;
    let seen = client.answer().await.text().to_ascii_lowercase();
    for gone in ["6.6.6.6", "x-secret", "x_forwarded", "keep-alive:", "te:", "forwarded: for", "bad id"] {
        assert!(!seen.contains(gone), "{gone} in {seen}");
    }
    for there in [
        "host: shop",
        "x-own: yes",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
        "x-real-ip: 127.0.0.1",
        "x-request-id: ",
    ] {
        assert!(seen.contains(there), "{there} not in {seen}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_and_an_acceptable_request_id_is_kept() {
    let backend = Raw::start(|head, _| vec![ok(head)]).await;
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), "    trusted_proxies: [127.0.0.0/8]").await;
    let mut client = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc.1\r\n\r\n").await;
    let answer = client.answer().await;
    let seen = answer.text().to_ascii_lowercase();
    for there in
        ["x-forwarded-for: 1.2.3.4, 127.0.0.1", "x-forwarded-proto: https", "x-real-ip: 1.2.3.4", "x-request-id: abc.1"]
    {
        assert!(seen.contains(there), "{there} not in {seen}");
    }
    assert_eq!(answer.header("x-request-id"), Some("abc.1"));
}

#[tokio::test]
async fn backends_receive_the_path_that_routes_matched() {
    let backend = Raw::start(|head, _| vec![ok(head.lines().next().unwrap_or_default())]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/a/./b/../%63?q=%2e%2e/").await.text(), "GET /a/c?q=%2e%2e/ HTTP/1.1");
    for refused in ["/a%2fb", "/a%5Cb", "/a%00", "/../a", "/%2e%2e/a"] {
        let answer = client.get(refused).await;
        assert_eq!((answer.status, answer.reason().as_str()), (400, "bad_path"), "{refused}");
    }
    assert_eq!(client.get("/still/usable").await.status, 200);
}

#[tokio::test]
async fn a_sticky_client_stays_and_is_pinned_anew_when_its_backend_is_gone() {
    let named = |name: &'static str| Raw::start(move |_, _| vec![ok(name)]);
    let (one, two) = (named("one").await, named("two").await);
    let more = "    balance: { policy: round_robin, sticky: { cookie: pin, secret: a-secret-of-some-length } }\n";
    let gateway = PULSEGATE.start(&pool_with(&[one.address, two.address], more)).await;
    let mut client = Client::connect(gateway.address).await;
    let first = client.get("/").await;
    let cookie = first.header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && !cookie.contains("127.0.0.1"), "{cookie}");
    let pair = cookie.split(';').next().unwrap_or_default().to_owned();
    for _ in 0..6 {
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b; {pair}\r\n\r\n")).await;
        let answer = client.answer().await;
        assert_eq!((answer.text(), answer.header("set-cookie")), (first.text(), None));
    }
    let (gone, left) = if first.text() == "one" { (one, "two") } else { (two, "one") };
    drop(gone);
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {pair}\r\n\r\n")).await;
    // The accept loop is gone but its old connections may answer once more; a fresh pick lands on the other.
    let answer = client.answer().await;
    assert!(answer.text() == left || answer.header("set-cookie").is_none());
}

#[tokio::test]
async fn a_request_without_a_host_is_refused_where_its_backend_must_be_told_one() {
    let backend = H2Backend::start(|call| async move { call.answer("served") }).await;
    let plain = PULSEGATE.start(&pool_with(&[backend.address], "    protocol: http2\n")).await;
    let mut client = Client::connect(plain.address).await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.reason().as_str()), (400, "bad_host"));
    let named = pool_with(&[backend.address], "    protocol: http2\n")
        .replace("{ upstream: pool }", "{ upstream: pool, host: b.example }");
    let named = PULSEGATE.start(&named).await;
    let mut client = Client::connect(named.address).await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.text(), "served");
}
