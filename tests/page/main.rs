//! Is the page worth keeping open? In a real Chromium, in front of real backends: what happens is seen within a second, orders are given by
//! mouse and by keyboard, and the page is honest when the connection is lost. Pictures of it are kept in `target/page`.
//!
//! `make test-needs` brings Chromium and what drives it; without them this fails and says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

mod browser;
mod many;

use browser::Browser;
use jiff::Timestamp;
use serde_json::Value;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use support::Pulsegate;
use support::backend::Backend;
use support::gateway::Gateway;
use support::load::{Load, Request, Target};
use tokio::sync::Mutex;

/// The binary that is tried.
const PULSEGATE: Pulsegate = Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"));

/// From an event to its row, beside the slowest answer and frame that a busy machine gives the page then: an event is written by more hands.
const SEEN_WITHIN_MS: i64 = 1000;
const SLOWER: i64 = 2;

/// The tests take turns: their bounds are of real time.
static TURN: Mutex<()> = Mutex::const_new(());

/// Only for processes that this file starts as backends.
#[test]
fn backend_process() {
    support::server::run_if_asked();
}

/// Two pools; the first has `first` members.
fn configuration(backends: &[Backend], first: usize) -> String {
    let list = |backends: &[Backend]| {
        let addresses: Vec<String> = backends.iter().map(|backend| backend.address.to_string()).collect();
        format!("{addresses:?}")
    };
    let readiness = "{ path: /ready, period: 500ms, fast_period: 200ms, timeout: 10s }";
    format!(
        "routes:\n  - {{ match: {{ host: orders.example }}, upstream: orders }}\n  - {{ match: {{}}, upstream: billing }}\n\
         upstreams:\n  orders: {{ backends: {}, readiness: {readiness} }}\n  billing: {{ backends: {}, readiness: {readiness} }}\n",
        list(&backends[..first]),
        list(&backends[first..]),
    )
}

async fn backends(count: usize) -> Vec<Backend> {
    let mut backends = Vec::new();
    for _ in 0..count {
        backends.push(Backend::start().await);
    }
    backends
}

fn load(address: SocketAddr, host: &'static str) -> Load {
    Load::until_ended(Request { method: "GET", host, path: "/work" }, Target::spared(address), 40)
}

/// An expression: the row of a backend, where it is in sight.
fn row(address: SocketAddr) -> String {
    format!(
        "[...document.querySelectorAll('.row:not([hidden])')].find((row) => row.parts.address.textContent === '{address}')"
    )
}

async fn standing(browser: &mut Browser, address: SocketAddr, word: &str) {
    browser.until(&format!("{}?.parts.standing.textContent === '{word}'", row(address))).await;
}

/// A transition, as the gateway's own history tells it.
struct Change {
    id: String,
    /// Milliseconds since 1970.
    at: i64,
    /// Where to.
    word: String,
    why: String,
}

