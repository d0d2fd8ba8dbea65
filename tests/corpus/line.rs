//! What does the client hear? One connection, whose answers are parsed strictly.

use super::pace::Pace;
use super::strict::{self, Message};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What came of waiting for an answer.
#[derive(Debug)]
#[allow(dead_code, reason = "told in findings")]
pub enum Heard {
    Answer(Message),
    /// The connection ended, with these bytes behind the last answer.
    Ended(Vec<u8>),
    /// What came is not HTTP/1.1.
    Garbage(String),
    /// Nothing more came in time.
    Silence,
}

/// A client's connection.
#[derive(Debug)]
pub struct Line {
    reader: ReadHalf<TcpStream>,
    writer: WriteHalf<TcpStream>,
    buffer: Vec<u8>,
    ended: bool,
    patience: Duration,
}

impl Line {
    pub async fn connect(address: SocketAddr, patience: Duration) -> Self {
        let stream = TcpStream::connect(address).await.expect("the proxy accepts");
        stream.set_nodelay(true).expect("a socket option");
        let (reader, writer) = tokio::io::split(stream);
        Self { reader, writer, buffer: Vec::new(), ended: false, patience }
    }

    /// Writes, and reads meanwhile: whoever refuses early may stop listening.
    pub async fn send(&mut self, bytes: &[u8], pace: Pace) {
        let Self { reader, writer, buffer, ended, .. } = self;
        let write = async {
            for piece in bytes.chunks(pace.piece(bytes.len())) {
                if writer.write_all(piece).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let read = async {
            while !*ended {
                more(reader, buffer, ended).await;
            }
            std::future::pending::<()>().await;
        };
        let _ = timeout(self.patience, async {
            tokio::select! {
                () = write => {}
                () = read => {}
            }
        })
        .await;
    }

    /// The next answer, be it an interim one.
    pub async fn answer(&mut self, headless: bool) -> Heard {
        timeout(self.patience, self.listen(headless)).await.unwrap_or(Heard::Silence)
    }

    async fn listen(&mut self, headless: bool) -> Heard {
        loop {
            match strict::answer(&self.buffer, headless, self.ended) {
                Err(why) => return Heard::Garbage(why),
                Ok(Some((message, used))) => {
                    self.buffer.drain(..used);
                    return Heard::Answer(message);
                }
                Ok(None) if self.ended => return Heard::Ended(std::mem::take(&mut self.buffer)),
                Ok(None) => more(&mut self.reader, &mut self.buffer, &mut self.ended).await,
            }
        }
    }

    /// Waits until the connection ends; what is wrong with its end.
    pub async fn ends(&mut self) -> Option<String> {
        let ending = timeout(self.patience, async {
            while !self.ended {
                more(&mut self.reader, &mut self.buffer, &mut self.ended).await;
            }
        });
        match ending.await {
            Ok(()) if self.buffer.is_empty() => None,
            Ok(()) => Some(format!("more than the answer came: {}", strict::shown(&self.buffer))),
            Err(_) => Some("the connection does not end".to_owned()),
        }
    }
}

async fn more(reader: &mut ReadHalf<TcpStream>, buffer: &mut Vec<u8>, ended: &mut bool) {
    *ended = !reader.read_buf(buffer).await.is_ok_and(|read| read > 0);
}
