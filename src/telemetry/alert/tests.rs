//! The inbox in a flood, and what each kind of receiver is sent, with hostile words in it.

use super::inbox::{Inbox, QUEUE};
use super::*;
use crate::telemetry::webhook::{Content, Mail};
use pulsegate_core::alert::{self, ConditionState, Item, Key, Says, What};
use pulsegate_core::base::identity::Address;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::standing::Cause;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// What a backend may say of itself to break out of a message.
const HOSTILE: &str = "\"quoted\" \\ <!channel> & <http://a|b>\r\nBcc: all@example.com\n\u{202e}\u{1b}[2J";

fn key(what: What, port: Option<u16>) -> Key {
    let backend = port.map(|port| Address::Socket(([10, 0, 0, 7], port).into()));
    Key { upstream: Some("or\"de\nrs".into()), what, backend }
}

fn item(state: ConditionState, what: What, port: Option<u16>, cause: &str) -> Item {
    Item {
        state,
        key: key(what, port),
        cause: cause.to_owned(),
        why: HOSTILE.to_owned(),
        event_id: "run-17".to_owned(),
        since: Timestamp::ZERO,
    }
}

fn message(sent: u32, items: Vec<Item>) -> Message {
    let clock = crate::clock::Clock::start();
    let notice = alert::Notice {
        id: format!("run-17-{sent}"),
        receiver: "ops".into(),
        upstream: Some("or\"de\nrs".into()),
        incident: "run-17".to_owned(),
        at: clock.now(),
        repeats: items.iter().all(|item| item.state == ConditionState::Still),
        items,
    };
    Message { at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_568_405), ..Message::of(&notice, "eu 1", clock) }
}

fn document(notice: &Notice) -> Value {
    let Content::Json(body) = &notice.content else { panic!("{notice:?}") };
    serde_json::from_slice(body).unwrap()
}

fn outage() -> Message {
    message(
        1,
        vec![
            item(ConditionState::Firing, What::NobodyEligible, None, "nobody_eligible"),
            item(ConditionState::Flapping(6), What::BackendOut, Some(8001), "down"),
            item(ConditionState::Still, What::BackendOut, Some(8002), "ejected"),
        ],
    )
}

fn recovery() -> Message {
    message(2, vec![item(ConditionState::Resolved, What::BackendOut, Some(8001), "ramping")])
}

#[test]
fn a_flood_is_bounded_keeps_the_last_word_and_is_counted() {
    let dropped = Arc::<Counter>::default();
    let inbox = Inbox::new(dropped.clone());
    let total = 100_000_u64;
    for number in 0..total {
        let says = Says::Stands(if number % 2 == 0 { Cause::Down } else { Cause::Up });
        let key = key(What::BackendOut, Some((number % 50) as u16));
        inbox.put(Input { key, says, why: number.to_string(), event_id: String::new(), at: Timestamp(number) });
    }
    let taken = inbox.take();
    assert_eq!(taken.len(), QUEUE + 50);
    assert_eq!(dropped.get(), total - taken.len() as u64);
    let newest: Vec<u64> = taken[QUEUE..].iter().map(|input| input.at.0).collect();
    assert!(newest.iter().all(|at| *at >= total - 50), "{newest:?}");
    assert!(inbox.take().is_empty());
}

#[test]
fn titles_say_it_all_on_one_line() {
    assert_eq!(outage().title().chars().filter(|c| c.is_control()).count(), 0);
    assert!(outage().title().starts_with("[FIRING:3] or\"de rs: \"quoted\""), "{}", outage().title());
    assert!(recovery().title().starts_with("[RESOLVED] or\"de rs: 10.0.0.7:8001 serves again, ramping: "));
    let flapping = message(1, vec![item(ConditionState::Flapping(4), What::BackendOut, Some(1), "down")]);
    assert!(
        flapping
            .title()
            .contains("[FLAPPING:1] or\"de rs: 10.0.0.7:1 comes and goes, 4 times by now; now it is down: ")
    );
    let again = message(3, vec![item(ConditionState::Still, What::BackendOut, Some(1), "down")]);
    assert!(again.title().starts_with("[STILL FIRING:1] "));
}

#[test]
fn slack_cannot_be_made_to_mention_or_link() {
    let document = document(&slack::render(&outage()));
    let attachment = &document["attachments"][0];
    let text = attachment["blocks"][0]["text"]["text"].as_str().unwrap();
    for text in [text, document["text"].as_str().unwrap(), attachment["fallback"].as_str().unwrap()] {
        assert!(
            !text.contains(['<', '>', '\r', '\u{1b}', '\u{202e}']) && text.contains("&lt;!channel&gt; &amp;"),
            "{text}"
        );
    }
    assert_eq!(text.lines().count(), 3, "{text}");
    let marks: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(marks, ["*critical*", "*flapping*", "*still*"]);
    assert_eq!(attachment["color"], "danger");
    assert_eq!(super::slack::render(&recovery()).event_id, "run-17-2");
    assert_eq!(self::document(&slack::render(&recovery()))["attachments"][0]["color"], "good");
    // Two hundred backends are one message that Slack takes.
    let many = (1..=200).map(|port| item(ConditionState::Firing, What::BackendOut, Some(port), "down")).collect();
    let document = self::document(&slack::render(&message(1, many)));
    let text = document["attachments"][0]["blocks"][0]["text"]["text"].as_str().unwrap();
    assert!(text.chars().count() <= 3_000 && text.contains("and 1"), "{}", text.chars().count());
}

