//! What HTTP/2 adds: streams to and from backends of either version, both directions at once, trailers, goodbyes, gRPC, and clients that
//! do not read or take everything back.

use super::PULSEGATE;
use super::{pool, pool_with};
use bytes::Bytes;
use h2::Reason;
use http::HeaderMap;
use nix::sys::signal::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::client::Client;
use support::h2::{Answer, Call, H2Backend, H2Client, get, post};
use support::raw::{Gate, Raw, ok};
use support::{PATIENCE, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CALL: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];

fn h2_pool(backends: &[&H2Backend], more: &str) -> String {
    let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
    pool_with(&addresses, &format!("    protocol: http2\n{more}"))
}

/// Sends back what comes, piece by piece, then trailers with the number of pieces.
async fn echo(mut call: Call) {
    let mut out = call.head(&[("content-type", "application/grpc")]);
    let mut pieces = 0;
    while let Some(Ok(piece)) = call.body.data().await {
        let _ = call.body.flow_control().release_capacity(piece.len());
        pieces += 1;
        out.send_data(piece, false).unwrap();
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("x-pieces", pieces.to_string().parse().unwrap());
    out.send_trailers(trailers).unwrap();
}

#[tokio::test]
async fn streams_reach_a_backend_of_http1_in_its_form() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = H2Client::connect(gateway.address).await;
    let request = http::Request::builder()
        .uri("http://a.example/x?y")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (response, _) = client.open(request, true).await;
    let answer = Answer::of(response).await.unwrap();
    assert_eq!((answer.status, answer.text()), (200, "hello".to_owned()));
    assert!(!answer.headers.contains_key("connection"), "{:?}", answer.headers);
    let seen = backend.seen().pop().unwrap();
    assert!(seen.starts_with("GET /x?y HTTP/1.1\r\nHost: a.example\r\n"), "{seen}");
    assert!(seen.to_lowercase().contains("cookie: a=1; b=2\r\n"), "{seen}");
}

#[tokio::test]
async fn many_streams_share_a_connection_and_clients_of_http1_share_it_too() {
    let backend = H2Backend::start(|call| async { call.answer("hello") }).await;
    let gateway = PULSEGATE.start(&h2_pool(&[&backend], "")).await;
    let client = H2Client::connect(gateway.address).await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let mut client = H2Client { send: client.send.clone(), connection: tokio::spawn(async { Ok(()) }) };
        all.spawn(async move { client.get("/x").await.text() });
    }
    assert!(all.join_all().await.iter().all(|text| text == "hello"));
    let mut old = Client::connect(gateway.address).await;
    old.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(old.answer().await.text(), "hello");
    assert_eq!(backend.connections.load(Ordering::Relaxed), 1, "a burst of first requests opens one connection");
}

#[tokio::test]
async fn both_directions_go_on_at_once_and_trailers_travel() {
    let backend = H2Backend::start(echo).await;
    let gateway = PULSEGATE.start(&h2_pool(&[&backend], "")).await;
    let mut client = H2Client::connect(gateway.address).await;
    let (response, mut out) = client.open(post("/chat", CALL), false).await;
    out.send_data(Bytes::from_static(b"0"), false).unwrap();
    let mut said = timeout(PATIENCE, response).await.unwrap().unwrap().into_body();
    for word in ["1", "2", "3"] {
        assert!(timeout(PATIENCE, said.data()).await.unwrap().is_some(), "an answer before the next word");
        out.send_data(Bytes::from_static(word.as_bytes()), false).unwrap();
    }
    assert_eq!(said.data().await.unwrap().unwrap(), "3");
    out.send_data(Bytes::new(), true).unwrap();
    while said.data().await.is_some() {}
    let trailers = said.trailers().await.unwrap().unwrap();
    assert_eq!(
        (&trailers["grpc-status"], trailers["x-pieces"].to_str().unwrap() >= "4"),
        (&"0".parse().unwrap(), true)
    );
}

#[tokio::test]
async fn a_refused_stream_goes_elsewhere_whatever_its_method() {
    let refusing = H2Backend::start(|mut call| async move { call.respond.send_reset(Reason::REFUSED_STREAM) }).await;
    let good = H2Backend::start(|call| async { call.answer("hello") }).await;
    let gateway = PULSEGATE.start(&h2_pool(&[&refusing, &good], "")).await;
    let mut client = H2Client::connect(gateway.address).await;
    for _ in 0..20 {
        let (response, _) = client.open(post("/x", &[]), true).await;
        assert_eq!(Answer::of(response).await.unwrap().text(), "hello");
    }
}

#[tokio::test]
async fn a_goodbye_costs_nobody_a_request() {
    let backend = H2Backend::start(|call| async { call.answer("hello") }).await;
    let gateway = PULSEGATE.start(&h2_pool(&[&backend], "")).await;
    let mut client = H2Client::connect(gateway.address).await;
    for round in 1..=20 {
        backend.goodbye.send_replace(());
        let (response, _) = client.open(post("/x", &[]), true).await;
        assert_eq!(Answer::of(response).await.unwrap().text(), "hello", "round {round}");
    }
    assert!(backend.connections.load(Ordering::Relaxed) > 1);
}

