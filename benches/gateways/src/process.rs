//! How is a process started, pinned, measured and ended?

use std::collections::HashMap;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which core a process may use.
#[derive(Clone, Copy, Debug)]
pub enum Core {
    Gateway,
    Load,
}

impl Core {
    fn number(self) -> &'static str {
        match self {
            Self::Gateway => "0",
            Self::Load => "1",
        }
    }
}

/// A child and its children; killed when dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts `program` on `core` and waits until something accepts at `port`.
    pub fn start(program: &Path, arguments: &[&str], port: u16, core: Core) -> Self {
        let child = Command::new("taskset")
            .args(["-c", core.number()])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("taskset {} cannot be started: {error}", program.display()));
        let process = Self(child);
        let patience = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < patience, "{} does not accept at port {port}", program.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// This program itself, with other arguments.
    pub fn start_own(arguments: &[&str], port: u16, core: Core) -> Self {
        Self::start(&std::env::current_exe().expect("our own path"), arguments, port, core)
    }

    /// CPU time of all its threads and descendants so far. From the scheduler's own nanoseconds, not from clock ticks.
    pub fn cpu(&self) -> Duration {
        let nanos = |pid: u32| -> u64 {
            let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
            let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
            stats.filter_map(|stat| stat.split_whitespace().next()?.parse::<u64>().ok()).sum()
        };
        Duration::from_nanos(self.family().into_iter().map(nanos).sum())
    }

    /// Resident memory of it and its descendants, bytes. What they share is counted once for each.
    pub fn resident(&self) -> u64 {
        let kib = |pid: u32| -> Option<u64> {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            status.lines().find(|line| line.starts_with("VmRSS:"))?.split_whitespace().nth(1)?.parse().ok()
        };
        self.family().into_iter().filter_map(kib).sum::<u64>() * 1024
    }

    fn family(&self) -> Vec<u32> {
        let mut parents: HashMap<u32, u32> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
            parents.extend(parent.map(|parent| (pid, parent)));
        }
        let root = self.0.id();
        let descends =
            |pid: u32| std::iter::successors(Some(pid), |pid| parents.get(pid).copied()).any(|pid| pid == root);
        parents.keys().copied().filter(|pid| descends(*pid)).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for pid in self.family() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.0.wait();
    }
}

/// The load generator's own place.
pub fn pin_self(core: Core) {
    let own = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-cp", core.number(), &own]).stdout(Stdio::null()).status();
    assert!(pinned.is_ok_and(|status| status.success()), "taskset cannot pin process {own}");
}
