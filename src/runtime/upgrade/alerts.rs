//! How is what receivers of alerts were told written down for another process? As JSON, with durations in nanoseconds.
//!
//! What a reader of another version does not understand is left out: the worst of it is that somebody is told again.

use pulsegate_core::alert::{Key, KnownGroup, What};
use pulsegate_core::base::identity::Address;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Deserialize, Serialize)]
struct Group {
    receiver: String,
    upstream: Option<String>,
    incident: String,
    sent: u32,
    ago: u64,
    told: Vec<Told>,
}

#[derive(Deserialize, Serialize)]
struct Told {
    /// The word.
    what: String,
    socket: Option<SocketAddr>,
    unix: Option<PathBuf>,
    flaps: bool,
}

pub(super) fn write(known: &[KnownGroup]) -> Value {
    let told = |(key, flaps): &(Key, bool)| {
        let (socket, unix) = match &key.backend {
            None => (None, None),
            Some(Address::Socket(socket)) => (Some(*socket), None),
            Some(Address::Unix(path)) => (None, Some(path.clone())),
        };
        Told { what: key.what.word().to_owned(), socket, unix, flaps: *flaps }
    };
    let group = |group: &KnownGroup| Group {
        receiver: group.receiver.to_string(),
        upstream: group.upstream.as_ref().map(ToString::to_string),
        incident: group.incident.clone(),
        sent: group.sent,
        ago: u64::try_from(group.ago.as_nanos()).unwrap_or(u64::MAX),
        told: group.told.iter().map(told).collect(),
    };
    serde_json::to_value(known.iter().map(group).collect::<Vec<_>>()).unwrap_or_default()
}

pub(super) fn read(document: Value) -> Vec<KnownGroup> {
    let Value::Array(groups) = document else { return Vec::new() };
    groups.into_iter().filter_map(|group| serde_json::from_value(group).ok()).map(known).collect()
}

fn known(group: Group) -> KnownGroup {
    let upstream: Option<Arc<str>> = group.upstream.map(Into::into);
    let key = |told: Told| {
        let what = What::ALL.into_iter().find(|what| what.word() == told.what)?;
        let backend = told.socket.map(Address::Socket).or(told.unix.map(Address::Unix));
        Some((Key { upstream: upstream.clone(), what, backend }, told.flaps))
    };
    KnownGroup {
        receiver: group.receiver.into(),
        incident: group.incident,
        sent: group.sent,
        ago: Duration::from_nanos(group.ago),
        told: group.told.into_iter().filter_map(key).collect(),
        upstream,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_none_is_left_out() {
        let upstream: Option<Arc<str>> = Some("orders".into());
        let key = |what, backend| Key { upstream: upstream.clone(), what, backend };
        let group = KnownGroup {
            receiver: "ops".into(),
            upstream: upstream.clone(),
            incident: "0k3f9a-42".to_owned(),
            sent: 3,
            ago: Duration::from_millis(1_500),
            told: vec![
                (key(What::NobodyEligible, None), false),
                (key(What::BackendOut, Some(Address::Socket(([127, 0, 0, 1], 9001).into()))), true),
                (key(What::LyingReadiness, Some(Address::Unix("/run/a.sock".into()))), false),
            ],
        };
        let mut written = write(std::slice::from_ref(&group));
        assert_eq!(read(written.clone()), std::slice::from_ref(&group));
        written[0]["told"].as_array_mut().unwrap().push(serde_json::json!({ "what": "moon_is_full", "flaps": false }));
        written.as_array_mut().unwrap().push(serde_json::json!({ "receiver": 7 }));
        assert_eq!(read(written), [group]);
        assert!(read(Value::Null).is_empty());
    }
}
