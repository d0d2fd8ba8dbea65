//! Which signals are listened to? SIGHUP reloads, SIGUSR2 starts a new binary, SIGTERM and SIGINT leave.

use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// All of them. Installed first of all: the default action of each would end the process.
pub(super) struct Signals {
    pub hangup: Signal,
    pub upgrade: Signal,
    pub leave: Leave,
}

impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            upgrade: signal(SignalKind::user_defined2())?,
            leave: Leave { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? },
        })
    }
}

/// The two signals that ask the process to leave.
pub(super) struct Leave {
    terminate: Signal,
    interrupt: Signal,
}

impl Leave {
    pub(super) async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
