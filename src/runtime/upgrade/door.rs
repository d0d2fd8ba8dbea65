//! Where does a successor ask, and what is it given? The old process's side of a hand-over.

use super::folder::{self, is_ourselves, own_user};
use super::messages::{LANGUAGE, Message};
use super::{alerts, health, wire};
use crate::control::Handle;
use crate::telemetry::Alerting;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

/// After a failed accept: long enough not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A successor that is ready needs no longer than this to accept.
const FAREWELL: Duration = Duration::from_secs(10);

/// The socket at which a successor asks.
#[derive(Debug)]
pub(in crate::runtime) struct Door {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl Door {
    /// Opens the door in this folder, in place of that of the process before.
    ///
    /// # Errors
    /// Why there can be none, as a sentence. That another process lives behind it is one, unless we `succeed` it.
    pub(in crate::runtime) fn open(folder: &Path, succeed: bool) -> Result<Self, String> {
        folder::prepare(folder)?;
        let path = folder::socket(folder);
        if !succeed && std::os::unix::net::UnixStream::connect(&path).is_ok() {
            return Err(format!(
                "another Pulsegate answers at {}; start with --takeover to take over from it, or give this one an \
                 upgrade.directory of its own",
                path.display()
            ));
        }
        // A name of its own first: the rename replaces what a process left that was killed, and leaves no moment without a door.
        let new = folder.join(format!("takeover.{}.sock", std::process::id()));
        let open = || -> io::Result<Self> {
            let _ = fs::remove_file(&new);
            let listener = UnixListener::bind(&new)?;
            let inode = fs::symlink_metadata(&new)?.ino();
            fs::rename(&new, &path)?;
            Ok(Self { listener, path: path.clone(), inode })
        };
        open().map_err(|error| format!("upgrade.directory {}: no socket can be made there: {error}", folder.display()))
    }

    /// The next process that asks and may. Cancelling it loses nobody.
    pub(in crate::runtime) async fn visitor(&self) -> UnixStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match allowed(&stream) {
                    Ok(()) => return stream,
                    Err(why) => {
                        log::warn!("takeover refused: {why}");
                        refuse(stream, why);
                    }
                },
                Err(error) => {
                    log::warn!("takeover: nobody can be let in: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Takes the socket away, unless it is a successor's already.
    pub(in crate::runtime) fn close(self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn allowed(stream: &UnixStream) -> Result<(), String> {
    let peer = stream.peer_cred().map_err(|error| format!("who asks cannot be told: {error}"))?;
    is_ourselves(peer.uid(), own_user())
}

/// Says no and hangs up, without waiting for anybody.
pub(in crate::runtime) fn refuse(mut stream: UnixStream, why: String) {
    tokio::spawn(async move {
        let _ = timeout(Duration::from_secs(1), wire::send(&mut stream, &Message::Refused { why })).await;
    });
}

/// What a successor is given.
pub(in crate::runtime) struct Estate {
    pub sockets: Vec<(SocketAddr, OwnedFd)>,
    pub sticky_key: [u8; 16],
    pub handle: Handle,
    pub alerts: Arc<Alerting>,
}

/// Hands everything over; returns when the successor accepts.
///
/// # Errors
/// Why it does not, as a sentence; nothing has changed then.
pub(in crate::runtime) async fn hand_over(
    mut stream: UnixStream,
    estate: Estate,
    patience: Duration,
) -> Result<(), String> {
    let ready = match timeout(patience, offer(&mut stream, &estate)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("it was not ready within upgrade.timeout ({patience:?})")),
    };
    let outcome = match ready {
        Ok(()) => timeout(FAREWELL, farewell(&mut stream, &estate))
            .await
            .unwrap_or_else(|_| Err(format!("it was ready, and did not accept within {FAREWELL:?}"))),
        Err(why) => Err(why),
    };
    if let Err(why) = &outcome {
        refuse(stream, why.clone());
    }
    outcome
}

async fn offer(stream: &mut UnixStream, estate: &Estate) -> Result<(), String> {
    let (version, pid) = match hear(stream).await? {
        Message::Hello { language: LANGUAGE, version, pid } => (version, pid),
        Message::Hello { language, version, .. } => {
            return Err(format!(
                "version {version} speaks language {language} of the hand-over, this one {LANGUAGE}; restart instead"
            ));
        }
        other => return Err(unexpected(&other)),
    };
    log::info!("takeover: version {version} (process {pid}) asks for the listeners");
    let offer = Message::Offer {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        sockets: estate.sockets.iter().map(|(address, _)| *address).collect(),
        sticky_key: estate.sticky_key,
        health: health::write(estate.handle.handover().await),
    };
    wire::send(stream, &offer).await.map_err(lost)?;
    for (_, socket) in &estate.sockets {
        wire::send_socket(stream, socket.as_fd()).await.map_err(lost)?;
    }
    expect(stream, &Message::Ready).await
}

async fn farewell(stream: &mut UnixStream, estate: &Estate) -> Result<(), String> {
    let health = health::write(estate.handle.handover().await);
    let alerts = alerts::write(&estate.alerts.known().await);
    let farewell = Message::Farewell { health, alerts };
    wire::send(stream, &farewell).await.map_err(lost)?;
    expect(stream, &Message::Accepting).await
}

async fn expect(stream: &mut UnixStream, wanted: &Message) -> Result<(), String> {
    match hear(stream).await? {
        Message::Refused { why } => Err(why),
        said if said.name() == wanted.name() => Ok(()),
        said => Err(unexpected(&said)),
    }
}

async fn hear(stream: &mut UnixStream) -> Result<Message, String> {
    wire::receive(stream).await.map_err(lost)
}

fn lost(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
            "it ended before it was ready; its own log says why".to_owned()
        }
        _ => format!("the conversation with it broke off: {error}"),
    }
}

fn unexpected(said: &Message) -> String {
    format!("it said {:?} out of turn", said.name())
}
