//! Whose is a file's hanging? Its own: every other file is read on, what hangs is named, and when it answers, or another is in its place, it is in
//! force.

use super::PULSEGATE;
use super::pool;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;
use std::path::Path;
use support::client::Client;
use support::eventually;
use support::gateway::Gateway;
use support::raw::{Raw, ok};
use support::tls::{Hello, Made, replace, self_signed};
use tempfile::TempDir;

const RESPOND: &str = "routes: [{ respond: { body: ok } }]\n";

/// In the place of a file: whoever opens it waits for ever.
fn hangs(path: &Path) {
    let pipe = path.with_extension("pipe");
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    fs::rename(pipe, path).unwrap();
}

async fn leaves(gateway: &mut Gateway) {
    gateway.signal(Signal::SIGTERM);
    assert!(gateway.ended().await.success());
}

async fn is_applied(gateway: &Gateway) -> bool {
    gateway.json("/status").await["last_reload"]["applied"] == true
}

/// Of a reload that was refused.
async fn why(gateway: &Gateway) -> String {
    gateway.json("/status").await["last_reload"]["error"].as_str().unwrap_or_default().to_owned()
}

const NAMES: [&str; 4] = ["a.test", "b.test", "c.test", "d.test"];

/// Writes new certificates for these names; the new ones.
fn renewed(folder: &Path, names: &[&'static str]) -> Vec<(&'static str, Made)> {
    let made = names.iter().map(|&name| (name, self_signed(&[name], |_| ())));
    made.inspect(|(name, made)| made.write(folder, name)).collect()
}

async fn serves(gateway: &Gateway, (name, made): &(&str, Made)) {
    let hello = Hello { sni: Some(*name), ..Hello::default() };
    eventually(&format!("the new certificate of {name}"), async || {
        hello.certificate(gateway.address).await.is_ok_and(|got| got == made.der)
    })
    .await;
}

#[tokio::test]
async fn certificates_beside_one_that_hangs_are_renewed() {
    let folder = TempDir::new().unwrap();
    renewed(folder.path(), &NAMES);
    let pair = |name: &&str| format!("{{ certificate: {0}/{name}.crt, key: {0}/{name}.key }}", folder.path().display());
    let pairs: Vec<String> = NAMES.iter().map(pair).collect();
    let tls = format!("    tls: {{ certificates: [{}] }}", pairs.join(", "));
    let mut gateway = PULSEGATE.start_with(RESPOND, &tls).await;

    // A certificate and a key hang; those before, between and behind them do not.
    hangs(&folder.path().join("b.test.crt"));
    hangs(&folder.path().join("d.test.key"));
    for one in renewed(folder.path(), &["a.test", "c.test"]) {
        serves(&gateway, &one).await;
    }
    for file in ["b.test.crt", "d.test.key"] {
        gateway.says(&format!("{}/{file} does not answer", folder.path().display())).await;
    }
    // And again, with both of them known.
    for one in renewed(folder.path(), &["c.test", "a.test"]) {
        serves(&gateway, &one).await;
    }
    for one in renewed(folder.path(), &["b.test", "d.test"]) {
        serves(&gateway, &one).await;
    }
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_certificate_that_hangs_refuses_a_reload_by_its_name_and_the_others_go_on() {
    let folder = TempDir::new().unwrap();
    renewed(folder.path(), &["a.test"]);
    let tls = format!("    tls: {{ certificate: {0}/a.test.crt, key: {0}/a.test.key }}", folder.path().display());
    let mut gateway = PULSEGATE.start_with(RESPOND, &tls).await;
    let config = gateway.folder().join("pulsegate.yaml");
    let token = gateway.folder().join("token");
    let with_token = format!("admin: {{ tokens: [{{ name: ops, file: {} }}], address:", token.display());
    let with_token = fs::read_to_string(&config).unwrap().replace("admin: { address:", &with_token);
    hangs(&token);
    replace(&config, &with_token);
    gateway.signal(Signal::SIGHUP);
    let named = format!("{} does not answer", token.display());
    eventually("it is refused by name", async || why(&gateway).await.contains(&named)).await;
    for one in renewed(folder.path(), &["a.test"]) {
        serves(&gateway, &one).await;
    }
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_configuration_that_hung_many_times_is_read_when_it_is_mended() {
    let gateway = PULSEGATE.start(RESPOND).await;
    let config = gateway.folder().join("pulsegate.yaml");
    hangs(&config);
    for _ in 0..12 {
        let before = gateway.json("/status").await["last_reload"].clone();
        gateway.signal(Signal::SIGHUP);
        eventually("the reload is refused", async || gateway.json("/status").await["last_reload"] != before).await;
        assert!(why(&gateway).await.contains("does not answer"), "{}", why(&gateway).await);
    }
    fs::remove_file(&config).unwrap();
    gateway.write(&RESPOND.replace("ok", "mended"));
    gateway.signal(Signal::SIGHUP);
    eventually("one that can be read is applied", async || is_applied(&gateway).await).await;
    assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "mended");
}

#[tokio::test]
async fn a_watched_file_that_hung_is_watched_on() {
    let yaml = format!("reload: {{ watch: true }}\n{RESPOND}");
    let mut gateway = PULSEGATE.start(&yaml).await;
    let config = gateway.folder().join("pulsegate.yaml");
    hangs(&config);
    gateway.says("reload (watch): reading").await;
    eventually("it is refused", async || why(&gateway).await.contains("does not answer")).await;
    fs::remove_file(&config).unwrap();
    gateway.write(&yaml.replace("body: ok", "body: mended"));
    eventually("it is seen, and applied", async || is_applied(&gateway).await).await;
    hangs(&config);
    leaves(&mut gateway).await;
}

#[tokio::test]
async fn a_backends_file_that_hung_is_followed_on() {
    let folder = TempDir::new().unwrap();
    let backends = [Raw::start(|_, _| vec![ok("one")]).await, Raw::start(|_, _| vec![ok("two")]).await];
    let (hung, other) = (folder.path().join("hung"), folder.path().join("other"));
    for file in [&hung, &other] {
        fs::write(file, format!("- {}\n", backends[0].address)).unwrap();
    }
    let own = pool(&[backends[0].address]);
    let from_file = |file: &Path| format!("backends: [{{ file: {} }}]", file.display());
    let yaml = own.replace(&format!("backends: [\"{}\"]", backends[0].address), &from_file(&hung));
    let (routes, pool) = yaml.split_once("  pool:\n").unwrap();
    let yaml = format!("{routes}  pool:\n{pool}  beside:\n{}", pool.replace(&from_file(&hung), &from_file(&other)));
    let mut gateway = PULSEGATE.start(&yaml).await;
    hangs(&hung);
    gateway.says(&format!("{} cannot be read: it does not answer", hung.display())).await;
    assert_eq!(Client::connect(gateway.address).await.get("/").await.text(), "one");
    let two = backends[1].address.to_string();
    replace(&other, &format!("- {two}\n"));
    eventually("the other file is followed", async || gateway.standing_of(&two).await == "up").await;
    replace(&hung, &format!("- {two}\n"));
    eventually("and so is this one", async || Client::connect(gateway.address).await.get("/").await.text() == "two")
        .await;
    hangs(&hung);
    leaves(&mut gateway).await;
}
