//! What is left of the answer of an HTTP/2 backend that breaks the rules of answers? What has a meaning, and nothing that has none.

use super::{PULSEGATE, pool_with};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use support::client::Client;
use support::h2::{self, Call, H2Backend, H2Client, get};

/// Answers with the status that its path names, goes on with a body, and never ends.
async fn goes_on(mut call: Call) {
    let status = call.request.uri.path().trim_start_matches('/').parse::<u16>().unwrap();
    let head = Response::builder().status(status).header("x-seen", "yes");
    let head = if status == 304 { head.header("content-length", "4") } else { head };
    let mut out = call.respond.send_response(head.body(()).unwrap(), false).unwrap();
    out.send_data("more".into(), false).unwrap();
    let _ = std::future::poll_fn(|cx| out.poll_reset(cx)).await;
}

#[tokio::test]
async fn an_answer_that_has_no_body_ends_with_its_head() {
    let backend = H2Backend::start(goes_on).await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "    protocol: http2\n")).await;
    let mut newer = H2Client::connect(gateway.address).await;
    let mut older = Client::connect(gateway.address).await;
    for (method, status, length) in [("GET", 204, None), ("GET", 304, Some("4")), ("HEAD", 200, None)] {
        let mut request = get(&format!("/{status}"));
        *request.method_mut() = method.parse().unwrap();
        let (response, _) = newer.open(request, true).await;
        let answer = h2::Answer::of(response);
        let answer = tokio::time::timeout(support::PATIENCE, answer).await.expect("its end in time").expect("an end");
        assert_eq!((answer.status, answer.text().as_str()), (status, ""), "{method}");
        assert_eq!(answer.headers.get("content-length").map(|length| length.to_str().unwrap()), length, "{method}");
        assert_eq!(answer.headers["x-seen"], "yes");
        older.send(format!("{method} /{status} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        let answer = older.answer_to(method).await;
        assert_eq!((answer.status, answer.header("x-seen")), (status, Some("yes")), "{method}");
    }
    assert_eq!(backend.connections.load(std::sync::atomic::Ordering::Relaxed), 1);
}

/// White space stands around a value where the path says so.
async fn blank(mut call: Call) {
    let path = call.request.uri.path().to_owned();
    let (place, value) = path.trim_start_matches('/').split_once('/').unwrap();
    let value = HeaderValue::from_static(BLANK[value.parse::<usize>().unwrap()]);
    if place == "interim" {
        let interim = Response::builder().status(103).header("x-odd", &value).body(()).unwrap();
        call.respond.send_informational(interim).unwrap();
    }
    let head = Response::builder().header(if place == "head" { "x-odd" } else { "x-plain" }, "in the middle\tonly");
    let mut head = head.body(()).unwrap();
    if place == "head" {
        head.headers_mut().append("x-odd", value.clone());
    }
    let mut out = call.respond.send_response(head, false).unwrap();
    out.send_data("said".into(), false).unwrap();
    let name = if place == "trailers" { "x-odd" } else { "x-plain" };
    let value = if place == "trailers" { value } else { HeaderValue::from_static("plain") };
    out.send_trailers(HeaderMap::from_iter([(HeaderName::from_static(name), value)])).unwrap();
}

const BLANK: [&str; 4] = [" x", "x ", "x\t", "\t"];

#[tokio::test]
async fn white_space_around_a_value_makes_an_answer_invalid() {
    let backend = H2Backend::start(blank).await;
    let gateway = PULSEGATE.start(&pool_with(&[backend.address], "    protocol: http2\n")).await;
    let mut newer = H2Client::connect(gateway.address).await;
    for value in 0..BLANK.len() {
        for place in ["head", "interim"] {
            let path = format!("/{place}/{value}");
            assert_eq!(newer.get(&path).await.status, 502, "{path}");
            let answer = Client::connect(gateway.address).await.get(&path).await;
            assert_eq!((answer.status, answer.reason().as_str()), (502, "bad_backend_answer"), "{path}");
        }
        let path = format!("/trailers/{value}");
        let (response, _) = newer.open(get(&path), true).await;
        h2::Answer::of(response).await.expect_err("it is broken off");
        let mut older = Client::connect(gateway.address).await;
        older.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert!(older.whole_answer().await.is_none(), "{path}");
    }
    let answer = newer.get("/nowhere/0").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "said"));
    assert_eq!(answer.headers["x-plain"], "in the middle\tonly");
}
