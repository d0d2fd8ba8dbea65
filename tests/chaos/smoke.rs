//! Six scenarios in front of Pulsegate alone, as tests with bounds: what the design promises about them.

use super::gateway::Kind;
use super::play::{self, POSTS, Played};
use super::scenarios::Scenario;
use super::table;
use super::tools::Tools;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::time::Duration;
use support::lateness::Lateness;
use support::load::Outcome;

/// A GET that takes longer has waited for something.
const LATE: Duration = Duration::from_millis(400);
/// Processes that a request passes on its way to a backend and back.
const STEPS: u32 = 4;

/// What may go wrong.
#[derive(Clone, Copy)]
struct Bound {
    scenario: &'static str,
    gets: usize,
    posts: usize,
    /// GETs that take longer than 0.4 s, and what the machine is late.
    late: usize,
}

/// A request takes 10 ms at a backend and some 50 a second reach each, so one or two are written to it at any moment.
const BOUNDS: [Bound; 6] = [
    // Only POSTs that had been written to it are lost.
    Bound { scenario: "kill", gets: 0, posts: 5, late: 20 },
    // A POST to the frozen one is lost after the per-try timeout; five of them in a row eject it.
    Bound { scenario: "freeze", gets: 0, posts: 10, late: 20 },
    // Five failures in a row eject; whoever was in flight meanwhile is lost too.
    Bound { scenario: "500-burst", gets: 0, posts: 8, late: 20 },
    // A POST that was written just as its connection closed may have been read: how many meet that moment is the machine's affair.
    Bound { scenario: "keep-alive-closed", gets: 0, posts: 10, late: 20 },
    Bound { scenario: "drain-then-kill", gets: 0, posts: 0, late: 20 },
    Bound { scenario: "rolling-restart", gets: 0, posts: 0, late: 20 },
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
    let machine = Lateness::watch();
    let Played { gets, posts, words } = runtime.block_on(play::play(&scenario, Kind::Pulsegate, tools));
    // A request of a busy machine is late at each step of its way, and those that are due meanwhile meet the fault together.
    let slow = machine.worst() * STEPS;
    let bound = Bound { posts: bound.posts + (slow.as_secs_f64() * f64::from(POSTS)) as usize, ..bound };
    let failed =
        |outcomes: &[Outcome]| -> Vec<Outcome> { outcomes.iter().filter(|outcome| !outcome.ok()).cloned().collect() };
    let late = gets.iter().filter(|outcome| outcome.took > LATE + slow).count();
    let (failed_gets, failed_posts) = (failed(&gets), failed(&posts));
    println!(
        "{}: {} of {} GETs failed, {late} took longer than {:?}; {} of {} POSTs failed",
        bound.scenario,
        failed_gets.len(),
        gets.len(),
        LATE + slow,
        failed_posts.len(),
        posts.len()
    );
    if failed_gets.len() <= bound.gets && failed_posts.len() <= bound.posts && late <= bound.late {
        return Ok(());
    }
    let examples: Vec<Outcome> = failed_gets.into_iter().chain(failed_posts).take(8).collect();
    Err(format!(
        "allowed are {} failed GETs, {} failed POSTs and {} late GETs. Failed were: {examples:?}\nThe gateway said:\n{words}",
        bound.gets, bound.posts, bound.late
    )
    .into())
}
