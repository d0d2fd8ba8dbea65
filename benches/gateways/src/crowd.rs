//! What is a crowd? Ten thousand connections that each had one answer and stay, in a process of its own: no process may have enough
//! files for several crowds.
//!
//! It says `here` when all had their answer; told so by a line, it has the oldest ask once more and says `alive`: a connection that
//! the gateway has closed costs nothing.

use crate::answer::{self, Ask};
use crate::client::{Client, Target};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const CROWD: usize = 10_000;

pub async fn run(kind: &str, port: u16) {
    let target = if kind == "tls" { Target::tls(port) } else { Target::plain(port) };
    let mut members = Vec::with_capacity(CROWD);
    for _ in 0..CROWD {
        let mut member = Member::join(&target, kind == "http2").await.expect("a connection");
        member.ask().await.expect("an answer");
        members.push(member);
    }
    println!("here");
    let mut line = String::new();
    io::stdin().read_line(&mut line).expect("what is to be done");
    if let Some(oldest) = members.first_mut() {
        oldest.ask().await.expect("the oldest connection is still served");
    }
    println!("alive");
}

enum Member {
    Http1(Client),
    Http2 { stream: TcpStream, last: u32 },
}

impl Member {
    async fn join(target: &Target, http2: bool) -> io::Result<Self> {
        if !http2 {
            return Ok(Self::Http1(target.connect().await?));
        }
        let mut stream = target.tcp().await?;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        Ok(Self::Http2 { stream, last: 0 })
    }

    async fn ask(&mut self) -> io::Result<()> {
        match self {
            Self::Http1(client) => client.exchange(&answer::request(Ask::Get, true)).await,
            Self::Http2 { stream, last } => {
                *last = if *last == 0 { 1 } else { *last + 2 };
                stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, *last, &head())).await?;
                whole(stream, *last).await
            }
        }
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `GET /` by indices of the static table (RFC 7541, appendix A), and the host, which nobody is to remember.
fn head() -> Vec<u8> {
    const HOST: &[u8] = b"orders.example.com";
    [&[0x82, 0x86, 0x84, 0x01, HOST.len() as u8], HOST].concat()
}

/// Reads to the end of the answer on this stream.
async fn whole(stream: &mut TcpStream, asked: u32) -> io::Result<()> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, number @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await?;
        match kind {
            SETTINGS if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await?,
            PING if flags & ACK == 0 => stream.write_all(&frame(PING, ACK, 0, &payload)).await?,
            // `:status 200` has an index of its own.
            HEADERS if !payload.contains(&0x88) => return Err(io::Error::other("an answer that is no 200")),
            RST_STREAM | GOAWAY => return Err(io::Error::other("no answer, but an end")),
            DATA | HEADERS if flags & END_STREAM != 0 && u32::from_be_bytes(number) == asked => return Ok(()),
            _ => {}
        }
    }
}
