//! A reader at a terminal: one shell per document, in a folder that looks like a clone, with ports of its own.
//!
//! The documents name fixed ports, for people. Here each is replaced by one that is free, so that nothing collides. Everything that
//! the shell starts is in its process group and ends with it.

use super::expect::{Shown, fits, without_numbers};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use support::needs::tool;
use support::{free_address, pause};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// The ports that documents may name, in order: answers list backends by address, so the ports in their place are in order, too.
const PORTS: [u16; 8] = [8080, 9001, 9002, 9003, 9004, 9005, 9006, 9090];

/// The longest that one step may take, with all its tries: the demo alone takes 20 s.
const STEP: Duration = Duration::from_secs(180);

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(100);

pub struct Session {
    shell: Child,
    input: ChildStdin,
    done: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
    ports: BTreeMap<String, String>,
    steps: usize,
}

impl Session {
    pub fn start() -> Self {
        let folder = clone_of_the_repository();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("bash")
            .current_dir(folder.path())
            .env("PATH", format!("{}:{path}", folder.path().join("bin").display()))
            .env("PYTHONPATH", tool("PYTHONPATH"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("no_proxy", "*")
            .env_remove("RUST_LOG")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash");
        let input = shell.stdin.take().expect("its input");
        let done = BufReader::new(shell.stdout.take().expect("its output")).lines();
        let mut free = PORTS.map(|_| free_address().port());
        free.sort_unstable();
        let ports = PORTS.iter().zip(free).map(|(port, free)| (port.to_string(), free.to_string())).collect();
        Self { shell, input, done, folder, ports, steps: 0 }
    }

    /// Saves what the reader is told to save.
    pub fn save(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        let own = file.symlink_metadata().map_or(true, |found| found.is_file());
        assert!(own, "{name} is a name of the repository: the documents write beside it, not into it");
        fs::write(file, self.with_own_ports(text)).expect("a file");
    }

    /// Runs `commands`; each must succeed.
    pub async fn run(&mut self, place: &str, commands: &str) {
        let (status, printed) = self.step(place, &format!("set -eu\n{commands}")).await;
        assert_eq!(status, 0, "{place}: failed\n{commands}\nprinted:\n{printed}");
    }

    /// Runs a command until it prints what is shown: the reader would ask again too. Nothing shown: it must succeed.
    pub async fn expect(&mut self, place: &str, shown: &Shown, vary: bool) {
        let expected = self.with_own_ports(&shown.output);
        let seen = |text: &str| if vary { without_numbers(text) } else { text.to_owned() };
        let mut printed = String::new();
        let met = timeout(STEP, async {
            loop {
                let status;
                (status, printed) = self.step(place, &format!("set +e\n{}", shown.command)).await;
                let met = if expected.is_empty() { status == 0 } else { fits(&seen(&expected), &seen(&printed)) };
                if met {
                    return;
                }
                pause(AGAIN).await;
            }
        });
        let met = met.await.is_ok();
        assert!(met, "{place}: {}shall print:\n{expected}\nbut prints:\n{printed}", shown.command);
    }

    /// Sources the commands in the shell; the exit status and what was printed.
    async fn step(&mut self, place: &str, commands: &str) -> (i32, String) {
        self.steps += 1;
        let script = self.folder.path().join(format!(".step-{}", self.steps));
        let output = self.folder.path().join(format!(".step-{}.out", self.steps));
        fs::write(&script, self.with_own_ports(commands)).expect("a file");
        let line = format!(". {} </dev/null >{} 2>&1; echo $?\n", script.display(), output.display());
        // A shell that has ended (a command failed under `set -e`) takes no more input; its end is seen below.
        let _ = self.input.write_all(line.as_bytes()).await;
        let ended = timeout(STEP, self.done.next_line()).await;
        let printed =
            || fs::read(&output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let ended =
            ended.unwrap_or_else(|_| panic!("{place}: not within {STEP:?}:\n{commands}\nprinted:\n{}", printed()));
        let status = ended.ok().flatten().and_then(|status| status.parse().ok());
        (status.unwrap_or(-1), printed())
    }

    /// Is this whole configuration accepted?
    pub async fn check(&self, place: &str, yaml: &str) {
        let file = self.folder.path().join(".check.yaml");
        fs::write(&file, self.with_own_ports(yaml)).expect("a file");
        let output =
            Command::new(env!("CARGO_BIN_EXE_pulsegate")).args(["check", "--config"]).arg(&file).output().await;
        let output = output.expect("pulsegate");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{place}: refused\n{told}\nof:\n{yaml}");
    }

    /// The text with each port of the documents replaced by the session's.
    fn with_own_ports(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, digits) = rest.split_at(start);
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            let (number, after) = digits.split_at(end);
            out.push_str(before);
            out.push_str(self.ports.get(number).map_or(number, String::as_str));
            rest = after;
        }
        out + rest
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(id) = self.shell.id() {
            let _ = killpg(Pid::from_raw(id.cast_signed()), Signal::SIGKILL);
        }
    }
}

/// A port on this machine that `text` names and that would not be replaced.
pub fn foreign_port(text: &str) -> Option<&str> {
    let behind = ["127.0.0.1:", "localhost:", "0.0.0.0:"];
    let named = behind.iter().flat_map(|host| text.match_indices(host).map(|(at, host)| &text[at + host.len()..]));
    let ports = named.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    ports.into_iter().find(|port| port.parse().is_ok_and(|port| !PORTS.contains(&port)))
}

/// Links to everything in the repository, the binary where a build leaves it, and the tests' Python.
fn clone_of_the_repository() -> TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().expect("a temporary folder");
    for entry in fs::read_dir(root).expect("the repository") {
        let entry = entry.expect("an entry");
        if entry.file_name() != "target" {
            symlink(entry.path(), folder.path().join(entry.file_name())).expect("a link");
        }
    }
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_pulsegate"));
    for place in ["target/debug", "target/release", "bin"] {
        fs::create_dir_all(folder.path().join(place)).expect("a folder");
        symlink(&binary, folder.path().join(place).join("pulsegate")).expect("a link");
    }
    symlink(tool("PYTHON"), folder.path().join("bin/python3")).expect("a link");
    folder
}
