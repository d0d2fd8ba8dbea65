//! trixter: a proxy that delays and cuts connections (crates.io; `make chaos-needs` builds it).

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use support::needs::tool;
use support::{eventually, free_address};
use tokio::net::TcpStream;

pub struct Trixter {
    pub address: SocketAddr,
    api: SocketAddr,
    upstream: SocketAddr,
    process: Child,
}

impl Trixter {
    pub async fn start(upstream: SocketAddr, options: &str) -> Self {
        let (address, api) = (free_address(), free_address());
        let trixter = Self { address, api, upstream, process: spawn(address, api, upstream, options) };
        trixter.accepts().await;
        trixter
    }

    /// On the same address, with other options.
    pub async fn restart(&mut self, options: &str) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.process = spawn(self.address, self.api, self.upstream, options);
        self.accepts().await;
    }

    async fn accepts(&self) {
        eventually("trixter accepts", async || TcpStream::connect(self.address).await.is_ok()).await;
    }
}

impl Drop for Trixter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(address: SocketAddr, api: SocketAddr, upstream: SocketAddr, options: &str) -> Child {
    Command::new(tool("TRIXTER"))
        .args(["--listen", &address.to_string(), "--upstream", &upstream.to_string(), "--api", &api.to_string()])
        .args(options.split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("trixter")
}
