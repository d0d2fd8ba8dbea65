//! A name server on loopback that answers every A question with the same addresses, or with nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const A: u16 = 1;

/// The server.
pub struct Dns {
    pub address: SocketAddr,
    silent: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Dns {
    pub async fn start(addresses: &[[u8; 4]]) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let (silent, asked): (Arc<AtomicBool>, Arc<AtomicUsize>) = Default::default();
        let (empty, count, addresses) = (Arc::clone(&silent), Arc::clone(&asked), addresses.to_vec());
        let serving = tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, peer)) = socket.recv_from(&mut question).await {
                count.fetch_add(1, Ordering::Relaxed);
                let found: &[[u8; 4]] = if empty.load(Ordering::Relaxed) { &[] } else { &addresses };
                let _ = socket.send_to(&answer(&question[..length], found), peer).await;
            }
        });
        Self { address, silent, asked, serving }
    }

    /// From now on every name exists and has no address.
    pub fn answer_nothing(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// RFC 1035 §4: the question comes back, with one record of a 1 s TTL per address where an A record was asked for.
fn answer(question: &[u8], addresses: &[[u8; 4]]) -> Vec<u8> {
    let name_end = 12 + question[12..].iter().position(|byte| *byte == 0).expect("a name") + 1;
    let kind = u16::from_be_bytes([question[name_end], question[name_end + 1]]);
    let found = if kind == A { addresses } else { &[] };
    let mut out = question[..2].to_vec();
    // A response, recursion available; one question, the answers, nothing else.
    out.extend([0x81, 0x80, 0, 1, 0, found.len() as u8, 0, 0, 0, 0]);
    out.extend(&question[12..name_end + 4]);
    for address in found {
        out.extend([0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        out.extend(address);
    }
    out
}
