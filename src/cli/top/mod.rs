//! `pulsegate top`: all backends in a terminal, live.
//!
//! Here is only what touches the world: the terminal, the gateway, signals and the clock. What a key does is in `keys.rs`, which rows there
//! are and in which order in `rows.rs`, and how it looks in `draw.rs`; those are pure, and tested by tables.

mod columns;
mod draw;
mod keys;
mod rows;
mod screen;
mod state;

use super::asking::{Admin, Asking, wait_for};
use super::print_out;
use super::seen::look;
use clap::ValueEnum;
use rows::Sort;
use state::State;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

/// Of one question.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Wish {
    /// Print one picture as plain text, and end; so it is wherever stdout is no terminal
    #[arg(long)]
    once: bool,
    /// Between two pictures, at least 100ms
    #[arg(long, default_value = "1s", value_name = "DURATION", value_parser = interval)]
    every: Duration,
    /// How the rows are sorted at first
    #[arg(long, value_enum, default_value_t = Sort::Upstream)]
    sort: Sort,
    /// Only rows with this text in upstream, backend, standing or cause
    #[arg(long, default_value = "", value_name = "TEXT")]
    filter: String,
    #[command(flatten)]
    asking: Asking,
}

pub(super) fn top(wish: &Wish) -> ExitCode {
    let once = wish.once || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal();
    let outcome = wait_for(async {
        let admin = Admin::new(&wish.asking)?;
        let state = State::new(admin.base(), wish.sort, &wish.filter);
        if once { plain(&admin, state).await } else { screen::watch(&admin, state, wish.every).await }
    });
    outcome.and_then(|ended| ended).unwrap_or_else(|sentence| {
        eprintln!("pulsegate: {sentence}");
        ExitCode::FAILURE
    })
}

async fn plain(admin: &Admin, mut state: State) -> Result<ExitCode, String> {
    state.seen(Ok(look(admin, PATIENCE).await?), Duration::ZERO);
    Ok(print_out(&draw::plain(&state)))
}

fn interval(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(every) if every >= Duration::from_millis(100) => Ok(every),
        Ok(_) => Err("allowed: at least 100ms; the gateway has other things to do".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl std::fmt::Display for Sort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}
