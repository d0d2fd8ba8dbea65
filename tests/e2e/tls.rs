//! TLS towards clients: who gets which certificate, who is asked for one, and what a renewal does to connections that are open.

use super::PULSEGATE;
use super::pool;
use nix::sys::signal::Signal;
use rustls::version::{TLS12, TLS13};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use support::client::Client;
use support::eventually;
use support::gateway::Gateway;
use support::raw::{Raw, ok};
use support::tls::{Authority, Hello, Made, replace, self_signed};
use tempfile::TempDir;

const RESPOND: &str = "routes: [{ respond: { body: ok } }]\n";

fn named(names: &[&str]) -> Made {
    self_signed(names, |_| ())
}

/// The listener's keys with one certificate `one`, and more keys of `tls`.
fn one(folder: &Path, more: &str) -> String {
    format!("    tls: {{ certificate: {0}/one.crt, key: {0}/one.key{more} }}", folder.display())
}

#[tokio::test]
async fn a_name_gets_its_certificate() {
    let folder = TempDir::new().expect("a folder");
    let [first, shop, pay] = [named(&["first.test"]), named(&["*.shop.test", "shop.test"]), named(&["pay.shop.test"])];
    let mut certificates = String::new();
    for (name, made) in [("first", &first), ("shop", &shop), ("pay", &pay)] {
        made.write(folder.path(), name);
        certificates += &format!("{{ certificate: {0}/{name}.crt, key: {0}/{name}.key }}, ", folder.path().display());
    }
    let tls = |more: &str| format!("    tls: {{ certificates: [{certificates}]{more} }}");
    let relaxed = PULSEGATE.start_with(RESPOND, &tls("")).await;
    let strict = PULSEGATE.start_with(RESPOND, &tls(", strict_sni: true")).await;
    for (sni, expected, strictly) in [
        (Some("first.test"), &first, true),
        (Some("shop.test"), &shop, true),
        (Some("www.SHOP.test"), &shop, true),
        (Some("pay.shop.test"), &pay, true),
        (Some("a.b.shop.test"), &first, false),
        (Some("unknown.test"), &first, false),
        (None, &first, false),
    ] {
        let hello = Hello { sni, ..Hello::default() };
        assert_eq!(hello.certificate(relaxed.address).await.expect("a handshake"), expected.der, "{sni:?}");
        let strictly_got = hello.certificate(strict.address).await.ok();
        assert_eq!(strictly_got, strictly.then(|| expected.der.clone()), "{sni:?}, strictly");
    }
    let metrics = relaxed.get("/metrics").await.expect("metrics");
    for name in ["first.test", "*.shop.test", "shop.test", "pay.shop.test"] {
        let series = format!("pulsegate_certificate_expiry_timestamp_seconds{{listener=\"test\",name=\"{name}\"}}");
        assert!(metrics.contains(&series), "{series}");
    }
}

#[tokio::test]
async fn the_minimum_version_is_held() {
    let folder = TempDir::new().expect("a folder");
    named(&["one.test"]).write(folder.path(), "one");
    let old = Hello { version: Some(&TLS12), ..Hello::default() };
    let new = Hello { version: Some(&TLS13), ..Hello::default() };
    for (more, old_too) in [("", true), (", minimum_version: \"1.2\"", true), (", minimum_version: \"1.3\"", false)] {
        let gateway = PULSEGATE.start_with(RESPOND, &one(folder.path(), more)).await;
        assert!(new.connect(gateway.address).await.is_ok(), "{more}");
        assert_eq!(old.connect(gateway.address).await.is_ok(), old_too, "{more}");
    }
}

// ------------------------------------------------------ certificates of clients

const SPOOF: &str = "X-Client-Cert-Subject: CN=admin\r\nClient-Cert: :AAAA:\r\nClient-Cert-Chain: :AAAA:\r\n\
                     X-Forwarded-Client-Cert: Subject=admin\r\nSSL-Client-Verify: SUCCESS\r\nX-SSL-Client-S-DN: CN=admin\r\n";

/// A backend that answers with the request's headers about client certificates.
async fn echo() -> Raw {
    Raw::start(|head, _| {
        let about = |line: &&str| {
            let lower = line.to_ascii_lowercase();
            lower.contains("client-cert") || lower.contains("ssl-client") || lower.contains("ssl-")
        };
        vec![ok(&head.lines().filter(about).collect::<Vec<_>>().join("\n"))]
    })
    .await
}

struct Asked {
    folder: TempDir,
    authority: Authority,
    client: Made,
    stranger: Made,
}

impl Asked {
    fn new() -> Self {
        let (folder, authority) = (TempDir::new().expect("a folder"), Authority::generate());
        named(&["one.test"]).write(folder.path(), "one");
        replace(&folder.path().join("ca.pem"), &authority.pem);
        let (client, stranger) = (authority.signs(&["till.test"]), Authority::generate().signs(&["till.test"]));
        Self { folder, authority, client, stranger }
    }

