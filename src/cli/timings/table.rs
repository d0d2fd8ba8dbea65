//! The timings of one upstream for people, on one screen.

use pulsegate_core::timings::{Bounds, Detection, Fault, First, Load, Timings, Way};
use std::fmt::Write;
use std::time::Duration;

pub(super) fn of(timings: &Timings, load: Load) -> String {
    let mut out = String::new();
    let pool = &timings.pool;
    let assumed = if pool.watched { " (assumed)" } else { "" };
    let backends = if pool.all == 1 { "backend" } else { "backends" };
    let (name, rate) = (&timings.upstream, number(load.rate));
    let _ = writeln!(out, "timings of {name}: {} {backends}{assumed}, {rate} requests/s from a gateway", pool.all);
    let heads = ["out, when it is", "by probes", "by traffic", "whichever is first", "failed requests"];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(timings.detections.iter().map(detection));
    lines(&rows, &mut out);
    let mut rows = vec![["back, when it was".to_owned(), "after".to_owned(), String::new()]];
    rows.extend(timings.returns.iter().map(|one| {
        let (was, since) = returning(one.way);
        [was, range(Some(one.after)), since.to_owned()]
    }));
    if !timings.ramp.is_zero() {
        rows.push(["all of its weight".to_owned(), up(timings.ramp), "since it is back".to_owned()]);
    }
    lines(&rows, &mut out);
    costs(timings, load, &mut out);
    for contradiction in &timings.contradictions {
        let _ = writeln!(out, "  warning: {contradiction}");
    }
    out
}

fn costs(timings: &Timings, load: Load, out: &mut String) {
    match timings.probes {
        None => drop(writeln!(out, "  probes: none")),
        Some(probes) => drop(writeln!(
            out,
            "  probes: {}/s of each backend ({}/s while it changes), {}/s in all{}",
            number(probes.per_backend),
            number(probes.hurried),
            number(probes.in_all),
            if load.replicas > 1 { format!(", of {} gateways", load.replicas) } else { String::new() }
        )),
    }
    let sizes = match &timings.ejectable {
        None => "nobody, passive health is off".to_owned(),
        Some(sizes) => {
            let one = |(pool, most): &(u32, u32)| format!("{most} of {pool}");
            sizes.iter().map(one).collect::<Vec<_>>().join(", ")
        }
    };
    let _ = writeln!(out, "  ejected at once, at most: {sizes}");
}

fn detection(detection: &Detection) -> [String; 5] {
    let what = match detection.fault {
        Fault::Refused => "refused",
        Fault::Silent => "silent: accepts, never answers",
        Fault::Unreachable => "unreachable: no connection",
        Fault::Unready => "unready: readiness says no",
        Fault::Lying => "lying: readiness 200, traffic fails",
    };
    let first = match detection.first() {
        First::Probes => " probes",
        First::Traffic => " traffic",
        First::Either | First::Nobody => "",
    };
    let failing = detection.failing;
    let failed = match (at_most(failing.idempotent), at_most(failing.others)) {
        (same, other) if same == other => same,
        (idempotent, others) => format!("{idempotent}; {others} not idempotent"),
    };
    let out = range(detection.out) + first;
    [what.to_owned(), range(detection.by_probes), range(detection.by_traffic), out, failed]
}

fn at_most(count: Option<u64>) -> String {
    match count {
        Some(0) => "none".to_owned(),
        Some(count) => format!("≤ {count}"),
        None => "no end".to_owned(),
    }
}

fn returning(way: Way) -> (String, &'static str) {
    let well = "since it is well again";
    match way {
        Way::Down => ("down or not ready".to_owned(), well),
        Way::Silent => ("the same, by timeouts".to_owned(), well),
        Way::Outage => ("down, and nobody served".to_owned(), "since all are well again, the first"),
        Way::SilentOutage => ("the same, by timeouts".to_owned(), "since all are well again, the first"),
        Way::Ejected => ("ejected, the 1st time".to_owned(), "since it was ejected"),
        Way::EjectedAgain(nth) => (format!("ejected, no. {nth} in a row"), "since it was ejected"),
    }
}

/// Columns as wide as their widest cell.
fn lines<const N: usize>(rows: &[[String; N]], out: &mut String) {
    let wide = |column: usize| rows.iter().map(|row| row.get(column).map_or(0, |cell| cell.chars().count())).max();
    let widths: Vec<usize> = (0..N).map(|column| wide(column).unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(out, "  {}", cells.join("  ").trim_end());
    }
}

fn range(bounds: Option<Bounds>) -> String {
    match bounds {
        None => "never".to_owned(),
        Some(Bounds { best, worst: None }) => format!("{} – never", down(best)),
        Some(Bounds { best, worst: Some(worst) }) if best == worst => up(worst),
        Some(Bounds { best, worst: Some(worst) }) => format!("{} – {}", down(best), up(worst)),
    }
}

/// Never promised too late, nor too early: the best case is rounded down, the worst up.
fn down(time: Duration) -> String {
    shown(time.as_nanos(), u128::div_euclid)
}

fn up(time: Duration) -> String {
    shown(time.as_nanos(), u128::div_ceil)
}

/// Whole milliseconds below a second, hundredths below a minute, then whole seconds.
fn shown(nanos: u128, round: impl Fn(u128, u128) -> u128) -> String {
    match nanos {
        0 => "0s".to_owned(),
        _ if nanos <= 999_000_000 => format!("{}ms", round(nanos, 1_000_000)),
        _ if nanos <= 60_000_000_000 => format!("{}s", round(nanos, 10_000_000) as f64 / 100.0),
        _ => format!("{}s", round(nanos, 1_000_000_000)),
    }
}

/// At most two digits behind the point, and none that say nothing.
fn number(value: f64) -> String {
    format!("{}", (value * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::{down, up};
    use std::time::Duration;

    #[test]
    fn times_are_rounded_outwards() {
        for (nanos, below, above) in [
            (0, "0s", "0s"),
            (80_000_000, "80ms", "80ms"),
            (80_400_000, "80ms", "81ms"),
            (999_900_000, "0.99s", "1s"),
            (3_200_000_000, "3.2s", "3.2s"),
            (3_201_000_000, "3.2s", "3.21s"),
            (360_500_000_000, "360s", "361s"),
        ] {
            let time = Duration::from_nanos(nanos);
            assert_eq!((down(time).as_str(), up(time).as_str()), (below, above));
        }
    }
}
