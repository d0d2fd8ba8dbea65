//! Who drives the browser? `browser.cjs` under Node: a command per line, an answer per line. Here the answers are judged.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use support::needs::tool;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long one command may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where the pictures are kept.
pub fn shots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/page")
}

/// A running Chromium with one page.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    pub async fn start() -> Self {
        std::fs::create_dir_all(shots()).expect("a folder for pictures");
        let mut process = Command::new(tool("NODE"))
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page/browser.cjs"))
            .env("NODE_PATH", tool("PAGE_NODE_PATH"))
            .env("CHROMIUM", tool("CHROMIUM"))
            .env("SHOTS", shots())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("its output")).lines();
        let mut browser = Self { process, input, output };
        assert_eq!(browser.answer("the start").await, json!({ "ready": true }));
        browser
    }

    async fn answer(&mut self, what: &str) -> Value {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        let line = line.ok().and_then(Result::ok).flatten();
        let line = line.unwrap_or_else(|| panic!("the browser did not answer to {what}"));
        serde_json::from_str(&line).expect("a line of JSON")
    }

    /// One command; its failure is the test's.
    async fn command(&mut self, command: &str, mut rest: Value) -> Value {
        rest["command"] = command.into();
        let line = format!("{rest}\n");
        let input = self.input.as_mut().expect("it runs");
        input.write_all(line.as_bytes()).await.expect("it listens");
        let mut answer = self.answer(&line).await;
        assert!(answer["error"].is_null(), "{line}: {}", answer["error"].as_str().unwrap_or_default());
        answer["value"].take()
    }

    pub async fn open(&mut self, url: &str) {
        self.command("open", json!({ "url": url })).await;
    }

    /// The value of an expression in the page.
    pub async fn look(&mut self, code: &str) -> Value {
        self.command("look", json!({ "code": code })).await
    }

    /// As [`Self::look`], with what the page's tasks took meanwhile.
    pub async fn traced(&mut self, code: &str) -> Value {
        self.command("traced", json!({ "code": code })).await
    }

    pub async fn text(&mut self, code: &str) -> String {
        self.look(code).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression holds in the page.
    pub async fn until(&mut self, code: &str) {
        self.command("until", json!({ "code": code })).await;
    }

    pub async fn click(&mut self, on: &str) {
        self.command("click", json!({ "on": on })).await;
    }

    pub async fn fill(&mut self, on: &str, text: &str) {
        self.command("fill", json!({ "on": on, "text": text })).await;
    }

    pub async fn press(&mut self, keys: &[&str]) {
        self.command("press", json!({ "keys": keys })).await;
    }

    pub async fn write(&mut self, text: &str) {
        self.command("type", json!({ "text": text })).await;
    }

    pub async fn size(&mut self, width: u32, height: u32) {
        self.command("size", json!({ "width": width, "height": height })).await;
    }

    pub async fn scheme(&mut self, scheme: &str) {
        self.command("scheme", json!({ "scheme": scheme })).await;
    }

    pub async fn shot(&mut self, name: &str) {
        self.command("shot", json!({ "name": name })).await;
    }

    /// Nothing was complained about, forbidden, or asked of anybody else. `but`: parts of complaints that belong to the test.
    pub async fn assert_calm(&mut self, but: &[&str]) {
        let found = self.command("findings", json!({})).await;
        let of = |kind: &str| {
            let all = found[kind].as_array().cloned().unwrap_or_default();
            let texts = all.iter().map(|one| one.as_str().unwrap_or_default().to_owned());
            texts.filter(|text| !but.iter().any(|part| text.contains(part))).collect::<Vec<_>>()
        };
        for kind in ["errors", "violations", "foreign"] {
            assert_eq!(of(kind), [""; 0], "{kind} in the page");
        }
    }

    pub async fn close(mut self) {
        drop(self.input.take());
        let _ = timeout(PATIENCE, self.process.wait()).await;
    }
}
