//! The message for a generic webhook: a document with the keys of our events, and those of Alertmanager's webhook (version 4), so that what
//! reads those reads ours.

use super::message::{Line, Message};
use super::unix;
use crate::clock::when;
use crate::telemetry::webhook::{Content, Notice, json};
use serde_json::{Value, json as object};

pub(super) fn render(message: &Message) -> Notice {
    let (named, unnamed) = message.named();
    let status = |holds: bool| if holds { "firing" } else { "resolved" };
    let group = object!({ "source": message.source, "upstream": message.subject() });
    let at = when::rfc3339(message.at);
    let document = object!({
        "event_id": message.id,
        "at": at,
        "event": "alert",
        "level": if message.holding() > 0 { "error" } else { "info" },
        "message": message.title(),
        "version": "4",
        "receiver": message.receiver,
        "status": status(message.holding() > 0),
        "severity": message.severity().word(),
        "repeats": message.repeats,
        "groupKey": format!("{}/{}", message.source, message.subject()),
        "groupLabels": group,
        "commonLabels": group,
        "commonAnnotations": {},
        "externalURL": "",
        "truncatedAlerts": unnamed,
        "alerts": named.iter().map(|told| alert(message, told, status(told.holds()), &at)).collect::<Vec<_>>(),
    });
    Notice { event_id: message.id.clone(), at: unix(message), content: Content::Json(json(&document)) }
}

fn alert(message: &Message, told: &Line, status: &str, at: &str) -> Value {
    let mut labels = object!({
        "alertname": told.condition,
        "severity": told.severity.word(),
        "upstream": message.subject(),
        "source": message.source,
    });
    if let Some(backend) = &told.backend {
        labels["backend"] = backend.as_str().into();
    }
    object!({
        "status": status,
        "state": told.mark(),
        "labels": labels,
        "annotations": { "summary": told.sentence, "cause": told.cause, "why": told.why },
        "startsAt": told.since,
        // Alertmanager's way to say "not yet".
        "endsAt": if told.holds() { "0001-01-01T00:00:00Z" } else { at },
        "generatorURL": "",
        "fingerprint": fingerprint(message, told),
        "event_id": told.event_id,
    })
}

/// The same for one condition in every message and every process.
fn fingerprint(message: &Message, told: &Line) -> String {
    let parts = [&message.source, message.subject(), told.condition, told.backend.as_deref().unwrap_or("")];
    format!("{:016x}", pulsegate_core::base::rng::hash_bytes(parts.join("\n").as_bytes()))
}
