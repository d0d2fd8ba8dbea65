//! HTTP/2 on the level of frames, for what no library would do: a connection of which a test reads and writes each frame.

use super::raw_h2::frame;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const ACK: u8 = 1;

/// SETTINGS_MAX_CONCURRENT_STREAMS.
pub const STREAMS: u16 = 3;
/// `:status: 200` as HPACK has it.
pub const OK: &[u8] = &[0x88];
pub const REFUSED_STREAM: u32 = 7;

const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// The server's end of a connection.
#[derive(Debug)]
pub struct Frames(TcpStream);

impl Frames {
    /// Behind the client's preface.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn serve(mut stream: TcpStream) -> io::Result<Self> {
        stream.read_exact(&mut [0; PREFACE]).await?;
        Ok(Self(stream))
    }

    /// # Errors
    /// The connection broke.
    pub async fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.0.read_exact(&mut payload).await?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff, payload })
    }

    /// # Errors
    /// The connection broke.
    pub async fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.write_at_once(&frame(kind, flags, stream, payload)).await
    }

    /// Several frames in one write.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn write_at_once(&mut self, frames: &[u8]) -> io::Result<()> {
        self.0.write_all(frames).await
    }

    /// Nothing more comes from here.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn end(&mut self) -> io::Result<()> {
        self.0.shutdown().await
    }

    /// Says how many streams there may be at once.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn allow(&mut self, streams: u32) -> io::Result<()> {
        let mut payload = STREAMS.to_be_bytes().to_vec();
        payload.extend_from_slice(&streams.to_be_bytes());
        self.write(SETTINGS, 0, 0, &payload).await
    }

    /// # Errors
    /// The connection broke.
    pub async fn answer(&mut self, stream: u32) -> io::Result<()> {
        self.write(HEADERS, END_STREAM | END_HEADERS, stream, OK).await
    }

    /// # Errors
    /// The connection broke.
    pub async fn refuse(&mut self, stream: u32) -> io::Result<()> {
        self.write(RST_STREAM, 0, stream, &REFUSED_STREAM.to_be_bytes()).await
    }
}
