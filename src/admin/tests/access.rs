//! Who is let in, what for, and how often.

use super::*;
use crate::admin::callers::tests::{OPS, callers};
use pulsegate_core::plan::{AdminLimits, Scopes, TokenPlan, TokenSource};

/// Callers with one token per name, of these scopes.
fn scoped(known: &[(&str, &str, Scopes)]) -> Callers {
    let folder = tempfile::TempDir::new().unwrap();
    let token = |(name, token, scopes): &(&str, &str, Scopes)| {
        let file = folder.path().join(name);
        std::fs::write(&file, token).unwrap();
        TokenPlan { name: (*name).into(), source: TokenSource::File(file), scopes: *scopes }
    };
    let tokens = known.iter().map(token).collect();
    Callers::read(&AdminPlan { tokens, ..AdminPlan::default() }).unwrap()
}

impl Running {
    async fn ask(&self, method: &str, path: &str, token: &str) -> String {
        self.exchange(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ))
        .await
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_scopes() {
    let none = Scopes { metrics: false, read: false, write: false };
    let (scraper, viewer, robot) = ("scraper-scraper-scraper", "viewer-viewer-viewer", "robot-robot-robot-robot");
    let running = start_with(
        &[Cause::Up],
        scoped(&[
            ("scraper", scraper, Scopes { metrics: true, ..none }),
            ("viewer", viewer, Scopes { read: true, ..none }),
            ("robot", robot, Scopes { write: true, ..none }),
            ("ops", OPS, Scopes::ALL),
        ]),
    );
    let drain = "/upstreams/orders/backends/127.0.0.1:9001/drain";
    for (token, metrics, read, write) in
        [(scraper, 200, 403, 403), (viewer, 200, 200, 403), (robot, 403, 403, 200), (OPS, 200, 200, 200)]
    {
        for (method, path, status) in
            [("GET", "/metrics", metrics), ("GET", "/upstreams", read), ("POST", drain, write)]
        {
            let answer = running.ask(method, path, token).await;
            assert_eq!(parts(&answer).0, status, "{token} {path}: {answer}");
        }
    }
    let answer = running.ask("POST", drain, viewer).await;
    assert!(answer.contains("viewer may not do this: it needs the scope `write`"), "{answer}");
    assert!(answer.contains("error=\"insufficient_scope\""), "{answer}");
    let metrics = running.ask("GET", "/metrics", OPS).await;
    assert!(metrics.contains("pulsegate_admin_writes_total{action=\"drain\",result=\"denied\"} 3\n"), "{metrics}");
}

#[tokio::test]
async fn wrong_tokens_are_slowed_down_and_right_ones_are_not() {
    let running = start_with(&[Cause::Up], callers(&[("ops", OPS)]));
    for time in 0..10 {
        assert_eq!(parts(&running.ask("GET", "/status", "wrong").await).0, 401, "{time}");
    }
    let answer = running.ask("GET", "/status", "wrong").await;
    assert_eq!(parts(&answer).0, 429, "{answer}");
    let wait = answer.split("retry-after: ").nth(1).and_then(|rest| rest.split('\r').next()).unwrap();
    assert!((1..=7).contains(&wait.parse::<u64>().unwrap()), "{answer}");
    assert_eq!(parts(&running.ask("GET", "/status", OPS).await).0, 200, "the operator behind the same address");
}

#[tokio::test]
async fn a_client_that_asks_without_end_is_told_when_it_may_again() {
    let limits = AdminLimits { requests_per_second: 1, wrong_tokens_per_minute: 0 };
    let running = start_with(&[Cause::Up], Callers::read(&AdminPlan { limits, ..AdminPlan::default() }).unwrap());
    let statuses = [running.get("/status").await, running.get("/status").await, running.get("/status").await];
    assert_eq!(statuses.each_ref().map(|answer| parts(answer).0), [200, 200, 429]);
    assert!(
        statuses[2].contains("retry-after: 1\r\n") && statuses[2].contains("requests_per_second"),
        "{}",
        statuses[2]
    );
    for path in ["/livez", "/readyz"] {
        assert_eq!(parts(&running.get(path).await).0, 200, "{path}: a balancer is always answered");
    }
}

#[tokio::test]
async fn odd_headers_are_answered_and_nothing_more() {
    let running = start_with(&[Cause::Up], callers(&[("ops", OPS)]));
    for name in ["Host", "Authorization", "Origin", "Sec-Fetch-Site", "Content-Type", "Content-Length", "Accept"] {
        for value in [
            "",
            " ",
            ":",
            "[",
            "[::1",
            "]:",
            "Bearer",
            "Bearer ",
            "bearer  x",
            "a,b",
            "\u{e9}",
            "://",
            "http://",
            "-1",
            "é:é",
            "%00",
            ";",
        ] {
            for method in ["GET", "POST"] {
                let request = format!("{method} /status HTTP/1.1\r\n{name}: {value}\r\nConnection: close\r\n\r\n");
                let answer = running.exchange(&request).await;
                let refused = answer.split(' ').nth(1).is_some_and(|code| code.starts_with('4'));
                assert!(refused || answer.is_empty(), "{name}: {value:?}: {answer}");
            }
        }
    }
    assert_eq!(parts(&running.ask("GET", "/status", OPS).await).0, 200, "it serves as before");
}
