//! Who waits for the other process of a takeover? Nothing that serves: whatever the peer at the other end does not say or read, traffic, operators
//! and the end go on.

use super::PULSEGATE;
use nix::sys::signal::Signal;
use std::os::unix::fs::DirBuilderExt;
use support::client::Client;
use support::eventually;
use support::gateway::Gateway;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// So patient that no end of a test comes of it.
const YAML: &str = "routes: [{ respond: { body: ok } }]\nupgrade: { directory: takeover, timeout: 600s }\n";

const HELLO: &str = r#"{"say":"hello","language":1,"version":"9.9.9","pid":1}"#;

async fn say(stream: &mut UnixStream, text: &str) {
    stream.write_all(&u32::try_from(text.len()).unwrap().to_be_bytes()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// At the door of this gateway.
async fn visitor(gateway: &Gateway) -> UnixStream {
    UnixStream::connect(gateway.folder().join("takeover/takeover.sock")).await.expect("the door is open")
}

/// Traffic, the admin listener and reloads.
async fn all_goes_on(gateway: &Gateway) {
    let mut client = Client::connect(gateway.address).await;
    for body in ["one", "two"] {
        gateway.reload(&YAML.replace("ok", body)).await;
        assert_eq!(gateway.json("/status").await["last_reload"]["applied"], true);
        assert_eq!(client.get("/").await.text(), body);
    }
}

async fn leaves(gateway: &mut Gateway) {
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn a_successor_that_says_nothing_or_half_of_it_stops_nothing() {
    for said in [&b""[..], b"\0\0\0", &[0, 0, 0, 54, b'{'], &[3, 0xff, 0xff, 0xff]] {
        let mut gateway = PULSEGATE.start(YAML).await;
        let mut stream = visitor(&gateway).await;
        stream.write_all(said).await.unwrap();
        // Whoever comes meanwhile is told at once.
        eventually("another one is refused", async || {
            let (mut other, mut told) = (visitor(&gateway).await, String::new());
            let _ = other.read_to_string(&mut told).await;
            told.contains("another process is taking over already")
        })
        .await;
        all_goes_on(&gateway).await;
        leaves(&mut gateway).await;
    }
}

#[tokio::test]
async fn a_successor_that_reads_nothing_and_is_never_ready_stops_nothing() {
    let mut gateway = PULSEGATE.start(YAML).await;
    let mut stream = visitor(&gateway).await;
    say(&mut stream, HELLO).await;
    gateway.says("asks for the listeners").await;
    all_goes_on(&gateway).await;
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_successor_that_is_ready_and_never_accepts_stops_nothing() {
    let mut gateway = PULSEGATE.start(YAML).await;
    let mut stream = visitor(&gateway).await;
    say(&mut stream, HELLO).await;
    say(&mut stream, r#"{"say":"ready"}"#).await;
    all_goes_on(&gateway).await;
    gateway.says("takeover failed, this process serves on: it was ready, and did not accept").await;
    all_goes_on(&gateway).await;
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_successor_that_reads_byte_by_byte_stops_nothing() {
    let mut gateway = PULSEGATE.start(YAML).await;
    let mut stream = visitor(&gateway).await;
    say(&mut stream, HELLO).await;
    let reading = tokio::spawn(async move {
        let mut read = 0;
        while stream.read_u8().await.is_ok() {
            read += 1;
            tokio::task::yield_now().await;
        }
        read
    });
    all_goes_on(&gateway).await;
    leaves(&mut gateway).await;
    assert!(reading.await.unwrap() > 0, "its offer, and the end");
}

/// An old process that accepts and never says a word.
#[tokio::test]
async fn an_old_process_that_does_not_answer_is_given_up_and_sigterm_is_heard_meanwhile() {
    let folder = TempDir::new().unwrap();
    let takeover = folder.path().join("takeover");
    std::fs::DirBuilder::new().mode(0o700).create(&takeover).unwrap();
    let silent = UnixListener::bind(takeover.join("takeover.sock")).unwrap();
    let yaml = YAML.replace("directory: takeover", &format!("directory: {}", takeover.display()));

    // Whose folder and addresses the next ones have; it has no door.
    let other = PULSEGATE.start("routes: [{ respond: { body: ok } }]\n").await;
    let mut told_to_leave = other.successor(&yaml);
    let (first, _) = silent.accept().await.unwrap();
    told_to_leave.signal(Signal::SIGTERM);
    assert!(told_to_leave.ended().await.success());
    assert!(told_to_leave.output().contains("told to leave before anything was served"), "{}", told_to_leave.output());
    drop(first);

    let mut waiting = other.successor(&yaml);
    let (_second, _) = silent.accept().await.unwrap();
    assert_eq!(waiting.ended().await.code(), Some(1));
    assert!(waiting.output().contains("the old process did not answer within 10s"), "{}", waiting.output());
}
