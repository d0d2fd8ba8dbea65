//! An HTTP/2 client that writes its frames by hand: what no library would send, and what comes of each stream.

use super::PATIENCE;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A frame without a payload.
const HEAD: usize = 9;

/// One frame, as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block of these fields, each spelt out: no table, no Huffman code.
pub fn block<N: AsRef<[u8]>, V: AsRef<[u8]>>(fields: &[(N, V)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name.as_ref(), value.as_ref()] {
            // An integer with a prefix of seven bits (RFC 7541 §5.1).
            let mut length = text.len();
            if length < 127 {
                block.push(length as u8);
            } else {
                block.push(127);
                length -= 127;
                while length >= 128 {
                    block.push((length % 128) as u8 | 128);
                    length /= 128;
                }
                block.push(length as u8);
            }
            block.extend(text);
        }
    }
    block
}

/// The pseudo-fields of a plain request.
pub fn request<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![(":method", method), (":scheme", "http"), (":path", path), (":authority", "a.example")]
}

/// How far a stream has come, as its client sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// The blocks of its heads and trailers, as they came.
    pub blocks: Vec<Vec<u8>>,
    pub data: Vec<u8>,
    /// It ended as it should.
    pub ended: bool,
    /// It was reset, with this code.
    pub reset: Option<u32>,
}

impl Stream {
    /// The status of its first head, where that stands in the static table.
    pub fn status(&self) -> Option<u16> {
        match self.blocks.first()?.first()? {
            0x88 => Some(200),
            0x89 => Some(204),
            0x8C => Some(400),
            0x8D => Some(404),
            0x8E => Some(500),
            _ => None,
        }
    }

    pub fn is_over(&self) -> bool {
        self.ended || self.reset.is_some()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Frames {
    pub stream: TcpStream,
    buffer: Vec<u8>,
    streams: BTreeMap<u32, Stream>,
    /// The code of its goodbye.
    pub goodbye: Option<u32>,
    /// The settings that were announced.
    pub settings: BTreeMap<u16, u32>,
    ended: bool,
}

impl Frames {
    /// A connection on which the preface and empty settings were said.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the gateway");
        let _ = stream.set_nodelay(true);
        let mut frames = Self {
            stream,
            buffer: Vec::new(),
            streams: BTreeMap::new(),
            goodbye: None,
            settings: BTreeMap::new(),
            ended: false,
        };
        frames.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
        frames
    }

    /// Whether anybody reads it, shows in what comes.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Opens a stream with these fields.
    pub async fn open<N: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, stream: u32, fields: &[(N, V)], end: bool) {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.send(&frame(HEADERS, flags, stream, &block(fields))).await;
    }

    /// What is known of a stream.
    pub fn of(&self, stream: u32) -> Stream {
        self.streams.get(&stream).cloned().unwrap_or_default()
    }

    /// Reads until the stream is over. `None`: the connection ended before.
    pub async fn outcome(&mut self, stream: u32) -> Option<Stream> {
        self.until(|frames| frames.of(stream).is_over()).await.then(|| self.of(stream))
    }

    /// Reads until the connection ends.
    pub async fn ended(&mut self) {
        self.until(|_| false).await;
    }

    /// Reads until this holds. False: the connection ended before.
    pub async fn until(&mut self, holds: impl Fn(&Self) -> bool) -> bool {
        let reading = async {
            while !holds(self) {
                if self.ended || !self.read().await {
                    return holds(self);
                }
            }
            true
        };
        timeout(PATIENCE, reading).await.expect("a frame, or the connection's end, in time")
    }

    async fn read(&mut self) -> bool {
        self.ended = !self.stream.read_buf(&mut self.buffer).await.is_ok_and(|read| read > 0);
        while let Some((head, payload)) = self.next() {
            self.take(head, &payload).await;
        }
        !self.ended
    }

    fn next(&mut self) -> Option<([u8; HEAD], Vec<u8>)> {
        let head: [u8; HEAD] = self.buffer.get(..HEAD)?.try_into().ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = self.buffer.get(HEAD..HEAD + length)?.to_vec();
        self.buffer.drain(..HEAD + length);
        Some((head, payload))
    }

    async fn take(&mut self, [_, _, _, kind, flags, id @ ..]: [u8; HEAD], payload: &[u8]) {
        let code = |at: usize| {
            payload.get(at..at + 4).map_or(0, |code| code.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)))
        };
        let id = u32::from_be_bytes(id);
        match kind {
            SETTINGS if flags & 1 == 0 => {
                for setting in payload.chunks_exact(6) {
                    let [a, b, rest @ ..] = setting else { continue };
                    self.settings.insert(
                        u16::from_be_bytes([*a, *b]),
                        rest.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)),
                    );
                }
                self.send(&frame(SETTINGS, 1, 0, &[])).await;
            }
            PING if flags & 1 == 0 => self.send(&frame(PING, 1, 0, payload)).await,
            GOAWAY => self.goodbye = Some(code(4)),
            HEADERS | DATA | RST_STREAM => {
                let stream = self.streams.entry(id).or_default();
                match kind {
                    HEADERS => stream.blocks.push(payload.to_vec()),
                    DATA => stream.data.extend(payload),
                    _ => stream.reset = Some(code(0)),
                }
                stream.ended |= kind != RST_STREAM && flags & END_STREAM != 0;
            }
            _ => {}
        }
    }
}
