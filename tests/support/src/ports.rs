//! Which port may a test give to a process that binds it later? One that nobody else can be given meanwhile.
//!
//! A port that the kernel hands out (bind to 0, close) may be an outgoing connection's a moment later: tests open thousands. So
//! ports below the kernel's own range are taken, and each is reserved for the life of the test process by holding the UDP port
//! of the same number: other test processes see that, and nothing here speaks UDP on it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process;
use std::sync::Mutex;

/// Below 32768, where Linux begins by default to hand out ports; above the ports of well-known services.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

static HELD: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A loopback address that is free, and stays reserved as long as this process lives.
pub fn free_address() -> SocketAddr {
    let mut held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // Processes that run side by side begin at different places, so that they seldom meet.
    let start = (process::id() as u16).wrapping_mul(97).wrapping_add(held.len() as u16);
    let (socket, address) = (0..COUNT)
        .map(|step| FIRST + start.wrapping_add(step) % COUNT)
        .find_map(reserve)
        .expect("a free port on loopback");
    held.push(socket);
    address
}

fn reserve(port: u16) -> Option<(UdpSocket, SocketAddr)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let held = UdpSocket::bind(address).ok()?;
    TcpListener::bind(address).ok()?;
    Some((held, address))
}
