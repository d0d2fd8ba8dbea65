//! How does one client speak? Over a connection, plain or TLS, one request after the other.

use crate::answer::{self, KIB};
use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

/// Addresses of 127/8 from which clients come: one alone has too few ports for thousands of connections a second, each of which
/// keeps its port for a minute.
const SOURCES: u32 = 500;

/// Where connections go, and how.
pub struct Target {
    port: u16,
    tls: Option<TlsConnector>,
    opened: Cell<u32>,
}

impl Target {
    pub fn plain(port: u16) -> Self {
        Self { port, tls: None, opened: Cell::new(0) }
    }

    pub fn tls(port: u16) -> Self {
        Self { tls: Some(crate::certificate::connector()), ..Self::plain(port) }
    }

    /// A plain connection from the next address.
    pub async fn tcp(&self) -> io::Result<TcpStream> {
        let number = self.opened.get();
        self.opened.set(number.wrapping_add(1));
        let source = number % SOURCES;
        let from = Ipv4Addr::new(127, 0, (source / 250) as u8 + 1, (source % 250) as u8 + 1);
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub async fn connect(&self) -> io::Result<Client> {
        let stream = self.tcp().await?;
        let stream: Box<dyn Pipe> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = "orders.example.com".try_into().expect("a name");
                Box::new(tls.connect(name, stream).await?)
            }
        };
        Ok(Client { stream, buffer: Vec::new() })
    }

    /// One request over the connection that was kept, or over another; the connection comes back with the answer.
    pub async fn exchange(&self, kept: Option<Client>, request: &[u8]) -> io::Result<Client> {
        let mut client = match kept {
            Some(client) => client,
            None => self.connect().await?,
        };
        client.exchange(request).await?;
        Ok(client)
    }
}

trait Pipe: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Pipe for S {}

/// One connection.
pub struct Client {
    stream: Box<dyn Pipe>,
    buffer: Vec<u8>,
}

impl Client {
    /// One request, one whole answer, which must be a 200.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        let mut left = loop {
            self.read(4 * KIB).await?;
            if let Some(length) = answer::length(&self.buffer)? {
                break length.checked_sub(self.buffer.len());
            }
        };
        while let Some(rest) = left.filter(|rest| *rest > 0) {
            self.buffer.clear();
            self.read(256 * KIB).await?;
            left = rest.checked_sub(self.buffer.len());
        }
        left.map(|_| ()).ok_or_else(|| io::Error::other("more than the answer came"))
    }

    async fn read(&mut self, room: usize) -> io::Result<()> {
        self.buffer.reserve(room);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