    fn listener(&self, mode: &str) -> String {
        let auth = format!(", client_auth: {{ ca: {}/ca.pem{mode} }}", self.folder.path().display());
        // Even a trusted proxy does not speak of certificates where they are asked for.
        one(self.folder.path(), &auth) + "\n    trusted_proxies: [127.0.0.1]"
    }
}

/// What a client gets; `None` when it is refused.
async fn answer(hello: &Hello<'_>, gateway: &Gateway) -> Option<String> {
    let mut client = hello.connect(gateway.address).await.ok()?;
    let (status, body) = client.get(SPOOF).await.ok()?;
    assert_eq!(status, 200);
    Some(body)
}

#[tokio::test]
async fn a_required_client_certificate_is_verified_and_passed_on() {
    let (asked, backend) = (Asked::new(), echo().await);
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), &asked.listener("")).await;
    for version in [&TLS12, &TLS13] {
        let nobody = Hello { version: Some(version), ..Hello::default() };
        assert_eq!(answer(&nobody, &gateway).await, None, "{version:?}");
        let stranger = Hello { identity: Some(&asked.stranger), ..nobody.clone() };
        assert_eq!(answer(&stranger, &gateway).await, None, "{version:?}");

        let known = Hello { identity: Some(&asked.client), ..nobody };
        let told = answer(&known, &gateway).await.expect("an answer").to_ascii_lowercase();
        assert!(told.contains("x-client-cert-subject: cn=till.test"), "{told}");
        assert!(told.contains("x-client-cert-san: dns:till.test"), "{told}");
        for name in ["client-cert: :", "x-client-cert-serial: ", "x-client-cert-fingerprint: "] {
            assert!(told.contains(name), "{name} in {told}");
        }
        assert!(!told.contains("admin") && !told.contains("aaaa") && !told.contains("ssl-"), "{told}");
        assert_eq!(told.lines().count(), 5, "{told}");
    }
    let metrics = gateway.get("/metrics").await.expect("metrics");
    for reason in ["client_certificate_missing", "client_certificate_refused"] {
        let series = format!("pulsegate_refused_total{{listener=\"test\",reason=\"{reason}\"}} 2");
        assert!(metrics.contains(&series), "{series} in\n{metrics}");
    }
}

#[tokio::test]
async fn an_optional_client_certificate_is_verified_when_it_is_shown() {
    let (asked, backend) = (Asked::new(), echo().await);
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), &asked.listener(", mode: optional")).await;
    assert_eq!(answer(&Hello::default(), &gateway).await.as_deref(), Some(""), "nothing of what it claims");
    let stranger = Hello { identity: Some(&asked.stranger), ..Hello::default() };
    assert_eq!(answer(&stranger, &gateway).await, None);
    let known = Hello { identity: Some(&asked.client), ..Hello::default() };
    assert!(answer(&known, &gateway).await.expect("an answer").contains("CN=till.test"));
}

#[tokio::test]
async fn a_route_is_chosen_by_what_was_verified_and_not_by_what_is_claimed() {
    let asked = Asked::new();
    let routes = "routes:\n  - match: { headers: { X-Client-Cert-Subject: CN=till.test } }\n    respond: { body: the till }\n  \
                  - match: { headers: { X-Client-Cert-Subject: CN=admin } }\n    respond: { body: the admin }\n  \
                  - respond: { body: nobody }\n";
    let gateway = PULSEGATE.start_with(routes, &asked.listener(", mode: optional")).await;
    assert_eq!(answer(&Hello::default(), &gateway).await.as_deref(), Some("nobody"));
    let known = Hello { identity: Some(&asked.client), ..Hello::default() };
    assert_eq!(answer(&known, &gateway).await.as_deref(), Some("the till"));

    let plain = PULSEGATE.start(routes).await;
    let mut client = Client::connect(plain.address).await;
    client.send(format!("GET / HTTP/1.1\r\nHost: test\r\n{SPOOF}\r\n")).await;
    assert_eq!(client.answer().await.text(), "nobody");
}

#[tokio::test]
async fn the_subject_is_passed_on_for_every_stream_of_http2() {
    let (asked, backend) = (Asked::new(), echo().await);
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), &asked.listener("")).await;
    let hello = Hello { identity: Some(&asked.client), http2: true, ..Hello::default() };
    let stream = hello.shake(gateway.address).await.expect("a handshake");
    let (mut sender, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let driving = tokio::spawn(connection);
    for _ in 0..2 {
        let request = http::Request::get("https://test/").header("x-client-cert-subject", "CN=admin");
        let (answer, _) = sender.send_request(request.body(()).expect("a request"), true).expect("sent");
        let mut body = answer.await.expect("an answer").into_body();
        let told = body.data().await.expect("a body").expect("a body");
        let told = String::from_utf8_lossy(&told).into_owned();
        assert!(told.contains("CN=till.test") && !told.contains("admin"), "{told}");
    }
    driving.abort();
}

