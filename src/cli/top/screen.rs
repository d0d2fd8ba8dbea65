//! How does it come onto the screen and leave again? The terminal, the keyboard, signals, the gateway and the clock, in one loop.
//!
//! Nothing waits for the gateway: questions are asked beside the loop, and their answers come as news. The terminal is given back on every
//! way out: a key, a signal, an error, a panic.

use super::PATIENCE;
use super::draw::draw;
use super::keys::{Errand, press};
use super::state::{Mode, State, Target};
use crate::cli::asking::{Admin, problem};
use crate::cli::operate::path;
use crate::cli::seen::{Picture, look};
use crate::clock::Clock;
use crossterm::event::{self, Event};
use http::Method;
use ratatui::DefaultTerminal;
use serde_json::json;
use std::io;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Ended by SIGTERM or SIGHUP, as shells say it.
const EXIT_SIGNAL: u8 = 128;

/// What happened outside.
enum News {
    Key(Event),
    Keyboard(io::Error),
    /// With the time at which it was asked for.
    Seen(Result<Picture, String>, Duration),
    Explained(Target, String),
    Steered(String),
}

/// # Errors
/// A sentence when the terminal cannot be used.
pub(super) async fn watch(admin: &Admin, mut state: State, every: Duration) -> Result<ExitCode, String> {
    state.colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut signals = Signals::new().map_err(|error| format!("signals cannot be waited for: {error}"))?;
    // It installs a hook that gives the terminal back on a panic.
    let mut terminal = ratatui::try_init().map_err(|error| format!("this terminal cannot be used: {error}"))?;
    let ended = Screen::new(admin, state, every).run(&mut terminal, &mut signals).await;
    ratatui::restore();
    ended.map_err(|error| format!("the terminal was lost: {error}"))
}

struct Screen {
    admin: Admin,
    state: State,
    clock: Clock,
    every: Interval,
    news: UnboundedReceiver<News>,
    tell: UnboundedSender<News>,
    /// A question about all backends is under way.
    looking: bool,
}

impl Screen {
    fn new(admin: &Admin, state: State, every: Duration) -> Self {
        let (tell, news) = unbounded_channel();
        let mut every = interval(every);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { admin: admin.clone(), state, clock: Clock::start(), every, news, tell, looking: false }
    }

    async fn run(mut self, terminal: &mut DefaultTerminal, signals: &mut Signals) -> io::Result<ExitCode> {
        listen(self.tell.clone());
        loop {
            let now = self.now();
            terminal.draw(|frame| draw(frame, &mut self.state, now))?;
            tokio::select! {
                number = signals.next() => return Ok(ExitCode::from(EXIT_SIGNAL + number)),
                _ = self.every.tick() => self.ask(),
                Some(news) = self.news.recv() => match news {
                    News::Key(Event::Key(key)) => match press(&mut self.state, key) {
                        Some(Errand::Quit) => return Ok(ExitCode::SUCCESS),
                        Some(errand) => self.run_errand(errand),
                        None => {}
                    },
                    // A new size is drawn, and a paste is not meant.
                    News::Key(_) => {}
                    News::Keyboard(error) => return Err(error),
                    other => self.heard(other),
                },
            }
        }
    }

    fn now(&self) -> Duration {
        self.clock.now().since(self.clock.started())
    }

    fn heard(&mut self, news: News) {
        match news {
            News::Seen(answer, at) => {
                self.looking = false;
                self.state.seen(answer, at);
            }
            News::Explained(target, text) => self.state.explained(&target, &text),
            News::Steered(told) => {
                self.state.note = Some(told);
                self.look();
            }
            News::Key(_) | News::Keyboard(_) => {}
        }
    }

    /// The regular questions. One that is not answered yet is not asked a second time.
    fn ask(&mut self) {
        if self.state.paused {
            return;
        }
        self.look();
        if let Mode::Explain { target, .. } = &self.state.mode {
            self.run_errand(Errand::Explain(target.clone()));
        }
    }

    fn look(&mut self) {
        if std::mem::replace(&mut self.looking, true) {
            return;
        }
        let (admin, tell, at) = (self.admin.clone(), self.tell.clone(), self.now());
        tokio::spawn(async move {
            let _ = tell.send(News::Seen(look(&admin, PATIENCE).await, at));
        });
    }

    fn run_errand(&self, errand: Errand) {
        let (admin, tell) = (self.admin.clone(), self.tell.clone());
        tokio::spawn(async move {
            let _ = tell.send(match errand {
                Errand::Explain(target) => {
                    let text = explanation(&admin, &target).await;
                    News::Explained(target, text)
                }
                Errand::Steer { action, target, reason } => {
                    News::Steered(steer(&admin, action, &target, &reason).await)
                }
                Errand::Quit => return,
            });
        });
    }
}

async fn explanation(admin: &Admin, target: &Target) -> String {
    let path = path(&target.upstream, &target.backend, "explain?format=text");
    match admin.ask(Method::GET, &path, None, PATIENCE).await {
        Ok((status, text)) if status.is_success() => String::from_utf8_lossy(&text).into_owned(),
        Ok(answer) => problem(&answer),
        Err(sentence) => sentence,
    }
}

/// What came of it, as a line.
async fn steer(admin: &Admin, action: &str, target: &Target, reason: &str) -> String {
    let wish = if reason.is_empty() { json!({}) } else { json!({ "reason": reason }) };
    let path = path(&target.upstream, &target.backend, action);
    let told = match admin.ask(Method::POST, &path, Some(&wish), PATIENCE).await {
        Ok((status, answer)) if status.is_success() => {
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
            format!("it is {} now", answer["backend"]["standing"].as_str().unwrap_or("as ordered"))
        }
        Ok(answer) => problem(&answer).replace('\n', " "),
        Err(sentence) => sentence,
    };
    format!("{action} of {} {}: {told}", target.upstream, target.backend)
}

/// Reads keys on a thread of its own, which ends with the process: a terminal can be waited for in no other way.
fn listen(tell: UnboundedSender<News>) {
    std::thread::spawn(move || {
        loop {
            let news = event::read().map_or_else(News::Keyboard, News::Key);
            let over = matches!(news, News::Keyboard(_));
            if tell.send(news).is_err() || over {
                return;
            }
        }
    });
}

/// Those that end a program at a terminal.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The number of the one that came.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = self.hangup.recv() => 1,
        }
    }
}
