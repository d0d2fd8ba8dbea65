//! A client on a raw socket: sends exact bytes and reads exact answers.

use super::PATIENCE;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The head as it came, status line included.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name));
        self.head.lines().find(named).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The reason code of a problem document.
    pub fn reason(&self) -> String {
        let document: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        document["reason"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.expect("the gateway accepts"), buffer: Vec::new() }
    }

    pub async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.expect("the gateway reads");
    }

    /// Sends a GET and reads its answer.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await;
        self.answer().await
    }

    /// The next answer, framed as its head says.
    pub async fn answer(&mut self) -> Answer {
        self.answer_to("GET").await
    }

    /// As [`Self::answer`], to a request of this method.
    pub async fn answer_to(&mut self, method: &str) -> Answer {
        timeout(PATIENCE, self.read_answer(method)).await.expect("an answer in time").expect("a whole answer")
    }

    /// The next answer, or `None` when the connection ended before it was whole.
    pub async fn whole_answer(&mut self) -> Option<Answer> {
        timeout(PATIENCE, self.read_answer("GET")).await.expect("an answer or an end in time")
    }

    async fn read_answer(&mut self, method: &str) -> Option<Answer> {
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        self.buffer.drain(..head_end + 4);
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut answer = Answer { status, head, body: Vec::new() };
        if method == "HEAD" || matches!(status, 204 | 304 | 100..=199) {
            return Some(answer);
        }
        answer.body = if answer.header("transfer-encoding") == Some("chunked") {
            self.chunks().await?
        } else if let Some(length) = answer.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            while self.buffer.len() < length {
                self.more().await?;
            }
            self.buffer.drain(..length).collect()
        } else {
            while self.more().await.is_some() {}
            std::mem::take(&mut self.buffer)
        };
        Some(answer)
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line_end = loop {
                if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                    break at;
                }
                self.more().await?;
            };
            let size = usize::from_str_radix(std::str::from_utf8(&self.buffer[..line_end]).ok()?, 16).ok()?;
            while self.buffer.len() < line_end + 2 + size + 2 {
                self.more().await?;
            }
            body.extend_from_slice(&self.buffer[line_end + 2..line_end + 2 + size]);
            self.buffer.drain(..line_end + 2 + size + 2);
            if size == 0 {
                return Some(body);
            }
        }
    }

    /// The next bytes as they come, unframed.
    pub async fn bytes(&mut self) -> Vec<u8> {
        timeout(PATIENCE, self.more()).await.expect("bytes in time");
        std::mem::take(&mut self.buffer)
    }

    /// The gateway ends the connection (anything it still says is dropped).
    pub async fn ended(&mut self) {
        timeout(PATIENCE, async { while self.more().await.is_some() {} }).await.expect("the connection ends in time");
    }

    async fn more(&mut self) -> Option<()> {
        (self.stream.read_buf(&mut self.buffer).await.ok()? > 0).then_some(())
    }
}
