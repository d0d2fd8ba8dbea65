//! Three formats of the same families.

use super::*;
use crate::telemetry::histogram::Histogram;
use crate::telemetry::table;
use prost::Message;
use std::time::Duration;

fn histogram(native: bool) -> Value {
    let histogram = Histogram::new(&[0.25, 1.0], native);
    [200, 300, 5_000].into_iter().for_each(|ms| histogram.observe(Duration::from_millis(ms)));
    Value::Histogram(histogram.picture())
}

fn families(label: &str, native: bool) -> Vec<Family<'_>> {
    let mut components = Family::of(&table::BACKEND_COMPONENT);
    components.number(["orders", "127.0.0.1:9001", label], 0.0);
    let mut attempts = Family::of(&table::ATTEMPTS);
    attempts.number(["orders", "response"], 12_345_678.0);
    let mut sent = Family::of(&table::SENT_BYTES);
    sent.number(["home", "orders"], 4_000_000_000.0);
    let mut seconds = Family::of(&table::UPSTREAM_SECONDS);
    seconds.push(["orders".into()], histogram(native));
    let mut threads = Family::of(&table::PROCESS_THREADS);
    threads.push([], Value::Number(4.0));
    vec![seconds, sent, components, attempts, threads, Family::of(&table::BUILD)]
}

fn text(label: &str, format: Format) -> String {
    String::from_utf8(write(families(label, false), format)).unwrap()
}

#[test]
fn text_for_prometheus() {
    let help = |metric: &table::Metric| format!("# HELP {} {}", metric.name, metric.help);
    let expected = [
        &help(&table::PROCESS_THREADS),
        "# TYPE process_threads gauge",
        "process_threads 4",
        &help(&table::ATTEMPTS),
        "# TYPE pulsegate_attempts_total counter",
        r#"pulsegate_attempts_total{result="response",upstream="orders"} 12345678"#,
        &help(&table::BACKEND_COMPONENT),
        "# TYPE pulsegate_backend_component_up gauge",
        r#"pulsegate_backend_component_up{backend="127.0.0.1:9001",component="db",upstream="orders"} 0"#,
        &help(&table::SENT_BYTES),
        "# TYPE pulsegate_sent_bytes_total counter",
        r#"pulsegate_sent_bytes_total{route="home",upstream="orders"} 4000000000"#,
        &help(&table::UPSTREAM_SECONDS),
        "# TYPE pulsegate_upstream_response_seconds histogram",
        r#"pulsegate_upstream_response_seconds_bucket{upstream="orders",le="0.25"} 1"#,
        r#"pulsegate_upstream_response_seconds_bucket{upstream="orders",le="1"} 2"#,
        r#"pulsegate_upstream_response_seconds_bucket{upstream="orders",le="+Inf"} 3"#,
        r#"pulsegate_upstream_response_seconds_sum{upstream="orders"} 5.5"#,
        r#"pulsegate_upstream_response_seconds_count{upstream="orders"} 3"#,
    ];
    assert_eq!(text("db", Format::Text).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn text_for_open_metrics() {
    let text = text("db", Format::OpenMetrics);
    for line in [
        "# TYPE pulsegate_attempts counter",
        &format!("# HELP pulsegate_attempts {}", table::ATTEMPTS.help),
        r#"pulsegate_attempts_total{result="response",upstream="orders"} 12345678"#,
        "# TYPE pulsegate_sent_bytes counter",
        "# UNIT pulsegate_sent_bytes bytes",
        "# UNIT pulsegate_upstream_response_seconds seconds",
        r#"pulsegate_upstream_response_seconds_bucket{upstream="orders",le="1.0"} 2"#,
        r#"pulsegate_upstream_response_seconds_bucket{upstream="orders",le="+Inf"} 3"#,
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line}\nin\n{text}");
    }
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    assert_eq!(text.matches("# UNIT ").count(), 2);
}

#[test]
fn odd_label_values_leave_neither_their_quotes_nor_their_line() {
    for (label, written) in [
        (r#"a"b"#, r#"a\"b"#),
        (r"a\b", r"a\\b"),
        ("a\nb", r"a\nb"),
        ("a\\nb", r"a\\nb"),
        ("\"} 1\npulsegate_backend_eligible 1\n", r#"\"} 1\npulsegate_backend_eligible 1\n"#),
        ("größe, {x=\"1\"}", r#"größe, {x=\"1\"}"#),
        ("a\tb\r", "a\tb\r"),
        ("", ""),
    ] {
        let line = format!(
            r#"pulsegate_backend_component_up{{backend="127.0.0.1:9001",component="{written}",upstream="orders"}} 0"#
        );
        for format in [Format::Text, Format::OpenMetrics] {
            let text = text(label, format);
            assert!(text.split('\n').any(|found| found == line), "{label:?} as {format:?}: no {line}\nin\n{text}");
            assert_eq!(text.split('\n').count(), self::text("db", format).split('\n').count(), "{label:?}");
        }
        let families = decoded(&write(families(label, false), Format::Protobuf));
        let component = families.iter().flat_map(|family| &family.metric).flat_map(|metric| &metric.label);
        assert!(component.into_iter().any(|found| found.name == "component" && found.value == label), "{label:?}");
    }
}

fn decoded(mut bytes: &[u8]) -> Vec<protobuf::MetricFamily> {
    let mut families = Vec::new();
    while !bytes.is_empty() {
        families.push(protobuf::MetricFamily::decode_length_delimited(&mut bytes).unwrap());
    }
    families
}

#[test]
fn protocol_buffers_hold_the_same_and_native_buckets_besides() {
    let families = decoded(&write(families("db", true), Format::Protobuf));
    let kinds: Vec<(&str, i32, &str)> =
        families.iter().map(|family| (family.name.as_str(), family.kind, family.unit.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("process_threads", 1, ""),
            ("pulsegate_attempts_total", 0, ""),
            ("pulsegate_backend_component_up", 1, ""),
            ("pulsegate_sent_bytes_total", 0, "bytes"),
            ("pulsegate_upstream_response_seconds", 4, "seconds"),
        ]
    );
    assert_eq!(families[1].metric[0].counter.map(|number| number.value), Some(12_345_678.0));
    let histogram = families[4].metric[0].histogram.as_ref().unwrap();
    let classic: Vec<(f64, u64)> =
        histogram.bucket.iter().map(|bucket| (bucket.upper_bound, bucket.cumulative_count)).collect();
    assert_eq!(classic, [(0.25, 1), (1.0, 2)]);
    assert_eq!((histogram.sample_count, histogram.schema), (3, Some(3)));
    // 0.2 s, 0.3 s and 5 s: bucket i ends with 2^(i ÷ 8).
    let spans: Vec<(i32, u32)> = histogram.positive_span.iter().map(|span| (span.offset, span.length)).collect();
    assert_eq!(spans, [(-18, 1), (4, 1), (31, 1)]);
    assert_eq!(histogram.positive_delta, [1, 0, 0]);
}

#[test]
fn without_native_buckets_there_is_no_schema() {
    let families = decoded(&write(families("db", false), Format::Protobuf));
    let histogram = families[4].metric[0].histogram.as_ref().unwrap();
    assert_eq!((histogram.schema, histogram.zero_threshold, histogram.bucket.len()), (None, None, 2));
}
