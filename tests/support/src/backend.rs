//! A backend as a process of its own: this executable, started again (`server.rs` says what it does then), so that it can be
//! killed, frozen and restarted like anybody's.

use super::{eventually, free_address};
use crate::server::ROLE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The handle of a backend process.
#[derive(Debug)]
pub struct Backend {
    pub address: SocketAddr,
    control: SocketAddr,
    process: Child,
}

impl Backend {
    pub async fn start() -> Self {
        let (address, control) = (free_address(), free_address());
        let backend = Self { address, control, process: spawn(address, control) };
        backend.listening().await;
        backend
    }

    pub async fn restart(&mut self) {
        self.process = spawn(self.address, self.control);
        self.listening().await;
    }

    async fn listening(&self) {
        eventually("the backend listens", async || TcpStream::connect(self.address).await.is_ok()).await;
    }

    /// Changes its behaviour: a name and a value, as `failing 100`.
    pub async fn tell(&self, line: &str) {
        let mut stream = TcpStream::connect(self.control).await.expect("the backend's control port");
        stream.write_all(format!("{line}\n").as_bytes()).await.expect("the backend's control port");
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).await.expect("the backend's control port");
        assert_eq!(&answer, b"ok\n", "a backend does not know `{line}`");
    }

    fn signal(&self, which: Signal) {
        kill(Pid::from_raw(self.process.id().cast_signed()), which).expect("the backend's process");
    }

    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.process.wait().expect("the backend's process");
    }

    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// SIGTERM, and the wait for its end.
    pub async fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
        let process = &mut self.process;
        eventually("the backend ends", async || process.try_wait().expect("the backend's process").is_some()).await;
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(address: SocketAddr, control: SocketAddr) -> Child {
    Command::new(std::env::current_exe().expect("this executable"))
        .args(["backend_process", "--exact", "--nocapture"])
        .env(ROLE, format!("{address} {control}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("a backend process")
}
