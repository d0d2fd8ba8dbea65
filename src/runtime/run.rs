//! What does the process do from its start to its end? It serves, reloads when asked, hands over when a successor asks, and leaves.

use super::certificates::{self, Looked};
use super::reload::Prepared;
use super::signals::Signals;
use super::upgrade::{self, Door};
use super::{Gateway, watcher};
use crate::clock::Clock;
use crate::config::Loaded;
use crate::control::{Outcome, Reloader, Request, Source};
use crate::file::{Aside, PATIENCE};
use crate::telemetry::init_logging;
use sd_notify::NotifyState;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// A service manager that does not listen is waited for so long at the end.
const TELLING: Duration = Duration::from_secs(1);

/// How serving ended.
enum End {
    Told,
    Succeeded,
    /// By a mistake of this program: nobody looks after health, or after some connections, any more.
    Broken(String),
}

/// Runs the gateway of `loaded` until it is told to leave, or until another process has taken over. `takeover`: from the process that
/// runs, where there is one.
///
/// # Errors
/// Every reason why it could not start, a sentence each.
pub async fn run(loaded: Loaded, config: &Path, takeover: bool) -> Result<(), Vec<String>> {
    let mut signals = Signals::install().map_err(|error| vec![format!("signal handlers: {error}")])?;
    // As it is now: a package that is installed meanwhile puts another file at this path, and that is the one to start.
    let binary = std::env::current_exe().ok();
    raise_file_limit();

    let fingerprint = loaded.fingerprint;
    // From here on there is something to say, before the gateway is built.
    init_logging(&loaded.plan.logging, Clock::start());
    let (reloader, reloads) = Reloader::new();
    let (gateway, door) = tokio::select! {
        started = start(loaded, takeover, reloader.clone()) => started?,
        () = signals.leave.told() => {
            log::info!("told to leave before anything was served: leaving");
            return Ok(());
        }
    };
    tokio::spawn(tell_service_manager(vec![NotifyState::MainPid(std::process::id()), NotifyState::Ready]));
    tokio::spawn(watcher::watch(config.to_owned(), fingerprint, gateway.handle.clone(), reloader));

    let mut life = Life {
        gateway,
        reloads,
        door,
        config: config.to_owned(),
        binary,
        handing_over: None,
        looking: Aside::within(certificates::ONE_FILE),
        reading: Aside::within(PATIENCE),
        reply: None,
    };
    match life.serve(&mut signals).await {
        End::Told => life.leave(&mut signals).await,
        End::Succeeded => life.retire(&mut signals).await,
        End::Broken(what) => {
            life.leave(&mut signals).await;
            return Err(vec![format!(
                "{what} ended by a mistake of this program (its log says where); another process must take its place"
            )]);
        }
    }
    Ok(())
}

async fn start(loaded: Loaded, takeover: bool, reloader: Reloader) -> Result<(Gateway, Option<Door>), Vec<String>> {
    let folder = upgrade::folder(&loaded.plan.upgrade);
    let one = |why: String| vec![why];
    let Some(folder) = folder else {
        if takeover {
            return Err(one("--takeover: no upgrade.directory is configured, and the service manager gives none \
                            (RUNTIME_DIRECTORY); without one there is nowhere to meet the running process"
                .to_owned()));
        }
        return Ok((Gateway::start(loaded.plan, None, Some(reloader)).await?, None));
    };
    let before = if takeover { upgrade::begin(&folder).await.map_err(one)? } else { None };
    match before {
        Some(before) => {
            let gateway = Gateway::succeed(loaded.plan, before, reloader).await?;
            // It serves: what is wrong with the folder now costs the next hand-over only.
            let door = open(folder, true).await.inspect_err(|why| log::error!("no takeover is possible: {why}"));
            Ok((gateway, door.ok()))
        }
        None => {
            let door = open(folder, false).await.map_err(one)?;
            match Gateway::start(loaded.plan, None, Some(reloader)).await {
                Ok(gateway) => Ok((gateway, Some(door))),
                Err(sentences) => {
                    door.close();
                    Err(sentences)
                }
            }
        }
    }
}

/// A folder may hang as any file may.
async fn open(folder: PathBuf, succeed: bool) -> Result<Door, String> {
    let opening = spawn_blocking(move || Door::open(&folder, succeed));
    opening.await.unwrap_or_else(|error| Err(error.to_string()))
}

/// A process that serves.
struct Life {
    gateway: Gateway,
    /// Reloads that are asked for, in their order.
    reloads: mpsc::Receiver<Request>,
    door: Option<Door>,
    config: PathBuf,
    binary: Option<PathBuf>,
    handing_over: Option<JoinHandle<Result<(), String>>>,
    /// The look at certificates.
    looking: Aside<Looked>,
    /// The reading of the configuration, and who waits for what it comes to.
    reading: Aside<Result<Prepared, Vec<String>>>,
    reply: Option<oneshot::Sender<Outcome>>,
}

