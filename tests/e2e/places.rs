//! Does a crowd of silent connections keep operators and balancers out of the listeners for them? And is a time that is very short a bound, and
//! no mistake?

use super::PULSEGATE;
use socket2::{Domain, Socket, Type};
use std::io::ErrorKind;
use std::net::SocketAddr;
use support::client::Client;
use support::{eventually, free_address};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const CROWD: usize = 300;

/// The clock of these tests: a head that has begun, and never ends. It is cut later than whatever said nothing.
async fn head(address: SocketAddr) -> Client {
    let mut head = Client::connect(address).await;
    head.send("GET /livez HT").await;
    head
}

fn is_open(head: &Client) -> bool {
    head.stream.try_read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

async fn ask(address: SocketAddr, path: &str) -> u16 {
    ask_again(&mut Client::connect(address).await, path).await
}

async fn ask_again(client: &mut Client, path: &str) -> u16 {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    client.answer().await.status
}

async fn crowd(address: SocketAddr) -> Vec<TcpStream> {
    let mut silent = Vec::new();
    for _ in 0..CROWD {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    silent
}

#[tokio::test]
async fn silent_sockets_keep_nobody_from_the_admin_and_health_ports() {
    let health = free_address();
    let gateway = PULSEGATE.spawn_guarded("routes: [{ respond: {} }]\n", &format!(", health_address: \"{health}\""));
    gateway.ready().await;
    for address in [gateway.admin, health] {
        let begun = head(address).await;
        let silent = crowd(address).await;
        let mut asking = JoinSet::new();
        for path in ["/livez", "/readyz"].repeat(10) {
            asking.spawn(ask(address, path));
        }
        let statuses = asking.join_all().await;
        assert!(statuses.iter().all(|status| *status == 200), "{address}: {statuses:?}");
        assert!(is_open(&begun), "they were answered when the crowd was cut");
        drop(silent);
    }
}

#[tokio::test]
async fn a_socket_that_says_nothing_is_closed_and_one_that_speaks_in_time_is_served() {
    let gateway = PULSEGATE.start("routes: [{ respond: {} }]\n").await;
    let begun = head(gateway.admin).await;
    let mut silent = Client::connect(gateway.admin).await;
    silent.ended().await;
    assert!(is_open(&begun), "it had as long as a head has");
    assert_eq!(ask(gateway.admin, "/livez").await, 200);
}

#[tokio::test]
async fn heads_without_an_end_keep_nobody_from_the_admin_and_health_ports() {
    let health = free_address();
    let gateway = PULSEGATE.spawn_guarded("routes: [{ respond: {} }]\n", &format!(", health_address: \"{health}\""));
    gateway.ready().await;
    for (address, other) in [(gateway.admin, health), (health, gateway.admin)] {
        for beginning in ["G", "GET /livez HTTP/1.1\r\nHost: localhost\r\n"] {
            let mut served = Client::connect(address).await;
            assert_eq!(ask_again(&mut served, "/livez").await, 200);
            let begun = head(other).await;
            let mut crowd = Vec::new();
            for _ in 0..CROWD {
                let mut socket = TcpStream::connect(address).await.unwrap();
                socket.write_all(beginning.as_bytes()).await.unwrap();
                crowd.push(socket);
            }
            let mut asking = JoinSet::new();
            for path in ["/livez", "/readyz"].repeat(10) {
                asking.spawn(ask(address, path));
            }
            let statuses = asking.join_all().await;
            assert!(statuses.iter().all(|status| *status == 200), "{address}: {statuses:?}");
            assert_eq!(ask_again(&mut served, "/livez").await, 200, "whoever has sent a whole head stays");
            assert!(is_open(&begun), "they were answered when the crowd was cut");
        }
    }
}

#[tokio::test]
async fn health_is_answered_while_every_other_place_is_taken() {
    let gateway = PULSEGATE.start("routes: [{ respond: {} }]\n").await;
    // Each has said a whole head, and is answered: nobody may send it away.
    let mut served = Vec::new();
    eventually("all places are taken", async || {
        // The first ones may have been idle for too long meanwhile.
        let missing = if served.is_empty() { 256 } else { 4 };
        for _ in 0..missing {
            let mut client = Client::connect(gateway.admin).await;
            ask_again(&mut client, "/livez").await;
            served.push(client);
        }
        ask(gateway.admin, "/status").await == 503
    })
    .await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(ask(gateway.admin, path).await, 200, "{path}");
    }
    drop(served);
    eventually("there are places again", async || ask(gateway.admin, "/status").await == 200).await;
}

/// A port whose backlog is full: whoever connects waits.
fn full() -> (Socket, SocketAddr, Vec<Socket>) {
    let tcp = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = tcp();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let fill = |_| {
        let socket = tcp();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address.into());
        socket
    };
    let waiting = (0..4).map(fill).collect();
    (listener, address, waiting)
}

#[tokio::test]
async fn a_connect_time_below_a_millisecond_is_a_bound_and_no_panic() {
    let (_listener, address, _waiting) = full();
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool: {{ backends: [\"{address}\"], timeouts: {{ connect: 1us }}, retries: {{ limit: 0 }} }}\n"
    );
    let gateway = PULSEGATE.start(&yaml).await;
    for _ in 0..5 {
        assert_eq!(Client::connect(gateway.address).await.get("/").await.status, 504);
    }
    eventually("nobody is connected", async || {
        gateway.get("/metrics").await.is_some_and(|text| text.contains("pulsegate_connections{listener=\"test\"} 0\n"))
    })
    .await;
    assert!(gateway.get("/metrics").await.unwrap().contains("\npulsegate_panics_total 0\n"));
}