#[tokio::test]
async fn a_call_that_breaks_off_is_told_so_in_trailers() {
    let cut = Arc::new(tokio::sync::Notify::new());
    let told = cut.clone();
    let backend = H2Backend::start(move |mut call| {
        let told = told.clone();
        async move {
            let mut out = call.head(&[("content-type", "application/grpc")]);
            out.send_data(Bytes::from_static(b"first"), false).unwrap();
            told.notified().await;
            out.send_reset(Reason::INTERNAL_ERROR);
        }
    })
    .await;
    let gateway = PULSEGATE.start(&h2_pool(&[&backend], "")).await;
    let mut client = H2Client::connect(gateway.address).await;
    let (response, _) = client.open(post("/x", CALL), true).await;
    let mut said = response.await.unwrap().into_body();
    assert_eq!(said.data().await.unwrap().unwrap(), "first");
    cut.notify_one();
    assert!(timeout(PATIENCE, said.data()).await.unwrap().is_none(), "a clean end of the data");
    assert_eq!(said.trailers().await.unwrap().unwrap()["grpc-status"], "14");
}

#[tokio::test]
async fn our_own_answers_reach_a_caller_in_its_words() {
    let silent = H2Backend::start(|call| async move {
        std::future::pending::<()>().await;
        drop(call);
    })
    .await;
    let gateway = PULSEGATE.start(&h2_pool(&[&silent], "")).await;
    let mut client = H2Client::connect(gateway.address).await;
    let deadline = [CALL, &[("grpc-timeout", "200m")]].concat();
    let (response, _) = client.open(post("/x", &deadline), true).await;
    let late = timeout(PATIENCE, Answer::of(response)).await.unwrap().unwrap();
    assert_eq!((late.status, late.grpc_status()), (200, Some("4")), "{late:?}");
    silent.kill();
    eventually("it is down", async || gateway.standing_of(&silent.address.to_string()).await == "down").await;
    let (response, _) = client.open(post("/x", CALL), true).await;
    let gone = Answer::of(response).await.unwrap();
    assert_eq!((gone.status, gone.grpc_status()), (200, Some("14")), "{gone:?}");
    assert_eq!(client.get("/x").await.status, 503, "whoever is no caller gets a document");
}

#[tokio::test]
async fn leaving_says_goodbye_and_finishes_what_is_in_flight() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = H2Backend::start(move |call| {
        let held = held.clone();
        async move {
            held.opened().await;
            call.answer("late");
        }
    })
    .await;
    let mut gateway = PULSEGATE.start(&h2_pool(&[&backend], "")).await;
    let mut client = H2Client::connect(gateway.address).await;
    let (response, _) = client.open(get("/x"), true).await;
    eventually("it is in flight", async || {
        gateway.backend(&backend.address.to_string()).await["in_flight"].as_u64() == Some(1)
    })
    .await;
    gateway.signal(Signal::SIGTERM);
    gate.open();
    assert_eq!(Answer::of(response).await.unwrap().text(), "late");
    let ended = timeout(PATIENCE, client.connection).await.unwrap().unwrap();
    assert!(ended.as_ref().err().is_none_or(|error| error.reason() == Some(Reason::NO_ERROR)), "{ended:?}");
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_and_costs_one_piece() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let backend = H2Backend::start(move |mut call| {
        let count = count.clone();
        async move {
            let mut out = call.head(&[]);
            loop {
                out.reserve_capacity(16 * 1024);
                let Some(Ok(room)) = std::future::poll_fn(|cx| out.poll_capacity(cx)).await else { return };
                count.fetch_add(room, Ordering::Relaxed);
                if out.send_data(Bytes::from(vec![0; room]), false).is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let gateway = PULSEGATE.start(&h2_pool(&[&backend], "    timeouts: { idle: 1s }\n")).await;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(1024);
    let mut client = H2Client::with(gateway.address, &builder).await;
    let (response, _) = client.open(get("/endless"), true).await;
    let mut said = response.await.unwrap().into_body();
    eventually("the stream is reset", async || gateway.output().contains("reason=client_stalled")).await;
    while let Some(Ok(_)) = said.data().await {}
    assert!(sent.load(Ordering::Relaxed) < 2 << 20, "{sent:?} bytes were taken for a client that reads none");
    assert_eq!(client.get("/ready").await.status, 200, "the connection goes on");
}

#[tokio::test]
async fn a_client_that_takes_every_request_back_is_told_to_calm_down() {
    let backend = H2Backend::start(|call| async move {
        std::future::pending::<()>().await;
        drop(call);
    })
    .await;
    let gateway = PULSEGATE.start(&h2_pool(&[&backend], "")).await;
    let mut client = H2Client::connect(gateway.address).await;
    for _ in 0..2000 {
        let Ok(mut ready) = client.send.clone().ready().await else { break };
        let Ok((_, mut out)) = ready.send_request(get("/x"), false) else { break };
        out.send_reset(Reason::CANCEL);
        tokio::task::yield_now().await;
    }
    let error = timeout(PATIENCE, &mut client.connection).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.reason(), Some(Reason::ENHANCE_YOUR_CALM), "{error:?}");
    assert_eq!(H2Client::connect(gateway.address).await.get("/ready").await.status, 200);
}

#[tokio::test]
async fn the_preface_may_come_in_pieces_and_can_be_switched_off() {
    let backend = Raw::start(|_, _| vec![ok("hello")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut frame = [0; 9];
    timeout(PATIENCE, stream.read_exact(&mut frame)).await.unwrap().unwrap();
    assert_eq!(frame[3], 4, "SETTINGS");

    let without = PULSEGATE.start_with(&pool(&[backend.address]), "    http2: false").await;
    let mut stream = Client::connect(without.address).await;
    stream.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(stream.answer().await.status, 505);
}
