//! How do families look as text? As Prometheus' format 0.0.4 has it, and as OpenMetrics 1.0, which is stricter about names and units.

use super::{Family, Series, Value};
use crate::telemetry::table::Kind;
use std::fmt::Write;

pub fn prometheus(families: &[Family<'_>]) -> String {
    let mut text = String::new();
    for family in families {
        let name = family.metric.name;
        help(&mut text, name, family.metric.help, false);
        let _ = writeln!(text, "# TYPE {name} {}", family.metric.kind.word());
        family.series.iter().for_each(|series| samples(&mut text, name, series, plain));
    }
    text
}

/// A counter's family has its name without `_total`, numbers that are bounds are floats, and the end is said.
pub fn open_metrics(families: &[Family<'_>]) -> String {
    let mut text = String::new();
    for family in families {
        let name = family.metric.name;
        let own = if family.metric.kind == Kind::Counter { name.strip_suffix("_total").unwrap_or(name) } else { name };
        let _ = writeln!(text, "# TYPE {own} {}", family.metric.kind.word());
        if let Some(unit) = unit(own) {
            let _ = writeln!(text, "# UNIT {own} {unit}");
        }
        help(&mut text, own, family.metric.help, true);
        family.series.iter().for_each(|series| samples(&mut text, name, series, float));
    }
    text.push_str("# EOF\n");
    text
}

/// OpenMetrics knows a unit by the end of the name.
pub fn unit(family: &str) -> Option<&'static str> {
    ["seconds", "bytes"].into_iter().find(|unit| family.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_')))
}

fn help(text: &mut String, name: &str, help: &str, quotes: bool) {
    let _ = write!(text, "# HELP {name} ");
    escaped(text, help, quotes);
    text.push('\n');
}

fn samples(text: &mut String, name: &str, series: &Series<'_>, bound: fn(f64) -> String) {
    match &series.value {
        Value::Number(number) => sample(text, (name, ""), series, None, *number),
        Value::Histogram(picture) => {
            let mut count = 0;
            for (upper, held) in &picture.buckets {
                count += held;
                sample(text, (name, "_bucket"), series, Some(&bound(*upper)), count as f64);
            }
            sample(text, (name, "_sum"), series, None, picture.sum);
            sample(text, (name, "_count"), series, None, count as f64);
        }
    }
}

fn sample(text: &mut String, (name, suffix): (&str, &str), series: &Series<'_>, le: Option<&str>, value: f64) {
    text.push_str(name);
    text.push_str(suffix);
    let labels = series.labels.iter().map(|(name, value)| (*name, &**value)).chain(le.map(|le| ("le", le)));
    let mut before = '{';
    for (label, value) in labels {
        text.push(before);
        text.push_str(label);
        text.push_str("=\"");
        escaped(text, value, true);
        text.push('"');
        before = ',';
    }
    if before == ',' {
        text.push('}');
    }
    let _ = writeln!(text, " {}", plain(value));
}

/// Backslashes and line ends, and quotes where there are some around it.
fn escaped(text: &mut String, value: &str, quotes: bool) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            c => text.push(c),
        }
    }
}

fn plain(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    number.to_string()
}

/// As OpenMetrics wants bounds: "1.0", never "1".
fn float(number: f64) -> String {
    let text = plain(number);
    if number.is_finite() && !text.contains('.') { text + ".0" } else { text }
}