/// The newest that led away from `up`.
async fn first_change(gateway: &Gateway, address: SocketAddr) -> Change {
    let backend = gateway.backend(&address.to_string()).await;
    let history = backend["history"].as_array().cloned().unwrap_or_default();
    let left = |entry: &&Value| entry["details"]["from"] == "up";
    let entry = history.iter().find(left).unwrap_or_else(|| panic!("it did not leave up: {history:?}"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let at: Timestamp = text(&entry["at"]).parse().unwrap();
    let message = text(&entry["message"]);
    Change {
        id: text(&entry["event_id"]),
        at: at.as_millisecond(),
        word: text(&entry["details"]["to"]),
        why: message.split_once(": ").unwrap().1.to_owned(),
    }
}

/// Notes, frame by frame, as what a row stands: each with its moment on the machine's one clock. And, as a control beside it, the longest that
/// a question to the same listener took, with the frame behind it.
async fn watch(browser: &mut Browser, address: SocketAddr) {
    let code = format!(
        "(() => {{ window.seen = []; window.slowest = 0; \
         const look = () => {{ const text = {row}?.parts.standing.textContent; \
         if (text && text !== window.seen.at(-1)?.text) window.seen.push({{ text, at: Date.now() }}); requestAnimationFrame(look); }}; look(); \
         const ask = async () => {{ const begun = Date.now(); await fetch('/status'); await new Promise(requestAnimationFrame); \
         window.slowest = Math.max(window.slowest, Date.now() - begun); setTimeout(ask, 20); }}; ask(); }})()",
        row = row(address)
    );
    browser.look(&code).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_dies_is_seen_within_a_second_and_a_click_drains_another() {
    let _turn = TURN.lock().await;
    let mut backends = backends(6).await;
    let gateway = PULSEGATE.start(&configuration(&backends, 4)).await;
    let loads = [load(gateway.address, "orders.example"), load(gateway.address, "billing.example")];
    let mut browser = Browser::start().await;
    browser.open(&format!("http://{}/", gateway.admin)).await;
    browser.until("document.querySelectorAll('.row:not([hidden])').length === 6").await;
    browser.until("document.querySelector('#link').classList.contains('live')").await;

    let dead = backends[1].address;
    standing(&mut browser, dead, "up").await;
    watch(&mut browser, dead).await;
    backends[1].kill();
    browser.until("['ejected', 'down'].includes(window.seen.at(-1)?.text)").await;
    // Passive evidence may come first (ejected), then the probes' (down): the first change is the one that is timed.
    let Change { id, at, word, why } = first_change(&gateway, dead).await;
    let seen = browser.look(&format!("window.seen.find((one) => one.text !== 'up' && one.at >= {at}).at")).await;
    let (took, slowest) = (seen.as_i64().unwrap() - at, browser.look("window.slowest").await.as_i64().unwrap());
    println!("{{\"event_to_row_ms\":{took},\"standing\":\"{word}\",\"slowest_answer_ms\":{slowest}}}");
    let allowed = SEEN_WITHIN_MS + SLOWER * slowest;
    assert!(took <= allowed, "{took} ms after its event {id}, {allowed} are allowed");
    let shown = browser.text(&format!("{}.parts.why.textContent", row(dead))).await;
    assert!(shown.starts_with(&why), "its cause is {shown:?}, the event said {why:?}");
    browser.until(&format!("document.querySelector('#timeline li[data-id=\"{id}\"]') !== null")).await;
    browser.until("document.title.startsWith('1 out')").await;

    let drained = backends[2].address;
    browser.look(&format!("{}.setAttribute('data-test', 'drained')", row(drained))).await;
    browser.click("[data-test=drained]").await;
    browser.until("document.querySelector('#details .says')?.textContent.length > 5").await;
    browser.click("#details [data-action=drain]").await;
    browser.fill("#order-reason", "a new <b>disk</b>").await;
    browser.click("#order-go").await;
    standing(&mut browser, drained, "drained").await;
    browser.until("!document.querySelector('#order').open").await;
    let audit = "drain applied by loopback: it is drained now";
    gateway.says(audit).await;
    assert!(gateway.output().lines().any(|line| line.contains("admin.write") && line.contains(audit)));
    browser.until("document.querySelector('#timeline').textContent.includes('a new <b>disk</b>')").await;
    assert_eq!(gateway.backend(&drained.to_string()).await["order"]["reason"], "a new <b>disk</b>");

    pictures(&mut browser).await;
    browser.assert_calm(&[]).await;
    browser.close().await;
    for load in loads {
        load.ended().await;
    }
}

/// With figures in every chart.
async fn pictures(browser: &mut Browser) {
    browser.until("Number(document.querySelector('#sum-rate').textContent) > 0").await;
    browser.look("document.querySelector('#toast').hidden = true").await;
    browser.shot("explained-light").await;
    browser.press(&["Escape"]).await;
    browser.shot("light").await;
    browser.scheme("dark").await;
    browser.shot("dark").await;
    browser.size(390, 844).await;
    browser.until("matchMedia('(max-width: 820px)').matches").await;
    let (width, wide) = (browser.look("innerWidth").await, browser.look("document.documentElement.scrollWidth").await);
    assert_eq!(width, wide, "nothing is wider than the phone");
    browser.shot("phone-dark").await;
    browser.scheme("light").await;
    browser.shot("phone").await;
    browser.press(&["j", "j", "Enter"]).await;
    browser.until("document.querySelector('#details .says')?.textContent.length > 5").await;
    browser.shot("phone-explained").await;
    browser.press(&["Escape"]).await;
    browser.size(1440, 900).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_done_by_keyboard() {
    let _turn = TURN.lock().await;
    let backends = backends(3).await;
    let gateway = PULSEGATE.start(&configuration(&backends, 2)).await;
    let mut browser = Browser::start().await;
    browser.open(&format!("http://{}/", gateway.admin)).await;
    browser.until("document.querySelectorAll('.row:not([hidden])').length === 3").await;
    let mut tabs = 0;
    while browser.text("document.activeElement.id").await != "list" {
        tabs += 1;
        assert!(tabs < 12, "the list is not reached by Tab");
        browser.press(&["Tab"]).await;
    }
    // The pool, its first backend.
    browser.press(&["ArrowDown"]).await;
    browser.until("document.getElementById(document.querySelector('#list').getAttribute('aria-activedescendant'))?.className.includes('row')").await;
    let address = browser.text("document.querySelector('.row.active').parts.address.textContent").await;
    browser.press(&["Enter"]).await;
    browser.until("document.querySelector('#details .says')?.textContent.length > 5").await;
    assert_eq!(browser.text("document.activeElement.className").await, "close");
    browser.press(&["Escape"]).await;
    assert_eq!(browser.text("document.activeElement.id").await, "list");

    browser.press(&["d"]).await;
    browser.write("by keyboard").await;
    browser.press(&["Enter"]).await;
    browser.until("document.querySelector('.row.active').parts.standing.textContent === 'drained'").await;
    let backend = gateway.backend(&address).await;
    assert_eq!((&backend["standing"], &backend["order"]["reason"]), (&"drained".into(), &"by keyboard".into()));
    browser.until("!document.querySelector('#order').open").await;
    browser.press(&["u"]).await;
    browser.press(&["Enter"]).await;
    browser.until("['up', 'ramping'].includes(document.querySelector('.row.active').parts.standing.textContent)").await;
    browser.until("!document.querySelector('#order').open").await;

    browser.press(&["/"]).await;
    browser.write("billing").await;
    browser.until("document.querySelectorAll('.row:not([hidden])').length === 1").await;
    browser.press(&["Escape", "Escape", "?"]).await;
    browser.until("document.querySelector('#help').open").await;
    browser.shot("help").await;
    browser.press(&["Escape"]).await;
    browser.until("!document.querySelector('#help').open").await;
    gateway.says("drain applied by loopback").await;
    browser.assert_calm(&[]).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_said_and_comes_back() {
    let _turn = TURN.lock().await;
    let folder = tempfile::TempDir::new().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).expect("its mode");
    let backends = backends(2).await;
    let yaml = format!("{}upgrade: {{ directory: {:?} }}\n", configuration(&backends, 1), folder.path());
    let mut gateway = PULSEGATE.start(&yaml).await;
    let mut browser = Browser::start().await;
    browser.open(&format!("http://{}/", gateway.admin)).await;
    browser.until("document.querySelector('#link').classList.contains('live')").await;
    gateway.kill().await;
    browser.until("!document.querySelector('#lost').hidden && document.body.classList.contains('stale')").await;
    browser.until("/What you see is \\d+ s old\\./.test(document.querySelector('#lost').textContent)").await;
    browser.shot("lost").await;
    let again = gateway.successor(&yaml);
    again.ready().await;
    browser
        .until("document.querySelector('#lost').hidden && document.querySelector('#link').classList.contains('live')")
        .await;
    assert_eq!(browser.look("document.body.classList.contains('stale')").await, false);
    browser.until("document.querySelectorAll('.row:not([hidden])').length === 2").await;
    browser
        .assert_calm(&[
            "ERR_CONNECTION_REFUSED",
            "ERR_CONNECTION_RESET",
            "ERR_INCOMPLETE_CHUNKED",
            "ERR_EMPTY_RESPONSE",
        ])
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_asked_for_and_kept_with_the_tab() {
    let _turn = TURN.lock().await;
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).expect("the token");
    let keys = format!(", tokens: [{{ name: ops, file: {file:?} }}]");
    let backends = backends(2).await;
    let gateway = PULSEGATE.start_guarded(&configuration(&backends, 1), &keys, TOKEN).await;
    let mut browser = Browser::start().await;
    browser.open(&format!("http://{}/", gateway.admin)).await;
    browser.until("document.querySelector('#token').open").await;
    browser.shot("token").await;
    browser.write("not-the-token-at-all").await;
    browser.press(&["Enter"]).await;
    browser
        .until("!document.querySelector('#token-why').hidden && document.querySelector('#token-text').value === ''")
        .await;
    browser.write(TOKEN).await;
    browser.press(&["Enter"]).await;
    browser.until("document.querySelectorAll('.row:not([hidden])').length === 2").await;
    browser.look("location.reload()").await;
    browser.until("document.querySelectorAll('.row:not([hidden])').length === 2").await;
    assert_eq!(browser.look("document.querySelector('#token').open").await, false);
    assert_eq!(browser.look("localStorage.length").await, 0);
    browser.press(&["j", "d"]).await;
    browser.press(&["Enter"]).await;
    browser.until("document.querySelector('.row.active').parts.standing.textContent === 'drained'").await;
    gateway.says("drain applied by ops").await;
    browser.assert_calm(&["401"]).await;
    browser.close().await;
}
