//! Does a client get of a backend's answer what the verdict says, and its next answer untouched?

use super::line::{Heard, Line};
use super::pace::Pace;
use super::permissive::answer_path;
use super::rows::{Answer, Gets, Whole};
use super::strict::Message;
use super::world::{Finding, World};

pub async fn run(world: &World, number: usize, row: &Answer, pace: Pace) -> Vec<Finding> {
    let (same, other) = (format!("{number}-{pace:?}-same"), format!("{number}-{pace:?}-other"));
    let mut line = world.connect().await;
    let path = answer_path(number, if world.drips { pace } else { Pace::Whole });
    line.send(format!("{} {path} {}\r\nHost: a\r\n\r\n", row.method, row.version).as_bytes(), pace).await;
    let early = interim(&mut line, row).await;
    let heard = line.answer(row.method == "HEAD").await;
    let (found, goes_on) = match &row.client {
        Gets::Problem(status) => (problem(*status, &heard), true),
        Gets::Whole(whole) => (differences(whole, &heard), !whole.ends),
        Gets::Broken(status) => (broken_off(*status, &heard), false),
    };
    let mut wrong = [early, found].concat();
    if wrong.is_empty() {
        wrong.extend(if goes_on { world.probe(&mut line, &same).await } else { line.ends().await });
    }
    let mut another = world.connect().await;
    wrong.extend(world.probe(&mut another, &other).await);
    wrong.extend(world.requests(&[&other]).1);
    wrong.into_iter().map(|what| Finding { row: row.name.clone(), pace, what }).collect()
}

/// The interim answers come first, each as it must be.
async fn interim(line: &mut Line, row: &Answer) -> Vec<String> {
    for expected in &row.interim {
        for _ in 0..expected.times {
            let fits = |answer: &Message| {
                answer.status() == expected.status
                    && expected.has.iter().all(|line| answer.holds(line))
                    && expected.lacks.iter().all(|name| answer.field(name).is_none())
            };
            match line.answer(false).await {
                Heard::Answer(answer) if fits(&answer) => {}
                heard => return vec![format!("{expected:?} was to come: {heard:?}")],
            }
        }
    }
    Vec::new()
}

/// A problem document of our own: nothing of the backend's.
fn problem(status: u16, heard: &Heard) -> Vec<String> {
    match heard {
        Heard::Answer(answer) if answer.status() == status && is_problem(answer) => Vec::new(),
        heard => vec![format!("a problem document with {status} was to come: {heard:?}")],
    }
}

fn is_problem(answer: &Message) -> bool {
    answer.field("content-type") == Some("application/problem+json")
        && serde_json::from_slice::<serde_json::Value>(&answer.body)
            .is_ok_and(|document| document["reason"].is_string())
}

fn broken_off(status: u16, heard: &Heard) -> Vec<String> {
    match heard {
        Heard::Ended(bytes) if bytes.starts_with(format!("HTTP/1.1 {status} ").as_bytes()) => Vec::new(),
        heard => vec![format!("the beginning of a {status} was to come: {heard:?}")],
    }
}

fn differences(whole: &Whole, heard: &Heard) -> Vec<String> {
    let Heard::Answer(answer) = heard else { return vec![format!("{} was to come: {heard:?}", whole.status)] };
    let mut wrong = Vec::new();
    if answer.status() != whole.status || answer.body != whole.body() {
        wrong.push(format!("{} was to come: {answer:?}", whole.status));
    }
    for line in whole.has.iter().filter(|line| !answer.holds(line)) {
        wrong.push(format!("{line:?} is not among {:?}", answer.fields));
    }
    for name in whole.lacks.iter().filter(|name| answer.field(name).is_some()) {
        wrong.push(format!("{name:?} is among {:?}", answer.fields));
    }
    wrong
}
