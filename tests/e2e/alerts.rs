//! Alerts, from a backend that fails to the receiver: once each, in the words of each kind, whoever else hangs.

use super::PULSEGATE;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::client::Client;
use support::gateway::Gateway;
use support::needs::tool;
use support::raw::{Raw, Step, ok, send};
use support::tls::{Authority, replace};
use support::{eventually, free_address};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A backend whose readiness is what the test says.
struct Switch {
    raw: Raw,
    well: Arc<AtomicBool>,
}

impl Switch {
    async fn start() -> Self {
        let well = Arc::new(AtomicBool::new(true));
        let switch = well.clone();
        let raw = Raw::start_with_ready(move |head, _| match head.starts_with("GET /ready ") {
            true if !switch.load(Ordering::Relaxed) => status(503),
            _ => vec![ok("well")],
        });
        Self { raw: raw.await, well }
    }

    fn address(&self) -> String {
        self.raw.address.to_string()
    }

    /// Breaks or mends it, and waits until the gateway knows.
    async fn is(&self, well: bool, gateway: &Gateway) {
        self.well.store(well, Ordering::Relaxed);
        let address = self.address();
        eventually("the gateway sees it", async || {
            let standing = gateway.standing_of(&address).await;
            if well { standing == "up" || standing == "ramping" } else { standing == "not_ready" }
        })
        .await;
    }
}

fn status(status: u16) -> Vec<Step> {
    vec![send(format!("HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n"))]
}

/// Two backends of which the first is the switch; probes that see a change at once.
fn config(switch: &Switch, other: SocketAddr, more: &str) -> String {
    format!(
        "routes: [{{ upstream: orders }}]\nupstreams:\n  orders:\n    backends: [\"{}\", \"{other}\"]\n    readiness: {{ path: /ready, period: \
         200ms, fast_period: 50ms, timeout: 10s, success_threshold: 1, failure_threshold: 1 }}\n    slow_start: {{ duration: 0s }}\n{more}",
        switch.address()
    )
}

async fn well() -> Raw {
    Raw::start(|_, _| vec![ok("well")]).await
}

/// The JSON documents that a receiver got, each attempt.
fn documents(receiver: &Raw) -> Vec<Value> {
    let body = |request: &String| request.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap();
    receiver.seen().iter().map(|request| serde_json::from_str(&body(request)).unwrap()).collect()
}

/// What a generic receiver was told: `firing backend_out warning`.
fn told(documents: &[Value]) -> Vec<String> {
    let line = |document: &Value| {
        let alerts = document["alerts"].as_array().unwrap().iter();
        let words: Vec<String> = alerts
            .map(|alert| {
                format!("{} {}", alert["state"].as_str().unwrap(), alert["labels"]["alertname"].as_str().unwrap())
            })
            .collect();
        format!("{}: {}", document["status"].as_str().unwrap(), words.join(", "))
    };
    documents.iter().map(line).collect()
}

#[tokio::test]
async fn a_kill_a_flap_and_a_recovery_are_told_once_each_by_a_receiver_that_fails_its_first_two_tries() {
    let (switch, other) = (Switch::start().await, well().await);
    let receiver = Raw::start(|_, number| status(if number < 2 { 503 } else { 204 })).await;
    let more = format!(
        "webhooks: {{ ops: {{ url: \"http://{}/\", secret: {{ env: SECRET }} }} }}\nalerts:\n  group_wait: 2s\n  group_interval: 2s\n  \
         flapping: {{ transitions: 4, within: 10s }}\n  routes: [{{ receivers: [ops] }}]\n",
        receiver.address
    );
    let environment = [("SECRET", "0123456789abcdef0123456789abcdef")];
    let gateway = PULSEGATE.spawn_in(&config(&switch, other.address, &more), "", &environment);
    gateway.ready().await;

    switch.is(false, &gateway).await;
    eventually("the kill is told at the third try", async || receiver.seen().len() == 3).await;
    switch.is(true, &gateway).await;
    eventually("the recovery is told", async || receiver.seen().len() == 4).await;
    for _ in 0..4 {
        switch.is(false, &gateway).await;
        switch.is(true, &gateway).await;
    }
    eventually("it has flapped and settled", async || receiver.seen().len() == 6).await;

    let documents = documents(&receiver);
    assert_eq!([&documents[0], &documents[1]], [&documents[2]; 2], "an attempt is the same message");
    assert_eq!(
        told(&documents[2..]),
        [
            "firing: warning backend_out",
            "resolved: resolved backend_out",
            "firing: flapping backend_out",
            "resolved: resolved backend_out",
        ]
    );
    let labels = &documents[2]["alerts"][0]["labels"];
    assert_eq!([&labels["backend"], &labels["upstream"]], [&json!(switch.address()), &json!("orders")]);
    let ids: std::collections::BTreeSet<String> = documents.iter().map(|one| one["event_id"].to_string()).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(receiver.seen().iter().all(|request| request.contains("webhook-signature: v1,")));
    // The event is where the alert says.
    let backend = gateway.backend(&switch.address()).await;
    let event_id = &documents[2]["alerts"][0]["event_id"];
    assert!(
        backend["history"].as_array().unwrap().iter().any(|entry| entry["event_id"] == *event_id),
        "{backend} {event_id}"
    );
    let metrics = gateway.get("/metrics").await.unwrap();
    assert!(metrics.contains("pulsegate_webhook_notices_total{result=\"delivered\",webhook=\"ops\"} 4"), "{metrics}");
    assert!(metrics.contains("pulsegate_alerts_firing{severity=\"warning\"} 0"), "{metrics}");
}