impl Life {
    async fn serve(&mut self, signals: &mut Signals) -> End {
        let mut look = interval(certificates::LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (control, mut workers) = (self.gateway.handle.clone(), self.gateway.crew.losses());
        loop {
            tokio::select! {
                // A file that hangs is told once, and left out of the next look.
                _ = look.tick(), if self.looking.is_idle() => self.look(),
                looked = self.looking.done() => match looked {
                    Ok(looked) => self.gateway.renew(looked),
                    Err(why) => log::warn!("certificates: {why}; the last good ones stay in use"),
                },
                _ = signals.hangup.recv(), if self.reading.is_idle() => self.read(Source::Signal, None),
                Some(request) = self.reloads.recv(), if self.reading.is_idle() => {
                    self.read(request.source, Some(request.reply));
                }
                prepared = self.reading.done() => self.reload(prepared).await,
                () = control.ended() => {
                    return End::Broken("the task that looks after the health of backends".to_owned());
                }
                number = workers.next() => return End::Broken(format!("worker {number}, which served connections,")),
                _ = signals.upgrade.recv() => self.start_successor(),
                visitor = visitor(self.door.as_ref()) => self.receive(visitor),
                outcome = ended(&mut self.handing_over) => {
                    self.handing_over = None;
                    match outcome {
                        Ok(()) => return End::Succeeded,
                        Err(why) => log::error!("takeover failed, this process serves on: {why}"),
                    }
                }
                () = signals.leave.told() => return End::Told,
            }
        }
    }

    fn look(&mut self) {
        let look = self.gateway.look();
        self.looking.begin("their files", move || look.look());
    }

    fn read(&mut self, source: Source, reply: Option<oneshot::Sender<Outcome>>) {
        log::info!("reload ({}): reading {}", source.word(), self.config.display());
        let (draft, config) = (self.gateway.draft(), self.config.clone());
        self.reply = reply;
        self.reading.begin("the configuration", move || draft.read(&config));
    }

    async fn reload(&mut self, prepared: Result<Result<Prepared, Vec<String>>, String>) {
        let outcome = self.gateway.conclude(prepared.unwrap_or_else(|why| Err(vec![why]))).await;
        match &outcome {
            Ok(()) => log::info!("reload: the new configuration is in force"),
            Err(sentences) => {
                for sentence in sentences {
                    log::error!("reload refused, the old configuration stays in force: {sentence}");
                }
            }
        }
        if let Some(reply) = self.reply.take() {
            // Whoever asked may have gone.
            let _ = reply.send(outcome);
        }
    }

    fn receive(&mut self, visitor: UnixStream) {
        if self.handing_over.is_some() {
            return upgrade::refuse(visitor, "another process is taking over already".to_owned());
        }
        let patience = self.gateway.plan.upgrade.timeout;
        self.handing_over = Some(tokio::spawn(upgrade::hand_over(visitor, self.gateway.estate(), patience)));
    }

    /// Starts what is installed now where this binary was; it asks for the listeners by itself.
    fn start_successor(&self) {
        let (Some(binary), Some(_)) = (&self.binary, &self.door) else {
            return log::error!("SIGUSR2: no takeover is possible without upgrade.directory; this process serves on");
        };
        let (binary, config) = (binary.clone(), self.config.clone());
        // Its end is noted, whenever that is; normally ours comes first.
        drop(spawn_blocking(move || {
            let child = Command::new(&binary).args(["run", "--takeover", "--config"]).arg(&config).spawn();
            let mut child = match child {
                Ok(child) => child,
                Err(error) => return log::error!("SIGUSR2: {} cannot be started: {error}", binary.display()),
            };
            log::info!("SIGUSR2: {} started as process {}", binary.display(), child.id());
            if let Ok(status) = child.wait() {
                log::warn!("the new process {} ended: {status}", child.id());
            }
        }));
    }

    async fn leave(self, signals: &mut Signals) {
        // Whoever asks from now on is told that the process is leaving.
        drop(self.reloads);
        if let Some(handing_over) = self.handing_over {
            handing_over.abort();
        }
        let closing = self.door.map(|door| spawn_blocking(move || door.close()));
        let _ = timeout(TELLING, async {
            tell_service_manager(vec![NotifyState::Stopping]).await;
            if let Some(closing) = closing {
                let _ = closing.await;
            }
        })
        .await;
        tokio::select! {
            () = self.gateway.leave() => {}
            () = signals.leave.told() => log::warn!("told to leave a second time: leaving at once"),
        }
    }

    /// The door is the successor's by now. A service manager that stops the service tells both: the first word changes nothing here.
    async fn retire(self, signals: &mut Signals) {
        drop(self.reloads);
        let told_twice = async {
            signals.leave.told().await;
            signals.leave.told().await;
        };
        tokio::select! {
            () = self.gateway.retire() => {}
            () = told_twice => log::warn!("told to leave a second time: leaving at once"),
        }
    }
}

async fn visitor(door: Option<&Door>) -> UnixStream {
    match door {
        Some(door) => door.visitor().await,
        None => std::future::pending().await,
    }
}

async fn ended(handing_over: &mut Option<JoinHandle<Result<(), String>>>) -> Result<(), String> {
    match handing_over {
        Some(task) => task.await.unwrap_or_else(|error| Err(format!("the conversation with it ended: {error}"))),
        None => std::future::pending().await,
    }
}

/// Where no service manager listens, this does nothing.
async fn tell_service_manager(state: Vec<NotifyState<'static>>) {
    let told = spawn_blocking(move || sd_notify::notify(&state));
    if let Ok(Err(error)) = told.await {
        log::warn!("the service manager could not be told: {error}");
    }
}

/// A proxy needs two files per request in flight; the soft limit of most shells (1024) is far too low.
fn raise_file_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::warn!("the limit of open files could not be raised ({error}); many connections may be refused");
    }
}
