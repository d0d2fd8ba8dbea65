//! How is a process started, pinned and ended, and what did it cost?

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which cores a process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Core 0: a gateway with one worker.
    Gateway,
    /// Cores 0 and 1: a gateway with two.
    Gateways,
    /// Whoever makes load and answers it, beside one worker.
    Load,
    /// The same beside two workers; where there are only two cores, everybody shares them.
    LoadBesideTwo,
}

impl Place {
    fn cores(self) -> String {
        let cores = std::thread::available_parallelism().map_or(2, usize::from).max(seen_cores());
        assert!(cores > 1, "one core is too few: the gateway under test needs one for itself, the load another");
        let last = cores - 1;
        match self {
            Self::Gateway => "0".to_owned(),
            Self::Gateways => "0,1".to_owned(),
            Self::Load => format!("1-{last}"),
            Self::LoadBesideTwo if last < 2 => format!("0-{last}"),
            Self::LoadBesideTwo => format!("2-{last}"),
        }
    }
}

/// A process that is pinned sees its own cores only; the machine's stand in /proc.
fn seen_cores() -> usize {
    fs::read_to_string("/proc/cpuinfo").map_or(0, |text| text.lines().filter(|l| l.starts_with("processor")).count())
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Whether there is a 200. A port that accepts says too little: some listen before their workers are there.
fn answers(port: u16) -> bool {
    let asked = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nHost: orders.example.com\r\nConnection: close\r\n\r\n")?;
        let mut begin = [0; 12];
        stream.read_exact(&mut begin)?;
        std::io::Result::Ok(begin)
    };
    asked().is_ok_and(|begin| begin == *b"HTTP/1.1 200")
}

/// A child and its children; killed when dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts `program` at its place and waits until it answers at `port`. What it prints goes to `output`.
    pub fn start(program: &Path, arguments: &[&str], port: u16, place: Place, output: Option<File>) -> Self {
        let child = Command::new("taskset")
            .args(["-c", &place.cores()])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.map_or_else(Stdio::null, Stdio::from))
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("taskset {} cannot be started: {error}", program.display()));
        let process = Self(child);
        let patience = Instant::now() + PATIENCE;
        while !answers(port) {
            assert!(Instant::now() < patience, "{} does not answer at port {port}", program.display());
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// This program itself, with other arguments.
    pub fn start_own(arguments: &[&str], port: u16, place: Place) -> Self {
        Self::start(&std::env::current_exe().expect("our own path"), arguments, port, place, None)
    }

    /// CPU time of all its threads and descendants so far. From the scheduler's own nanoseconds, not from clock ticks.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.meter().read().tasks.values().sum())
    }

    /// What reads its CPU time. It knows the processes that there are now.
    pub fn meter(&self) -> Meter {
        Meter(self.family())
    }

    /// Memory of it and its descendants by a name in their status, bytes. What they share is counted once for each.
    pub fn memory(&self, name: &str) -> u64 {
        self.family().into_iter().filter_map(|pid| field(&format!("/proc/{pid}/status"), name)).sum::<u64>() * 1024
    }

    /// How much of it lies in huge pages, bytes.
    pub fn huge(&self) -> u64 {
        let of = |pid| field(&format!("/proc/{pid}/smaps_rollup"), "AnonHugePages:");
        self.family().into_iter().filter_map(of).sum::<u64>() * 1024
    }

    /// Moves it, a process of one thread, to another place.
    pub fn pin(&self, place: Place) {
        pin(self.0.id(), place);
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

/// The number of KiB behind a name.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find(|line| line.starts_with(name))?.split_whitespace().nth(1)?.parse().ok()
}

/// Reads the CPU time of some processes.
#[derive(Debug)]
pub struct Meter(Vec<u32>);

impl Meter {
    pub fn read(&self) -> Reading {
        let mut reading = Reading::default();
        for pid in &self.0 {
            for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
                let Some(id) = task.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                let stat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
                let nanos = stat.split_whitespace().next().and_then(|word| word.parse().ok());
                reading.tasks.extend(nanos.map(|nanos: u64| (id, nanos)));
            }
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let words = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
            let mut ticks = words.skip(11).filter_map(|word| word.parse::<u64>().ok());
            reading.user += ticks.next().unwrap_or(0);
            reading.system += ticks.next().unwrap_or(0);
        }
        reading
    }
}

/// CPU time so far: by the scheduler in nanoseconds, a thread each; by the clock in ticks, user and system.
#[derive(Debug, Default)]
pub struct Reading {
    tasks: HashMap<u32, u64>,
    user: u64,
    system: u64,
}

/// CPU time between two readings.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    pub total: Duration,
    /// The share of it in user mode. Ticks say it, the scheduler does not.
    pub user: f64,
}

impl Reading {
    pub fn since(&self, before: &Self) -> Cpu {
        let spent = |(task, nanos): (&u32, &u64)| nanos - before.tasks.get(task).copied().unwrap_or(0).min(*nanos);
        let (user, system) = (self.user - before.user, self.system - before.system);
        Cpu {
            total: Duration::from_nanos(self.tasks.iter().map(spent).sum()),
            user: user as f64 / (user + system).max(1) as f64,
        }
    }
}

/// The load generator's own place.
pub fn pin_self(place: Place) {
    pin(std::process::id(), place);
}

fn pin(pid: u32, place: Place) {
    let pid = pid.to_string();
    let pinned = Command::new("taskset").args(["-cp", &place.cores(), &pid]).stdout(Stdio::null()).status();
    assert!(pinned.is_ok_and(|status| status.success()), "taskset cannot pin process {pid}");
}
