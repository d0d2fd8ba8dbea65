//! What a backend can do wrong: each ends in a clear answer or a retry, never in a hang, a wrong ejection or another client's bytes.

use super::PULSEGATE;
use super::{pool, pool_with};
use std::io::ErrorKind;
use std::time::Duration;
use support::client::Client;
use support::gateway::Gateway;
use support::raw::{Gate, Raw, Step, ok, send};
use support::{PATIENCE, eventually};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// A gateway over one backend that misbehaves so, without retries.
async fn alone(backend: &Raw) -> Gateway {
    let more = "    timeouts: { per_try: 2s, idle: 2s }\n    retries: { limit: 0 }\n";
    PULSEGATE.start(&pool_with(&[backend.address], more)).await
}

#[tokio::test]
async fn each_broken_answer_is_a_502_or_504_with_its_reason() {
    let dripped = "HTTP/1.1 200 OK
X: a-head-that-comes-byte-by-byte

"
    .chars();
    let drip = dripped.flat_map(|byte| [send(byte.to_string()), Step::Wait(Duration::from_millis(100))]).collect();
    for (what, steps, status, reason) in [
        ("a close instead of an answer", vec![Step::Close], 502, "backend_failed"),
        ("a reset instead of an answer", vec![Step::Reset], 502, "backend_failed"),
        ("a reset amid the head", vec![send("HTTP/1.1 200 O"), Step::Reset], 502, "backend_failed"),
        ("garbage", vec![send("this is not HTTP at all\r\n\r\n"), Step::Hang], 502, "bad_backend_answer"),
        ("silence", vec![Step::Hang], 504, "backend_timeout"),
        ("a dripped head", drip, 504, "backend_timeout"),
        (
            "a head of 40 KB",
            vec![send(format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(40_000)))],
            502,
            "response_head_bytes_exceeded",
        ),
        (
            "an unknown transfer coding",
            vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: foo\r\n\r\nabc"), Step::Close],
            502,
            "bad_backend_answer",
        ),
        (
            "chunked twice",
            vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
            502,
            "bad_backend_answer",
        ),
        (
            "two different lengths",
            vec![send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")],
            502,
            "bad_backend_answer",
        ),
    ] {
        let backend = Raw::start(move |_, _| steps.clone()).await;
        let gateway = alone(&backend).await;
        let mut client = Client::connect(gateway.address).await;
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.reason().as_str()), (status, reason), "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_completed_as_if_it_were_whole() {
    for (what, steps) in [
        ("a body shorter than its length", vec![send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), Step::Close]),
        ("a reset amid the body", vec![send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), Step::Reset]),
        (
            "chunks without an end",
            vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), Step::Close],
        ),
        (
            "a chunk without a size",
            vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n\r\n\r\n"), Step::Hang],
        ),
        (
            "a chunk without a size, later",
            vec![
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
                Step::Wait(Duration::from_millis(50)),
                send("\r\n\r\n"),
                Step::Hang,
            ],
        ),
        ("silence amid the body", vec![send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), Step::Hang]),
    ] {
        let backend = Raw::start(move |_, _| steps.clone()).await;
        let gateway = alone(&backend).await;
        let mut client = Client::connect(gateway.address).await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(client.whole_answer().await.is_none(), "{what}");

        // The end of the connection is the end of the body for this one, unless it is a reset.
        let mut client = Client::connect(gateway.address).await;
        client.send("GET / HTTP/1.0\r\n\r\n").await;
        let end = timeout(PATIENCE, client.stream.read_to_end(&mut Vec::new())).await.expect("an end in time");
        assert_eq!(end.map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset), "{what}, HTTP/1.0");
    }
}

