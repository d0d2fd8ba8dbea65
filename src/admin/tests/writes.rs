//! Who may change what, and how it is answered.

use super::*;

impl Running {
    async fn post(&self, path: &str, more: &str, body: &str) -> String {
        let length = body.len();
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n{body}"
        ))
        .await
    }
}

const DRAIN: &str = "/upstreams/orders/backends/127.0.0.1:9001/drain";

#[tokio::test]
async fn an_order_reaches_the_board_as_it_was_meant() {
    let running = start(&[Cause::Up]);
    let body = r#"{ "for": "10m", "reason": " a new disk " }"#;
    let (status, told) = document(&running.post(DRAIN, "Content-Type: application/json\r\n", body).await);
    assert_eq!((status, &told["upstream"], &told["backend"]["standing"]), (200, &"orders".into(), &"drained".into()));
    for (path, body) in [
        ("/upstreams/orders/backends/%5B%3A%3A1%5D%3A80/weight", r#"{"weight":0}"#),
        ("/upstreams/orders/backends/unix:%2Frun%2Fa.sock/weight", r#"{"weight":"configured"}"#),
        ("/upstreams/orders/backends/127.0.0.1:9001/force-up", ""),
    ] {
        assert_eq!(parts(&running.post(path, "", body).await).0, 200, "{path}");
    }
    let steered = running.source.steered.lock().unwrap();
    let shown: Vec<_> = steered.iter().map(|one| format!("{} {} {}", one.backend, one.what, one.by)).collect();
    let expected = [
        "orders/127.0.0.1:9001 drain loopback",
        "orders/[::1]:80 weight 0 loopback",
        "orders/unix:/run/a.sock weight as configured loopback",
        "orders/127.0.0.1:9001 force-up loopback",
    ];
    assert_eq!(shown, expected);
    assert_eq!((steered[0].lasts, steered[0].reason.as_deref()), (Some(Duration::from_secs(600)), Some("a new disk")));
}

#[tokio::test]
async fn an_order_that_is_not_understood_is_a_sentence_and_changes_nothing() {
    let running = start(&[Cause::Up]);
    let at = |action: &str| format!("/upstreams/orders/backends/127.0.0.1:9001/{action}");
    let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(201));
    let huge = format!(r#"{{"reason":"{}"}}"#, "x".repeat(5000));
    for (action, body, status, words) in [
        ("drain", "{", 400, "the body is not understood"),
        ("drain", r#"{"until":"10m"}"#, 400, "unknown field `until`"),
        ("drain", r#"{"for":"10"}"#, 400, "a duration with its unit"),
        ("drain", r#"{"for":"0s"}"#, 400, "a duration with its unit"),
        ("drain", r#"{"for":"3years"}"#, 400, "up to a year"),
        ("drain", r#"{"weight":3}"#, 400, "belongs to the action weight"),
        ("undrain", r#"{"for":"10m"}"#, 400, "takes one back at once"),
        ("weight", "", 400, "found none as `weight`"),
        ("weight", r#"{"weight":65536}"#, 400, "0 to 65535"),
        ("weight", r#"{"weight":-1}"#, 400, "0 to 65535"),
        ("weight", r#"{"weight":"half"}"#, 400, "0 to 65535"),
        ("weight", r#"{"weight":"configured","for":"1m"}"#, 400, "takes one back at once"),
        ("drain", &long, 400, "longer than 200"),
        ("drain", &huge, 413, "longer than 4096"),
        ("kill", "", 404, "nothing that can be done"),
    ] {
        let (got, problem) = document(&running.post(&at(action), "", body).await);
        let detail = problem["detail"].as_str().unwrap();
        assert!(got == status && detail.contains(words), "{action} {body}: {got} {detail}");
    }
    assert!(running.source.steered.lock().unwrap().is_empty());
    let (status, problem) = document(&running.post("/upstreams/order/backends/x/drain", "", "").await);
    assert_eq!((status, &problem["known"]), (404, &serde_json::json!(["orders"])));
    assert_eq!(parts(&running.post("/reload", "", "").await).0, 501);
    let metrics = running.get("/metrics").await;
    assert!(metrics.contains("pulsegate_admin_writes_total{action=\"drain\",result=\"refused\"} 9\n"), "{metrics}");
}

#[tokio::test]
async fn a_write_that_a_foreign_page_sends_is_denied_and_told() {
    let running = start(&[Cause::Up]);
    let port = running.address.port();
    let host = format!("Host: 127.0.0.1:{port}\r\n");
    for (headers, status) in [
        (format!("{host}Origin: https://evil.example\r\n"), 403),
        (format!("{host}Origin: null\r\n"), 403),
        (format!("{host}Origin: http://127.0.0.1:{}\r\n", port ^ 1), 403),
        (format!("{host}Origin: http://127.0.0.1:{port}\r\nOrigin: https://evil.example\r\n"), 403),
        (format!("{host}Sec-Fetch-Site: cross-site\r\n"), 403),
        (format!("{host}Sec-Fetch-Site: same-site\r\n"), 403),
        ("Host: evil.example\r\nOrigin: http://evil.example\r\n".to_owned(), 403),
        (format!("{host}Content-Type: text/plain\r\n"), 415),
        (format!("{host}Content-Type: application/x-www-form-urlencoded\r\n"), 415),
        (format!("{host}Origin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n"), 200),
        (format!("{host}Content-Type: application/json; charset=utf-8\r\n"), 200),
        (host.clone(), 200),
    ] {
        let request = format!("POST {DRAIN} HTTP/1.1\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(parts(&running.exchange(&request).await).0, status, "{headers}");
    }
    assert_eq!(running.source.steered.lock().unwrap().len(), 3);
    let metrics = running.get("/metrics").await;
    assert!(metrics.contains("pulsegate_admin_writes_total{action=\"drain\",result=\"denied\"} 9\n"), "{metrics}");
}

#[tokio::test]
async fn with_tokens_everything_but_livez_and_readyz_needs_one() {
    let running = start_with(&[Cause::Up], callers::tests::callers(&[("ops", callers::tests::OPS)]));
    let right = format!("Authorization: Bearer {}\r\n", callers::tests::OPS);
    let wrong = "Authorization: Bearer 0123456789abcdef0123456789abcdee\r\n";
    let get = async |path: &str, more: &str| {
        running.exchange(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\n\r\n")).await
    };
    for path in ["/livez", "/readyz"] {
        assert_eq!(parts(&get(path, "").await).0, 200, "{path}");
    }
    for path in ["/", "/health", "/status", "/upstreams", "/upstreams/orders", "/metrics", "/nothing", "/livez/"] {
        let answer = get(path, "").await;
        assert_eq!(parts(&answer).0, 401, "{path}");
        assert!(answer.contains("www-authenticate: Bearer realm=\"pulsegate\"\r\n"), "{answer}");
        let answer = get(path, wrong).await;
        assert!(parts(&answer).0 == 401 && answer.contains("error=\"invalid_token\""), "{path}: {answer}");
        assert_ne!(parts(&get(path, &right).await).0, 401, "{path}");
    }
    for (headers, status) in [("", 401), (wrong, 401), (right.as_str(), 200)] {
        assert_eq!(parts(&running.post(DRAIN, headers, "").await).0, status, "{headers}");
    }
    assert_eq!(parts(&running.post(DRAIN, &format!("{right}Origin: https://evil.example\r\n"), "").await).0, 403);
    let steered = running.source.steered.lock().unwrap();
    assert_eq!(steered.iter().map(|one| &*one.by).collect::<Vec<_>>(), ["ops"]);
}

#[tokio::test]
async fn the_health_listener_serves_two_pages_and_nothing_else() {
    let (phase, phases) = watch::channel(Phase::Serving);
    let (_stop, stops) = watch::channel(false);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_health(listener, phases, stops));
    let get = async |path: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: pod.example\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        parts(&answer).0
    };
    assert_eq!((get("/livez").await, get("/readyz").await), (200, 200));
    assert_eq!((get("/metrics").await, get("/upstreams").await), (404, 404));
    phase.send_replace(Phase::Leaving);
    assert_eq!((get("/livez").await, get("/readyz").await), (200, 503));
}
