//! A name server with a script, on loopback.

use super::super::Teller;
use super::*;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use pulsegate_core::board::Input;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The records for a name and kind, or the code that is answered.
type Reply = Result<Vec<Record>, ResponseCode>;

struct NameServer {
    address: SocketAddr,
    _task: JoinSet<()>,
}

/// `None` from the script is silence.
async fn name_server(script: impl Fn(&str, RecordType) -> Option<Reply> + Send + 'static) -> NameServer {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let request = Message::from_vec(&buffer[..length]).unwrap();
            let query = request.queries[0].clone();
            let Some(reply) = script(&query.name().to_string(), query.query_type()) else { continue };
            let mut response = request.into_response();
            match reply {
                Ok(records) => drop(response.add_answers(records)),
                Err(code) => response.metadata.response_code = code,
            }
            socket.send_to(&response.to_vec().unwrap(), peer).await.unwrap();
        }
    });
    NameServer { address, _task: task }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn a(owner: &str, ttl: u32, ip: &str) -> Record {
    Record::from_rdata(name(owner), ttl, RData::A(A(ip.parse().unwrap())))
}

fn aaaa(owner: &str, ttl: u32, ip: &str) -> Record {
    Record::from_rdata(name(owner), ttl, RData::AAAA(AAAA(ip.parse().unwrap())))
}

fn cname(owner: &str, ttl: u32, target: &str) -> Record {
    Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
}

fn srv(ttl: u32, (priority, weight, port): (u16, u16, u16), target: &str) -> Record {
    Record::from_rdata(name("_http._tcp.orders.test."), ttl, RData::SRV(SRV::new(priority, weight, port, name(target))))
}

fn source(query: DnsQuery, server: &NameServer) -> DnsSource {
    let min_interval = Duration::from_millis(5);
    DnsSource { weight: 3, min_interval, servers: vec![server.address], ..DnsSource::of(query) }
}

fn host(server: &NameServer) -> DnsSource {
    source(DnsQuery::Host { name: "orders.test".to_owned(), port: 8000 }, server)
}

fn service(server: &NameServer) -> DnsSource {
    source(DnsQuery::Srv { name: "_http._tcp.orders.test".to_owned() }, server)
}

async fn look_once(source: &DnsSource) -> (Answer, Option<Duration>) {
    look(source, &mut Families::default()).await
}

/// `address weight`, and `backup` where it is one.
fn lines(answer: &Answer) -> Vec<String> {
    let line =
        |found: &Found| format!("{} {}{}", found.address, found.weight, if found.backup { " backup" } else { "" });
    answer.as_ref().unwrap().iter().map(line).collect()
}

fn empty() -> Option<Reply> {
    Some(Ok(Vec::new()))
}

#[tokio::test]
async fn both_families_sorted_once_each_at_the_pace_of_the_least_ttl() {
    let server = name_server(|_, kind| match kind {
        RecordType::A => Some(Ok(["10.0.0.2", "10.0.0.1", "10.0.0.2"].map(|ip| a("orders.test.", 30, ip)).into())),
        _ => Some(Ok(vec![aaaa("orders.test.", 20, "fd00::1")])),
    })
    .await;
    let (answer, ttl) = look_once(&host(&server)).await;
    assert_eq!(lines(&answer), ["10.0.0.1:8000 3", "10.0.0.2:8000 3", "[fd00::1]:8000 3"]);
    assert_eq!(ttl, Some(Duration::from_secs(20)));
}

#[tokio::test]
async fn an_alias_is_followed_and_its_ttl_counts() {
    let server = name_server(|_, kind| match kind {
        RecordType::A => Some(Ok(vec![cname("orders.test.", 4, "pool.test."), a("pool.test.", 300, "10.0.0.1")])),
        _ => empty(),
    })
    .await;
    let (answer, ttl) = look_once(&host(&server)).await;
    assert_eq!(lines(&answer), ["10.0.0.1:8000 3"]);
    assert_eq!(ttl, Some(Duration::from_secs(4)));
}

#[tokio::test]
async fn a_name_without_addresses_is_an_empty_answer() {
    let server = name_server(|_, _| empty()).await;
    assert_eq!(look_once(&host(&server)).await, (Ok(vec![]), None));
}

