//! The gateway as a process, and what its admin listener says.

use super::backend::Backend;
use super::binary::Pulsegate;
use super::{PATIENCE, eventually, free_address};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{PipeReader, pipe};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A gateway process with one listener; ended with its test, its output shown when the test fails.
#[derive(Debug)]
pub struct Gateway {
    binary: Pulsegate,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    process: Child,
    /// The other ends of its output, where nobody reads it.
    _unread: Vec<PipeReader>,
    folder: Arc<TempDir>,
    output: PathBuf,
    /// More keys of `admin`.
    admin_keys: String,
    /// Sent along to the admin listener.
    pub token: Option<String>,
}

/// With what it begins.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// Without listeners and admin.
    pub(crate) yaml: &'a str,
    /// More keys of the listener.
    pub(crate) listener: &'a str,
    /// More keys of `admin`.
    pub(crate) admin_keys: &'a str,
    /// More variables.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    pub(crate) takes: Takes,
}

/// Who takes what it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Takes {
    /// A file, for [`Gateway::output`].
    #[default]
    File,
    /// Two pipes of 4 KiB, for stdout and stderr, which nobody reads.
    Nobody,
    /// A disk that is full.
    FullDisk,
}

impl Gateway {
    pub(crate) fn spawn(binary: Pulsegate, setup: &Setup) -> Self {
        let folder = Arc::new(TempDir::new().expect("a temporary folder"));
        let (address, admin) = (free_address(), free_address());
        let config = folder.path().join("pulsegate.yaml");
        fs::write(&config, whole(setup.yaml, address, admin, setup.listener, setup.admin_keys))
            .expect("the configuration");
        let output = folder.path().join("output");
        let (streams, unread) = streams(&output, setup.takes);
        let process = process(binary, &config, streams, &[], setup.environment);
        let admin_keys = setup.admin_keys.to_owned();
        Self { binary, address, admin, process, _unread: unread, folder, output, admin_keys, token: None }
    }

    /// Starts a process that takes over from this one, with `yaml`; does not wait. Needs `upgrade` in both configurations.
    pub fn successor(&self, yaml: &str) -> Self {
        self.successor_with(yaml, |whole| whole)
    }

