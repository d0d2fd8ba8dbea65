//! How does a backend learn whose connection it gets? A PROXY header goes first, before TLS.
//!
//! pingora connects through this instead of by itself: its own connect, then the header. So its errors are told as always, and TLS comes
//! behind the header.

use crate::proxy::ConnectionFacts;
use async_trait::async_trait;
use pingora::connectors::l4::Connect;
use pingora::protocols::l4::ext::{connect, connect_uds};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::{Error, ErrorType, OrErr, Result};
use pulsegate_core::http::proxy_protocol::{Version, introduction};
use std::sync::Arc;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// The header that opens a connection.
#[derive(Debug)]
struct Introduced(Vec<u8>);

/// Opens connections that speak for this client.
pub fn for_client(version: Version, facts: &ConnectionFacts) -> Arc<dyn Connect + Send + Sync> {
    Arc::new(Introduced(introduction(version, &facts.ends)))
}

#[async_trait]
impl Connect for Introduced {
    async fn connect(&self, address: &SocketAddr) -> Result<Stream> {
        match address {
            SocketAddr::Inet(address) => {
                let mut stream = connect(address, None).await?;
                // The header is not to wait for what follows it.
                let _ = stream.set_nodelay(true);
                self.send(&mut stream).await?;
                Ok(stream.into())
            }
            SocketAddr::Unix(address) => {
                let path = address.as_pathname();
                let path =
                    path.ok_or_else(|| Error::explain(ErrorType::InternalError, "a Unix socket without a path"))?;
                let mut stream = connect_uds(path).await?;
                self.send(&mut stream).await?;
                Ok(stream.into())
            }
        }
    }
}

impl Introduced {
    async fn send(&self, stream: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
        stream.write_all(&self.0).await.or_err(ErrorType::ConnectError, "while sending the PROXY header")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::SocketAddr as UnixAddress;
    use tokio::io::{AsyncRead, AsyncReadExt};
    use tokio::net::{TcpListener, UnixListener};

    async fn heard(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test]
    async fn the_header_goes_first_over_tcp_and_over_a_file() {
        let introduced = Introduced(b"PROXY UNKNOWN\r\n".to_vec());
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = introduced.connect(&SocketAddr::Inet(tcp.local_addr().unwrap())).await.unwrap();
        stream.write_all(b"GET").await.unwrap();
        stream.flush().await.unwrap();
        drop(stream);
        assert_eq!(heard(tcp.accept().await.unwrap().0).await, b"PROXY UNKNOWN\r\nGET");

        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("backend.sock");
        let unix = UnixListener::bind(&path).unwrap();
        let address = SocketAddr::Unix(UnixAddress::from_pathname(&path).unwrap());
        drop(introduced.connect(&address).await.unwrap());
        assert_eq!(heard(unix.accept().await.unwrap().0).await, b"PROXY UNKNOWN\r\n");
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_told_as_always() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let failed = Introduced(Vec::new()).connect(&SocketAddr::Inet(gone)).await.unwrap_err();
        assert_eq!(failed.etype(), &ErrorType::ConnectRefused);
    }
}
