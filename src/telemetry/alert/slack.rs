//! The message for Slack's incoming webhooks: `text` for the notification, and an attachment with a colour and a line for each condition.
//!
//! Slack reads `&`, `<` and `>` as its own, so they are escaped everywhere: nothing that a backend says can mention a channel or be a link.

use super::message::Message;
use super::unix;
use crate::telemetry::webhook::{Content, Notice, json};
use pulsegate_core::plan::Severity;
use serde_json::json as object;

/// A section takes 3000 characters.
const SECTION: usize = 2_900;

pub(super) fn render(message: &Message) -> Notice {
    let colour = match (message.holding(), message.severity()) {
        (0, _) => "good",
        (_, Severity::Warning) => "warning",
        (_, Severity::Critical) => "danger",
    };
    let title = escaped(&message.title());
    let context = format!("{} · {}", escaped(&message.source), escaped(&message.id));
    let document = object!({
        "text": title,
        "attachments": [{
            "color": colour,
            "fallback": title,
            "blocks": [
                { "type": "section", "text": { "type": "mrkdwn", "text": lines(message), "verbatim": true } },
                { "type": "context", "elements": [{ "type": "mrkdwn", "text": context, "verbatim": true }] },
            ],
        }],
    });
    Notice { event_id: message.id.clone(), at: unix(message), content: Content::Json(json(&document)) }
}

fn lines(message: &Message) -> String {
    let (named, mut unnamed) = message.named();
    let mut text = String::new();
    for (index, told) in named.iter().enumerate() {
        let line = format!("*{}* {}\n", told.mark(), escaped(&told.sentence));
        if text.chars().count() + line.chars().count() > SECTION {
            unnamed += named.len() - index;
            break;
        }
        text.push_str(&line);
    }
    if unnamed > 0 {
        text.push_str(&format!("and {unnamed} more"));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
