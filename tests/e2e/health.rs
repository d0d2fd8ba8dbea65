//! Who gets traffic: tiers, sources, ejection and the way back, as the admin listener tells it.

use super::PULSEGATE;
use super::pool_with;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::client::Client;
use support::raw::{Raw, Step, ok, send};
use support::{eventually, free_address, pause};

#[tokio::test]
async fn a_burst_of_500s_ejects_and_one_trial_request_brings_it_back() {
    let failing = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&failing);
    let sick = Raw::start(move |_, _| {
        if switch.load(Ordering::Relaxed) {
            vec![send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")]
        } else {
            vec![ok("mended")]
        }
    })
    .await;
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    // A trial that no request makes within as long again is a probe's.
    let more = "    passive: { base_ejection: 3s, ejection_jitter: 0% }\n";
    let gateway = PULSEGATE.start(&pool_with(&[sick.address, well.address], more)).await;
    let mut client = Client::connect(gateway.address).await;
    let address = sick.address.to_string();
    eventually("it is ejected", async || {
        assert_eq!(client.get("/").await.text(), "well", "clients notice nothing");
        gateway.standing_of(&address).await == "ejected"
    })
    .await;
    let told = gateway.backend(&address).await;
    assert_eq!(told["last_probe"]["passed"], true, "{told}");
    assert!(told["ejection"]["nth"] == 1 && told["ejection"]["earliest_return"]["at"].is_string(), "{told}");

    failing.store(false, Ordering::Relaxed);
    eventually("its trial is due", async || gateway.standing_of(&address).await == "trial").await;
    assert_eq!(client.get("/").await.text(), "mended", "the next request decides");
    eventually("it is up", async || gateway.standing_of(&address).await == "up").await;
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    assert!(metrics.contains("pulsegate_ejections_total"), "{metrics}");
}

#[tokio::test]
async fn the_last_fit_backend_is_never_ejected() {
    let sick = Raw::start(|_, _| vec![send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")]).await;
    let gateway = PULSEGATE.start(&pool_with(&[sick.address], "")).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..30 {
        assert_eq!(client.get("/").await.status, 500, "the backend's own answer, not a 503 of ours");
    }
    assert_eq!(gateway.standing_of(&sick.address.to_string()).await, "up");
}

#[tokio::test]
async fn the_backup_tier_serves_only_when_the_first_has_nobody() {
    let ready = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&ready);
    let first = Raw::start_with_ready(move |head, _| {
        let ready = switch.load(Ordering::Relaxed) || !head.starts_with("GET /ready ");
        if ready {
            vec![ok("first"), Step::Close]
        } else {
            vec![send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), Step::Close]
        }
    })
    .await;
    let spare = Raw::start(|_, _| vec![ok("spare")]).await;
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{}\", {{ address: \"{}\", backup: true }}]\n    readiness: {{ path: \
         /ready, period: 200ms, fast_period: 100ms, timeout: 10s }}\n    slow_start: {{ duration: 0s }}\n",
        first.address, spare.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..5 {
        assert_eq!(client.get("/").await.text(), "first");
    }
    ready.store(false, Ordering::Relaxed);
    eventually("the spare serves", async || client.get("/").await.text() == "spare").await;
    ready.store(true, Ordering::Relaxed);
    eventually("the first serves again", async || client.get("/").await.text() == "first").await;
}

#[tokio::test]
async fn a_watched_file_is_picked_up_and_emptying_it_keeps_the_last_set() {
    let (one, two) = (Raw::start(|_, _| vec![ok("one")]).await, Raw::start(|_, _| vec![ok("two")]).await);
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("backends.yaml");
    std::fs::write(&file, format!("- \"{}\"\n", one.address)).expect("a file");
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{{ file: {} }}]\n",
        file.display()
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.text(), "one");
    std::fs::write(&file, format!("- \"{}\"\n", two.address)).expect("a file");
    eventually("the new backend serves", async || client.get("/").await.text() == "two").await;
    std::fs::write(&file, "").expect("a file");
    eventually("the empty file is told", async || gateway.output().contains("no backend at all")).await;
    assert_eq!(client.get("/").await.text(), "two");
}

#[tokio::test]
async fn a_name_that_resolves_to_nothing_for_ten_seconds_keeps_ejections_and_members() {
    let sick = Raw::start(|_, _| vec![send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")]).await;
    let port = sick.address.port();
    let well_at = std::net::SocketAddr::from(([127, 0, 0, 2], port));
    let well = tokio::net::TcpListener::bind(well_at).await.expect("the same port on another loopback address");
    let app = axum::Router::new().fallback(|| async { "well" });
    let serving = tokio::spawn(async move { axum::serve(well, app).await });
    let dns = support::dns::Dns::start(&[[127, 0, 0, 1], [127, 0, 0, 2]]).await;
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [{{ dns: \"pool.test:{port}\", servers: [\"{}\"], max_interval: 5s }}]\n    \
         readiness: {{ path: /ready, period: 500ms }}\n    passive: {{ base_ejection: 60s }}\n",
        dns.address
    );
    let gateway = PULSEGATE.start(&yaml).await;
    let mut client = Client::connect(gateway.address).await;
    let address = format!("127.0.0.1:{port}");
    eventually("the sick one is ejected", async || {
        client.get("/").await;
        gateway.standing_of(&address).await == "ejected"
    })
    .await;
    dns.answer_nothing();
    let asked = dns.asked();
    pause(Duration::from_secs(10)).await;
    assert!(dns.asked() > asked, "it was asked again meanwhile");
    assert_eq!(gateway.standing_of(&address).await, "ejected");
    assert_eq!(client.get("/").await.text(), "well");
    serving.abort();
}

#[tokio::test]
async fn health_and_metrics_tell_one_story() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let gateway = PULSEGATE.start(&pool_with(&[well.address, free_address()], "")).await;
    let health = gateway.json("/health").await;
    assert_eq!(
        (&health["status"], &health["components"]["pool"]["status"]),
        (&"DEGRADED".into(), &"DEGRADED".into()),
        "{health}"
    );
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    assert!(
        metrics.contains(&format!("pulsegate_backend_eligible{{backend=\"{}\",upstream=\"pool\"}} 1", well.address)),
        "{metrics}"
    );
    assert!(gateway.get("/livez").await.unwrap_or_default().starts_with("HTTP/1.1 200"));
}