#[tokio::test]
async fn failures_are_sentences() {
    for (code, expected) in [
        (ResponseCode::NXDomain, "DNS knows no name orders.test (NXDOMAIN)"),
        (ResponseCode::ServFail, "the DNS server answered Server Failure for orders.test (A)"),
        (ResponseCode::Refused, "the DNS server answered Query Refused for orders.test (A)"),
    ] {
        let server = name_server(move |_, _| Some(Err(code))).await;
        assert_eq!(look_once(&host(&server)).await, (Err(expected.to_owned()), None), "{code}");
    }
}

#[tokio::test]
async fn a_silent_server_is_a_failure_in_time() {
    let server = name_server(|_, _| None).await;
    let resolver = names::resolver_waiting(&[server.address], Duration::from_millis(30)).unwrap();
    let failure = names::addresses(&resolver, "orders.test", &mut Families::default()).await.unwrap_err();
    assert_eq!((failure.gone, &*failure.why), (false, "no DNS server answered for orders.test (A) in time"));
}

#[tokio::test]
async fn an_answer_too_large_for_a_datagram_is_fetched_over_tcp() {
    let (udp, tcp) = both_on_one_port().await;
    let address = udp.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = udp.recv_from(&mut buffer).await {
            let mut response = Message::from_vec(&buffer[..length]).unwrap().into_response();
            response.metadata.truncation = true;
            udp.send_to(&response.to_vec().unwrap(), peer).await.unwrap();
        }
    });
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = tcp.accept().await {
            connections.spawn(answer_over_tcp(stream));
        }
    });
    let server = NameServer { address, _task: tasks };
    let (answer, _) = look_once(&host(&server)).await;
    assert_eq!(answer.unwrap().len(), 200);
}

/// A port that is free for datagrams need not be free for connections.
async fn both_on_one_port() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

/// 200 addresses for A, none for the rest.
async fn answer_over_tcp(mut stream: TcpStream) {
    while let Ok(length) = stream.read_u16().await {
        let mut request = vec![0; usize::from(length)];
        stream.read_exact(&mut request).await.unwrap();
        let request = Message::from_vec(&request).unwrap();
        let is_a = request.queries[0].query_type() == RecordType::A;
        let mut response = request.into_response();
        if is_a {
            response.add_answers((0..200).map(|last| a("orders.test.", 30, &format!("10.0.0.{last}"))));
        }
        let bytes = response.to_vec().unwrap();
        stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    }
}

#[tokio::test]
async fn a_name_that_dns_cannot_carry_is_a_sentence() {
    let server = name_server(|_, _| empty()).await;
    for odd in ["a..b".to_owned(), "a".repeat(64), "a.".repeat(200)] {
        let source = source(DnsQuery::Host { name: odd.clone(), port: 80 }, &server);
        let why = look_once(&source).await.0.unwrap_err();
        assert!(why.starts_with(&format!("DNS failed for {odd} (A): ")), "{why}");
    }
}

#[tokio::test]
async fn localhost_needs_no_server() {
    let server = name_server(|_, _| Some(Err(ResponseCode::ServFail))).await;
    let source = source(DnsQuery::Host { name: "localhost".to_owned(), port: 80 }, &server);
    assert!(lines(&look_once(&source).await.0).contains(&"127.0.0.1:80 3".to_owned()));
}

#[tokio::test]
async fn an_address_is_its_own_answer() {
    let server = name_server(|_, _| Some(Err(ResponseCode::ServFail))).await;
    let source = source(DnsQuery::Host { name: "::1".to_owned(), port: 80 }, &server);
    let (answer, ttl) = look_once(&source).await;
    assert_eq!(lines(&answer), ["[::1]:80 3"]);
    assert_eq!(ttl, Some(source.max_interval));
}

