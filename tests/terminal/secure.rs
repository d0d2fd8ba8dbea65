//! An admin listener that speaks TLS and knows its clients by their certificates, asked by the commands.

use super::PULSEGATE;
use super::pool;
use std::path::Path;
use support::eventually;
use support::gateway::Gateway;
use support::raw::{Raw, ok};
use support::tls::{Authority, Hello, Made, replace};

/// A gateway, and where its certificates are.
struct Secure {
    gateway: Gateway,
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Secure {
    async fn start(yaml: &str) -> Self {
        let (folder, authority) = (tempfile::TempDir::new().expect("a folder"), Authority::generate());
        let at = |name: &str| folder.path().join(name).display().to_string();
        authority.signs(&["127.0.0.1", "first.test"]).write(folder.path(), "server");
        replace(folder.path().join("ca.pem").as_path(), &authority.pem);
        for name in ["oncall", "scraper", "stranger"] {
            authority.signs(&[&format!("{name}.test")]).write(folder.path(), name);
        }
        Authority::generate().signs(&["oncall.test"]).write(folder.path(), "forged");
        let keys = format!(
            ", tls: {{ certificate: {}, key: {}, client_auth: {{ ca: {} }} }}, clients: [{{ name: oncall, subject: oncall.test }}, \
             {{ name: prometheus, subject: scraper.test, scopes: [metrics] }}]",
            at("server.crt"),
            at("server.key"),
            at("ca.pem")
        );
        let gateway = PULSEGATE.spawn_guarded(yaml, &keys);
        let secure = Self { gateway, folder, authority };
        eventually("it lives", async || secure.command("oncall", &["healthcheck"]).0 == 0).await;
        secure
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command with this certificate.
    fn command(&self, identity: &str, arguments: &[&str]) -> (i32, String) {
        let at = |name: &str| self.folder().join(name).display().to_string();
        let mut command = PULSEGATE.command();
        command.args(arguments).args(["--admin", &format!("https://{}", self.gateway.admin), "--ca", &at("ca.pem")]);
        if !identity.is_empty() {
            command.args(["--cert", &at(&format!("{identity}.crt")), "--key", &at(&format!("{identity}.key"))]);
        }
        let output = command.output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    async fn served(&self, identity: &Made) -> Vec<u8> {
        let hello = Hello { identity: Some(identity), ..Hello::default() };
        hello.certificate(self.gateway.admin).await.expect("a certificate")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_say_who_asks_and_who_may_what() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let other = Raw::start(|_, _| vec![ok("other")]).await;
    let secure = Secure::start(&pool(&[well.address, other.address])).await;
    let address = well.address.to_string();
    eventually("all are well", async || secure.command("oncall", &["status"]).0 == 0).await;
    let (code, said) = secure.command("oncall", &["drain", "pool", &address]);
    assert!(code == 0 && said.contains("drain by oncall"), "{said}");
    let (code, said) = secure.command("oncall", &["explain", "pool", &address]);
    assert!(code == 0 && said.contains("is drained"), "{said}");
    let (code, said) = secure.command("oncall", &["top", "--once"]);
    assert!(code == 0 && said.contains(" drained "), "{said}");

    let (code, said) = secure.command("scraper", &["undrain", "pool", &address]);
    assert!(code == 1 && said.contains("prometheus may not do this: it needs the scope `write`"), "{said}");
    assert_eq!(secure.command("scraper", &["status"]).0, 3, "metrics are all it may read");
    let (code, said) = secure.command("stranger", &["status"]);
    assert!(code == 3 && said.contains("nobody in admin.clients"), "{said}");
    for identity in ["forged", ""] {
        let (code, said) = secure.command(identity, &["status"]);
        assert!(code == 3 && said.contains("no answer from the admin listener"), "{identity}: {said}");
    }
    let plain = secure.gateway.get("/status").await.unwrap_or_default();
    assert!(!plain.contains("200 OK"), "{plain}");
    secure.gateway.says("by=oncall").await;
    secure.gateway.says("by=prometheus").await;
    let said = secure.gateway.output();
    let audit = |by: &str, result: &str| {
        said.lines().any(|line| {
            line.contains("event=admin.write")
                && line.contains(&format!("by={by}"))
                && line.contains(&format!("result={result}"))
        })
    };
    assert!(audit("oncall", "applied") && audit("prometheus", "denied"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_served_without_a_reload_and_a_broken_one_is_not() {
    let well = Raw::start(|_, _| vec![ok("well")]).await;
    let secure = Secure::start(&pool(&[well.address])).await;
    let identity = secure.authority.signs(&["oncall.test"]);
    let first = secure.served(&identity).await;
    let renewed = secure.authority.signs(&["127.0.0.1", "second.test"]);
    assert_ne!(first, renewed.der);
    renewed.write(secure.folder(), "server");
    eventually("the new one is served", async || secure.served(&identity).await == renewed.der).await;
    replace(&secure.folder().join("server.crt"), "half a certi");
    eventually("it is told", async || secure.gateway.output().contains("the last good one stays in use")).await;
    assert_eq!(secure.served(&identity).await, renewed.der);
    assert_eq!(secure.command("oncall", &["status"]).0, 0);
}
