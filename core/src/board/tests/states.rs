//! Does a machine decide as it would have, where another process goes on from its state? Both are told the same after the takeover, each
//! by its own clock.

use super::super::member::history::History;
use super::super::member::orders::Orders;
use super::super::probing::Probes;
use super::super::upstream::sources::Sources;
use super::*;
use crate::base::rng::Rng;
use crate::health::counter::{Counter, CounterState};
use crate::health::document::{Document, Meaning, Said};
use crate::health::outlier::{EjectionState, Outlier, OutlierState};
use crate::health::reading::{HttpAnswer, Sighting};
use crate::health::slow_start;
use crate::health::startup::Startup;
use crate::health::verdict::Verdict;
use proptest::collection::vec;
use proptest::prelude::*;

/// What the two clocks say at the takeover. Neither is near its beginning, where moments before it would be cut off.
const HERE: Timestamp = Timestamp::from_secs(1_000_000);
const THERE: Timestamp = Timestamp::from_secs(5_000_007);

/// What is told of a machine that is driven by numbers, so that both are told the same.
type Told = Vec<(u8, u64)>;

fn told() -> impl Strategy<Value = Told> {
    vec((0..8_u8, 0..40_u64), 0..24)
}

/// The moments of some steps on the way to a takeover, and of what follows on it.
fn times(steps: &Told, end: Timestamp) -> Vec<(u8, Timestamp)> {
    let length: u64 = steps.iter().map(|(_, seconds)| seconds).sum();
    times_from(steps, end - Duration::from_secs(length))
}

fn times_from(steps: &Told, mut now: Timestamp) -> Vec<(u8, Timestamp)> {
    let moment = |(what, seconds): &(u8, u64)| {
        now = now + Duration::from_secs(*seconds);
        (*what, now)
    };
    steps.iter().map(moment).collect()
}

fn count(counter: &mut Counter, what: u8) {
    if what.is_multiple_of(2) { counter.pass() } else { counter.fail() }
}

/// What was done to it, and what it decided.
fn eject_or_return(outlier: &mut Outlier, what: u8, now: Timestamp, rng: &mut Rng) -> (bool, Option<Duration>) {
    let plan = PassivePlan::default();
    let changed = match what {
        0 => outlier.eject(true, &plan, now, rng).nth > 1,
        1 => outlier.eject(false, &plan, now, rng).nth > 1,
        2 => outlier.probe_passed(now, now),
        3 => outlier.trial_passed(now),
        _ => outlier.advance(true, now),
    };
    (changed, outlier.deadline().map(|at| at.since(now)))
}

fn order(orders: &mut Orders, (what, seconds): (u8, u64), now: Timestamp) -> String {
    let steers = [
        Steer::Order(Order::Drain),
        Steer::Order(Order::ForceUp),
        Steer::Order(Order::ForceDown),
        Steer::Undrain,
        Steer::Release,
        Steer::Weight(Some(7)),
        Steer::Weight(None),
    ];
    let over = orders.expire(now);
    let taken = steers.get(usize::from(what)).map(|what| {
        let lasts = (seconds % 3 > 0).then(|| Duration::from_secs(1 + seconds));
        let reason = Some("a test".into());
        let backend = BackendId { upstream: "pool".into(), address: address(1) };
        orders.take(&Steering { backend, what: *what, by: "ops".into(), lasts, reason }, now)
    });
    format!("{over:?} {taken:?} {:?}", orders.deadline().map(|at| at.since(now)))
}

/// Probes of every kind, with a grace that is long enough to be interrupted.
fn probed(startup: bool) -> UpstreamPlan {
    let fact = Fact::Header("x-service".to_owned());
    let identity = Some(Identity { fact, service: "orders".to_owned() });
    let mut readiness = ProbePlan { startup_grace: Duration::from_secs(90), ..why::http_probe() };
    readiness.recognition = Recognition { identity, instance: None };
    if let ProbeCheck::Http(check) = &mut readiness.kind {
        check.document = Some(Box::default());
    }
    let startup = startup.then(|| ProbePlan { failure_threshold: 4, ..why::http_probe() });
    UpstreamPlan { startup, liveness: Some(why::http_probe()), ..upstream(vec![backends(1)], Some(readiness)) }
}

