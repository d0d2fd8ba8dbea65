//! Who is tried, and how does its operator reload, renew, upgrade and stop it? Each by the means its manual recommends.

use super::certificate::Certificate;
use super::config::{self, Filling};
use super::manner::Verdict;
use super::tools::Tools;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::{eventually, free_address, pause};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Pulsegate,
    Haproxy,
    Nginx,
    Envoy,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Pulsegate, Self::Haproxy, Self::Nginx, Self::Envoy];

    pub fn name(self) -> &'static str {
        match self {
            Self::Pulsegate => "pulsegate",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Envoy => "envoy",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A change of a standing, as Pulsegate tells of it.
#[derive(Clone, Debug)]
pub struct Transition {
    pub backend: String,
    from: String,
    to: String,
}

impl Transition {
    fn of(line: &str) -> Option<Self> {
        let value = |key: &str| Some(line.split(' ').find_map(|word| word.strip_prefix(key))?.to_owned());
        line.contains(" event=backend.transition ").then_some(())?;
        Some(Self { backend: value("backend=")?, from: value("from=")?, to: value("to=")? })
    }

    /// From serving to not serving.
    pub fn goes_out(&self) -> bool {
        let serves = |standing: &str| matches!(standing, "up" | "ramping");
        serves(&self.from) && !serves(&self.to)
    }
}

/// A gateway that runs.
pub struct Gateway {
    kind: Kind,
    filling: Filling,
    folder: TempDir,
    tools: Tools,
    /// The last one serves; those before it are on their way out.
    processes: Vec<Child>,
    /// Envoy's name for the memory that its generations share.
    base_id: u32,
}

impl Gateway {
    /// Starts it and waits until it accepts.
    pub async fn start(
        kind: Kind,
        pool: &[SocketAddr],
        certificate: Option<&Certificate>,
        patient: bool,
        tools: &Tools,
    ) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let (address, admin) = (free_address(), free_address());
        let filling = Filling { address, admin, pool: pool.to_vec(), weight: 1, tls: certificate.is_some(), patient };
        config::write(kind, folder.path(), &filling);
        fs::write(folder.path().join("state"), "").expect("a file");
        if let Some(certificate) = certificate {
            certificate.write(folder.path());
        }
        let base_id = fastrand::u32(1..30_000);
        let mut gateway = Self { kind, filling, folder, tools: tools.clone(), processes: Vec::new(), base_id };
        gateway.spawn();
        let what = format!("{} accepts", kind.name());
        eventually(&what, async || TcpStream::connect(address).await.is_ok()).await;
        gateway
    }

    pub fn address(&self) -> SocketAddr {
        self.filling.address
    }

    fn spawn(&mut self) {
        let folder = self.folder.path();
        let file = folder.join(config::main_file(self.kind));
        let file = file.to_str().expect("a path in plain letters");
        let (base_id, epoch) = (self.base_id.to_string(), self.processes.len().to_string());
        let folder_name = folder.display().to_string();
        let words: Vec<&str> = match self.kind {
            Kind::Pulsegate if self.processes.is_empty() => vec!["run", "--config", file],
            Kind::Pulsegate => vec!["run", "--config", file, "--takeover"],
            Kind::Haproxy => vec!["-W", "-db", "-f", file],
            Kind::Nginx => vec!["-c", file, "-p", &folder_name, "-e", "stderr"],
            Kind::Envoy => vec![
                "-c",
                file,
                "--concurrency",
                "1",
                "--log-level",
                "warning",
                "--base-id",
                &base_id,
                "--restart-epoch",
                &epoch,
                "--drain-time-s",
                "2",
                "--parent-shutdown-time-s",
                "4",
            ],
        };
        let output = File::options().create(true).append(true).open(folder.join("output")).expect("a file");
        let process = Command::new(self.tools.program(self.kind))
            .args(words)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a file"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", self.kind.name()));
        self.processes.push(process);
    }

    fn signal(&self, which: Signal) {
        let _ = kill(self.pid(), which);
    }

    /// Of the process that takes signals.
    fn pid(&self) -> Pid {
        let process = self.processes.last().expect("a process was started");
        self.written_pid().unwrap_or(Pid::from_raw(process.id().cast_signed()))
    }

    /// nginx leaves its first process behind, and writes down which one serves.
    fn written_pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.path().join("pid")).ok()?;
        text.trim().parse().ok().map(Pid::from_raw)
    }

    /// A configuration that differs in a weight.
    pub async fn reload(&mut self, weight: u32) {
        self.filling.weight = weight;
        config::write_one(config::pool_file(self.kind), self.folder.path(), &self.filling);
        self.read_again().await;
    }

    /// Another certificate in the place of the one that it serves.
    pub async fn renew(&mut self, certificate: &Certificate) {
        certificate.write(self.folder.path());
        if self.kind == Kind::Envoy {
            config::write_one("sds.yaml", self.folder.path(), &self.filling);
        }
        self.read_again().await;
    }

    async fn read_again(&self) {
        match self.kind {
            Kind::Pulsegate | Kind::Nginx => self.signal(Signal::SIGHUP),
            Kind::Haproxy => {
                self.save_state().await;
                self.signal(Signal::SIGUSR2);
            }
            // It watches its files.
            Kind::Envoy => {}
        }
    }

    /// HAProxy's new worker learns from this file what the old one knew.
    async fn save_state(&self) {
        let Ok(mut stream) = UnixStream::connect(self.folder.path().join("admin.sock")).await else { return };
        let mut state = String::new();
        if stream.write_all(b"show servers state\n").await.is_ok() && stream.read_to_string(&mut state).await.is_ok() {
            fs::write(self.folder.path().join("state"), state).expect("a file");
        }
    }

    /// A new process of the (same) binary takes over; the old one finishes what it has.
    pub async fn upgrade(&mut self) {
        match self.kind {
            Kind::Pulsegate | Kind::Envoy => self.spawn(),
            // The master executes its binary anew.
            Kind::Haproxy => self.read_again().await,
            Kind::Nginx => {
                let old = self.pid();
                self.signal(Signal::SIGUSR2);
                let name = self.folder.path().join("pid.oldbin");
                eventually("the new nginx has written its id", async || {
                    name.exists() && self.written_pid().is_some_and(|pid| pid != old)
                })
                .await;
                pause(Duration::from_millis(500)).await;
                let _ = kill(old, Signal::SIGQUIT);
            }
        }
    }

    /// Did the new process really take over?
    pub async fn has_upgraded(&mut self) {
        let old_pid = self.folder.path().join("pid.oldbin");
        let what = format!("the old {} has ended", self.kind.name());
        match self.kind {
            Kind::Haproxy => eventually(&what, async || self.words().contains("Former worker")).await,
            Kind::Nginx => eventually(&what, async || !old_pid.exists()).await,
            Kind::Pulsegate | Kind::Envoy => {
                let old = &mut self.processes[0];
                eventually(&what, async || old.try_wait().is_ok_and(|status| status.is_some())).await;
            }
        }
    }

    /// A graceful end, by the signal that its operators use for that.
    pub async fn leave(&self) {
        match self.kind {
            Kind::Pulsegate => self.signal(Signal::SIGTERM),
            Kind::Haproxy => self.signal(Signal::SIGUSR1),
            Kind::Nginx => self.signal(Signal::SIGQUIT),
            Kind::Envoy => {
                self.ask_admin("POST", "/drain_listeners?graceful").await;
                pause(Duration::from_secs(3)).await;
                self.signal(Signal::SIGTERM);
            }
        }
    }

    /// Has it really ended? nginx takes its file away then.
    pub async fn has_left(&mut self) {
        let file = (self.kind == Kind::Nginx).then(|| self.folder.path().join("pid"));
        let process = self.processes.last_mut().expect("a process was started");
        let what = format!("{} has ended", self.kind.name());
        eventually(&what, async || match &file {
            Some(file) => !file.exists(),
            None => process.try_wait().is_ok_and(|status| status.is_some()),
        })
        .await;
    }

    /// Waits until Pulsegate says so of this backend.
    pub async fn decides(&self, backend: SocketAddr, verdict: Verdict) {
        eventually(&format!("{backend}: {verdict:?}"), async || {
            let pools: Value = serde_json::from_str(&self.ask_admin("GET", "/upstreams").await).unwrap_or_default();
            let all = pools["upstreams"][0]["backends"].as_array().into_iter().flatten();
            let told = all.into_iter().find(|told| told["address"] == backend.to_string().as_str());
            told.is_some_and(|told| {
                let stands = verdict.standings.iter().any(|standing| told["standing"] == *standing);
                stands && (!verdict.idle || told["in_flight"] == 0)
            })
        })
        .await;
    }

    /// The body of the answer of its admin listener.
    async fn ask_admin(&self, method: &str, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(self.filling.admin).await else { return String::new() };
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        if stream.write_all(request.as_bytes()).await.is_ok() {
            let _ = stream.read_to_string(&mut answer).await;
        }
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    /// Every change of a standing that Pulsegate told of, in order.
    pub fn transitions(&self) -> Vec<Transition> {
        self.said().lines().filter_map(Transition::of).collect()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("output")).unwrap_or_default()
    }

    /// The last words that it said.
    pub fn words(&self) -> String {
        let output = self.said();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

/// In a comparison, whatever is left over ends with the namespace; Pulsegate, which smoke starts without one, is one process.
impl Drop for Gateway {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