#[tokio::test]
async fn bytes_beyond_an_answer_reach_no_other_client() {
    for answer in [
        "Content-Length: 2\r\n\r\nok",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
    ] {
        for later in [false, true] {
            let (answered, poisoned) = (Gate::default(), Gate::default());
            let (after, done) = (answered.clone(), poisoned.clone());
            let backend = Raw::start(move |_, number| {
                let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
                let whole = send(format!("HTTP/1.1 200 OK\r\n{answer}"));
                match number {
                    0 if later => vec![whole, Step::Until(after.clone()), send(poison), Step::Open(done.clone())],
                    0 => vec![send(format!("HTTP/1.1 200 OK\r\n{answer}{poison}")), Step::Open(done.clone())],
                    _ => vec![ok("clean")],
                }
            })
            .await;
            let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
            assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "ok");
            // Its connection rests, or will in a moment.
            answered.open();
            poisoned.opened().await;
            let mut other = Client::connect(gateway.address).await;
            for _ in 0..3 {
                assert_eq!(other.get("/").await.text(), "clean", "{answer:?}");
            }
            assert_eq!(backend.connections(), 2, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_is_used_again_behind_every_answer_that_ends_on_it() {
    let backend = Raw::start(|request, _| {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
        match request.split(' ').nth(1).unwrap_or_default() {
            "/chunks" => vec![send(format!("{chunked}2\r\nok\r\n0\r\n\r\n"))],
            "/pieces" => (format!("{chunked}2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n").chars())
                .flat_map(|byte| [send(byte.to_string()), Step::Wait(Duration::from_millis(1))])
                .collect(),
            "/hints" => vec![send(format!("{hints}{hints}{chunked}2\r\nok\r\n0\r\n\r\n"))],
            "/head" => vec![send(chunked)],
            _ => vec![ok("ok")],
        }
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    for path in ["/chunks", "/pieces", "/hints", "/length", "/chunks", "/pieces"] {
        let mut answer = client.get(path).await;
        while answer.status == 103 {
            answer = client.answer().await;
        }
        assert_eq!(answer.text(), "ok", "{path}");
        client.send("HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.answer_to("HEAD").await.status, 200);
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn a_bad_head_on_a_used_connection_is_the_backend_s_and_no_lost_race() {
    let backend = Raw::start(|_, number| match number {
        0 => vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")],
        _ => vec![send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")],
    })
    .await;
    let gateway = alone(&backend).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.text(), "ok");
    let answer = client.get("/").await;
    assert_eq!((answer.status, answer.reason().as_str()), (502, "bad_backend_answer"));
    assert_eq!((backend.seen().len(), backend.connections()), (2, 1), "asked again over a new connection");
}

#[tokio::test]
async fn a_get_is_tried_elsewhere_and_a_post_that_was_sent_is_not() {
    let broken = Raw::start(|_, _| vec![Step::Reset]).await;
    let healthy = Raw::start(|_, _| vec![ok("served")]).await;
    let more = "    passive: { enabled: false }\n    balance: { policy: round_robin }\n";
    let gateway = PULSEGATE.start(&pool_with(&[broken.address, healthy.address], more)).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await.text(), "served");
    }
    let mut statuses = Vec::new();
    for _ in 0..4 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
        statuses.push(client.answer().await.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 502, 502]);
    assert_eq!(
        broken.seen().iter().filter(|request| request.starts_with("POST")).count(),
        2,
        "each POST reached one backend"
    );
}

#[tokio::test]
async fn a_small_body_is_sent_again_whole_on_a_retry() {
    let broken = Raw::start(|_, _| vec![send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")]).await;
    let healthy = Raw::start(|request, _| vec![ok(request.rsplit("\r\n\r\n").next().unwrap_or_default())]).await;
    let more = "    passive: { enabled: false }\n    balance: { policy: round_robin }\n";
    let gateway = PULSEGATE.start(&pool_with(&[broken.address, healthy.address], more)).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..4 {
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello again").await;
        assert_eq!(client.answer().await.text(), "hello again");
    }
}

#[tokio::test]
async fn an_idle_connection_that_closes_as_it_is_reused_blames_nobody() {
    let backend = Raw::start(|_, number| if number % 2 == 0 { vec![ok("served")] } else { vec![Step::Close] }).await;
    let other = Raw::start(|_, _| vec![ok("other")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address, other.address])).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await.status, 200);
    }
    let told = gateway.backend(&backend.address.to_string()).await;
    assert_eq!(told["standing"], "up", "{told}");
}

#[tokio::test]
async fn the_only_backend_is_asked_again_when_its_idle_connection_closed_and_a_post_is_not() {
    // Every second request finds its connection closed, as an application server's keep-alive timer would do it.
    let only = Raw::start(|_, number| if number % 2 == 0 { vec![ok("served")] } else { vec![Step::Close] }).await;
    let gateway = PULSEGATE.start(&pool(&[only.address])).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..10 {
        assert_eq!(client.get("/").await.text(), "served");
    }
    let before = only.seen().len();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(client.answer().await.status, 502);
    let posts = only.seen()[before..].iter().filter(|request| request.starts_with("POST ")).count();
    assert_eq!(posts, 1, "it may have been worked on already");
}

#[tokio::test]
async fn probes_survive_every_misbehaviour_with_a_cause_and_follow_no_redirect() {
    let elsewhere = Raw::start_with_ready(|_, _| vec![ok("followed")]).await;
    let target = elsewhere.address;
    let endless = |_: &str, _: usize| {
        let chunk = "x".repeat(16 * 1024);
        std::iter::once(send("HTTP/1.1 200 OK\r\n\r\n"))
            .chain((0..64).map(move |_| send(&chunk)))
            .chain([Step::Hang])
            .collect()
    };
    let redirect = move |_: &str, _: usize| {
        vec![
            send(format!("HTTP/1.1 302 Found\r\nLocation: http://{target}/\r\nContent-Length: 0\r\n\r\n")),
            Step::Close,
        ]
    };
    let silent = Raw::start_with_ready(|_, _| vec![Step::Hang]).await;
    let garbage = Raw::start_with_ready(|_, _| vec![send("nonsense\r\n\r\n"), Step::Close]).await;
    let endless = Raw::start_with_ready(endless).await;
    let huge = Raw::start_with_ready(|_, _| {
        vec![send(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000))), Step::Close]
    })
    .await;
    let missing =
        Raw::start_with_ready(|_, _| vec![send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), Step::Close]).await;
    let redirecting = Raw::start_with_ready(redirect).await;
    let all = [silent.address, garbage.address, endless.address, huge.address, missing.address, redirecting.address];
    let gateway = PULSEGATE.start(&pool(&all).replace("timeout: 10s", "timeout: 1s")).await;
    // The endless body is no document, and the status that came with it decides, with a warning.
    for (address, standing) in all.iter().zip(["not_ready", "down", "up", "down", "down", "up"]) {
        let address = address.to_string();
        eventually(&format!("{address} is {standing}"), async || gateway.standing_of(&address).await == standing).await;
        let told = gateway.backend(&address).await;
        assert!(told["last_probe"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{told}");
    }
    assert!(elsewhere.seen().is_empty(), "a redirect was followed");
}