fn reading(what: u8) -> Reading {
    let answers = |status, service: &str, document: Option<(&str, Meaning)>| {
        let said = |(word, means): (&str, _)| Said { word: word.to_owned(), means: Some(means) };
        let document = document.map(|word| Document { overall: Some(said(word)), ..Document::default() });
        let sighting = Sighting { service: Some(service.to_owned()), instance: None };
        ReadingResult::Http(HttpAnswer { status, document: document.map(Box::new), sighting, ..HttpAnswer::default() })
    };
    let result = match what {
        0 | 1 => answers(200, "orders", None),
        2 => answers(500, "orders", None),
        3 => answers(503, "orders", None),
        4 => answers(200, "orders", Some(("DEGRADED", Meaning::Degraded))),
        5 => answers(503, "orders", Some(("OUT_OF_SERVICE", Meaning::Drain))),
        6 => answers(200, "billing", None),
        _ => ReadingResult::TimedOut { connected: true },
    };
    Reading::new(result, Duration::from_millis(1))
}

/// One probe of each kind that runs has ended: what they say then.
fn ask(probes: &mut Probes, (what, instance): (u8, u64), now: Timestamp, rng: &mut Rng) -> String {
    let kinds = ProbeKind::ALL.into_iter().filter(|kind| probes.runs(*kind));
    let mut said = String::new();
    for kind in kinds.collect::<Vec<_>>() {
        let Some(check) = probes.check_mut(kind) else { continue };
        check.start(ProbeTicket(1), None, now, rng);
        let Some(finished) = check.finish(ProbeTicket(1), &reading(what)) else { continue };
        let verdict = finished.verdict;
        match kind {
            ProbeKind::Startup => {
                let decided = probes.count_startup(matches!(verdict, Verdict::Pass { .. }), now);
                said += &format!("{decided:?} ");
            }
            ProbeKind::Readiness => check.count(&verdict, now),
            ProbeKind::Liveness => said += &format!("{:?} ", probes.life_mut().count_liveness(&verdict, now)),
        }
        said += &format!("{:?} ", probes.life_mut().see(kind, &(instance % 2).to_string()));
    }
    let falls = probes.readiness().map(|check| {
        let opinion = &check.opinion;
        (
            opinion.would_fall_by_timeouts(ProbeFailure::Timeout, &check.plan),
            check.passes_left(),
            check.log.last_passed(),
        )
    });
    let (active, counter, stranger) = (probes.active(), probes.counter(), probes.stranger());
    format!("{said}{active:?} {counter:?} {stranger} {falls:?} {:?} {:?}", probes.degraded(), probes.drains())
}

