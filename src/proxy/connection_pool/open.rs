//! How is a connection to a backend opened? By pingora's connectors, which tell what the system said in words of their own; then, where the upstream wants
//! it, a PROXY header says whose connection it is, before TLS.
//!
//! It has no timeout of its own: whoever connects has one for all of it.

use crate::proxy::wire::Transport;
use pingora::protocols::l4::ext::{connect, connect_uds};
use pingora::{ErrorType, OrErr, Result};
use pulsegate_core::base::identity::Address;
use pulsegate_core::http::proxy_protocol::{Ends, Version, introduction};
use tokio::io::AsyncWriteExt;

/// Connects to `address`. `introduces`: whose connection it will be, and how that is said.
///
/// # Errors
/// What the system said.
pub async fn open(address: &Address, introduces: Option<(Version, &Ends)>) -> Result<Transport> {
    let mut transport = match address {
        Address::Socket(address) => {
            let stream = connect(address, None).await?;
            // Small requests leave at once; a failure here only costs latency.
            let _ = stream.set_nodelay(true);
            Transport::Tcp(stream)
        }
        Address::Unix(path) => Transport::Unix(connect_uds(path).await?),
    };
    if let Some((version, ends)) = introduces {
        let sent = transport.write_all(&introduction(version, ends)).await;
        sent.or_err(ErrorType::ConnectError, "while sending the PROXY header")?;
    }
    Ok(transport)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncRead, AsyncReadExt};
    use tokio::net::{TcpListener, UnixListener};

    fn ends() -> Ends {
        Ends { source: "192.0.2.1:1".parse().unwrap(), destination: "192.0.2.2:2".parse().unwrap() }
    }

    async fn heard(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        heard
    }

    #[tokio::test]
    async fn the_header_goes_first_over_tcp_and_over_a_file() {
        let expected = introduction(Version::V1, &ends());
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Socket(tcp.local_addr().unwrap());
        let mut transport = open(&address, Some((Version::V1, &ends()))).await.unwrap();
        transport.write_all(b"GET").await.unwrap();
        drop(transport);
        assert_eq!(heard(tcp.accept().await.unwrap().0).await, [expected.as_slice(), b"GET"].concat());

        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("backend.sock");
        let unix = UnixListener::bind(&path).unwrap();
        drop(open(&Address::Unix(path), Some((Version::V1, &ends()))).await.unwrap());
        assert_eq!(heard(unix.accept().await.unwrap().0).await, expected);
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_told_as_always() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let failed = open(&Address::Socket(gone), None).await.unwrap_err();
        assert_eq!(failed.etype(), &ErrorType::ConnectRefused);
    }
}
