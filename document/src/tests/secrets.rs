//! What is shown of texts that hold what they should not.

use crate::redact::Redactor;
use pulsegate_core::health::document::Leak;

fn shown(text: &str) -> (String, Vec<Leak>) {
    let mut redactor = Redactor::default();
    (redactor.show(text, 200), redactor.leaks())
}

/// What is said, what is shown, and the kinds of secrets in it.
#[rustfmt::skip]
const SECRETS: &[(&str, &str, &[Leak])] = &[
        (
            "connect to postgres://user:secret@db:5432/x failed",
            "connect to postgres://[redacted]@db:5432/x failed",
            &[Leak::UrlCredentials],
        ),
        ("amqp://guest:p@ss@mq/", "amqp://[redacted]@mq/", &[Leak::UrlCredentials]),
        ("redis://:hunter2@cache:6379/0", "redis://[redacted]@cache:6379/0", &[Leak::UrlCredentials]),
        ("app:hunter2@tcp(db:3306)/x", "[redacted]@tcp(db:3306)/x", &[Leak::UrlCredentials]),
        ("mongodb+srv://a:b@c.example/d?e=f", "mongodb+srv://[redacted]@c.example/d?e=f", &[Leak::UrlCredentials]),
        ("host=db user=app password=hunter2 dbname=x", "host=db user=app password=[redacted] dbname=x", &[Leak::Named]),
        (
            "Server=db;User Id=sa;Password=hunter2;Timeout=5",
            "Server=db;User Id=sa;Password=[redacted];Timeout=5",
            &[Leak::Named],
        ),
        (r#"{"api_key": "abc123", "db": 1}"#, r#"{"api_key": [redacted], "db": 1}"#, &[Leak::Named]),
        ("DB_PASSWORD='hunter2' is wrong", "DB_PASSWORD=[redacted] is wrong", &[Leak::Named]),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: [redacted]", &[Leak::Named]),
        ("sent Bearer abcdefghijklmnop1234", "sent Bearer [redacted]", &[Leak::AccessToken]),
        ("?access_token=abc&x=1", "?access_token=[redacted]&x=1", &[Leak::Named]),
        ("key AKIAIOSFODNN7EXAMPLE is old", "key [redacted] is old", &[Leak::AccessKey]),
        ("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG", "aws_secret_access_key=[redacted]", &[Leak::Named]),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def is over", "jwt [redacted] is over", &[Leak::AccessToken]),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]", &[Leak::AccessToken]),
        (
            "id d41d8cd98f00b204e9800998ecf8427e not found",
            "id [redacted] not found",
            &[Leak::LongRandom],
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- x", "[redacted] x", &[Leak::PrivateKey]),
        // What is none.
        ("password authentication failed for user \"app\"", "password authentication failed for user \"app\"", &[]),
        ("Unexpected token < in JSON at position 0", "Unexpected token < in JSON at position 0", &[]),
        ("password=***", "password=***", &[]),
        ("basic authentication failed", "basic authentication failed", &[]),
        (
            "Error 111 connecting to localhost:16379. Connection refused.",
            "Error 111 connecting to localhost:16379. Connection refused.",
            &[],
        ),
        ("http://db.internal:8080/health", "http://db.internal:8080/health", &[]),
        (
            "/usr/lib/python3.11/site-packages/django/db/backends/base/base.py",
            "/usr/lib/python3.11/site-packages/django/db/backends/base/base.py",
            &[],
        ),
        (
            "org.springframework.dao.DataAccessResourceFailureException: x",
            "org.springframework.dao.DataAccessResourceFailureException: x",
            &[],
        ),
        ("instance 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "instance 6ba7b810-9dad-11d1-80b4-00c04fd430c8", &[]),
    ];

#[test]
fn secrets_are_not_shown() {
    for (text, right, leaks) in SECRETS {
        let (found, noted) = shown(text);
        assert_eq!((found.as_str(), noted), (*right, leaks.to_vec()), "{text}");
    }
}

#[test]
fn of_a_trace_the_line_that_says_it_is_shown() {
    let python = "Traceback (most recent call last):\n  File \"/app/x.py\", line 3, in check\n    ping()\nredis.exceptions.ConnectionError: Error 111\n";
    let java = "java.net.ConnectException: refused\n\tat java.base/sun.nio.ch.Net.connect0(Native Method)\n\tat com.example.Db.open(Db.java:12)\n";
    let node = "Error: connect ECONNREFUSED\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1607:16)\n    at x (/app/index.js:3:5)";
    let rust = "thread 'main' panicked at src/main.rs:3:5:\ngone\nstack backtrace:\n   0: std::x";
    for (text, right) in [
        (python, "redis.exceptions.ConnectionError: Error 111 (and a stack trace)"),
        (java, "java.net.ConnectException: refused (and a stack trace)"),
        (node, "Error: connect ECONNREFUSED (and a stack trace)"),
        (rust, "gone (and a stack trace)"),
    ] {
        assert_eq!(shown(text), (right.to_owned(), vec![Leak::StackTrace]));
    }
}

#[test]
fn one_line_without_what_cannot_be_seen() {
    assert_eq!(shown(" a\n\n\tb\x1B[31mc\u{202E}d\0").0, "a b\\u{1b}[31mc\\u{202e}d\\u{0}");
    assert_eq!(shown(&"ä".repeat(300)).0.chars().count(), 200);
    assert_eq!(shown(&"a ".repeat(300)).0.chars().count(), 200);
    assert_eq!(shown(&"\0".repeat(300)).0.chars().count(), 200);
    assert_eq!(shown(&"a".repeat(200)).0, "a".repeat(200));
}

#[test]
fn leaks_are_noted_wherever_they_stand() {
    let leaks = |body: &str| super::plainly(body).leaks;
    assert_eq!(leaks(r#"{"status":"UP","config":{"db_password":"hunter2"}}"#), [Leak::Named]);
    assert_eq!(leaks(r#"{"status":"UP","config":{"url":"postgres://u:p@h/d"}}"#), [Leak::UrlCredentials]);
    assert_eq!(
        leaks("<html><pre>Traceback (most recent call last):\n  File \"x.py\", line 3</pre></html>"),
        [Leak::StackTrace]
    );
    assert_eq!(
        leaks(r#"{"status":"UP","db":{"status":"DOWN","stack":"x\n\tat com.example.Db.open(Db.java:12)"}}"#),
        [Leak::StackTrace]
    );
    assert_eq!(
        leaks(r#"{"status":"UP","tokens":3,"password":"***","commit":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}"#),
        []
    );
    let named = super::plainly(r#"{"status":"UP","components":{"postgres://u:p@h/d":{"status":"UP"}}}"#);
    assert_eq!(
        (named.components[0].name.as_str(), named.leaks),
        ("postgres://[redacted]@h/d", vec![Leak::UrlCredentials])
    );
}