    /// As [`Self::successor`], with a last change to the whole file.
    pub fn successor_with(&self, yaml: &str, change: impl FnOnce(String) -> String) -> Self {
        let config = self.folder.path().join("pulsegate.yaml");
        fs::write(&config, change(whole(yaml, self.address, self.admin, "", &self.admin_keys)))
            .expect("the configuration");
        let number = fs::read_dir(self.folder.path()).expect("the folder").count();
        let output = self.folder.path().join(format!("output-{number}"));
        let (streams, unread) = streams(&output, Takes::File);
        let process = process(self.binary, &config, streams, &["--takeover"], &[]);
        Self {
            binary: self.binary,
            address: self.address,
            admin: self.admin,
            process,
            _unread: unread,
            folder: self.folder.clone(),
            output,
            admin_keys: self.admin_keys.clone(),
            token: self.token.clone(),
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Has it ended?
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("the gateway's process").is_some()
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub async fn ready(&self) {
        eventually("the gateway is ready", async || {
            self.get("/readyz").await.is_some_and(|a| a.starts_with("HTTP/1.1 200"))
        })
        .await;
    }

    /// The whole answer of an admin path; `None` when nobody answers.
    pub async fn get(&self, path: &str) -> Option<String> {
        self.ask("GET", path, "").await
    }

    /// The whole answer to a write.
    pub async fn post(&self, path: &str, body: &str) -> Option<String> {
        self.ask("POST", path, body).await
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Option<String> {
        timeout(PATIENCE, self.exchange(method, path, body)).await.ok().flatten()
    }

    async fn exchange(&self, method: &str, path: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.admin).await.ok()?;
        let token = self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{token}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    pub async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await.unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// What `/upstreams` says of a backend.
    pub async fn backend(&self, address: &str) -> Value {
        let upstreams = self.json("/upstreams").await;
        find_backend(&upstreams, address).cloned().unwrap_or(Value::Null)
    }

    pub async fn standing(&self, backend: &Backend) -> String {
        self.standing_of(&backend.address.to_string()).await
    }

    pub async fn standing_of(&self, address: &str) -> String {
        self.backend(address).await["standing"].as_str().unwrap_or_default().to_owned()
    }

    pub async fn weight(&self, backend: &Backend) -> u64 {
        self.backend(&backend.address.to_string()).await["weight"].as_u64().unwrap_or_default()
    }

    pub async fn until(&self, backend: &Backend, standing: &str) {
        self.until_one_of(backend, &[standing]).await;
    }

    pub async fn until_one_of(&self, backend: &Backend, standings: &[&str]) {
        let what = format!("{} stands as one of {standings:?}", backend.address);
        eventually(&what, async || standings.contains(&self.standing(backend).await.as_str())).await;
    }

    /// The process that this one started on SIGUSR2, by its own log.
    pub fn successor_by_signal(&self) -> Successor {
        let output = self.output();
        let pid = output.split("started as process ").nth(1).and_then(|rest| rest.split_whitespace().next());
        Successor(Pid::from_raw(pid.and_then(|pid| pid.parse().ok()).expect("a process was started")))
    }

    /// SIGKILL, and the wait for its end.
    pub async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// Writes a new configuration and sends SIGHUP; waits until the reload was tried.
    pub async fn reload(&self, yaml: &str) {
        let before = self.json("/status").await["last_reload"].clone();
        self.write(yaml);
        self.signal(Signal::SIGHUP);
        eventually("the reload was tried", async || {
            let now = self.json("/status").await["last_reload"].clone();
            now != before && now != Value::Null
        })
        .await;
    }

    /// Writes a new configuration and tells nobody.
    pub fn write(&self, yaml: &str) {
        let whole = whole(yaml, self.address, self.admin, "", &self.admin_keys);
        fs::write(self.folder.path().join("pulsegate.yaml"), whole).expect("the configuration");
    }

    /// Runs a command of the binary against this gateway; its exit code, and what it said.
    pub fn command(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.binary.command();
        command.args(arguments).arg("--admin").arg(format!("http://{}", self.admin)).env_remove("PULSEGATE_TOKEN");
        if let Some(token) = &self.token {
            command.env("PULSEGATE_TOKEN", token);
        }
        let output = command.output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    pub fn signal(&self, which: Signal) {
        kill(Pid::from_raw(self.process.id().cast_signed()), which).expect("the gateway's process");
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let process = &mut self.process;
        eventually("the gateway ends", async || process.try_wait().expect("the gateway's process").is_some()).await;
        self.process.wait().expect("the gateway's process")
    }

    /// Waits until it has said so: lines leave by a thread of their own, a moment after what they tell of.
    pub async fn says(&self, words: &str) {
        eventually(&format!("it says {words:?}"), async || self.output().contains(words)).await;
    }

    pub fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }
}

/// A process that a gateway started; ended with its test.
#[derive(Debug)]
pub struct Successor(Pid);

impl Successor {
    pub fn signal(&self, which: Signal) {
        kill(self.0, which).expect("the successor's process");
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let output = self.output();
            let events: Vec<&str> = output.lines().filter(|line| !line.contains("request_id=")).collect();
            eprintln!("--- the gateway said:\n{}", events.join("\n"));
        }
    }
}

/// What stdout and stderr are, and the ends of them that nobody reads.
fn streams(output: &Path, takes: Takes) -> ([Stdio; 2], Vec<PipeReader>) {
    let of_file = |file: File| [file.try_clone().expect("a file").into(), file.into()];
    match takes {
        Takes::File => (of_file(File::create(output).expect("a file")), Vec::new()),
        Takes::FullDisk => (of_file(File::options().write(true).open("/dev/full").expect("a device")), Vec::new()),
        Takes::Nobody => {
            let pipes = [pipe().expect("a pipe"), pipe().expect("a pipe")];
            for (_, writer) in &pipes {
                fcntl(writer, FcntlArg::F_SETPIPE_SZ(4096)).expect("a small pipe");
            }
            let [(out, stdout), (err, stderr)] = pipes;
            ([stdout.into(), stderr.into()], vec![out, err])
        }
    }
}

fn process(
    binary: Pulsegate,
    config: &Path,
    [stdout, stderr]: [Stdio; 2],
    more: &[&str],
    environment: &[(&str, &str)],
) -> Child {
    binary
        .command()
        .args(["run", "--config"])
        .arg(config)
        .args(more)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .expect("the gateway")
}

fn whole(yaml: &str, address: SocketAddr, admin: SocketAddr, listener: &str, admin_keys: &str) -> String {
    format!(
        "listeners:\n  - name: test\n    address: \"{address}\"\n{listener}\nadmin: {{ address: \"{admin}\"{admin_keys} }}\n{yaml}"
    )
}

fn find_backend<'v>(value: &'v Value, address: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) if fields.get("address").and_then(Value::as_str) == Some(address) => Some(value),
        Value::Object(fields) => fields.values().find_map(|inner| find_backend(inner, address)),
        Value::Array(items) => items.iter().find_map(|inner| find_backend(inner, address)),
        _ => None,
    }
}
