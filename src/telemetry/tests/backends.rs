//! What is told of backends, their probes and their pools?

use super::*;

#[test]
fn the_components_of_a_backend_are_series_of_a_bounded_number() {
    let text = telemetry().render(&snapshot(&[]), &[report()]);
    let series = |name: &str| {
        format!(r#"pulsegate_backend_component_up{{backend="127.0.0.1:9001",component="{name}",upstream="orders"}}"#)
    };
    has(&text, &format!("{} 1", series("part0")));
    assert!(!text.contains(&series("part1")), "nobody knows what its word means");
    has(&text, &format!("{} 0", series("part2")));
    assert_eq!(text.matches("pulsegate_backend_component_up{").count(), 19);
}

#[test]
fn probes_are_counted_and_timed_by_kind() {
    let telemetry = telemetry();
    let took = Duration::from_millis(4);
    for (kind, result) in
        [(ProbeKind::Readiness, "passed"), (ProbeKind::Readiness, "timeout"), (ProbeKind::Liveness, "passed")]
    {
        telemetry.board.probed("orders", kind, result, took);
    }
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_probes_total{probe="readiness",result="timeout",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_probes_total{probe="liveness",result="passed",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_probe_duration_seconds_count{probe="readiness",upstream="orders"} 2"#);
    has(&text, r#"pulsegate_probe_duration_seconds_sum{probe="liveness",upstream="orders"} 0.004"#);
}

#[test]
fn the_ledger_of_an_upstream_is_shown() {
    let ledger = Ledger::default();
    ledger.saved(Entry::SavedByRetry);
    (0..3).for_each(|_| ledger.saved(Entry::SavedByEjection(250_000)));
    ledger.detected(4);
    (0..3).for_each(|_| ledger.opened());
    ledger.taken();
    let text = telemetry().render(&Snapshot { pools: vec![pool(ledger)], ..snapshot(&[]) }, &[]);
    has(&text, r#"pulsegate_saved_requests_total{by="retry",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_saved_requests_total{by="ejection",upstream="orders"} 0.75"#);
    has(&text, r#"pulsegate_detection_failed_requests_total{upstream="orders"} 4"#);
    has(&text, r#"pulsegate_upstream_connections{state="active",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_upstream_connections{state="idle",upstream="orders"} 2"#);
    has(&text, r#"pulsegate_queue_requests{upstream="orders"} 0"#);
}

#[test]
fn two_components_of_one_name_are_one_series() {
    let mut report = report();
    let document = report.backends[0].last_probe.as_mut().unwrap().document.as_mut().unwrap();
    for component in &mut document.components {
        component.name = "db".into();
    }
    let text = telemetry().render(&snapshot(&[]), &[report]);
    assert_eq!(text.matches(r#"component="db""#).count(), 1);
    has(&text, r#"pulsegate_backend_component_up{backend="127.0.0.1:9001",component="db",upstream="orders"} 0"#);
}

#[test]
fn a_backend_is_described_by_its_report() {
    let text = telemetry().render(&snapshot(&[]), &[report()]);
    let labels = r#"backend="127.0.0.1:9001""#;
    has(&text, &format!(r#"pulsegate_backend_eligible{{{labels},upstream="orders"}} 0"#));
    has(&text, &format!(r#"pulsegate_backend_standing{{{labels},standing="not_ready",upstream="orders"}} 1"#));
    has(&text, &format!(r#"pulsegate_backend_standing{{{labels},standing="up",upstream="orders"}} 0"#));
    has(&text, &format!(r#"pulsegate_backend_in_flight{{{labels},upstream="orders"}} 3"#));
    has(&text, &format!(r#"pulsegate_backend_outcomes_total{{{labels},outcome="failure",upstream="orders"}} 2"#));
    has(&text, &format!(r#"pulsegate_backend_last_probe_seconds{{{labels},upstream="orders"}} 0.25"#));
    has(&text, r#"pulsegate_upstream_eligible_backends{upstream="orders"} 0"#);
    has(&text, "pulsegate_snapshot_generation 4");
    assert_eq!(text.matches("pulsegate_backend_standing{").count(), Cause::ALL.len());
}

#[test]
fn a_backend_that_is_gone_has_no_series() {
    let telemetry = telemetry();
    assert!(telemetry.render(&snapshot(&[]), &[report()]).contains("127.0.0.1:9001"));
    assert!(!telemetry.render(&snapshot(&[]), &[]).contains("127.0.0.1:9001"));
}