#[tokio::test]
async fn a_resumed_session_is_still_the_same_client_and_none_survives_its_authority() {
    let (asked, backend) = (Asked::new(), echo().await);
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), &asked.listener("")).await;
    for version in [&TLS12, &TLS13] {
        replace(&asked.folder.path().join("ca.pem"), &asked.authority.pem);
        let known = Hello { identity: Some(&asked.client), version: Some(version), ..Hello::default() };
        eventually("the client is known", async || answer(&known, &gateway).await.is_some()).await;

        let known = Hello { shared: Some(Arc::new(known.config())), ..known };
        assert!(answer(&known, &gateway).await.is_some());
        let mut again = known.connect(gateway.address).await.expect("a handshake");
        assert!(again.resumed(), "{version:?}");
        assert!(again.get("").await.expect("an answer").1.contains("CN=till.test"), "{version:?}");

        replace(&asked.folder.path().join("ca.pem"), &Authority::generate().pem);
        eventually("the client is a stranger now", async || answer(&known, &gateway).await.is_none()).await;
    }
}

#[tokio::test]
async fn another_authority_is_in_force_without_a_reload() {
    let (asked, backend) = (Asked::new(), echo().await);
    let gateway = PULSEGATE.start_with(&pool(&[backend.address]), &asked.listener("")).await;
    let known = Hello { identity: Some(&asked.client), ..Hello::default() };
    assert!(answer(&known, &gateway).await.is_some());
    let other = Authority::generate();
    let both = asked.authority.pem.clone() + &other.pem;
    replace(&asked.folder.path().join("ca.pem"), &both);
    let theirs = other.signs(&["other.test"]);
    let others = Hello { identity: Some(&theirs), ..Hello::default() };
    eventually("the new authority is believed", async || answer(&others, &gateway).await.is_some()).await;
    assert!(answer(&known, &gateway).await.is_some(), "and so is the old one");
}

// ---------------------------------------------------------------------- renewal

async fn shows(gateway: &Gateway, made: &Made) {
    eventually("the renewed certificate is in force", async || {
        Hello::default().certificate(gateway.address).await.is_ok_and(|got| got == made.der)
    })
    .await;
}

#[tokio::test]
async fn a_renewed_certificate_is_for_new_connections_and_a_half_written_one_for_nobody() {
    let folder = TempDir::new().expect("a folder");
    let (old, new) = (named(&["old.test"]), named(&["new.test"]));
    old.write(folder.path(), "one");
    let gateway = PULSEGATE.start_with(RESPOND, &one(folder.path(), "")).await;
    let mut open = Hello::default().connect(gateway.address).await.expect("a handshake");
    assert_eq!(open.get("").await.expect("an answer").0, 200);

    replace(&folder.path().join("one.crt"), &new.certificate);
    eventually("the half of a pair is told", async || gateway.output().contains("does not belong to")).await;
    assert_eq!(Hello::default().certificate(gateway.address).await.expect("a handshake"), old.der);
    assert!(gateway.get("/metrics").await.expect("metrics").contains("name=\"old.test\""));

    replace(&folder.path().join("one.key"), &new.key);
    shows(&gateway, &new).await;
    assert_eq!(open.certificate(), old.der);
    assert_eq!(open.get("").await.expect("an answer").0, 200, "the open connection goes on");
    gateway.says("one.crt renewed (new.test; until ").await;
    let told = gateway.output();
    assert_eq!(told.matches("does not belong to").count(), 1, "{told}");
    let metrics = gateway.get("/metrics").await.expect("metrics");
    assert!(metrics.contains("name=\"new.test\"") && !metrics.contains("name=\"old.test\""));
}

/// Lays out a version of a mounted secret, as the kubelet does.
fn mount(folder: &Path, version: &str, made: &Made) {
    std::fs::create_dir(folder.join(version)).expect("a folder");
    made.write(&folder.join(version), "one");
    symlink(version, folder.join("..data_tmp")).expect("a link");
    std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("a rename");
}

