//! On which threads does what happen? Connections on workers, spread by their number; operators and probes on none of them.

use super::{PULSEGATE, pool, pool_with};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::fs;
use support::client::Client;
use support::gateway::Gateway;
use support::h2::H2Backend;
use support::raw::{Raw, ok};
use support::{eventually, free_address};
use tokio::net::TcpStream;

/// The connections of each worker, in their order.
pub(super) async fn spread(gateway: &Gateway) -> Vec<u32> {
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    let number = |line: &str| {
        let (worker, open) = line.strip_prefix("pulsegate_worker_connections{worker=\"")?.split_once("\"} ")?;
        Some((worker.parse::<usize>().ok()?, open.parse().ok()?))
    };
    let mut workers: Vec<(usize, u32)> = metrics.lines().filter_map(number).collect();
    workers.sort_unstable();
    workers.into_iter().map(|(_, open)| open).collect()
}

pub(super) async fn served(gateway: &Gateway, clients: usize) -> Vec<Client> {
    let mut served = Vec::new();
    for _ in 0..clients {
        let mut client = Client::connect(gateway.address).await;
        assert_eq!(client.get("/").await.text(), "served");
        served.push(client);
    }
    served
}

#[tokio::test]
async fn connections_are_spread_evenly_over_workers_and_again_after_some_have_gone() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&(pool(&[backend.address]) + "threads: 4\n")).await;
    let mut clients = served(&gateway, 40).await;
    assert_eq!(spread(&gateway).await, [10; 4]);
    // Those of two workers, and one of a third.
    clients =
        clients.into_iter().enumerate().filter(|(at, _)| at % 4 > 1 && *at != 2).map(|(_, client)| client).collect();
    eventually("they are gone", async || spread(&gateway).await == [0, 0, 9, 10]).await;
    clients.extend(served(&gateway, 21).await);
    assert_eq!(spread(&gateway).await, [10; 4]);
    for client in &mut clients {
        assert_eq!(client.get("/").await.text(), "served");
    }
}

#[tokio::test]
async fn one_worker_serves_everybody() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&(pool(&[backend.address]) + "threads: 1\n")).await;
    let mut clients = served(&gateway, 12).await;
    assert_eq!(spread(&gateway).await, [12]);
    for client in &mut clients {
        assert_eq!(client.get("/").await.text(), "served");
    }
    drop(clients);
    eventually("nobody is connected", async || spread(&gateway).await == [0]).await;
}

#[tokio::test]
async fn idle_connections_of_all_workers_end_with_their_listener_and_with_the_process() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let mut gateway = PULSEGATE.start(&(pool(&[backend.address]) + "threads: 4\n")).await;
    let (file, second) = (gateway.folder().join("pulsegate.yaml"), free_address());
    let yaml = fs::read_to_string(&file).unwrap();
    let open_second = async || {
        fs::write(&file, yaml.replace("\nadmin:", &format!("\n  - {{ address: \"{second}\" }}\nadmin:"))).unwrap();
        gateway.signal(Signal::SIGHUP);
        eventually("the second listener accepts", async || TcpStream::connect(second).await.is_ok()).await;
    };
    open_second().await;
    eventually("who only tried has gone", async || spread(&gateway).await == [0; 4]).await;
    let mut of_second = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(second).await;
        assert_eq!(client.get("/").await.text(), "served");
        of_second.push(client);
    }
    let mut clients = served(&gateway, 4).await;
    assert_eq!(spread(&gateway).await, [2; 4]);
    fs::write(&file, &yaml).unwrap();
    gateway.signal(Signal::SIGHUP);
    for client in &mut of_second {
        client.ended().await;
    }
    eventually("those of the other stay", async || spread(&gateway).await == [1; 4]).await;
    gateway.signal(Signal::SIGTERM);
    for client in &mut clients {
        client.ended().await;
    }
    assert!(gateway.ended().await.success());
}

/// So many connections to backends, and all of them wait for their next request.
async fn rest(gateway: &Gateway, number: usize) {
    let line =
        |state, number| format!("pulsegate_upstream_connections{{state=\"{state}\",upstream=\"pool\"}} {number}\n");
    let lines = [line("active", 0), line("idle", number)];
    eventually(&format!("{number} connections rest"), async || {
        let metrics = gateway.get("/metrics").await.unwrap_or_default();
        lines.iter().all(|line| metrics.contains(line))
    })
    .await;
}

