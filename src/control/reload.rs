//! Who may ask for a reload? A signal, the watched files and the admin listener, all by the same way and one after the other.

use tokio::sync::{mpsc, oneshot};

/// Reloads that may wait; whoever asks beyond that waits to ask.
const WAITING: usize = 16;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Signal,
    Watch,
    Admin,
}

impl Source {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Watch => "watch",
            Self::Admin => "admin",
        }
    }
}

/// What a reload came to: in force, or every reason why not.
pub type Outcome = Result<(), Vec<String>>;

/// Asks for reloads; cheap to clone.
#[derive(Clone, Debug)]
pub struct Reloader(mpsc::Sender<Request>);

/// One reload that is asked for.
#[derive(Debug)]
pub struct Request {
    pub source: Source,
    pub reply: oneshot::Sender<Outcome>,
}

impl Reloader {
    /// The other end belongs to whoever carries reloads out.
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Reads the configuration anew and applies it, or says why not; returns when that is done. `None` when the process is leaving.
    pub async fn reload(&self, source: Source) -> Option<Outcome> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Request { source, reply }).await.ok()?;
        answer.await.ok()
    }
}
