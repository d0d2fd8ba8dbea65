//! Living and leaving: reloads that change all or nothing, and an end that cuts nobody off.

use super::PULSEGATE;
use super::pool;
use nix::sys::signal::Signal;
use support::client::Client;
use support::raw::{Gate, Raw, Step, ok};
use support::{eventually, free_address};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_bad_file_changes_nothing_and_a_good_one_everything() {
    let backend = Raw::start(|_, _| vec![ok("served")]).await;
    let gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.text(), "served");

    gateway.reload("routes: [{ upstream: nobody }]\n").await;
    let status = gateway.json("/status").await;
    assert_eq!(status["last_reload"]["applied"], false, "{status}");
    assert!(status["last_reload"]["error"].as_str().is_some_and(|error| error.contains("nobody")), "{status}");
    assert_eq!(client.get("/").await.text(), "served");

    gateway.reload("routes: [{ respond: { body: changed } }]\n").await;
    assert_eq!(gateway.json("/status").await["last_reload"]["applied"], true);
    assert_eq!(client.get("/").await.text(), "changed", "on a connection that was open before");
}

#[tokio::test]
async fn a_reload_opens_new_listeners_and_closes_removed_ones() {
    let gateway = PULSEGATE.start("routes: [{ respond: { body: ok } }]\n").await;
    let second = free_address();
    let file = gateway.folder().join("pulsegate.yaml");
    let yaml = std::fs::read_to_string(&file).expect("the configuration");
    let both = yaml.replace("\nadmin:", &format!("\n  - {{ address: \"{second}\" }}\nadmin:"));
    std::fs::write(&file, &both).expect("the configuration");
    gateway.signal(Signal::SIGHUP);
    eventually("the second listener accepts", async || TcpStream::connect(second).await.is_ok()).await;
    assert_eq!(Client::connect(second).await.get("/").await.text(), "ok");
    std::fs::write(&file, &yaml).expect("the configuration");
    gateway.signal(Signal::SIGHUP);
    eventually("the second listener is closed", async || TcpStream::connect(second).await.is_err()).await;
    assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "ok");
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_then_leaves_at_once() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Raw::start(move |_, _| vec![Step::Until(held.clone()), ok("finished")]).await;
    let mut gateway = PULSEGATE.start(&pool(&[backend.address])).await;
    let mut client = Client::connect(gateway.address).await;
    let mut idle = Client::connect(gateway.address).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    eventually("the request is at the backend", async || !backend.seen().is_empty()).await;
    gateway.signal(Signal::SIGTERM);
    idle.ended().await;
    assert!(!gateway.has_ended(), "a request is in flight");
    gate.open();
    assert_eq!(client.answer().await.text(), "finished");
    assert!(gateway.ended().await.success());
    assert!(TcpStream::connect(gateway.address).await.is_err());
}

#[tokio::test]
async fn readiness_fails_first_and_answers_say_close_during_the_delay() {
    let mut gateway = PULSEGATE.start("routes: [{ respond: { body: ok } }]\nshutdown: { delay: 6s }\n").await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.header("connection"), Some("keep-alive"));
    gateway.signal(Signal::SIGTERM);
    eventually("/readyz fails", async || {
        gateway.get("/readyz").await.is_some_and(|answer| answer.starts_with("HTTP/1.1 503"))
    })
    .await;
    // Its worker hears of it a moment later.
    let mut answer = client.get("/").await;
    while answer.header("connection") == Some("keep-alive") {
        answer = client.get("/").await;
    }
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(Client::connect(gateway.address).await.get("/").await.status, 200, "still accepting");
    assert!(gateway.ended().await.success());
}

#[tokio::test]
async fn healthcheck_tells_by_its_exit_code() {
    let gateway = PULSEGATE.start("routes: [{ respond: { body: ok } }]\n").await;
    let ask = |admin: String| PULSEGATE.command().args(["healthcheck", "--admin", &admin]).status();
    assert!(ask(gateway.admin.to_string()).expect("it runs").success());
    assert!(ask(format!("localhost:{}", gateway.admin.port())).expect("it runs").success(), "by name");
    assert!(!ask("nonsense".to_owned()).expect("it runs").success());
    assert!(!ask(free_address().to_string()).expect("it runs").success());
}

#[tokio::test]
async fn a_start_that_waits_says_for_whom() {
    let silent = Raw::start_with_ready(|_, _| vec![Step::Hang]).await;
    let fit = Raw::start(|_, _| vec![ok("ok")]).await;
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{}\", \"{}\"]\n    readiness: {{ path: /ready, period: 9s, timeout: 9s }}\nstart: {{ wait: 5s }}\n",
        fit.address, silent.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    gateway.says(&format!("still awaited: {}\n", silent.address)).await;
    let output = gateway.output();
    // On a slow machine the other one is awaited after a second, too.
    let waits = output.lines().find(|line| line.contains("waiting for the first probes of "));
    assert!(
        waits.is_some_and(|line| line.contains(&silent.address.to_string()) && line.contains(", at most 4 s more")),
        "{output}"
    );
    assert!(!output.contains("upstream.empty"), "{output}");
}