proptest! {
    #[test]
    fn probes_say_what_they_would_have_said(startup: bool, seed: u64, before in told(), after in told()) {
        let (plan, times, mut rng) = (probed(startup), times(&before, HERE), Rng::new(seed));
        let mut here = Probes::new(&plan, times.first().map_or(HERE, |(_, at)| *at));
        for (step, (_, now)) in before.iter().zip(times) {
            ask(&mut here, *step, now, &mut rng);
        }
        let mut there = Probes::new(&plan, THERE);
        there.import(here.export(HERE), THERE);
        prop_assert_eq!(there.export(THERE), here.export(HERE));
        prop_assert_eq!((there.active(), there.counter()), (here.active(), here.counter()));
        let moments = times_from(&after, HERE).into_iter().zip(times_from(&after, THERE));
        for (step, ((_, now), (_, then))) in after.iter().zip(moments) {
            prop_assert_eq!(ask(&mut there, *step, then, &mut rng), ask(&mut here, *step, now, &mut rng));
        }
    }

    #[test]
    fn a_counter_counts_on(
        (rise, fall, up) in (0..5_u32, 0..5_u32, any::<bool>()), before in told(), after in told(),
    ) {
        let mut here = Counter::decided(up, rise, fall);
        before.iter().for_each(|(what, _)| count(&mut here, *what));
        let mut there = Counter::import(here.export(), rise, fall);
        prop_assert_eq!(there, here);
        for (what, _) in after {
            count(&mut here, what);
            count(&mut there, what);
            prop_assert_eq!((there.up(), there.pending(), there.shown()), (here.up(), here.pending(), here.shown()));
        }
    }

    #[test]
    fn any_counter_is_brought_into_bounds(value: u32, rise: u32, fall: u32, here in (0..5_u32, 0..5_u32)) {
        let mut counter = Counter::import(CounterState { value, rise, fall }, here.0, here.1);
        let (left, of) = counter.shown();
        prop_assert!(left <= of && of <= 4, "{counter:?}");
        counter.pass();
        counter.fail();
    }

    #[test]
    fn a_startup_goes_on(
        (passes, failures) in (0..4_u32, 0..6_u32), begun in 0..3_u8, before in told(), after in told(),
    ) {
        let plan = ProbePlan { success_threshold: passes, failure_threshold: failures, ..ProbePlan::default() };
        let times = times(&before, HERE);
        let first = times.first().map_or(HERE, |(_, at)| *at);
        let mut here = [Startup::new, Startup::again, Startup::done][usize::from(begun)](first);
        for (what, now) in times {
            here.count(what == 0, &plan, now);
        }
        let mut there = Startup::import(here.export(HERE), THERE);
        for ((what, now), (_, then)) in times_from(&after, HERE).into_iter().zip(times_from(&after, THERE)) {
            prop_assert_eq!(there.count(what == 0, &plan, then), here.count(what == 0, &plan, now));
            prop_assert_eq!((there.phase, there.failures()), (here.phase, here.failures()));
            prop_assert_eq!(there.passes_left(&plan), here.passes_left(&plan));
        }
    }

    #[test]
    fn an_ejection_goes_on(seed: u64, before in told(), after in told()) {
        let (mut here, mut rng) = (Outlier::default(), Rng::new(seed));
        for (what, now) in times(&before, HERE) {
            eject_or_return(&mut here, what, now, &mut rng);
        }
        // As the board has it do at each of its moments.
        here.advance(true, HERE);
        let mut there = Outlier::import(here.export(HERE), THERE);
        let mut same = rng.clone();
        for ((what, now), (_, then)) in times_from(&after, HERE).into_iter().zip(times_from(&after, THERE)) {
            prop_assert_eq!(
                eject_or_return(&mut there, what, then, &mut same),
                eject_or_return(&mut here, what, now, &mut rng)
            );
            prop_assert_eq!(there.export(then), here.export(now));
        }
    }

    #[test]
    fn a_state_that_is_told_later_has_aged(seed: u64, before in told(), later in 0..100_u64) {
        let (mut outlier, mut rng) = (Outlier::default(), Rng::new(seed));
        for (what, now) in times(&before, HERE) {
            eject_or_return(&mut outlier, what, now, &mut rng);
        }
        let later = Duration::from_secs(later);
        prop_assert_eq!(outlier.export(HERE).later(later), outlier.export(HERE + later));
        let mut orders = Orders::default();
        for (step, (_, now)) in before.iter().zip(times(&before, HERE)) {
            order(&mut orders, *step, now);
        }
        prop_assert_eq!(orders.export(HERE).later(later), orders.export(HERE + later));
    }

    #[test]
    fn orders_stay_in_force_and_end(before in told(), after in told()) {
        let mut here = Orders::default();
        for (step, (_, now)) in before.iter().zip(times(&before, HERE)) {
            order(&mut here, *step, now);
        }
        here.expire(HERE);
        let mut there = Orders::import(here.export(HERE), THERE);
        let moments = times_from(&after, HERE).into_iter().zip(times_from(&after, THERE));
        for (step, ((_, now), (_, then))) in after.iter().zip(moments) {
            prop_assert_eq!(order(&mut there, *step, then), order(&mut here, *step, now));
            prop_assert_eq!(there.export(then), here.export(now));
        }
    }

    #[test]
    fn a_ramp_hangs_on_its_age_alone(age in 0..20_000_u64, duration in 0..15_000_u64) {
        let plan = SlowStartPlan { duration: Duration::from_millis(duration), initial_share: 0.1 };
        let age = Duration::from_millis(age);
        prop_assert_eq!(slow_start::share(&plan, HERE - age, HERE), slow_start::share(&plan, THERE - age, THERE));
        let step = |now: Timestamp| slow_start::next_step(&plan, now - age, now).map(|at| at.since(now));
        prop_assert_eq!(step(HERE), step(THERE));
    }
}

#[test]
fn a_counter_under_other_thresholds_keeps_its_verdict_and_nothing_of_the_way_to_the_next() {
    for ((value, rise, fall), (rise_here, fall_here), shown) in [
        ((3, 2, 3), (2, 3), (2, 3)),
        ((1, 2, 3), (2, 3), (1, 2)),
        ((3, 2, 3), (2, 4), (4, 4)),
        ((3, 2, 3), (5, 3), (3, 3)),
        ((1, 2, 3), (3, 3), (0, 3)),
        ((0, 0, 0), (1, 1), (0, 1)),
        ((9, 2, 3), (2, 3), (3, 3)),
    ] {
        let counter = Counter::import(CounterState { value, rise, fall }, rise_here, fall_here);
        assert_eq!(counter.shown(), shown, "{value} of {rise}/{fall} under {rise_here}/{fall_here}");
    }
}

