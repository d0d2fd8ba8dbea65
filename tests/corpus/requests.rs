//! Does a row of requests come out as its verdict says?

use super::line::{Heard, Line};
use super::pace::Pace;
use super::rows::{After, Request, Seen, Verdict};
use super::strict::{Message, shown};
use super::world::{Finding, World};

pub async fn run(world: &World, number: usize, row: &Request, pace: Pace) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let (same, other) = (format!("{number}-{pace:?}-same"), format!("{number}-{pace:?}-other"));
    let mut probes = vec![other.as_str()];
    let mut line = world.connect().await;
    let went_well = converse(&mut line, row, pace, &mut wrong).await;
    match row.connection() {
        After::Closed => wrong.extend(line.ends().await),
        After::Kept if went_well => {
            wrong.extend(world.probe(&mut line, &same).await);
            probes.push(&same);
        }
        After::Kept | After::Either => {}
    }
    let mut another = world.connect().await;
    wrong.extend(world.probe(&mut another, &other).await);
    let (requests, faults, unfinished) = world.requests(&probes);
    wrong.extend(faults);
    wrong.extend(judge(row.verdict(), &requests, unfinished));
    wrong.into_iter().map(|what| Finding { row: row.name.clone(), pace, what }).collect()
}

/// Sends the parts and takes the answers; true when all came as they must.
async fn converse(line: &mut Line, row: &Request, pace: Pace, wrong: &mut Vec<String>) -> bool {
    let statuses = row.statuses();
    let parts = row.parts();
    let mut expected = statuses.iter().enumerate();
    for (position, part) in parts.iter().enumerate() {
        line.send(part, pace).await;
        let last = position + 1 == parts.len();
        let due: Vec<_> = if last { expected.by_ref().collect() } else { expected.by_ref().take(1).collect() };
        for (answer, status) in due {
            let headless = row.head && answer == 0;
            let mut heard = line.answer(headless).await;
            if matches!(&heard, Heard::Answer(interim) if interim.status() == 100 && row.may_continue()) {
                heard = line.answer(headless).await;
            }
            match heard {
                Heard::Answer(answer) if answer.status() == *status => {}
                heard => {
                    wrong.push(format!("{status} was to come: {heard:?}"));
                    return false;
                }
            }
        }
    }
    true
}

fn judge(verdict: &Verdict, requests: &[Message], unfinished: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    let (sees, connection): (&[Seen], After) = match verdict {
        Verdict::Refused(_) | Verdict::Cut(_) => (&[], After::Closed),
        Verdict::Harmless(harmless) => (&harmless.sees, harmless.connection),
    };
    if unfinished > 0 && !verdict.may_begin() {
        wrong.push(format!("the backend saw {unfinished} beginnings of a request"));
    }
    // Who is faster decides whether a request arrives whole or is cut.
    let missing_is_right = connection == After::Either && requests.len() < sees.len();
    if requests.len() != sees.len() && !missing_is_right {
        wrong.push(format!("the backend was to see {} requests and saw {requests:?}", sees.len()));
        return wrong;
    }
    for (seen, request) in sees.iter().zip(requests) {
        wrong.extend(differences(seen, request));
    }
    wrong
}

fn differences(seen: &Seen, request: &Message) -> Vec<String> {
    let mut wrong = Vec::new();
    if request.start != seen.line() {
        wrong.push(format!("the backend saw {:?} in place of {:?}", request.start, seen.line()));
    }
    if request.body != seen.body() {
        wrong.push(format!("the backend saw the body {}", shown(&request.body)));
    }
    for line in seen.has.iter().filter(|line| !request.holds(line)) {
        wrong.push(format!("{line:?} is not among {:?}", request.fields));
    }
    for name in seen.lacks.iter().filter(|name| request.field(name).is_some()) {
        wrong.push(format!("{name:?} is among {:?}", request.fields));
    }
    wrong
}
