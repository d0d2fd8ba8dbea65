//! What becomes of a body: it is kept and read where the check has rules for it, and only counted where it has none.

use super::tools::{Checked, answering, http_check, serve};
use pulsegate_core::health::document::{Document, Meaning};
use pulsegate_core::health::judgement::judge;
use pulsegate_core::health::reading::ReadingResult;
use pulsegate_core::health::verdict::{Severity, Verdict};
use pulsegate_core::plan::HttpCheck;
use serde_json::Value;
use std::path::Path;

const LYING: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\
                     {\"status\": \"DOWN\", \"components\": {\"redis\": {\"status\": \"DOWN\", \"message\": \"no\"}}}";

fn read_as_document() -> HttpCheck {
    HttpCheck { document: Some(Box::default()), ..http_check() }
}

fn document(result: ReadingResult) -> Option<Box<Document>> {
    match result {
        ReadingResult::Http(answer) => answer.document,
        other => panic!("expected an answer, got {other:?}"),
    }
}

#[tokio::test]
async fn a_body_is_read_where_the_check_has_rules_for_it() {
    let backend = answering(LYING).await;
    let checked = Checked::with(&backend, read_as_document());
    let reading = checked.read().await;
    assert!(
        matches!(judge(&reading, &checked.probe), Verdict::Fail { severity: Severity::NotReady, .. }),
        "a 200 that says DOWN is down: {reading:?}"
    );
    let read = document(reading.result).unwrap();
    assert_eq!(read.overall.unwrap().means, Some(Meaning::Fail));
    assert_eq!(read.components[0].name, "redis");

    assert_eq!(document(Checked::http(&backend).result().await), None, "`document: off`");
}

#[tokio::test]
async fn an_answer_without_content_says_nothing_and_passes() {
    for answer in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
        let backend = answering(answer).await;
        let checked = Checked::with(&backend, read_as_document());
        let reading = checked.read().await;
        assert_eq!(judge(&reading, &checked.probe), Verdict::PASSED, "{reading:?}");
    }
}

/// Every answer of the real libraries comes over the wire and is judged: library, path, states, and what it comes to.
const STANDINGS: &[(&str, &str, &str, &str)] = &[
    (
        "@cloudnative/health-connect",
        "/health",
        "redis_down",
        "not_ready: answered 503: redis DOWN (connect ECONNREFUSED",
    ),
    ("@cloudnative/health-connect", "/ready", "all_down", "not_ready: answered 503: redis DOWN (connect ECONNREFUSED"),
    ("django-health-check", "/health/?format=json", "redis_down", "down: answered 500: Cache(alias='default') "),
    ("django-health-check", "/health/?format=json", "all_down", "down: answered 500: Database(alias='default') "),
    ("django-health-check", "/health/", "redis_down", "down: answered 500"),
    ("fastapi-health", "/health", "redis_down", "not_ready: answered 503"),
    ("flask-healthz", "/healthz/ready", "all_down", "not_ready: answered 503: "),
    ("@godaddy/terminus", "/health", "redis_down", "not_ready: answered 503: redis "),
    ("lightship", "/ready", "all_down", "down: answered 500: SERVER_IS_NOT_READY"),
    ("pyctuator", "/actuator/health", "redis_down", "not_ready: answered 503: redis DOWN"),
    ("pyctuator", "/actuator/health", "all_down", "not_ready: answered 503: db DOWN"),
];

#[tokio::test]
async fn the_answers_of_real_libraries_come_to_the_right_standing() {
    let mut seen = 0;
    for (library, state, path, answer) in answers() {
        let (status, text) = (answer["status"].as_u64().unwrap(), http(&answer));
        let backend = serve(move |mut peer| {
            let text = text.clone();
            async move { peer.say(&text).await }
        })
        .await;
        let checked = Checked::with(&backend, read_as_document());
        let told = match judge(&checked.read().await, &checked.probe) {
            Verdict::Pass { degraded: None, .. } => "up".to_owned(),
            Verdict::Fail { severity: Severity::NotReady, why, .. } => format!("not_ready: {why}"),
            Verdict::Fail { severity: Severity::Down, why, .. } => format!("down: {why}"),
            other => format!("{other:?}"),
        };
        let what = format!("{library} {path} {state}: {told}");
        assert_eq!(told == "up", status == 200, "{what}");
        let row =
            STANDINGS.iter().find(|row| (row.0, row.1, row.2) == (library.as_str(), path.as_str(), state.as_str()));
        if let Some((.., begins)) = row {
            assert!(told.starts_with(begins), "{what}");
            seen += 1;
        }
    }
    assert_eq!(seen, STANDINGS.len());
}

/// Library, state, path and the answer to GET, where there was one.
fn answers() -> Vec<(String, String, String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/payloads");
    let mut answers = Vec::new();
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "json") {
            let payload: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            for (state, paths) in payload["states"].as_object().unwrap() {
                for (path, methods) in paths.as_object().unwrap() {
                    let answer = methods["GET"].clone();
                    if answer["status"].is_u64() {
                        answers.push((
                            payload["library"].as_str().unwrap().to_owned(),
                            state.clone(),
                            path.clone(),
                            answer,
                        ));
                    }
                }
            }
        }
    }
    answers
}

fn http(answer: &Value) -> String {
    let body = answer["body"].as_str().unwrap();
    let content_type = answer["headers"]["content-type"].as_str().map(|value| format!("Content-Type: {value}\r\n"));
    let length = body.len();
    format!(
        "HTTP/1.1 {} X\r\n{}Content-Length: {length}\r\n\r\n{body}",
        answer["status"],
        content_type.unwrap_or_default()
    )
}
