//! What does a page know? Rows and figures of every backend; two of these pictures make the message that leads from one to the other.
//!
//! Moments are milliseconds since 1970 and nothing grows older in it: what did not change is the same text, and is not sent.

use crate::admin::traffic::Recent;
use crate::admin::view::Now;
use crate::admin::view::figures;
use pulsegate_core::board::{BackendReport, Given, UpstreamReport};
use serde::Serialize;
use std::collections::BTreeMap;

/// One backend, without its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// As long as the picture is kept.
    pub id: u32,
    pub pool: String,
    pub address: String,
    pub standing: &'static str,
    pub eligible: bool,
    pub why: String,
    pub since: u64,
    /// Value and threshold; `None` without a readiness probe.
    pub counter: Option<(u32, u32)>,
    pub share: f64,
    pub weight: u32,
    pub configured_weight: u32,
    pub backup: bool,
    pub order: Option<Order>,
    pub returns: Option<u64>,
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Order {
    pub what: &'static str,
    pub by: String,
    pub until: Option<u64>,
    pub reason: Option<String>,
}

/// Row, requests in flight, requests per second, error share, p50 and p99 in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures(u32, u32, f64, f64, Option<f64>, Option<f64>);

/// About the process itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Process {
    pub version: &'static str,
    pub phase: &'static str,
    pub started: u64,
    /// Why the last reload was refused, where it was.
    pub reload_refused: Option<String>,
}

/// What a page knows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Picture {
    pub process: Process,
    /// In the order of the configuration.
    pub pools: Vec<String>,
    pub rows: Vec<Row>,
    pub figures: Vec<Figures>,
    #[serde(skip)]
    ids: BTreeMap<String, BTreeMap<String, u32>>,
    #[serde(skip)]
    next: u32,
}

/// What leads from one picture to the next. `None` and empty: as before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figures>,
}

impl Picture {
    /// The next picture, which keeps the numbers of this one's rows.
    pub fn next(&self, reports: &[UpstreamReport], recent: &Recent, process: Process, now: Now) -> Self {
        let mut picture = Self { process, next: self.next, ..Self::default() };
        for report in reports {
            picture.pools.push(report.name.to_string());
            let mut ids = BTreeMap::new();
            let before = self.ids.get(&*report.name);
            for backend in &report.backends {
                let address = backend.id.address.to_string();
                let id = before.and_then(|ids| ids.get(&address)).copied().unwrap_or_else(|| {
                    picture.next += 1;
                    picture.next
                });
                picture.figures.push(figures(id, backend, recent));
                picture.rows.push(row(id, backend, now));
                ids.insert(address, id);
            }
            picture.ids.insert(report.name.to_string(), ids);
        }
        picture
    }

    pub fn delta(&self, next: &Self) -> Delta {
        let rows: BTreeMap<u32, &Row> = self.rows.iter().map(|row| (row.id, row)).collect();
        let figures: BTreeMap<u32, &Figures> = self.figures.iter().map(|figures| (figures.0, figures)).collect();
        let still: BTreeMap<u32, ()> = next.rows.iter().map(|row| (row.id, ())).collect();
        Delta {
            process: (self.process != next.process).then(|| next.process.clone()),
            pools: (self.pools != next.pools).then(|| next.pools.clone()),
            rows: next.rows.iter().filter(|row| rows.get(&row.id) != Some(row)).cloned().collect(),
            gone: rows.into_keys().filter(|id| !still.contains_key(id)).collect(),
            figures: next.figures.iter().filter(|new| figures.get(&new.0) != Some(new)).copied().collect(),
        }
    }
}

