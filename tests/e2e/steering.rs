//! Operators steer a running gateway: on the next request, across a reload, until its time, and only who may.
//!
//! A command is waited for on a thread, so backends and probes go on on another.

use super::PULSEGATE;
use super::pool;
use support::client::Client;
use support::gateway::Gateway;
use support::raw::{Raw, Step, ok};
use support::{eventually, free_address};

async fn two() -> (Raw, Raw, String) {
    let one = Raw::start(|_, _| vec![ok("one")]).await;
    let two = Raw::start(|_, _| vec![ok("two")]).await;
    let yaml = pool(&[one.address, two.address]);
    (one, two, yaml)
}

async fn answers(client: &mut Client) -> Vec<String> {
    let mut answers = Vec::new();
    for _ in 0..20 {
        answers.push(client.get("/").await.text());
    }
    answers.sort();
    answers.dedup();
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_is_in_force_on_the_next_request_survives_a_reload_and_is_taken_back() {
    let (one, _two, yaml) = two().await;
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    let address = one.address.to_string();
    assert_eq!(answers(&mut client).await, ["one", "two"]);

    let (code, said) = gateway.command(&["drain", "pool", &address, "--reason", "a new disk"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("pool {address} is drained")), "{said}");
    assert_eq!(answers(&mut client).await, ["two"]);

    gateway.reload(&yaml.replace("slow_start:", "idle_timeout: 30s\n    slow_start:")).await;
    assert_eq!(gateway.json("/status").await["last_reload"]["applied"], true);
    assert_eq!(answers(&mut client).await, ["two"]);
    let told = gateway.backend(&address).await;
    assert_eq!((&told["order"]["what"], &told["order"]["by"]), (&"drain".into(), &"loopback".into()), "{told}");
    assert_eq!(
        (&told["why"], &told["order"]["until"]),
        (&"drained by loopback: a new disk".into(), &serde_json::Value::Null)
    );

    let (code, said) = gateway.command(&["undrain", "pool", &address]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(answers(&mut client).await, ["one", "two"]);
    gateway.says("event=backend.steered").await;
    gateway.says("event=admin.write").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_with_a_time_ends_by_itself() {
    let (one, _two, yaml) = two().await;
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    let address = one.address.to_string();
    let (code, said) = gateway.command(&["force-down", "pool", &address, "--for", "1s"]);
    assert!(code == 0 && said.contains("force-down by loopback until 2"), "{said}");
    assert_eq!(gateway.standing_of(&address).await, "forced_down");
    eventually("its time is over", async || gateway.standing_of(&address).await == "up").await;
    assert_eq!(answers(&mut client).await, ["one", "two"]);
    gateway.says("event=backend.order_over").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_are_ordered_and_given_back() {
    let (one, two, yaml) = two().await;
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    let (one, two) = (one.address.to_string(), two.address.to_string());
    assert_eq!(gateway.command(&["weight", "pool", &one, "0"]).0, 0);
    assert_eq!(answers(&mut client).await, ["two"]);
    assert_eq!(gateway.standing_of(&one).await, "up", "its standing is what it was");
    assert_eq!(gateway.command(&["weight", "pool", &one, "configured"]).0, 0);
    assert_eq!(answers(&mut client).await, ["one", "two"]);
    assert_eq!(gateway.command(&["force-up", "pool", &two]).0, 0);
    let (code, said) = gateway.command(&["undrain", "pool", &two]);
    assert!(code == 1 && said.contains("409") && said.contains("force-up by loopback"), "{said}");
    assert_eq!(gateway.command(&["release", "pool", &two]).0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_cannot_be_done_is_said_in_words() {
    let (_one, _two, yaml) = two().await;
    let gateway = PULSEGATE.start(&yaml).await;
    let (code, said) = gateway.command(&["drain", "pol", "127.0.0.1:1"]);
    assert!(code == 1 && said.contains("no upstream \"pol\"") && said.contains("\n  pool\n"), "{said}");
    let (code, said) = gateway.command(&["drain", "pool", "127.0.0.1:1"]);
    assert!(code == 1 && said.contains("no backend \"127.0.0.1:1\""), "{said}");
    let (code, said) = gateway.command(&["drain", "pool", "127.0.0.1:1", "--for", "soon"]);
    assert!(code == 1 && said.contains("a duration with its unit"), "{said}");
    let nobody = free_address().to_string();
    let output =
        PULSEGATE.command().args(["drain", "pool", "127.0.0.1:1", "--admin", &nobody]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("no answer from the admin listener"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_by_the_api_answers_with_the_reasons() {
    let (_one, _two, yaml) = two().await;
    let gateway = PULSEGATE.start(&yaml).await;
    gateway.write(&yaml.replace("slow_start:", "slow_stat:"));
    let (code, said) = gateway.command(&["reload"]);
    assert!(code == 64 && said.contains("slow_stat") && said.contains("did you mean"), "{said}");
    assert_eq!(gateway.json("/status").await["last_reload"]["applied"], false);
    gateway.write(&yaml);
    let (code, said) = gateway.command(&["reload"]);
    assert!(code == 0 && said.contains("is in force"), "{said}");
    let answer = gateway.post("/reload", "").await.unwrap_or_default();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_names_who_it_was_and_a_reload_changes_it() {
    let (one, _two, yaml) = two().await;
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("token");
    let (first, second) = ("first-token-0123456789", "second-token-0123456789");
    std::fs::write(&file, first).expect("a file");
    let health = free_address();
    let keys = format!(", tokens: [{{ name: ops, file: {} }}], health_address: \"{health}\"", file.display());
    let mut gateway = PULSEGATE.start_guarded(&yaml, &keys, first).await;
    let address = one.address.to_string();
    let (code, said) = gateway.command(&["drain", "pool", &address]);
    assert!(code == 0 && said.contains("drain by ops"), "{said}");

    std::fs::write(&file, second).expect("a file");
    assert_eq!(gateway.command(&["reload"]).0, 0);
    let (code, said) = gateway.command(&["undrain", "pool", &address]);
    assert!(code == 1 && said.contains("nobody in admin.tokens has this token"), "{said}");
    gateway.token = None;
    let (code, said) = gateway.command(&["undrain", "pool", &address]);
    assert!(code == 1 && said.contains("Authorization: Bearer"), "{said}");
    gateway.token = Some(second.to_owned());
    assert_eq!(gateway.command(&["undrain", "pool", &address]).0, 0);

    std::fs::write(&file, "short").expect("a file");
    let (code, said) = gateway.command(&["reload"]);
    assert!(code == 64 && said.contains("at least 16"), "{said}");
    assert_eq!(gateway.command(&["drain", "pool", &address]).0, 0, "the token before stays in force");
    let mut probe = Client::connect(health).await;
    assert_eq!((probe.get("/readyz").await.status, probe.get("/metrics").await.status), (200, 404));
    gateway.says("result=denied").await;
    let said = gateway.output();
    assert!(!said.contains(first) && !said.contains(second), "{said}");
}

/// A backend that never answers, and a backup that does.
async fn frozen(on_down: &str) -> (Raw, Raw, Gateway) {
    let frozen = Raw::start(|_, _| vec![Step::Hang]).await;
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let backup = format!("{{ address: \"{}\", backup: true }}", well.address);
    let yaml = pool(&[frozen.address, well.address]).replace(&format!("\"{}\"", well.address), &backup);
    let gateway = PULSEGATE.start(&format!("{yaml}    on_down: {on_down}\n")).await;
    (frozen, well, gateway)
}

async fn held(gateway: &Gateway, frozen: &Raw, request: &str) -> Client {
    let mut client = Client::connect(gateway.address).await;
    client.send(request).await;
    let address = frozen.address.to_string();
    eventually("it is in flight", async || gateway.backend(&address).await["in_flight"] == 1).await;
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_all_cuts_what_is_in_flight_and_asks_another_where_that_is_safe() {
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: test\r\n\r\n", 200),
        ("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n", 502),
    ] {
        let (frozen, _well, gateway) = frozen("close_all").await;
        let mut client = held(&gateway, &frozen, request).await;
        let address = frozen.address.to_string();
        assert_eq!(gateway.command(&["force-down", "pool", &address]).0, 0);
        assert_eq!(client.answer().await.status, status, "{request}");
        let told = gateway.backend(&address).await;
        assert_eq!((&told["in_flight"], &told["outcomes"]["total"]["failures"]), (&0.into(), &0.into()), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_default_what_is_in_flight_is_left_to_finish() {
    let (frozen, _well, gateway) = frozen("retire_idle").await;
    let _client = held(&gateway, &frozen, "GET / HTTP/1.1\r\nHost: test\r\n\r\n").await;
    let address = frozen.address.to_string();
    assert_eq!(gateway.command(&["force-down", "pool", &address]).0, 0);
    let mut other = Client::connect(gateway.address).await;
    assert_eq!(other.get("/").await.text(), "well");
    assert_eq!(gateway.backend(&address).await["in_flight"], 1);
}
