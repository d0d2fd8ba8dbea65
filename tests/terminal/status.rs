//! `pulsegate status` as a script uses it: exit codes, lines and a document.

use super::PULSEGATE;
use super::pool;
use serde_json::Value;
use support::backend::Backend;
use support::raw::{Raw, ok};
use support::{eventually, free_address};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exit_code_follows_the_worst_upstream() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let mut mortal = Backend::start().await;
    let second = mortal.address;
    let yaml = pool(&[well.address, second])
        + &format!("  other: {{ backends: [\"{}\"], readiness: {{ path: /ready }} }}\n", well.address);
    let gateway = PULSEGATE.start(&yaml).await;
    eventually("all are well", async || gateway.command(&["status"]).0 == 0).await;
    let (_, said) = gateway.command(&["status"]);
    assert!(said.contains("OK        pool   2/2 eligible  up for "), "{said}");

    mortal.kill();
    eventually("one is out", async || gateway.command(&["status"]).0 == 1).await;
    let (_, said) = gateway.command(&["status"]);
    assert!(said.starts_with("WARNING   pool   1/2 eligible  down for "), "{said}");
    assert!(said.contains(&format!("{second}: its probes fail")), "{said}");
    assert_eq!(gateway.command(&["status", "--upstream", "other"]).0, 0);

    let drained = well.address.to_string();
    assert_eq!(gateway.command(&["drain", "pool", &drained]).0, 0);
    let (code, said) = gateway.command(&["status", "--json"]);
    let told: Value = serde_json::from_str(&said).expect("a document");
    assert_eq!((code, &told["status"], &told["exit_code"]), (2, &"CRITICAL".into(), &2.into()), "{said}");
    assert_eq!(told["upstreams"][0]["worst"]["standing"], "down", "{said}");
    assert_eq!(gateway.command(&["status", "--upstream", "pol"]).0, 3);

    let nobody = free_address().to_string();
    let unknown = |arguments: &[&str]| {
        let output = PULSEGATE.command().args(arguments).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = unknown(&["status", "--admin", &nobody]);
    assert!(code == Some(3) && said.starts_with("UNKNOWN   no answer from the admin listener"), "{said}");
    let (code, said) = unknown(&["status", "--json", "--admin", &nobody]);
    assert!(code == Some(3) && said.contains("\"status\": \"UNKNOWN\""), "{said}");
    assert_eq!(unknown(&["status", "--upsteam", "pool"]).0, Some(3), "a typing error is no outage");
}
