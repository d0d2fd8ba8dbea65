//! What of a backend's answer reaches a client of HTTP/1 as it was said? A large body while the request still goes up, and the fields that a gateway is
//! tempted to replace.

use super::PULSEGATE;
use super::pool;
use std::net::SocketAddr;
use support::client::Client;
use support::raw::{Raw, send};
use support::{PATIENCE, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// More than the system keeps for anybody on the way.
const LARGE: usize = 48 << 20;

/// Answers each byte with the same byte as soon as it has it, and reads nothing meanwhile.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo_one(stream));
        }
    });
    address
}

async fn echo_one(mut stream: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let length = if head.starts_with(b"POST /large ") { LARGE } else { 0 };
    stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes()).await.ok()?;
    let (mut left, mut piece) = (length, vec![0; 64 * 1024]);
    while left > 0 {
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        stream.write_all(&piece[..read]).await.ok()?;
        left -= read;
    }
    Some(())
}

#[tokio::test]
async fn a_large_body_goes_both_ways_at_once() {
    let backend = echo().await;
    let gateway = PULSEGATE.start(&pool(&[backend])).await;
    let (mut from, mut to) = TcpStream::connect(gateway.address).await.unwrap().into_split();
    let sending = tokio::spawn(async move {
        to.write_all(format!("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n").as_bytes()).await?;
        let piece = vec![b'x'; 64 * 1024];
        for _ in 0..LARGE / piece.len() {
            to.write_all(&piece).await?;
        }
        Ok::<_, std::io::Error>(to)
    });
    let (mut came, mut piece) = (0, vec![0; 64 * 1024]);
    while came < LARGE {
        let read = timeout(PATIENCE, from.read(&mut piece)).await.expect("it goes on").unwrap();
        assert!(read > 0, "it ended behind {came} bytes");
        came += read;
    }
    drop(sending.await.unwrap().unwrap());
    eventually("the record says that all of it went both ways", async || {
        let output = gateway.output();
        output.contains(&format!("bytes_in={LARGE}")) && output.contains(&format!("bytes_out={LARGE}"))
    })
    .await;
}

#[tokio::test]
async fn a_date_and_the_upgrade_of_a_426_are_the_backend_s() {
    let backend = Raw::start(|_, _| {
        vec![send(
            "HTTP/1.1 426 Too Old\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0\r\n\
             x-MIXED: Case\r\nContent-Length: 0\r\n\r\n",
        )]
    })
    .await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = TcpStream::connect(gateway.address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhOsT: a\r\nx-MiXed: Too\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, client.read_u8()).await.expect("an answer").unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 426 Too Old\r\n"), "{head}");
    for line in
        ["Date: Sun, 06 Nov 1994 08:49:37 GMT", "Upgrade: TLS/1.0", "Connection: Upgrade, keep-alive", "x-MIXED: Case"]
    {
        assert_eq!(head.matches(&format!("\r\n{line}\r\n")).count(), 1, "{line}: {head}");
    }
    assert_eq!(head.to_lowercase().matches("\r\ndate:").count(), 1, "{head}");
    let seen = backend.seen();
    assert!(seen.iter().any(|request| request.contains("\r\nx-MiXed: Too\r\n")), "{seen:?}");
    let mut again = Client::connect(gateway.address).await;
    assert_eq!(again.get("/").await.status, 426);
}
