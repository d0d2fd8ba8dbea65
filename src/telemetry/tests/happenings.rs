//! What do events and reloads move, and is the whole table there?

use super::*;

#[test]
fn events_move_their_counters() {
    let telemetry = telemetry();
    let backend = report().backends.remove(0).id;
    let kinds = [
        EventKind::Ejected {
            backend: backend.clone(),
            cause: EjectedBy::Trial,
            nth: 1,
            duration: Duration::from_secs(10),
            why: "5 in a row".into(),
        },
        EventKind::Transition {
            backend,
            from: Cause::Up,
            to: Cause::Ejected,
            counter: (4, 3),
            why: "5 in a row".into(),
            earliest_return: None,
        },
        EventKind::PoolEmpty { upstream: "orders".into(), empty: true },
    ];
    for (id, kind) in (1..).zip(kinds) {
        telemetry.board.report(&Event { run: Run::default(), id, at: Timestamp::ZERO, kind });
    }
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_ejections_total{cause="trial",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_transitions_total{to="ejected",upstream="orders"} 1"#);
    has(&text, r#"pulsegate_pool_emptied_total{upstream="orders"} 1"#);
}

#[test]
fn a_refused_reload_shows_until_one_is_applied() {
    let telemetry = telemetry();
    has(&telemetry.render(&snapshot(&[]), &[]), "pulsegate_config_last_reload_successful 1");
    telemetry.life.reload(Some("why"));
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, "pulsegate_config_last_reload_successful 0");
    has(&text, r#"pulsegate_reloads_total{result="refused"} 1"#);
    telemetry.life.reload(None);
    has(&telemetry.render(&snapshot(&[]), &[]), "pulsegate_config_last_reload_successful 1");
}

/// What `promtool check metrics` looks at: each family once, HELP and TYPE in front of it, no series twice. And every row of
/// the table is served, in its order.
#[test]
fn the_text_is_well_formed_and_holds_the_whole_table() {
    let with_pool = Snapshot { pools: vec![pool(Ledger::default())], ..snapshot(&["home"]) };
    let text = eventful().render(&with_pool, &[report()]);
    let types: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(ToOwned::to_owned).collect();
    let rows: Vec<String> = table::ALL.iter().map(|metric| format!("{} {}", metric.name, metric.kind.word())).collect();
    assert_eq!(types, rows);
    for metric in table::ALL {
        has(&text, &format!("# HELP {} {}", metric.name, metric.help));
    }
    let mut series: Vec<&str> =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap().0).collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all);
}

#[test]
fn a_certificate_has_a_series_per_name_while_it_is_in_force() {
    let telemetry = telemetry();
    let end = |name: &str, at| ("public".to_owned(), name.to_owned(), at);
    telemetry.life.certificates(&[end("a.test", 200), end("a.test", 100), end("b.test", 300)]);
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_certificate_expiry_timestamp_seconds{listener="public",name="a.test"} 100"#);
    has(&text, r#"pulsegate_certificate_expiry_timestamp_seconds{listener="public",name="b.test"} 300"#);

    telemetry.life.certificates(&[end("b.test", 400)]);
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_certificate_expiry_timestamp_seconds{listener="public",name="b.test"} 400"#);
    assert!(!text.contains("a.test"), "{text}");
}

#[test]
fn rare_events_are_counted_from_zero() {
    let text = telemetry().render(&snapshot(&["home"]), &[]);
    for series in [
        r#"pulsegate_ejections_refused_total{upstream="orders"} 0"#,
        r#"pulsegate_ejections_total{cause="trial",upstream="orders"} 0"#,
        r#"pulsegate_disagreements_total{upstream="orders",what="lying_readiness"} 0"#,
        r#"pulsegate_need_restart_total{probe="liveness",upstream="orders"} 0"#,
    ] {
        has(&text, series);
    }
}
