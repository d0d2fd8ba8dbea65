//! What do requests, attempts and connections leave behind?

use super::*;
use pulsegate_core::base::stripes::Number;
use std::sync::Barrier;

#[test]
fn requests_are_counted_by_route_and_class() {
    let telemetry = telemetry();
    for status in [200, 204, 404, 499, 503] {
        telemetry.traffic.request(&record(Some("home"), status));
    }
    telemetry.traffic.request(&RequestRecord { reason: Some("no_route"), ..record(None, 404) });
    let text = telemetry.render(&snapshot(&["home"]), &[]);
    has(&text, r#"pulsegate_requests_total{code_class="2xx",route="home",upstream=""} 2"#);
    has(&text, r#"pulsegate_requests_total{code_class="4xx",route="home",upstream=""} 2"#);
    has(&text, r#"pulsegate_requests_total{code_class="5xx",route="home",upstream=""} 1"#);
    has(&text, r#"pulsegate_requests_total{code_class="4xx",route="",upstream=""} 1"#);
    has(&text, r#"pulsegate_sent_bytes_total{route="home",upstream=""} 100"#);
    has(&text, r#"pulsegate_own_answers_total{reason="no_route"} 1"#);
    has(&text, r#"pulsegate_request_duration_seconds_count{route="home",upstream=""} 5"#);
    has(&text, r#"pulsegate_request_duration_seconds_bucket{route="home",upstream="",le="0.0025"} 0"#);
    has(&text, r#"pulsegate_request_duration_seconds_bucket{route="home",upstream="",le="0.005"} 5"#);
}

/// Threads with a number of their own and one without; the route goes and comes back while they know where its counters were.
#[test]
fn workers_count_by_themselves_and_all_of_it_is_shown_whoever_has_ended() {
    let telemetry = telemetry();
    let shown = |telemetry: &Telemetry| {
        let text = telemetry.render(&snapshot(&["home"]), &[]);
        let line = text.lines().find_map(|line| {
            line.strip_prefix(r#"pulsegate_requests_total{code_class="2xx",route="home",upstream="orders"} "#)
        });
        line.map(|requests| requests.parse::<u64>().unwrap())
    };
    let turn = Barrier::new(4);
    std::thread::scope(|scope| {
        for number in 0..3 {
            let (telemetry, turn, shown) = (&telemetry, &turn, &shown);
            scope.spawn(move || {
                let _here = (number > 0).then(|| Number::claim().here());
                let request = RequestRecord { upstream: Some("orders"), ..record(Some("home"), 200) };
                for _round in 0..2 {
                    for _ in 0..500 {
                        telemetry.traffic.request(&request);
                    }
                    let now = shown(telemetry).unwrap();
                    assert!((500..=1500).contains(&now), "{now}");
                    turn.wait();
                    turn.wait();
                }
            });
        }
        turn.wait();
        assert_eq!(shown(&telemetry), Some(1500));
        telemetry.in_force(&["old"]);
        telemetry.in_force(&["home"]);
        assert_eq!(shown(&telemetry), None);
        turn.wait();
        turn.wait();
        turn.wait();
    });
    assert_eq!(shown(&telemetry), Some(1500), "of the second round alone");
}

fn tries(ends: &[AttemptEnd]) -> Tries {
    let mut tries = Tries::default();
    for end in ends {
        tries.push(Try {
            backend: Address::Socket("127.0.0.1:9001".parse().unwrap()),
            end: end.clone(),
            began: Timestamp::ZERO,
            took: Duration::ZERO,
            span: 0,
            url: None,
        });
    }
    tries
}

#[test]
fn attempts_beyond_the_first_are_retries() {
    let telemetry = telemetry();
    let (well, refused) = (AttemptEnd::Response { status: 200 }, AttemptEnd::ConnectFailed { timed_out: false });
    let once = tries(slice::from_ref(&well));
    let thrice = tries(&[refused, AttemptEnd::Response { status: 503 }, well]);
    let first_try = RequestRecord { upstream: Some("orders"), attempts: 1, tries: &once, ..record(Some("home"), 200) };
    telemetry.traffic.request(&first_try);
    telemetry.traffic.request(&RequestRecord {
        attempts: 3,
        tries: &thrice,
        retry_stopped: Some("budget"),
        ..first_try
    });
    let text = telemetry.render(&snapshot(&["home"]), &[]);
    for (result, attempts) in [("response", 2), ("bad_status", 1), ("connect_failed", 1), ("timeout", 0)] {
        has(&text, &format!(r#"pulsegate_attempts_total{{result="{result}",upstream="orders"}} {attempts}"#));
    }
    for (reason, retries) in [("response", 0), ("bad_status", 1), ("connect_failed", 1)] {
        has(&text, &format!(r#"pulsegate_retries_total{{reason="{reason}",upstream="orders"}} {retries}"#));
    }
    has(&text, r#"pulsegate_retry_stopped_total{reason="budget",upstream="orders"} 1"#);
}

#[test]
fn overhead_has_fine_buckets() {
    let telemetry = telemetry();
    let answered = |micros| RequestRecord {
        upstream: Some("orders"),
        overhead: Some(Duration::from_micros(micros)),
        ..record(Some("home"), 200)
    };
    [20, 60, 3_000].into_iter().for_each(|micros| telemetry.traffic.request(&answered(micros)));
    telemetry.traffic.request(&RequestRecord { overhead: None, ..answered(0) });
    let text = telemetry.render(&snapshot(&["home"]), &[]);
    for (le, count) in [("0.000025", 1), ("0.0001", 2), ("0.005", 3), ("+Inf", 3)] {
        has(&text, &format!(r#"pulsegate_overhead_seconds_bucket{{upstream="orders",le="{le}"}} {count}"#));
    }
}

#[test]
fn connections_are_a_gauge_and_a_total() {
    let telemetry = telemetry();
    let _stays = telemetry.traffic.connected("public");
    drop(telemetry.traffic.connected("public"));
    telemetry.traffic.refused("public", "10.0.0.7".parse().unwrap(), "head_timeout");
    let text = telemetry.render(&snapshot(&[]), &[]);
    has(&text, r#"pulsegate_connections{listener="public"} 1"#);
    has(&text, r#"pulsegate_connections_accepted_total{listener="public"} 2"#);
    has(&text, r#"pulsegate_refused_total{listener="public",reason="head_timeout"} 1"#);
}
