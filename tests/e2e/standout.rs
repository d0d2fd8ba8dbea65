//! Who stands out among three? A share of failures, or a latency, that a streak and half a window do not see.

use super::PULSEGATE;
use super::pool_with;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use support::client::Client;
use support::eventually;
use support::gateway::Gateway;
use support::raw::{Raw, Step, ok, send};

async fn two_well() -> [Raw; 2] {
    [Raw::start(|_, _| vec![ok("well")]).await, Raw::start(|_, _| vec![ok("well")]).await]
}

/// In front of the odd one and two that are well, with an ejection of one second.
async fn gateway(odd: SocketAddr, well: &[Raw; 2], more: &str) -> Gateway {
    let passive = format!("    passive: {{ base_ejection: 1s, ejection_jitter: 0%{more} }}\n");
    PULSEGATE.start(&pool_with(&[odd, well[0].address, well[1].address], &passive)).await
}

async fn every_third_fails() -> Raw {
    let asked = AtomicU32::new(0);
    Raw::start(move |_, _| match asked.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => vec![send("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")],
        _ => vec![ok("odd")],
    })
    .await
}

#[tokio::test]
async fn a_share_of_failures_that_stands_out_ejects() {
    let (odd, well) = (every_third_fails().await, two_well().await);
    let gateway = gateway(odd.address, &well, "").await;
    let mut client = Client::connect(gateway.address).await;
    let address = odd.address.to_string();
    eventually("it is ejected", async || {
        assert_eq!(client.get("/").await.status, 200, "a retry hides each failure");
        gateway.standing_of(&address).await == "ejected"
    })
    .await;
    let told = gateway.backend(&address).await;
    let why = told["why"].as_str().unwrap_or_default();
    assert!(why.contains("outcomes failed within") && why.contains("of its 2 peers 0 of"), "{told}");
}

#[tokio::test]
async fn a_latency_that_stands_out_ejects_and_the_trial_must_be_fast() {
    let slow = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&slow);
    let odd = Raw::start(move |_, _| match switch.load(Ordering::Relaxed) {
        true => vec![Step::Wait(Duration::from_millis(120)), ok("odd")],
        false => vec![ok("odd")],
    })
    .await;
    let well = two_well().await;
    let gateway = gateway(odd.address, &well, "").await;
    let mut client = Client::connect(gateway.address).await;
    let address = odd.address.to_string();
    eventually("it is ejected", async || {
        client.get("/").await;
        gateway.standing_of(&address).await == "ejected"
    })
    .await;
    let told = gateway.backend(&address).await;
    assert!(told["why"].as_str().is_some_and(|why| why.contains("in the median")), "{told}");
    eventually("a slow trial does not bring it back", async || {
        client.get("/").await;
        gateway.backend(&address).await["ejection"]["nth"] == 2
    })
    .await;
    slow.store(false, Ordering::Relaxed);
    eventually("a fast one does", async || {
        client.get("/").await;
        gateway.standing_of(&address).await == "up"
    })
    .await;
}

#[tokio::test]
async fn a_detector_that_does_not_enforce_only_tells() {
    let (odd, well) = (every_third_fails().await, two_well().await);
    let gateway = gateway(odd.address, &well, ", failure_outlier: { enforce: false }").await;
    let mut client = Client::connect(gateway.address).await;
    let address = odd.address.to_string();
    eventually("it is told", async || {
        client.get("/").await;
        gateway.output().contains("backend.would_eject")
    })
    .await;
    let told = gateway.backend(&address).await;
    assert_eq!(told["standing"], "up", "{told}");
    assert!(told["notes"][0].as_str().is_some_and(|note| note.contains("would have ejected it")), "{told}");
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    assert!(metrics.contains("pulsegate_would_eject_total{detector=\"failure_outlier\""), "{metrics}");
}
