//! What does a whole request cost? The gateway itself with one worker, under callgrind, between a client that keeps its connection and a backend that keeps its
//! own; both are threads of this program, so that what is counted is the gateway's alone.

use super::profile::Profile;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::thread;
use std::time::Duration;

const REQUEST: &str = "GET /orders/7 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: gates\r\nAccept: */*\r\n\r\n";
const BODY: &str = r#"{"id": 7, "name": "order", "state": "open", "items": [1, 2, 3, 4]}"#;
const CONFIGURATION: &str = "pulsegate.yaml";
/// Whoever says nothing for so long will not.
const PATIENCE: Duration = Duration::from_secs(60);

/// The profile of a gateway from its start to its end, with so many requests between. `access` is `logging.access`; its lines go to `/dev/null`.
pub fn profile(binary: &str, access: &str, requests: u32) -> Profile {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(CONFIGURATION), configuration(backend(), access)).expect("the configuration");
    let mut gateway = Running::start(binary, folder.path());
    play(gateway.address(), requests);
    gateway.leave();
    Profile::of(folder.path())
}

fn configuration(backend: SocketAddr, access: &str) -> String {
    format!(
        "threads: 1\nlisteners: [{{ address: \"127.0.0.1:0\" }}]\nadmin: {{ address: \"127.0.0.1:0\" }}\nlogging: {{ access: {access} }}\n\
         routes: [{{ match: {{ path: / }}, upstream: orders }}]\nupstreams: {{ orders: {{ backends: [\"{backend}\"] }} }}\n"
    )
}

/// The gateway's process, which ends with this.
struct Running {
    process: Child,
    events: BufReader<ChildStderr>,
}

impl Running {
    fn start(binary: &str, folder: &Path) -> Self {
        let mut command = Profile::command(folder);
        command.args([binary, "run", "--config"]).arg(folder.join(CONFIGURATION));
        let process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut process =
            process.unwrap_or_else(|error| panic!("valgrind cannot be started ({error}): run `make bench-needs`"));
        let events = BufReader::new(process.stderr.take().expect("its events"));
        Self { process, events }
    }

    /// Where it accepts; waits until it does.
    fn address(&mut self) -> SocketAddr {
        let mut said = String::new();
        while self.events.read_line(&mut said).expect("its events") > 0 {
            let last =
                said.lines().last().and_then(|line| line.split_once("accepting on ")?.1.split_whitespace().next());
            if let Some(address) = last.and_then(|address| address.parse().ok()) {
                return address;
            }
        }
        panic!("the gateway did not start: {said}");
    }

    fn leave(&mut self) {
        kill(Pid::from_raw(self.process.id().cast_signed()), Signal::SIGTERM).expect("the gateway's process");
        let mut said = String::new();
        self.events.read_to_string(&mut said).expect("its last events");
        let status = self.process.wait().expect("its end");
        assert!(status.success(), "the gateway left with {status}: {said}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have left.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn play(gateway: SocketAddr, requests: u32) {
    let mut client = connection(TcpStream::connect(gateway).expect("the gateway accepts"));
    for _ in 0..requests {
        client.write_all(REQUEST.as_bytes()).expect("the gateway reads");
        let answer = read_until(&mut client, BODY).expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    }
}

fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || answer(connection(client)));
        }
    });
    address
}

fn answer(mut client: TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
    let answer = format!("{head}{}\r\n\r\n{BODY}", BODY.len());
    while read_until(&mut client, "\r\n\r\n").is_some() && client.write_all(answer.as_bytes()).is_ok() {}
}

fn connection(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

/// What comes, to this end; none where the connection ends before.
fn read_until(stream: &mut TcpStream, end: &str) -> Option<Vec<u8>> {
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    while !read.ends_with(end.as_bytes()) {
        let length = stream.read(&mut piece).ok().filter(|length| *length > 0)?;
        read.extend_from_slice(&piece[..length]);
    }
    Some(read)
}
