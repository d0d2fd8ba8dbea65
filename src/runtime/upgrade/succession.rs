//! How does a new process ask for what the old one has? The new process's side of a hand-over.

use super::folder::{self, is_ourselves, own_user};
use super::messages::Message;
use super::{alerts, health, wire};
use pulsegate_core::alert::GroupState;
use pulsegate_core::board::Handover;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How long the old process may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The sockets that were handed over, by address.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Sockets(Vec<(SocketAddr, TcpListener)>);

impl Sockets {
    pub(in crate::runtime) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let at = self.0.iter().position(|(known, _)| *known == address)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// A takeover under way.
#[derive(Debug)]
pub(in crate::runtime) struct Succession {
    stream: UnixStream,
    pub sockets: Sockets,
    pub sticky_key: [u8; 16],
    pub health: Handover,
}

/// Asks the process in this folder. `None`: nobody is there.
///
/// # Errors
/// Why it comes to nothing, as a sentence.
pub(in crate::runtime) async fn begin(folder: &Path) -> Result<Option<Succession>, String> {
    // A folder may hang as any file may; whoever waits for this hears signals meanwhile.
    let of_thread = folder.to_owned();
    let preparing = spawn_blocking(move || folder::prepare(&of_thread));
    preparing.await.unwrap_or_else(|error| Err(error.to_string()))?;
    let path = folder::socket(folder);
    let stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(format!("takeover: {} cannot be asked: {error}", path.display())),
    };
    let peer = stream.peer_cred().map_err(|error| format!("takeover: who answers cannot be told: {error}"))?;
    is_ourselves(peer.uid(), own_user()).map_err(|why| format!("takeover: {why}"))?;
    match timeout(PATIENCE, ask(stream)).await {
        Ok(succession) => succession.map(Some).map_err(|why| format!("takeover: {why}")),
        Err(_) => Err(format!("takeover: the old process did not answer within {PATIENCE:?}")),
    }
}

async fn ask(mut stream: UnixStream) -> Result<Succession, String> {
    wire::send(&mut stream, &Message::hello()).await.map_err(broke)?;
    let (version, pid, addresses, sticky_key, health) = match wire::receive(&mut stream).await.map_err(broke)? {
        Message::Offer { version, pid, sockets, sticky_key, health } => (version, pid, sockets, sticky_key, health),
        Message::Refused { why } => return Err(format!("the old process refuses: {why}")),
        said => return Err(format!("the old process said {:?} out of turn", said.name())),
    };
    let mut sockets = Sockets::default();
    for address in addresses {
        let socket = TcpListener::from(wire::receive_socket(&stream).await.map_err(broke)?);
        let found = socket.local_addr().map_err(|error| format!("the socket of {address} is none: {error}"))?;
        sockets.0.push((found, socket));
    }
    log::info!("takeover: version {version} (process {pid}) hands over {} listening sockets", sockets.0.len());
    Ok(Succession { stream, sockets, sticky_key, health: known(health) })
}

impl Succession {
    /// Returns why, when the old process gives us up before we are ready. That it ends is no reason: its sockets are ours too.
    pub(in crate::runtime) async fn given_up(&mut self) -> String {
        if wire::spoken_to(&self.stream).await
            && let Ok(Message::Refused { why }) = wire::receive(&mut self.stream).await
        {
            return format!("takeover: the old process serves on: {why}");
        }
        std::future::pending().await
    }

    /// Says that we could serve now. Returns what the old process has learned meanwhile, and of what it has told whom.
    ///
    /// # Errors
    /// It does not let go any more, as a sentence: it serves on, so we must not.
    pub(in crate::runtime) async fn ready(&mut self) -> Result<(Handover, Vec<GroupState>), String> {
        let asked = async {
            wire::send(&mut self.stream, &Message::Ready).await?;
            wire::receive(&mut self.stream).await
        };
        match timeout(PATIENCE, asked).await {
            Ok(Ok(Message::Farewell { health, alerts })) => Ok((known(health), alerts::read(alerts))),
            Ok(Ok(Message::Refused { why })) => Err(format!("takeover: the old process serves on: {why}")),
            Ok(Ok(said)) => Err(format!("takeover: the old process said {:?} out of turn", said.name())),
            Ok(Err(error)) => {
                // Whoever serves no more cannot refuse: the sockets are ours, and clients wait in their backlog.
                log::warn!("takeover: the old process ended before its farewell ({error}); serving on its sockets");
                Ok((Handover::default(), Vec::new()))
            }
            Err(_) => Err(format!("takeover: the old process did not answer within {PATIENCE:?}")),
        }
    }

    /// Says that we serve: the old process leaves now.
    pub(in crate::runtime) async fn accepting(mut self) {
        if let Err(error) = wire::send(&mut self.stream, &Message::Accepting).await {
            log::info!("takeover: the old process had gone already ({error})");
        }
    }
}

fn known(health: serde_json::Value) -> Handover {
    health::read(health).unwrap_or_else(|why| {
        log::warn!("takeover: {why}");
        Handover::default()
    })
}

fn broke(error: io::Error) -> String {
    format!("the conversation with the old process broke off: {error}")
}