/// A mail server, in Python.
struct MailServer {
    address: SocketAddr,
    file: PathBuf,
    _process: Child,
}

impl MailServer {
    async fn start(folder: &Path, more: &[&str]) -> Self {
        let (address, file) = (free_address(), folder.join("mails"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/mail.py");
        let process = Command::new(tool("PYTHON"))
            .arg(script)
            .arg(address.port().to_string())
            .arg(&file)
            .args(more)
            .env("PYTHONPATH", tool("PYTHONPATH"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        eventually("the mail server listens", async || TcpStream::connect(address).await.is_ok()).await;
        Self { address, file, _process: process }
    }

    fn mails(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Every secret of the next test; none may be seen anywhere.
const SECRETS: [&str; 3] = ["/services/T0P/S3CRET", "r0ut1ngk3y", "p4ss w0rd"];

/// A chat, a pager, a mail server that refuses its first mail, and one that hangs.
struct Receivers {
    chat: Raw,
    pager: Raw,
    mail: MailServer,
    hanging: Raw,
    folder: TempDir,
}

impl Receivers {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::generate();
        authority.signs(&["localhost"]).write(folder.path(), "mail");
        replace(&folder.path().join("ca.pem"), &authority.pem);
        let paths = ["mail.crt", "mail.key"].map(|name| folder.path().join(name).display().to_string());
        let mail = MailServer::start(folder.path(), &["refuse", "1", "tls", &paths[0], &paths[1]]).await;
        let chat = Raw::start(|_, _| vec![ok("ok")]).await;
        for (name, text) in [
            ("slack", format!("http://{}{}\n", chat.address, SECRETS[0])),
            ("pagerduty", format!("{}\n", SECRETS[1])),
            ("smtp", format!("{}\n", SECRETS[2])),
        ] {
            replace(&folder.path().join(name), &text);
        }
        let pager = Raw::start(|_, _| status(202)).await;
        let hanging = Raw::start(|_, _| vec![Step::Hang]).await;
        Self { chat, pager, mail, hanging, folder }
    }

    fn yaml(&self) -> String {
        let file = |name: &str| format!("{{ file: {} }}", self.folder.path().join(name).display());
        format!(
            "webhooks:\n  chat: {{ kind: slack, url: {} }}\n  pager: {{ kind: pagerduty, url: \"http://{}/v2/enqueue\", routing_key: {} }}\n  \
             hanging: {{ url: \"http://{}/\", timeout: 60s }}\nsmtp:\n  mail:\n    smarthost: localhost:{}\n    ca: {}\n    username: gate\n    \
             password: {}\n    from: Pulsegate <gate@example.com>\n    to: [ops@example.com, Größe <größe@example.com>]\n\
             alerts:\n  group_wait: 300ms\n  group_interval: 500ms\n  flapping: {{ transitions: 100, within: 1s }}\n  source: eu-1\n  \
             routes: [{{ receivers: [hanging, chat, pager, mail] }}]\n",
            file("slack"),
            self.pager.address,
            file("pagerduty"),
            self.hanging.address,
            self.mail.address.port(),
            self.folder.path().join("ca.pem").display(),
            file("smtp"),
        )
        .replace("Größe <größe@example.com>", "Groesse <groesse@example.com>")
    }
}

#[tokio::test]
async fn chat_pager_and_mail_are_told_while_another_hangs_and_no_secret_is_seen() {
    let (switch, other) = (Switch::start().await, well().await);
    let receivers = Receivers::start().await;
    let yaml = config(&switch, other.address, &receivers.yaml());
    let gateway = PULSEGATE.start(&yaml).await;
    switch.is(false, &gateway).await;
    let Receivers { chat, pager, mail, hanging, .. } = &receivers;
    let told = async |count: usize| {
        eventually("chat, pager and mail are told", async || {
            chat.seen().len() == count && pager.seen().len() == count && mail.mails().len() == count
        })
        .await;
    };
    told(1).await;
    eventually("one hangs", async || hanging.seen().len() == 1).await;
    let mut client = Client::connect(gateway.address).await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await.text(), "well");
    }
    switch.is(true, &gateway).await;
    told(2).await;

    let address = switch.address();
    let chats = documents(chat);
    assert_eq!(chats[0]["attachments"][0]["color"], "warning");
    let said = [chats[0]["text"].as_str().unwrap(), chats[1]["text"].as_str().unwrap()];
    assert!(said[0].starts_with(&format!("[FIRING:1] orders: {address} is not_ready: ")), "{said:?}");
    assert!(said[1].starts_with(&format!("[RESOLVED] orders: {address} serves again, ")), "{said:?}");

    let pages = documents(pager);
    assert!(
        pages
            .iter()
            .all(|page| page["dedup_key"] == "pulsegate/eu-1/orders/warning" && page["routing_key"] == SECRETS[1])
    );
    assert_eq!([&pages[0]["event_action"], &pages[1]["event_action"]], ["trigger", "resolve"]);
    assert_eq!(pages[0]["payload"]["severity"], "warning");

    are_well_made(&mail.mails(), &address.to_string());

    let check = pulsegate("check", &gateway, &[]).await;
    let shown = [
        gateway.output(),
        words(&check),
        gateway.get("/status").await.unwrap(),
        gateway.get("/metrics").await.unwrap(),
    ];
    for secret in SECRETS {
        assert!(shown.iter().all(|text| !text.contains(secret)), "{secret}: {shown:?}");
    }
}

/// Of one alert that fires and is resolved.
fn are_well_made(mails: &[Value], address: &str) {
    for mail in mails {
        assert_eq!(
            (&mail["tls"], &mail["login"], &mail["defects"]),
            (&json!(true), &json!("gate"), &json!([])),
            "{mail}"
        );
        assert_eq!(mail["to"], json!(["ops@example.com", "groesse@example.com"]));
        assert_eq!(
            (&mail["type"], &mail["headers"]["auto-submitted"]),
            (&json!("text/plain"), &json!("auto-generated"))
        );
    }
    let header = |mail: usize, name: &str| mails[mail]["headers"][name].clone();
    assert!(header(0, "subject").as_str().unwrap().starts_with("[FIRING:1] orders: "), "{mails:?}");
    assert_eq!(header(0, "from"), "Pulsegate <gate@example.com>");
    assert!(header(0, "in-reply-to").is_null());
    assert_eq!(header(1, "in-reply-to"), header(0, "message-id"), "one thread");
    assert!(mails[0]["text"].as_str().unwrap().contains(&format!("pulsegate explain orders {address}")));
}

async fn pulsegate(command: &str, gateway: &Gateway, more: &[&str]) -> Output {
    let config = gateway.folder().join("pulsegate.yaml");
    let command = Command::new(PULSEGATE.path()).arg(command).arg("--config").arg(config).args(more).output().await;
    command.unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

#[tokio::test]
async fn a_test_says_what_each_receiver_answered() {
    let (switch, other) = (Switch::start().await, well().await);
    let receivers = Receivers::start().await;
    let refusing = Raw::start(|head, _| {
        let key =
            head.rsplit_once("\"routing_key\":\"").map_or("", |(_, rest)| rest.split('"').next().unwrap_or_default());
        let said = format!("no such key: {key}");
        vec![send(format!("HTTP/1.1 400 Bad\r\nContent-Length: {}\r\n\r\n{said}", said.len()))]
    })
    .await;
    let yaml = receivers.yaml().replace("timeout: 60s", "timeout: 300ms").replace(
        "  hanging:",
        &format!(
            "  refusing: {{ kind: pagerduty, url: \"http://{}/\", routing_key: {{ file: {} }} }}\n  restart: {{ url: \"http://127.0.0.1:1/\" }}\n  hanging:",
            refusing.address,
            receivers.folder.path().join("pagerduty").display()
        ),
    );
    let yaml = yaml.replace("[hanging, chat, pager, mail]", "[hanging, chat, pager, refusing, mail]");
    let gateway = PULSEGATE.start(&config(&switch, other.address, &yaml)).await;
    let output = pulsegate("alert-test", &gateway, &[]).await;
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 5, "{said}");
    for (line, begins) in lines.iter().zip([
        "chat: delivered, it answered 200 OK",
        "hanging: failed: no answer within 300ms",
        "mail: failed: localhost:",
        "pager: delivered, it answered 202 Accepted",
        "refusing: failed: it answered 400: no such key: REDACTED",
    ]) {
        assert!(line.starts_with(begins), "{line:?} {begins:?}");
    }
    assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{said}");
    for (more, code, word) in [
        (&["--receiver", "mail"][..], 0, "mail: delivered, it answered 250 "),
        (&["--receiver", "chat", "--resolve"], 0, "chat: delivered"),
        (&["--receiver", "nobody"], 64, "the configuration knows: chat, hanging, pager, refusing, restart, mail"),
    ] {
        let output = pulsegate("alert-test", &gateway, more).await;
        assert_eq!(output.status.code(), Some(code), "{more:?}: {}", words(&output));
        assert!(words(&output).contains(word), "{more:?}: {}", words(&output));
    }
    let texts: Vec<String> =
        documents(&receivers.chat).iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        texts,
        ["[FIRING:1] eu-1: this is a test, nothing is wrong", "[RESOLVED] eu-1: this was a test, and it is over"]
    );
}

#[tokio::test]
async fn a_reload_and_a_takeover_tell_nothing_twice_and_the_end_once() {
    let (switch, other) = (Switch::start().await, well().await);
    let receiver = Raw::start(|_, _| status(204)).await;
    let more = |extra: &str| {
        format!(
            "upgrade: {{ directory: takeover, timeout: 20s }}\nwebhooks: {{ ops: {{ url: \"http://{}/\" }}{extra} }}\nalerts: {{ group_wait: 200ms, \
             group_interval: 400ms, flapping: {{ transitions: 100 }}, routes: [{{ receivers: [ops] }}] }}\n",
            receiver.address
        )
    };
    let yaml = config(&switch, other.address, &more(""));
    // It is down before there is a gateway: told when there is one.
    switch.well.store(false, Ordering::Relaxed);
    let mut gateway = PULSEGATE.start(&yaml).await;
    eventually("the outage is told", async || receiver.seen().len() == 1).await;
    gateway.reload(&config(&switch, other.address, &more(", more: { url: \"http://127.0.0.1:1/\" }"))).await;
    // Somebody else's end of a condition is the sign that the reload was heard.
    let refused = yaml.replace("upstream: orders", "upstream: ordres");
    gateway.write(&refused);
    assert_eq!(gateway.command(&["reload"]).0, 64);
    eventually("the refusal is told", async || receiver.seen().len() == 2).await;
    gateway.reload(&yaml).await;
    eventually("its end is told", async || receiver.seen().len() == 3).await;

    let next = gateway.successor(&yaml);
    eventually("the old process ends", async || gateway.has_ended()).await;
    next.ready().await;
    switch.is(true, &next).await;
    eventually("the end is told", async || receiver.seen().len() >= 4).await;
    switch.is(false, &next).await;
    eventually("the next outage is told", async || receiver.seen().len() >= 5).await;
    assert_eq!(
        told(&documents(&receiver)),
        [
            "firing: warning backend_out",
            "firing: warning reload_refused",
            "resolved: resolved reload_refused",
            "resolved: resolved backend_out",
            "firing: warning backend_out",
        ]
    );
}
