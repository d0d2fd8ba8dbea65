//! Six scenarios in front of Pulsegate alone, as tests: that it decides what it must, and that nobody sees an error which it should have
//! spared them. How soon it does so is told by `make chaos`: here the machine may be busy.

use super::gateway::Kind;
use super::manner::Manner;
use super::play::{self, Decision, Played};
use super::scenarios::Scenario;
use super::table;
use super::tools::Tools;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::time::Duration;
use support::load::Outcome;

/// What may go wrong: no GET, and so many POSTs, beside those that were on their way at once when nothing was wrong.
#[derive(Clone, Copy)]
struct Bound {
    scenario: &'static str,
    posts: usize,
}

/// In requests: one or two are written to a backend at any moment.
const BOUNDS: [Bound; 6] = [
    // Only POSTs that had been written to it are lost.
    Bound { scenario: "kill", posts: 5 },
    // A POST to the frozen one is lost after the per-try timeout; five of them in a row eject it.
    Bound { scenario: "freeze", posts: 10 },
    // Five failures in a row eject; whoever was in flight meanwhile is lost too.
    Bound { scenario: "500-burst", posts: 8 },
    // A POST that was written just as its connection closed may have been read: how many meet that moment is the machine's affair.
    Bound { scenario: "keep-alive-closed", posts: 10 },
    Bound { scenario: "drain-then-kill", posts: 0 },
    Bound { scenario: "rolling-restart", posts: 0 },
];

pub fn run(pulsegate: &str) -> ExitCode {
    let arguments = Arguments::from_args();
    let tools = Tools { pulsegate: pulsegate.into() };
    let play = |bound: Bound| {
        let tools = tools.clone();
        Trial::test(bound.scenario, move || check(bound, &tools))
    };
    let mut trials = vec![Trial::test("the_bar_of_the_table", table::check)];
    trials.extend(BOUNDS.map(play));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn check(bound: Bound, tools: &Tools) -> Result<(), Failed> {
    let scenario = Scenario::named(bound.scenario).ok_or("there is no such scenario")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let played = runtime.block_on(play::play(&scenario, Kind::Pulsegate, Manner::TESTED, tools));
    let (gets, posts) = (failed(&played.gets), failed(&played.posts));
    // Where POSTs may fail at all, a crowd of them may meet the fault together.
    let allowed = if bound.posts == 0 { 0 } else { bound.posts + crowd(&played.posts) };
    println!(
        "{}: {} of {} GETs and {} of {} POSTs failed, {allowed} of these may; {} decisions; the slowest GET took {:.1?}",
        bound.scenario,
        gets.len(),
        played.gets.len(),
        posts.len(),
        played.posts.len(),
        played.decided.len(),
        played.gets.iter().map(|outcome| outcome.took).max().unwrap_or_default()
    );
    let wrong = [
        ("a GET failed", gets.first().map(|one| format!("{one:?}"))),
        ("too many POSTs failed", posts.get(allowed).map(|one| format!("{one:?}"))),
        ("a POST failed that met no fault", meets_none(&posts, &played.decided)),
        ("it went out and nothing was wrong with it", well_and_out(&played)),
    ];
    let wrong: Vec<String> =
        wrong.into_iter().filter_map(|(what, example)| Some(format!("{what}: {}", example?))).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nThe gateway said:\n{}", wrong.join("\n"), played.words).into())
}

fn failed(outcomes: &[Outcome]) -> Vec<&Outcome> {
    outcomes.iter().filter(|outcome| !outcome.ok()).collect()
}

/// How many requests that went well were under way at once, at most. Those that wait for a frozen backend do not go well.
fn crowd(outcomes: &[Outcome]) -> usize {
    let well = || outcomes.iter().filter(|outcome| outcome.ok());
    let under_way = |at: Duration| well().filter(|other| other.due <= at && at < other.due + other.took).count();
    well().map(|outcome| under_way(outcome.due)).max().unwrap_or_default()
}

/// Whatever fails was under way between a fault and what was decided upon it. A fault that is not decided upon is there all the time.
fn meets_none(failed: &[&Outcome], decided: &[Decision]) -> Option<String> {
    let meets = |outcome: &Outcome, decision: &Decision| {
        outcome.due <= decision.until && outcome.due + outcome.took >= decision.from
    };
    let alone = |outcome: &&&Outcome| !decided.is_empty() && !decided.iter().any(|decision| meets(outcome, decision));
    failed.iter().find(alone).map(|outcome| format!("{outcome:?} beside {decided:?}"))
}

/// Only a backend with which something is wrong goes out.
fn well_and_out(played: &Played) -> Option<String> {
    let faulty = |address: &str| played.decided.iter().any(|decision| decision.backend.to_string() == address);
    let wrong = played.transitions.iter().find(|change| change.goes_out() && !faulty(&change.backend));
    wrong.map(|change| format!("{change:?}"))
}
