//! What do signals do? SIGHUP reloads (as does the admin API), SIGTERM and SIGINT leave, a second one of those leaves at once. Between them,
//! certificate files are looked at.

use super::{Gateway, certificates};
use crate::config::{self, Loaded};
use std::io;
use std::path::Path;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

/// Runs the gateway of `loaded` until it is told to leave.
///
/// # Errors
/// Every reason why it could not start, a sentence each.
pub async fn run(loaded: Loaded, config: &Path) -> Result<(), Vec<String>> {
    // First of all: the default action of SIGHUP would end the process.
    let (mut hangup, mut leave) = install().map_err(|error| vec![format!("signal handlers: {error}")])?;
    raise_file_limit();

    let (reloads, mut asked) = mpsc::channel(1);
    let mut gateway = Gateway::start_for(loaded.plan, None, Some(reloads)).await?;
    let mut look = interval(certificates::LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => gateway.renew_certificates(),
            _ = hangup.recv() => drop(reload(&mut gateway, config)),
            Some(ask) = asked.recv() => drop(ask.reply.send(reload(&mut gateway, config))),
            () = leave.told() => break,
        }
    }
    // Whoever asks from now on is told that the process is leaving.
    drop(asked);
    tokio::select! {
        () = gateway.leave() => {}
        () = leave.told() => log::warn!("told to leave a second time: leaving at once"),
    }
    Ok(())
}

fn reload(gateway: &mut Gateway, config: &Path) -> Result<(), Vec<String>> {
    log::info!("reload: reading {}", config.display());
    let outcome = gateway.reload(config::load(config));
    match &outcome {
        Ok(()) => log::info!("reload: the new configuration is in force"),
        Err(sentences) => {
            for sentence in sentences {
                log::error!("reload refused, the old configuration stays in force: {sentence}");
            }
        }
    }
    outcome
}

fn install() -> io::Result<(Signal, Leave)> {
    let leave = Leave { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
    Ok((signal(SignalKind::hangup())?, leave))
}

/// The two signals that ask the process to leave.
struct Leave {
    terminate: Signal,
    interrupt: Signal,
}

impl Leave {
    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A proxy needs two files per request in flight; the soft limit of most shells (1024) is far too low.
fn raise_file_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::warn!("the limit of open files could not be raised ({error}); many connections may be refused");
    }
}
