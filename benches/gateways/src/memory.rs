//! What does a crowd cost that says nothing? Ten thousand connections that each had one answer and stay.

use crate::load::Client;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

const CROWD: usize = 10_000;

/// Opens the crowd; hold the result to keep it.
pub async fn crowd(port: u16) -> Vec<Client> {
    let mut clients = Vec::with_capacity(CROWD);
    for number in 0..CROWD {
        // Several client addresses: one alone has too few ports, and gateways limit what one address may hold.
        let from = Ipv4Addr::new(127, 0, 1, (number / 500) as u8 + 1);
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from((from, 0))).expect("a loopback address");
        let stream = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.expect("a connection");
        let mut client = Client::over(stream).expect("a client");
        client.exchange().await.expect("an answer");
        clients.push(client);
    }
    clients
}