#[tokio::test]
async fn the_swap_of_a_mounted_secret_is_a_renewal() {
    let folder = TempDir::new().expect("a folder");
    let (old, new) = (named(&["one.test"]), named(&["one.test"]));
    mount(folder.path(), "..1", &old);
    for file in ["one.crt", "one.key"] {
        symlink(format!("..data/{file}"), folder.path().join(file)).expect("a link");
    }
    let gateway = PULSEGATE.start_with(RESPOND, &one(folder.path(), "")).await;
    let mut open = Hello::default().connect(gateway.address).await.expect("a handshake");
    assert_eq!(open.certificate(), old.der);

    mount(folder.path(), "..2", &new);
    std::fs::remove_dir_all(folder.path().join("..1")).expect("the old version");
    shows(&gateway, &new).await;
    assert_eq!(open.get("").await.expect("an answer").0, 200, "the open connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_renewals_under_load_fail_no_request() {
    let folder = TempDir::new().expect("a folder");
    named(&["one.test"]).write(folder.path(), "one");
    let gateway = PULSEGATE.start_with(RESPOND, &one(folder.path(), "")).await;
    let (done, asked): (Arc<AtomicBool>, Arc<AtomicUsize>) = Default::default();
    let address = gateway.address;
    // Half of the clients keep one connection, half shake hands for each three requests.
    let clients = (0..8).map(|number| {
        let (done, asked) = (done.clone(), asked.clone());
        tokio::spawn(async move {
            let mut failed = Vec::new();
            while !done.load(Relaxed) {
                let served = async {
                    let mut client = Hello::default().connect(address).await?;
                    let mut left = if number % 2 == 0 { usize::MAX } else { 3 };
                    while left > 0 && !done.load(Relaxed) {
                        left -= 1;
                        asked.fetch_add(1, Relaxed);
                        let (status, _) = client.get("").await?;
                        assert_eq!(status, 200);
                        support::pause(std::time::Duration::from_millis(5)).await;
                    }
                    std::io::Result::Ok(())
                };
                failed.extend(served.await.err().map(|error| error.to_string()));
            }
            failed
        })
    });
    let clients: Vec<_> = clients.collect();
    for number in 0..20 {
        let renewed = named(&["one.test"]);
        renewed.write(folder.path(), "one");
        // A reload reads them too, at the same time or before.
        if number % 4 == 0 {
            gateway.signal(Signal::SIGHUP);
        }
        shows(&gateway, &renewed).await;
    }
    support::eventually("the clients have asked often", async || asked.load(Relaxed) > 1000).await;
    done.store(true, Relaxed);
    for client in clients {
        assert_eq!(client.await.expect("a client"), [""; 0], "a request failed");
    }
}

// -------------------------------------------------------------- towards backends

#[tokio::test]
async fn a_system_without_roots_serves_what_needs_none() {
    let folder = TempDir::new().expect("a folder");
    named(&["one.test"]).write(folder.path(), "one");
    let backend = PULSEGATE.start_with("routes: [{ respond: { body: from within } }]\n", &one(folder.path(), "")).await;
    let yaml = format!(
        "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{}\"]\n    tls: {{ sni: any.test, verify: false }}\n    \
         readiness: {{ path: /, period: 300ms, timeout: 10s }}\n",
        backend.address
    );
    let rootless = [("SSL_CERT_FILE", "/nowhere/roots.pem"), ("SSL_CERT_DIR", "/nowhere")];
    let gateway = PULSEGATE.spawn_in(&yaml, "", &rootless);
    gateway.ready().await;
    assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "from within");
}

#[tokio::test]
async fn a_backend_that_asks_who_we_are_is_told_by_probes_and_traffic() {
    let asked = Asked::new();
    let folder = asked.folder.path();
    asked.client.write(folder, "client");
    let backend = echo().await;
    let inner = PULSEGATE.start_with(&pool(&[backend.address]), &asked.listener("")).await;
    let yaml = |protocol: &str, identity: bool| {
        let pair = format!(", certificate: {0}/client.crt, key: {0}/client.key", folder.display());
        format!(
            "routes: [{{ upstream: pool }}]\nupstreams:\n  pool:\n    backends: [\"{}\"]\n    protocol: {protocol}\n    tls: {{ sni: one.test, \
             ca: {}/one.crt{} }}\n    readiness: {{ path: /ready, period: 300ms, timeout: 10s }}\n",
            inner.address,
            folder.display(),
            if identity { &*pair } else { "" }
        )
    };
    for protocol in ["http1", "http2"] {
        let gateway = PULSEGATE.start(&yaml(protocol, true)).await;
        let mut client = Client::connect(gateway.address).await;
        let answer = client.get("/").await;
        assert_eq!(answer.status, 200, "{protocol}");
        assert!(answer.text().contains("CN=till.test"), "{protocol}: {}", answer.text());
        assert_eq!(gateway.standing_of(&inner.address.to_string()).await, "up");
    }
    let nobody = PULSEGATE.start(&yaml("http1", false)).await;
    assert_eq!(Client::connect(nobody.address).await.get("/").await.status, 503);
    assert_ne!(nobody.standing_of(&inner.address.to_string()).await, "up");
}
