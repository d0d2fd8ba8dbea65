//! How is what receivers of alerts were told written down for another process? As a list of the core's states.
//!
//! What a reader of another version does not understand is left out: the worst of it is that somebody is told again.

use super::words::leave_out;
use pulsegate_core::alert::{GroupState, What};
use serde_json::Value;

pub(super) fn write(groups: &[GroupState]) -> Value {
    serde_json::to_value(groups).unwrap_or_default()
}

pub(super) fn read(document: Value) -> Vec<GroupState> {
    let Value::Array(groups) = document else { return Vec::new() };
    let group = |mut group: Value| {
        leave_out(&mut group, ("told", "what"), |word| What::of_word(word).is_some());
        serde_json::from_value(group).ok()
    };
    groups.into_iter().filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsegate_core::alert::AnnouncedState;
    use pulsegate_core::base::identity::Address;
    use std::time::Duration;

    fn a_group(told: Vec<AnnouncedState>) -> GroupState {
        GroupState {
            receiver: "ops".into(),
            upstream: Some("orders".into()),
            incident: "0k3f9a-42".to_owned(),
            sent: 3,
            ago: Duration::from_millis(1_500),
            told,
        }
    }

    #[test]
    fn groups_are_read_as_they_were_written_and_nonsense_is_left_out() {
        let announced = |what, backend, flaps| AnnouncedState { what, backend, flaps };
        let group = a_group(vec![
            announced(What::NobodyEligible, None, false),
            announced(What::BackendOut, Some(Address::Socket(([127, 0, 0, 1], 9001).into())), true),
            announced(What::LyingReadiness, Some(Address::Unix("/run/a.sock".into())), false),
        ]);
        let mut written = write(std::slice::from_ref(&group));
        assert_eq!(read(written.clone()), std::slice::from_ref(&group));
        written[0]["told"].as_array_mut().unwrap().push(serde_json::json!({ "what": "moon_is_full", "flaps": false }));
        for strange in [serde_json::json!({ "receiver": 7 }), 7.into(), Value::Null] {
            written.as_array_mut().unwrap().push(strange);
        }
        assert_eq!(read(written), [group]);
        assert!(read(Value::Null).is_empty());
    }

    #[test]
    fn conditions_are_written_in_the_words_that_everybody_knows() {
        let told = What::ALL.map(|what| AnnouncedState { what, backend: None, flaps: false });
        let written = write(&[a_group(told.into())]);
        let words = written[0]["told"].as_array().unwrap().iter().map(|told| told["what"].as_str().unwrap());
        assert_eq!(words.collect::<Vec<_>>(), What::ALL.map(What::word));
    }
}
