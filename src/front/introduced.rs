//! Whose connection is this? The socket's peer's, or that of the client whom a proxy in front names in a PROXY header.
//!
//! Only peers in the configured networks are listened to, and these must begin with a header: the protocol forbids guessing. It is
//! peeked at before it is taken, so that not a byte behind it is missed by TLS or HTTP.

use super::Front;
use super::clients::Place;
use pulsegate_core::http::proxy_protocol::{Ends, LONGEST, Parsed, parse};
use pulsegate_core::plan::ListenerPlan;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Why a connection goes on with nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unintroduced {
    /// It ended before it began: a port check.
    Left,
    Missing,
    /// It is none, or broke off.
    Malformed,
}

/// Must this peer say for whom it speaks?
pub(super) fn is_expected(plan: &ListenerPlan, peer: IpAddr) -> bool {
    plan.proxied_by.iter().any(|network| network.contains(peer))
}

/// Whose connection it is, as its peer says by `until`; counted as a place of that client. Nobody's: it is refused.
pub(super) async fn meet(
    front: &Front,
    plan: &ListenerPlan,
    stream: &mut TcpStream,
    own: Ends,
    place: &mut Place,
    until: Instant,
) -> Option<Ends> {
    let (whom, reason) = match timeout_at(until, read(stream)).await {
        // The proxy's own connection (a health check): its proxy is no client that could take too many places.
        Ok(Ok(None)) => return Some(own),
        Ok(Ok(Some(ends))) => {
            let client = ends.source.ip().to_canonical();
            match place.assign(client, plan.limits.connections_per_client) {
                Ok(()) => return Some(ends),
                Err(no_place) => (client, no_place.reason()),
            }
        }
        Ok(Err(Unintroduced::Left)) => return None,
        Ok(Err(Unintroduced::Missing)) => (own.source.ip().to_canonical(), "proxy_header_missing"),
        Ok(Err(Unintroduced::Malformed)) => (own.source.ip().to_canonical(), "proxy_header_malformed"),
        Err(_) => (own.source.ip().to_canonical(), "proxy_header_timeout"),
    };
    front.telemetry.refused(&plan.name, whom, reason);
    None
}

/// Takes the header off the stream. `None`: the connection speaks for itself.
async fn read(stream: &mut TcpStream) -> Result<Option<Ends>, Unintroduced> {
    let mut bytes = vec![0; LONGEST];
    let mut taken = 0;
    loop {
        let room = bytes.get_mut(taken..).unwrap_or_default();
        let seen = taken + stream.peek(room).await.map_err(|_| broken_off(taken))?;
        if seen == taken {
            return Err(broken_off(taken));
        }
        let parsed = parse(bytes.get(..seen).unwrap_or_default());
        let of_header = match parsed {
            Parsed::Incomplete => seen,
            Parsed::Header { length, .. } => length,
            Parsed::Missing => return Err(Unintroduced::Missing),
            Parsed::Malformed => return Err(Unintroduced::Malformed),
        };
        take(stream, bytes.get_mut(taken..of_header).unwrap_or_default()).await.map_err(|_| broken_off(taken))?;
        taken = of_header;
        if let Parsed::Header { ends, .. } = parsed {
            return Ok(ends);
        }
    }
}

/// They have come already.
async fn take(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<()> {
    stream.read_exact(bytes).await.map(drop)
}

fn broken_off(taken: usize) -> Unintroduced {
    if taken == 0 { Unintroduced::Left } else { Unintroduced::Malformed }
}

/// The ends as the socket knows them.
pub(super) fn of_socket(stream: &TcpStream, peer: SocketAddr, listener: SocketAddr) -> Ends {
    // A connection that is gone already has no address of its own any more.
    Ends { source: peer, destination: stream.local_addr().unwrap_or(listener) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    const HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n";

    /// Says the pieces, each when the one before was read, and ends.
    async fn reading(pieces: Vec<&'static [u8]>) -> (Result<Option<Ends>, Unintroduced>, Vec<u8>) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut near = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        let (mut far, _) = socket.accept().await.unwrap();
        near.set_nodelay(true).unwrap();
        let (read, _) = tokio::join!(
            async {
                let read = read(&mut far).await;
                let mut rest = Vec::new();
                far.read_to_end(&mut rest).await.unwrap();
                (read, rest)
            },
            async {
                for piece in pieces {
                    near.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                drop(near);
            }
        );
        read
    }

    #[tokio::test]
    async fn a_header_is_taken_and_nothing_behind_it() {
        let ends =
            Ends { source: "192.0.2.7:54321".parse().unwrap(), destination: "198.51.100.9:443".parse().unwrap() };
        let (read, rest) = reading(vec![HEADER, b"GET /"]).await;
        assert_eq!((read, &rest[..]), (Ok(Some(ends)), &b"GET /"[..]));
        let (read, rest) = reading(HEADER.chunks(1).chain(b"GET /".chunks(1)).collect()).await;
        assert_eq!((read, &rest[..]), (Ok(Some(ends)), &b"GET /"[..]));
        let (read, rest) = reading(vec![b"PROXY UNKNOWN\r\nGET /"]).await;
        assert_eq!((read, &rest[..]), (Ok(None), &b"GET /"[..]));
    }

    #[tokio::test]
    async fn bytes_that_are_no_introduction_are_told_apart() {
        for (bytes, expected) in [
            (&b""[..], Unintroduced::Left),
            (b"GET / HTTP/1.1\r\n\r\n", Unintroduced::Missing),
            (b"PROXY TCP4 1.2.3.4", Unintroduced::Malformed),
            (b"PROXY nonsense\r\n", Unintroduced::Malformed),
        ] {
            let (read, _) = reading(vec![bytes]).await;
            assert_eq!(read, Err(expected), "{bytes:?}");
        }
    }
}
