//! The message for PagerDuty's Events API v2: one incident for each upstream and severity, begun by `trigger` and ended by `resolve`.
//!
//! The `dedup_key` is made of names alone, so that every process of a gateway means the same incident by it, after a restart too.

use super::message::{Line, Message};
use super::unix;
use crate::clock::when;
use crate::telemetry::escape::one_line;
use crate::telemetry::webhook::{Content, Notice, json};
use pulsegate_core::alert::ConditionState;
use pulsegate_core::plan::Severity;
use serde_json::json as object;

/// What PagerDuty takes.
const SUMMARY: usize = 1_000;
const KEY: usize = 255;

/// The gravest first.
pub(super) fn render(message: &Message, routing_key: &str) -> Vec<Notice> {
    Severity::ALL.into_iter().rev().filter_map(|severity| event(message, severity, routing_key)).collect()
}

/// `None`: nothing of this severity is new.
fn event(message: &Message, severity: Severity, routing_key: &str) -> Option<Notice> {
    let these: Vec<&Line> = message.told.iter().filter(|told| told.severity == severity).collect();
    let news = these.iter().any(|told| told.state != ConditionState::Still);
    if these.is_empty() || !(news || message.repeats) {
        return None;
    }
    let holding: Vec<&&Line> = these.iter().filter(|told| told.holds()).collect();
    let key = dedup_key(message, severity);
    let document = match holding.first() {
        None => object!({ "routing_key": routing_key, "event_action": "resolve", "dedup_key": key }),
        Some(first) => {
            let more = if holding.len() > 1 { format!(", and {} more", holding.len() - 1) } else { String::new() };
            let summary = format!("{}: {}{more}", message.subject(), first.sentence);
            let (named, unnamed) = message.named();
            let line = |told: &Line| format!("{}: {}", told.mark(), told.sentence);
            object!({
                "routing_key": routing_key,
                "event_action": "trigger",
                "dedup_key": key,
                "client": "Pulsegate",
                "payload": {
                    "summary": one_line(&summary, SUMMARY),
                    "source": message.source,
                    "severity": severity.word(),
                    "timestamp": when::rfc3339(message.at),
                    "component": message.subject(),
                    "class": first.condition,
                    "custom_details": {
                        "conditions": named.iter().map(line).collect::<Vec<_>>(),
                        "more": unnamed,
                        "event_id": first.event_id,
                    },
                },
            })
        }
    };
    let event_id = format!("{}-{}", message.id, severity.word());
    Some(Notice { event_id, at: unix(message), content: Content::Json(json(&document)) })
}

fn dedup_key(message: &Message, severity: Severity) -> String {
    let about = match message.told.first() {
        Some(told) if told.condition == "test" => "test",
        _ => message.upstream.as_deref().unwrap_or("-"),
    };
    let key = format!("pulsegate/{}/{about}/{}", message.source, severity.word());
    if key.len() <= KEY {
        return key;
    }
    format!("pulsegate/{:016x}/{}", pulsegate_core::base::rng::hash_bytes(key.as_bytes()), severity.word())
}
