//! When series come, go and come back.

use super::*;
use crate::telemetry::exposition::{Family, Value};
use crate::telemetry::table::{self, Label};
use pulsegate_core::plan::{Plan, RouteAction, RoutePlan, UpstreamPlan};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn owners(routes: &[&str]) -> Owners {
    let route = |name: &&str| RoutePlan::named(name, RouteAction::Forward(Default::default()));
    Owners::of(&Plan {
        routes: routes.iter().map(route).collect(),
        upstreams: vec![Arc::new(UpstreamPlan::named("orders"))],
        ..Plan::default()
    })
}

/// The only family's series: the values of their labels, in the order of the names, and their numbers.
fn shown(registry: &Registry) -> Vec<(String, f64)> {
    let one = |family: &Family<'_>| {
        let series = family.series.iter().map(|series| {
            let labels: Vec<&str> = series.labels.iter().map(|(_, value)| &**value).collect();
            let Value::Number(number) = series.value else { panic!("a histogram") };
            (labels.join(" "), number)
        });
        series.collect::<Vec<_>>()
    };
    registry.gather().iter().flat_map(one).collect()
}

#[test]
fn a_series_goes_with_its_owner_and_begins_anew_with_it() {
    let mut registry = Registry::default();
    let mirrored = registry.counters(&table::MIRRORED);
    registry.sweep(owners(&["old", "kept"]));
    for route in ["old", "kept"] {
        mirrored.inc([route, "sent"]);
    }
    let held = mirrored.get(["old", "sent"]);
    registry.sweep(owners(&["kept"]));
    mirrored.inc(["old", "sent"]);
    held.inc();
    assert_eq!(shown(&registry), [("sent kept".to_owned(), 1.0)]);
    registry.sweep(owners(&["old", "kept"]));
    held.inc();
    mirrored.inc(["old", "sent"]);
    assert_eq!(shown(&registry), [("sent kept".to_owned(), 1.0), ("sent old".to_owned(), 1.0)]);
}

#[test]
fn an_empty_name_is_nobodys_and_stays() {
    let mut registry = Registry::default();
    let requests = registry.counters(&table::REQUESTS);
    requests.inc(["", "", "4xx"]);
    registry.sweep(owners(&[]));
    assert_eq!(shown(&registry), [("4xx  ".to_owned(), 1.0)]);
}

#[test]
fn a_family_without_labels_is_always_there() {
    let mut registry = Registry::default();
    let lines = registry.counter(&table::ACCESS_LINES);
    assert_eq!(shown(&registry), [(String::new(), 0.0)]);
    registry.sweep(owners(&[]));
    lines.add(3);
    assert_eq!(shown(&registry), [(String::new(), 3.0)]);
}

#[test]
fn a_cache_goes_with_the_owner_of_what_it_holds() {
    let mut registry = Registry::default();
    let cache = registry.cache::<u32, 2>(&[Label::Route, Label::Word("reason")]);
    cache.with(["old", "x"], || panic!("for nobody"), |_| panic!("there is nothing"));
    registry.sweep(owners(&["old"]));
    cache.with(["old", "x"], || 1, |n| assert_eq!(*n, 1));
    registry.sweep(owners(&[]));
    registry.sweep(owners(&["old"]));
    cache.with(["old", "x"], || 2, |n| assert_eq!(*n, 2));
}

#[test]
fn nothing_is_kept_for_native_buckets_that_nobody_wants() {
    let mut registry = Registry::default();
    let (seconds, delay) =
        (registry.histograms(&table::UPSTREAM_SECONDS), registry.histograms(&table::PROBE_START_DELAY));
    registry.sweep(owners(&[]));
    let native = || seconds.get(["orders"]).picture().native.is_some();
    assert!(!native());
    assert!(!registry.native_histograms(false), "no change");
    assert!(!native());
    delay.observe([], Duration::from_millis(1));
    assert!(registry.native_histograms(true));
    assert!(native(), "it began anew");
    assert_eq!(delay.get([]).picture().count(), 0);
}

/// Requests of a route that comes and goes: once it is gone for good, nothing of it is left, whoever was late.
#[test]
fn a_handle_that_races_with_a_sweep_leaves_nothing_behind() {
    let mut registry = Registry::default();
    let (counters, cache) = (registry.counters(&table::MIRRORED), registry.cache(&[Label::Route]));
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    cache.with(["old"], || counters.get(["old", "sent"]), |counter| counter.inc());
                    counters.inc(["old", "dropped"]);
                }
            });
        }
        for round in 0..200 {
            registry.sweep(owners(if round % 2 == 0 { &["old"] } else { &[] }));
        }
        assert_eq!(shown(&registry), []);
        ended.store(true, Ordering::Relaxed);
    });
    assert_eq!(shown(&registry), []);
    cache.with(["old"], || panic!("for nobody"), |_| panic!("it is left"));
}
