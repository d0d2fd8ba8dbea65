//! `pulsegate alert-test`: one alert to every receiver that alerts are routed to, now, without a gateway. A line for each says what it answered.
//!
//! A webhook that no route names may be one that restarts things: it is told only when it is named.

use super::{EXIT_CONFIG, print_out, standalone};
use crate::clock::Clock;
use crate::telemetry::alert::{Message, render};
use crate::telemetry::webhook::{Ready, prepare, tell_once};
use clap::Args;
use pulsegate_core::plan::Plan;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Wish {
    #[command(flatten)]
    file: super::ConfigFile,
    /// This receiver alone: a name of `webhooks` or `smtp`
    #[arg(long, value_name = "NAME")]
    receiver: Option<String>,
    /// The end of the test instead of its beginning
    #[arg(long)]
    resolve: bool,
}

pub(super) fn alert_test(wish: &Wish) -> ExitCode {
    standalone::with_plan(wish.file.path(), async |plan| tell(&plan, wish).await)
}

async fn tell(plan: &Plan, wish: &Wish) -> ExitCode {
    let routed = |name: &str| plan.alerts.routes.iter().any(|route| route.receivers.iter().any(|one| **one == *name));
    let wanted = |name: &str| wish.receiver.as_deref().map_or_else(|| routed(name), |wanted| wanted == name);
    let webhooks: Vec<_> = plan.webhooks.iter().filter(|one| wanted(&one.name)).cloned().collect();
    let smtp: Vec<_> = plan.smtp.iter().filter(|one| wanted(&one.name)).cloned().collect();
    if webhooks.is_empty() && smtp.is_empty() {
        let known: Vec<String> = plan.receivers().iter().map(ToString::to_string).collect();
        return match &wish.receiver {
            Some(name) => {
                refuse(&format!("there is no receiver {name:?}; the configuration knows: {}", known.join(", ")))
            }
            None => refuse("no alert goes to anybody: name receivers under alerts.routes, or one with --receiver"),
        };
    }
    let mut well = true;
    // Each by itself: a secret that is missing keeps no other from being told.
    for webhook in webhooks {
        well &= report(&webhook.name, prepare(std::slice::from_ref(&webhook), &[]), plan, wish.resolve).await;
    }
    for one in smtp {
        well &= report(&one.name, prepare(&[], std::slice::from_ref(&one)), plan, wish.resolve).await;
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn report(name: &str, ready: Result<Vec<Ready>, Vec<String>>, plan: &Plan, resolve: bool) -> bool {
    let outcome = match ready {
        Err(problems) => Err(problems.join("; ")),
        Ok(ready) => tell_all(name, &ready, plan, resolve).await,
    };
    match outcome {
        Ok(answered) => {
            print_out(&format!("{name}: delivered, it answered {answered}\n"));
            true
        }
        Err(why) => {
            print_out(&format!("{name}: failed: {why}\n"));
            false
        }
    }
}

async fn tell_all(name: &str, ready: &[Ready], plan: &Plan, resolve: bool) -> Result<String, String> {
    let clock = Clock::start();
    let message = Message::test(name, &plan.alerts.source, resolve, clock.wall(clock.now()));
    let mut answered = String::new();
    for ready in ready {
        for notice in render(&message, &ready.way) {
            answered = tell_once(ready, &notice).await?;
        }
    }
    Ok(answered)
}

fn refuse(sentence: &str) -> ExitCode {
    eprintln!("pulsegate: {sentence}");
    ExitCode::from(EXIT_CONFIG)
}