/// On how many connections the backend was asked, of each of two clients of two workers twice.
async fn connections_for_two_workers(upstream: &str) -> usize {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&(pool_with(&[backend.address], upstream) + "threads: 2\n")).await;
    let mut clients = served(&gateway, 2).await;
    assert_eq!(spread(&gateway).await, [1, 1]);
    for _ in 0..2 {
        for client in &mut clients {
            assert_eq!(client.get("/").await.text(), "served");
        }
    }
    rest(&gateway, backend.connections()).await;
    backend.connections()
}

#[tokio::test]
async fn each_worker_keeps_the_connections_that_it_opened() {
    assert_eq!(connections_for_two_workers("").await, 2);
}

#[tokio::test]
async fn where_connections_are_limited_what_one_worker_opened_serves_all() {
    assert_eq!(connections_for_two_workers("    limits: { connections_per_backend: 1, queue: 4 }\n").await, 1);
}

#[tokio::test]
async fn a_connection_of_http2_serves_all_workers() {
    let backend = H2Backend::start(|call| async move { call.answer("served") }).await;
    let gateway = PULSEGATE.start(&(pool_with(&[backend.address], "    protocol: http2\n") + "threads: 2\n")).await;
    let mut clients = served(&gateway, 2).await;
    assert_eq!(spread(&gateway).await, [1, 1]);
    for client in &mut clients {
        assert_eq!(client.get("/").await.text(), "served");
    }
    rest(&gateway, 1).await;
    // Who opened it has gone, and its worker drives it on.
    drop(clients.remove(0));
    eventually("the first is gone", async || spread(&gateway).await == [0, 1]).await;
    assert_eq!(clients[0].get("/").await.text(), "served");
}

/// As in a container with one core; this process may use more by then.
#[tokio::test]
async fn where_there_is_one_core_there_is_one_worker() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let this = Pid::from_raw(0);
    let all = sched_getaffinity(this).unwrap();
    let core = (0..CpuSet::count()).find(|core| all.is_set(*core).unwrap()).unwrap();
    let mut one = CpuSet::new();
    one.set(core).unwrap();
    sched_setaffinity(this, &one).unwrap();
    let gateway = PULSEGATE.spawn(&pool(&[backend.address]), "");
    sched_setaffinity(this, &all).unwrap();
    gateway.ready().await;
    let _clients = served(&gateway, 5).await;
    assert_eq!(spread(&gateway).await, [5]);
}

/// A thread of the gateway that does not move, as if a request kept it busy for ever.
pub(super) struct Frozen(pub(super) Pid);

impl Frozen {
    pub(super) fn thread(gateway: &Gateway, name: &str) -> Self {
        let tasks = fs::read_dir(format!("/proc/{}/task", gateway.id())).unwrap().map(|task| task.unwrap().path());
        let named = |task: &std::path::PathBuf| fs::read_to_string(task.join("comm")).unwrap().trim() == name;
        let task = tasks.into_iter().find(named).unwrap_or_else(|| panic!("no thread {name}"));
        let thread = Pid::from_raw(task.file_name().unwrap().to_str().unwrap().parse().unwrap());
        ptrace::seize(thread, ptrace::Options::empty()).unwrap();
        ptrace::interrupt(thread).unwrap();
        waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
        Self(thread)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        ptrace::detach(self.0, None).unwrap();
    }
}

#[tokio::test]
async fn operators_are_answered_and_backends_probed_while_no_worker_moves() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&(pool(&[backend.address]) + "threads: 1\n")).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.text(), "served");
    let worker = Frozen::thread(&gateway, "worker-0");
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").await;
    assert!(gateway.get("/livez").await.unwrap().starts_with("HTTP/1.1 200"));
    let probes = async || gateway.backend(&backend.address.to_string()).await["last_probe"]["at"].clone();
    let before = probes().await;
    assert!(before.is_string(), "{before}");
    eventually("it is probed again", async || probes().await != before).await;
    assert_eq!(backend.seen().len(), 1, "nobody served meanwhile");
    drop(worker);
    assert_eq!(client.answer().await.text(), "served");
}
