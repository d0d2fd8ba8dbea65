//! Does anything that serves wait for a file or a pipe? Whoever does not take what the gateway says, or does not give what it reads, stops
//! neither traffic nor probes, nor operators, nor the end.

use super::PULSEGATE;
use super::pool_with;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::client::Client;
use support::eventually;
use support::gateway::{Gateway, Takes};
use support::raw::{Raw, Step, ok, send};
use support::tls::{Authority, Hello};
use tempfile::TempDir;

/// Two backends, of which one is ready or not, as it is told.
struct Pair {
    odd: Raw,
    well: Raw,
    ready: Arc<AtomicBool>,
}

impl Pair {
    async fn start() -> Self {
        let ready = Arc::new(AtomicBool::new(true));
        let switch = Arc::clone(&ready);
        let odd = Raw::start_with_ready(move |head, _| {
            let refuses = head.starts_with("GET /ready ") && !switch.load(Ordering::Relaxed);
            vec![if refuses { send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") } else { ok("served") }, Step::Close]
        })
        .await;
        Self { odd, well: Raw::start(|_, _| vec![ok("served")]).await, ready }
    }

    fn yaml(&self, more: &str) -> String {
        pool_with(&[self.odd.address, self.well.address], "")
            .replace("timeout: 10s }", "timeout: 10s, success_threshold: 1, failure_threshold: 1 }")
            + more
    }

    /// Traffic, probes and the admin listener: one backend goes and comes several times, which is told in many words.
    async fn all_goes_on(&self, gateway: &Gateway) {
        let address = self.odd.address.to_string();
        let mut client = Client::connect(gateway.address).await;
        for _ in 0..8 {
            for (ready, standing) in [(false, "not_ready"), (true, "up")] {
                self.ready.store(ready, Ordering::Relaxed);
                eventually(standing, async || gateway.standing_of(&address).await == standing).await;
                assert_eq!(client.get("/").await.text(), "served");
            }
        }
        for path in ["/livez", "/readyz", "/health", "/metrics"] {
            assert!(gateway.get(path).await.is_some_and(|answer| answer.starts_with("HTTP/1.1 200")), "{path}");
        }
    }
}

async fn leaves(gateway: &mut Gateway) {
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.ended().await.success());
}

async fn metric(gateway: &Gateway, name: &str) -> f64 {
    let metrics = gateway.get("/metrics").await.unwrap_or_default();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or(-1.0)
}

/// In the place of a file: whoever opens it waits for ever.
fn hangs(path: &Path) {
    let pipe = path.with_extension("pipe");
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    fs::rename(pipe, path).unwrap();
}

#[tokio::test]
async fn stdout_and_stderr_that_nobody_reads_stop_nothing() {
    let pair = Pair::start().await;
    let mut gateway = PULSEGATE.start_told_to(Takes::Nobody, &pair.yaml("")).await;
    pair.all_goes_on(&gateway).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..200 {
        assert_eq!(client.get("/").await.text(), "served");
    }
    assert!(metric(&gateway, "pulsegate_log_waiting_bytes").await > 0.0, "the pipe was large enough");
    assert!(metric(&gateway, "pulsegate_access_log_waiting_bytes").await > 0.0, "the pipe was large enough");
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_full_disk_for_the_log_the_events_and_the_record_stops_nothing() {
    let pair = Pair::start().await;
    let folder = TempDir::new().unwrap();
    let gone = folder.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let more =
        format!("logging: {{ access: {{ file: /dev/full }} }}\nrecord: {{ file: {}/record.jsonl }}\n", gone.display());
    let mut gateway = PULSEGATE.start_told_to(Takes::FullDisk, &pair.yaml(&more)).await;
    fs::remove_dir_all(&gone).unwrap();
    pair.all_goes_on(&gateway).await;
    for family in ["pulsegate_log_dropped_total", "pulsegate_access_log_dropped_total"] {
        eventually(family, async || metric(&gateway, family).await > 0.0).await;
    }
    assert_eq!(metric(&gateway, "pulsegate_log_lines_total").await, 0.0);
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_full_disk_for_the_record_costs_lines_of_it_until_there_is_room() {
    let pair = Pair::start().await;
    let folder = TempDir::new().unwrap();
    let record = folder.path().join("record.jsonl");
    // Nothing is renamed where none is kept: what the path leads to is opened, and that is full.
    symlink("/dev/full", &record).unwrap();
    let more = format!("record: {{ file: {}, keep: 0 }}\n", record.display());
    let mut gateway = PULSEGATE.start(&pair.yaml(&more)).await;
    gateway.says("record.jsonl cannot be written (No space left on device").await;
    pair.all_goes_on(&gateway).await;
    assert_eq!(gateway.output().matches("record.jsonl cannot be written (").count(), 1, "it is said once");
    fs::remove_file(&record).unwrap();
    gateway.says("record.jsonl is written again").await;
    eventually("it says how much is missing", async || {
        fs::read_to_string(&record).unwrap_or_default().contains("the file could not be written")
    })
    .await;
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_record_that_nobody_reads_stops_nothing() {
    let pair = Pair::start().await;
    let folder = TempDir::new().unwrap();
    let record = folder.path().join("record.jsonl");
    fs::write(&record, "").unwrap();
    hangs(&record);
    // Nothing is renamed: the pipe itself is opened, and nobody takes what is written.
    let more = format!("record: {{ file: {}, keep: 0 }}\n", record.display());
    let mut gateway = PULSEGATE.start(&pair.yaml(&more)).await;
    pair.all_goes_on(&gateway).await;
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_configuration_file_that_hangs_stops_nothing_and_is_told() {
    let pair = Pair::start().await;
    let yaml = pair.yaml("reload: { watch: true }\n");
    let mut gateway = PULSEGATE.start(&yaml).await;
    let config = gateway.folder().join("pulsegate.yaml");
    hangs(&config);
    gateway.signal(Signal::SIGHUP);
    gateway.says("reload (signal): reading").await;
    pair.all_goes_on(&gateway).await;
    eventually("the reload is refused", async || gateway.json("/status").await["last_reload"]["applied"] == false)
        .await;
    let status = gateway.json("/status").await;
    // Whoever looks at it since it may have changed may have given it up before.
    let error = status["last_reload"]["error"].as_str().unwrap();
    assert!(error.contains("could not be read within 10s") || error.contains("it does not answer"), "{status}");

    fs::remove_file(&config).unwrap();
    gateway.write(&yaml.replace("period: 300ms", "period: 400ms"));
    gateway.signal(Signal::SIGHUP);
    eventually("one that can be read is applied", async || {
        gateway.json("/status").await["last_reload"]["applied"] == true
    })
    .await;
    fs::remove_file(&config).unwrap();
    hangs(&config);
    gateway.signal(Signal::SIGHUP);
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_certificate_that_hangs_stops_nothing() {
    let pair = Pair::start().await;
    let folder = TempDir::new().unwrap();
    let authority = Authority::generate();
    authority.signs(&["one.test"]).write(folder.path(), "one");
    let tls = format!("    tls: {{ certificate: {0}/one.crt, key: {0}/one.key }}", folder.path().display());
    let mut gateway = PULSEGATE.start_with(&pair.yaml(""), &tls).await;
    hangs(&folder.path().join("one.crt"));
    let address = pair.odd.address.to_string();
    for (ready, standing) in [(false, "not_ready"), (true, "up"), (false, "not_ready"), (true, "up")] {
        pair.ready.store(ready, Ordering::Relaxed);
        eventually(standing, async || gateway.standing_of(&address).await == standing).await;
        let mut served = Hello::default().connect(gateway.address).await.expect("the last good one serves");
        assert_eq!(served.get("").await.unwrap().0, 200);
        // Longer than between two looks at the file.
        support::pause(std::time::Duration::from_millis(600)).await;
    }
    gateway.write(&pair.yaml("").replace("period: 300ms", "period: 400ms"));
    gateway.signal(Signal::SIGHUP);
    eventually("a reload that does not need it goes on", async || {
        gateway.json("/status").await["last_reload"]["applied"] == true
    })
    .await;
    gateway
        .says("one.crt does not answer (a pipe in its place, a file system that hangs); the last good ones stay")
        .await;
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_backend_s_authority_that_hangs_stops_nothing() {
    let folder = TempDir::new().unwrap();
    let authority = Authority::generate();
    authority.signs(&["one.test"]).write(folder.path(), "one");
    fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
    let tls = format!("    tls: {{ certificate: {0}/one.crt, key: {0}/one.key }}", folder.path().display());
    let inner = PULSEGATE.start_with("routes: [{ respond: { body: within } }]\n", &tls).await;
    let more = format!("    tls: {{ sni: one.test, ca: {}/ca.pem }}\n", folder.path().display());
    let mut gateway = PULSEGATE.start(&pool_with(&[inner.address], &more)).await;
    let mut client = Client::connect(gateway.address).await;
    assert_eq!(client.get("/").await.text(), "within");
    hangs(&folder.path().join("ca.pem"));
    let address = inner.address.to_string();
    for _ in 0..10 {
        assert_eq!(client.get("/").await.text(), "within");
        let probed = gateway.backend(&address).await["last_probe"]["at"].clone();
        eventually("the next probe has passed", async || {
            let told = gateway.backend(&address).await;
            told["last_probe"]["at"] != probed && told["standing"] == "up"
        })
        .await;
    }
    leaves(&mut gateway).await;
}