fn row(id: u32, report: &BackendReport, now: Now) -> Row {
    let standing = report.standing;
    Row {
        id,
        pool: report.id.upstream.to_string(),
        address: report.id.address.to_string(),
        standing: standing.cause.word(),
        eligible: standing.cause.eligible(),
        why: report.why.clone(),
        since: now.unix_ms(report.since),
        counter: (!standing.unprobed).then_some(report.counter),
        share: (standing.share * 1e3).round() / 1e3,
        weight: report.weight,
        configured_weight: report.configured_weight,
        backup: report.backup,
        order: report.order.as_ref().map(|given| order(given, given.what.word(), now)),
        returns: standing.earliest_return.map(|at| now.unix_ms(at)),
        notes: report.notes.clone(),
    }
}

fn order<T>(given: &Given<T>, what: &'static str, now: Now) -> Order {
    Order {
        what,
        by: given.by.to_string(),
        until: given.until.map(|at| now.unix_ms(at)),
        reason: given.reason.as_ref().map(ToString::to_string),
    }
}

fn figures(id: u32, report: &BackendReport, recent: &Recent) -> Figures {
    let traffic = figures::traffic(recent.of(&report.id));
    // Three places of a share, two of the rest: what nobody can see must not be sent every second.
    let hundredths = |figure: f64| (figure * 1e2).round() / 1e2;
    Figures(
        id,
        report.in_flight,
        hundredths(traffic.requests_per_second),
        (traffic.error_share * 1e3).round() / 1e3,
        traffic.p50_ms.map(hundredths),
        traffic.p99_ms.map(hundredths),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::view::samples::{backend, pool};
    use pulsegate_core::base::time::Timestamp;
    use pulsegate_core::health::standing::Cause;
    use std::time::SystemTime;

    fn at(secs: u64) -> Now {
        Now { at: Timestamp::from_secs(secs), origin: SystemTime::UNIX_EPOCH, started: Timestamp::ZERO }
    }

    fn picture(before: &Picture, pools: &[UpstreamReport], secs: u64) -> Picture {
        before.next(pools, &Recent::default(), Process::default(), at(secs))
    }

    #[test]
    fn time_alone_changes_nothing() {
        let pools = [pool("orders", vec![backend(9001, Cause::Up), backend(9002, Cause::Down)])];
        let first = picture(&Picture::default(), &pools, 100);
        let second = picture(&first, &pools, 160);
        assert_eq!(serde_json::to_value(first.delta(&second)).unwrap(), serde_json::json!({}));
    }

    #[test]
    fn changed_rows_are_sent_by_their_number_and_what_is_gone_is_named() {
        let before =
            [pool("orders", vec![backend(9001, Cause::Up), backend(9002, Cause::Up), backend(9003, Cause::Up)])];
        let first = picture(&Picture::default(), &before, 100);
        let mut busy = backend(9003, Cause::Up);
        busy.in_flight = 4;
        let after = [pool("orders", vec![backend(9001, Cause::Down), busy, backend(9004, Cause::Unchecked)])];
        let second = picture(&first, &after, 101);
        let delta = first.delta(&second);
        let rows: Vec<(u32, &str)> = delta.rows.iter().map(|row| (row.id, row.standing)).collect();
        assert_eq!(rows, [(1, "down"), (4, "unchecked")]);
        assert_eq!(delta.gone, [2]);
        let figures: Vec<(u32, u32)> = delta.figures.iter().map(|figures| (figures.0, figures.1)).collect();
        assert_eq!(figures, [(3, 4), (4, 0)]);
        assert!(delta.pools.is_none() && delta.process.is_none());
    }

    #[test]
    fn one_address_in_two_pools_is_two_rows() {
        let other = pool("billing", vec![backend(9001, Cause::Up)]);
        let first = picture(&Picture::default(), &[pool("orders", vec![backend(9001, Cause::Up)]), other.clone()], 1);
        assert_eq!(first.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2]);
        let second = picture(&first, &[other], 2);
        assert_eq!((first.delta(&second).gone, second.rows[0].id), (vec![1], 2));
        assert_eq!(first.delta(&second).pools, Some(vec!["billing".to_owned()]));
    }
}