#[test]
fn pagerduty_gets_an_incident_for_each_severity() {
    let events: Vec<Value> = pagerduty::render(&outage(), "k3y").iter().map(document).collect();
    let heads: Vec<_> = events
        .iter()
        .map(|event| [&event["event_action"], &event["dedup_key"], &event["payload"]["severity"]])
        .collect();
    assert_eq!(
        heads,
        [
            [&json!("trigger"), &json!("pulsegate/eu 1/or\"de rs/critical"), &json!("critical")],
            [&json!("trigger"), &json!("pulsegate/eu 1/or\"de rs/warning"), &json!("warning")],
        ]
    );
    let payload = &events[1]["payload"];
    assert_eq!([&payload["source"], &payload["component"], &payload["class"]], ["eu 1", "or\"de rs", "backend_out"]);
    assert!(payload["summary"].as_str().unwrap().ends_with(", and 1 more"));
    assert_eq!(payload["timestamp"], "2026-11-25T01:00:05.000Z");
    assert_eq!(
        document(&pagerduty::render(&recovery(), "k3y")[0]),
        json!({ "routing_key": "k3y", "event_action": "resolve", "dedup_key": "pulsegate/eu 1/or\"de rs/warning" })
    );
    // What is told again is triggered again; what still holds and is no news is not.
    let still = |state| {
        message(
            3,
            vec![
                item(ConditionState::Still, What::BackendOut, Some(1), "down"),
                item(state, What::NobodyEligible, None, "over"),
            ],
        )
    };
    assert_eq!(pagerduty::render(&still(ConditionState::Still), "k").len(), 2);
    assert_eq!(pagerduty::render(&still(ConditionState::Resolved), "k").len(), 1);
    // A name that does not fit keeps an incident of its own.
    let long = |name: &str| Message { upstream: Some(name.repeat(200)), ..recovery() };
    let keys = ["ab", "cd"].map(|name| document(&pagerduty::render(&long(name), "k")[0])["dedup_key"].to_string());
    assert!(keys[0] != keys[1] && keys.iter().all(|key| key.len() <= 255), "{keys:?}");
}

#[test]
fn generic_is_what_reads_alertmanager_expects() {
    let notice = generic::render(&outage());
    assert_eq!((&*notice.event_id, notice.at), ("run-17-1", 1_795_568_405));
    let document = document(&notice);
    for (key, value) in [
        ("version", json!("4")),
        ("status", json!("firing")),
        ("event", json!("alert")),
        ("event_id", json!("run-17-1")),
        ("severity", json!("critical")),
        ("receiver", json!("ops")),
        ("truncatedAlerts", json!(0)),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    let alerts = document["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 3);
    assert_eq!(
        alerts[1]["labels"],
        json!({ "alertname": "backend_out", "severity": "warning", "upstream": "or\"de rs", "source": "eu 1", "backend": "10.0.0.7:8001" })
    );
    assert_eq!((&alerts[1]["state"], &alerts[1]["endsAt"]), (&json!("flapping"), &json!("0001-01-01T00:00:00Z")));
    let over = self::document(&generic::render(&recovery()));
    assert_eq!(
        (&over["status"], &over["alerts"][0]["endsAt"]),
        (&json!("resolved"), &json!("2026-11-25T01:00:05.000Z"))
    );
    assert_eq!(over["alerts"][0]["fingerprint"], alerts[1]["fingerprint"], "the same condition");
}

#[test]
fn mails_of_an_incident_are_one_thread() {
    let mail = |message: &Message| match mail::render(message).content {
        Content::Mail(mail) => mail,
        Content::Json(_) => panic!("no mail"),
    };
    let (first, second) = (mail(&outage()), mail(&recovery()));
    assert_eq!((&*first.id, &first.thread), ("run-17-1.eu1", &None));
    assert_eq!((&*second.id, second.thread.as_deref()), ("run-17-2.eu1", Some("run-17-1.eu1")));
    let Mail { subject, text, .. } = first;
    assert!(!subject.contains(['\r', '\n']) && !text.contains("\nBcc"), "{subject} {text}");
    assert!(
        text.contains("flapping  10.0.0.7:8001 comes and goes, 6 times by now") && text.contains("pulsegate explain")
    );
}
