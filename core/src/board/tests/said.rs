//! Transcripts of what readiness documents do: drains, shares, silences after a no, and secrets.

use super::why::http_probe;
use super::*;
use crate::health::document::{Component, Document, Leak, Meaning, Said};
use crate::health::reading::HttpAnswer;
use crate::plan::Vocabulary;

fn pool(count: u8, degraded_share: f64) -> Rig {
    let mut probe = http_probe();
    if let ProbeCheck::Http(check) = &mut probe.kind {
        check.document = Some(Box::new(DocumentPlan { degraded_share, ..DocumentPlan::default() }));
    }
    Rig::new(upstream(vec![backends(count)], Some(probe)), s(0))
}

fn says(status: u16, word: &str, means: Meaning) -> ReadingResult {
    let said = Said { word: word.to_owned(), means: Some(means) };
    let component = Component { name: "redis".to_owned(), said: said.clone(), message: None };
    let document = Document {
        vocabulary: Vocabulary::Plain,
        overall: Some(said),
        components: vec![component],
        leaks: vec![Leak::UrlCredentials],
        ..Document::default()
    };
    ReadingResult::Http(HttpAnswer { status, document: Some(Box::new(document)), ..HttpAnswer::default() })
}

/// The first backend's probes read this, all others' 200.
fn first(result: ReadingResult) -> impl Fn(&BackendId) -> ReadingResult {
    move |id| if *id == Rig::id(1) { result.clone() } else { ReadingResult::status(200) }
}

fn out_of_service(status: u16) -> ReadingResult {
    says(status, "OUT_OF_SERVICE", Meaning::Drain)
}

#[test]
fn one_document_drains_and_one_pass_ends_it() {
    for status in [200, 503] {
        let mut rig = pool(3, 1.0);
        rig.run(s(10), all_well);
        assert_eq!(rig.cause(1), Cause::Up);
        rig.run(s(13), first(out_of_service(status)));
        assert_eq!(rig.cause(1), Cause::Draining);
        let why = &rig.board.report(s(13))[0].backends[0].why;
        assert!(why.starts_with("it asked for a drain by its readiness document: answered "), "{why}");
        // Two are left that count, and one of two must stay fit.
        rig.traffic(2, &[RESET; 5], false, s(13));
        rig.traffic(3, &[RESET; 5], false, s(13));
        assert_eq!(rig.ejections().len(), 1, "the one that drains is no part of the pool");
        rig.run(s(16), all_well);
        assert_eq!(rig.cause(1), Cause::Ramping);
    }
}

#[test]
fn failures_take_over_from_a_drain() {
    let mut rig = pool(2, 1.0);
    rig.run(s(10), all_well);
    rig.run(s(13), first(out_of_service(503)));
    assert_eq!(rig.cause(1), Cause::Draining);
    rig.run(s(14), first(ReadingResult::status(503)));
    assert_eq!(rig.cause(1), Cause::Draining, "not yet");
    rig.run(s(18), first(ReadingResult::status(503)));
    assert_eq!(rig.cause(1), Cause::NotReady);
}

#[test]
fn a_drain_does_not_bring_back_what_was_down() {
    let refused = || ReadingResult::ConnectFailed("refused".to_owned());
    let mut rig = pool(2, 1.0);
    rig.run(s(10), first(refused()));
    assert_eq!(rig.cause(1), Cause::Down);
    rig.run(s(13), first(out_of_service(200)));
    assert_eq!(rig.cause(1), Cause::Draining, "it is alive, and says what it wants");
    let passed_once = |rig: &mut Rig| {
        rig.events.clear();
        rig.run(s(16), all_well);
        rig.events.clone()
    };
    let events = passed_once(&mut rig);
    let moves: Vec<(Cause, Cause)> = events
        .iter()
        .filter_map(|event| match event {
            EventKind::Transition { from, to, .. } => Some((*from, *to)),
            _ => None,
        })
        .collect();
    assert_eq!(moves, [(Cause::Draining, Cause::NotReady), (Cause::NotReady, Cause::Ramping)]);
}

#[test]
fn a_degraded_backend_keeps_its_share_times_that_of_its_ramp() {
    let share = |rig: &Rig| rig.snapshot.as_ref().unwrap().pools[0].members[0].standing.share;
    let degraded = || first(says(200, "DEGRADED", Meaning::Degraded));
    let mut rig = pool(3, 0.5);
    rig.run(s(10), degraded());
    assert_eq!((rig.cause(1), share(&rig)), (Cause::Degraded, 0.5), "no ramp at the start");
    let why = &rig.board.report(s(10))[0].backends[0].why;
    assert_eq!(why, "it is degraded: DEGRADED: redis DEGRADED");
    rig.run(s(15), first(ReadingResult::status(503)));
    assert_eq!((rig.cause(1), share(&rig)), (Cause::NotReady, 0.0));
    rig.run(s(18), degraded());
    let ramping = share(&rig);
    assert!(rig.cause(1) == Cause::Degraded && ramping > 0.0 && ramping < 0.5, "{ramping}");
    rig.run(s(40), degraded());
    assert_eq!((rig.cause(1), share(&rig)), (Cause::Degraded, 0.5));
    rig.run(s(44), all_well);
    assert_eq!((rig.cause(1), share(&rig)), (Cause::Up, 1.0), "and it does not ramp: it served all the while");
}

#[test]
fn a_silence_after_a_no_is_told_as_one() {
    let mut rig = pool(2, 1.0);
    let last = |rig: &Rig, now| rig.board.report(now)[0].backends[0].last_probe.clone().unwrap().text;
    rig.run(s(6), first(says(503, "DOWN", Meaning::Fail)));
    rig.run(s(10), first(ReadingResult::TimedOut { connected: true }));
    assert_eq!(
        last(&rig, s(10)),
        "connected, but no complete answer within 1s; it was saying no before, its last answer: answered 503: redis DOWN"
    );
    rig.run(s(400), first(ReadingResult::TimedOut { connected: true }));
    assert_eq!(last(&rig, s(400)), "connected, but no complete answer within 1s", "that is long ago");
    rig.run(s(405), all_well);
    rig.run(s(410), first(ReadingResult::TimedOut { connected: false }));
    assert_eq!(last(&rig, s(410)), "no connection within 1s", "its last answer was a yes");
}

#[test]
fn a_kind_of_secret_is_told_once_per_backend() {
    let mut rig = pool(2, 1.0);
    rig.run(s(20), first(says(200, "UP", Meaning::Pass)));
    let leaks: Vec<&EventKind> =
        rig.events.iter().filter(|event| matches!(event, EventKind::DocumentLeaks { .. })).collect();
    let what = "credentials in a URL".to_owned();
    assert_eq!(leaks, [&EventKind::DocumentLeaks { backend: Rig::id(1), what }]);
    let document = rig.board.report(s(20))[0].backends[0].last_probe.clone().unwrap().document.unwrap();
    assert_eq!(document.components[0].name, "redis", "and its components are shown");
}

fn all_well(_: &BackendId) -> ReadingResult {
    ReadingResult::status(200)
}