#[tokio::test]
async fn services_bring_port_and_weight_and_the_lowest_priority_is_primary() {
    let server = name_server(|name, kind| match (name, kind) {
        (_, RecordType::SRV) => Some(Ok(vec![
            srv(60, (20, 1, 9003), "c.test."),
            srv(60, (10, 0, 9001), "a.test."),
            srv(60, (10, 5, 9002), "b.test."),
            srv(60, (10, 5, 0), "b.test."),
            srv(60, (10, 5, 9004), "left.test."),
        ])),
        ("a.test.", RecordType::A) => Some(Ok(vec![a(name, 9, "10.0.0.1")])),
        ("b.test.", RecordType::A) => Some(Ok(vec![a(name, 90, "10.0.0.2")])),
        ("c.test.", RecordType::A) => Some(Ok(vec![a(name, 90, "10.0.0.3")])),
        ("left.test.", _) => Some(Err(ResponseCode::NXDomain)),
        _ => empty(),
    })
    .await;
    let (answer, ttl) = look_once(&service(&server)).await;
    assert_eq!(lines(&answer), ["10.0.0.1:9001 1", "10.0.0.2:9002 5", "10.0.0.3:9003 1 backup"]);
    assert_eq!(ttl, Some(Duration::from_secs(9)), "the least of services and addresses");
}

#[tokio::test]
async fn a_service_whose_target_fails_is_no_smaller_service() {
    let server = name_server(|name, kind| match (name, kind) {
        (_, RecordType::SRV) => Some(Ok(vec![srv(60, (1, 1, 1), "a.test."), srv(60, (1, 1, 2), "b.test.")])),
        ("a.test.", RecordType::A) => Some(Ok(vec![a(name, 9, "10.0.0.1")])),
        ("b.test.", _) => Some(Err(ResponseCode::ServFail)),
        _ => empty(),
    })
    .await;
    let why = look_once(&service(&server)).await.0.unwrap_err();
    assert_eq!(why, "_http._tcp.orders.test: the DNS server answered Server Failure for b.test. (A)");
}

#[tokio::test]
async fn a_service_that_says_it_is_not_there_is_empty() {
    let server = name_server(|_, _| Some(Ok(vec![srv(60, (0, 0, 1), ".")]))).await;
    assert_eq!(look_once(&service(&server)).await, (Ok(vec![]), None));
}

#[tokio::test]
async fn the_pace_is_the_ttl_between_two_bounds() {
    let server = name_server(|_, _| empty()).await;
    let source = DnsSource { min_interval: Duration::from_secs(5), ..host(&server) };
    let secs = |secs| Some(Duration::from_secs(secs));
    assert_eq!(pause(&source, secs(0)), Duration::from_secs(5));
    assert_eq!(pause(&source, secs(30)), Duration::from_secs(30));
    assert_eq!(pause(&source, secs(86_400)), Duration::from_secs(60));
    assert_eq!(pause(&source, None), Duration::from_secs(5), "after a failure");
    let odd = DnsSource { max_interval: Duration::from_secs(1), ..source };
    assert_eq!(pause(&odd, secs(30)), Duration::from_secs(5), "the lower bound protects the name server");
}

#[tokio::test]
async fn a_watched_name_follows_its_zone_and_says_a_failure_once() {
    let looks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = looks.clone();
    let server = name_server(move |name, kind| {
        if kind != RecordType::A {
            return empty();
        }
        match counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Some(Ok(vec![a(name, 0, "10.0.0.1")])),
            1..=3 => Some(Err(ResponseCode::NXDomain)),
            _ => Some(Ok(vec![a(name, 0, "10.0.0.1"), a(name, 0, "10.0.0.2")])),
        }
    })
    .await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let tell = Arc::new(move |input| drop(tell.send(input)));
    let teller = Teller { tell, upstream: "orders".into(), source: 7, failure: None };
    let mut tasks = JoinSet::new();
    tasks.spawn(watch(host(&server), teller));

    let mut next = async || match told.recv().await.unwrap() {
        Input::Discovered { upstream, source: 7, answer } if &*upstream == "orders" => answer,
        other => panic!("unexpected {other:?}"),
    };
    assert_eq!(lines(&next().await), ["10.0.0.1:8000 3"]);
    assert_eq!(next().await, Err("DNS knows no name orders.test (NXDOMAIN)".to_owned()));
    assert_eq!(lines(&next().await), ["10.0.0.1:8000 3", "10.0.0.2:8000 3"]);
}