#[test]
fn news_of_an_ejection_are_another_one_or_its_end() {
    let plan = PassivePlan::default();
    let ejected = |times: u32| {
        let mut outlier = Outlier::default();
        for _ in 0..times {
            outlier.eject(true, &plan, HERE, &mut Rng::new(1));
        }
        outlier
    };
    let over = |outlier: Outlier| outlier.export(HERE).later(plan.max_ejection);
    for (theirs, own, is_news) in [
        (OutlierState::default(), ejected(0), false),
        (OutlierState::default(), ejected(1), true),
        (ejected(1).export(HERE), ejected(0), true),
        (ejected(1).export(HERE), ejected(1), false),
        (ejected(2).export(HERE), ejected(1), true),
        (over(ejected(1)), ejected(0), false),
        (over(ejected(1)), ejected(1), false),
    ] {
        assert_eq!(theirs.is_news_to(&own), is_news, "{theirs:?} to {own:?}");
    }
}

#[test]
fn a_trial_is_a_trial_for_as_long_as_patience_is_left() {
    let (mut outlier, plan) = (Outlier::default(), PassivePlan::default());
    let ejection = outlier.eject(true, &plan, HERE, &mut Rng::new(1));
    outlier.advance(true, ejection.until);
    let mut next = Outlier::import(outlier.export(ejection.until + Duration::from_secs(1)), THERE);
    let EjectionState::Trial { patience, .. } = next.state else { panic!("{next:?}") };
    assert_eq!(patience, THERE + ejection.length() - Duration::from_secs(1));
    assert!(!next.advance(false, patience - Duration::from_secs(1)) && next.advance(false, patience));
}

#[test]
fn an_ordered_weight_beyond_the_greatest_is_the_greatest() {
    let mut orders = Orders::default();
    order(&mut orders, (5, 0), HERE);
    let mut state = orders.export(HERE);
    state.weight.as_mut().unwrap().what = u32::MAX;
    assert_eq!(Orders::import(state, THERE).weight().map(|given| given.what), Some(super::super::WEIGHT_AT_MOST));
}

#[test]
fn a_source_keeps_what_was_found_until_it_is_answered_here() {
    let file = |path: &str| SourcePlan::File { path: PathBuf::from(path), backup: false };
    let plan = upstream(vec![backends(1), file("a.txt"), file("b.txt")], None);
    let found = |last| Found { address: address(last), weight: 3, backup: true };
    let (mut here, mut there) = (Sources::default(), Sources::default());
    here.reconfigure(&plan);
    for (position, last) in [(1, 7), (2, 8)] {
        assert!(here.answer(position, Ok(vec![found(last)])).is_ok_and(|changed| changed));
    }
    there.reconfigure(&plan);
    let state = here.export(&plan.name);
    there.import("another pool", &state);
    assert_eq!(there.union().len(), 1, "only what the configuration says");
    there.import(&plan.name, &state);
    assert_eq!((there.union(), there.export(&plan.name)), (here.union(), state.clone()));
    assert!(!there.all_answered(), "an inherited answer is none of its own");
    assert!(there.answer(1, Ok(vec![found(9)])).is_ok_and(|changed| changed));
    there.import(&plan.name, &state);
    assert!(there.union().contains(&found(9)) && !there.union().contains(&found(7)));
}

#[test]
fn a_history_goes_on_in_its_order() {
    let (mut here, mut there) = (History::default(), History::default());
    let event = |id, at| {
        let kind = EventKind::FirstRoundDone { took: Duration::ZERO };
        crate::health::event::Event { run: crate::health::event::Run::of(1), id, at, kind }
    };
    (1..=9).for_each(|id| here.note(event(id, HERE - Duration::from_secs(10 - id))));
    there.import(&here.export(HERE), THERE);
    assert_eq!(there.export(THERE).len(), 9);
    let ages = |history: &History, now| history.export(now).iter().map(|state| state.ago).collect::<Vec<_>>();
    assert_eq!(ages(&there, THERE), ages(&here, HERE));
}
