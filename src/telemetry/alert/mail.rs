//! The message as a mail: plain text, and ids by which mail programs join the mails of one incident.

use super::message::Message;
use super::unix;
use crate::clock::when;
use crate::telemetry::webhook::{Content, Mail, Notice};
use pulsegate_core::alert::ConditionState;
use std::fmt::Write;

pub(super) fn render(message: &Message) -> Notice {
    // An id is an atom: whatever else stands in a name is left out.
    let atom =
        |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect::<String>();
    let id = |own: &str| format!("{}.{}", atom(own), atom(&message.source)).trim_matches('.').replace("..", ".");
    let thread = (message.first != message.id).then(|| id(&message.first));
    let mail = Mail { subject: message.title(), text: text(message), id: id(&message.id), thread };
    Notice { event_id: message.id.clone(), at: unix(message), content: Content::Mail(mail) }
}

fn text(message: &Message) -> String {
    let mut text = String::new();
    let (named, unnamed) = message.named();
    for told in named {
        let _ = writeln!(text, "{:<9} {}", told.mark(), told.sentence);
        let _ = writeln!(text, "          since {}, event {}\n", told.since, told.event_id);
    }
    if unnamed > 0 {
        let _ = writeln!(text, "and {unnamed} more\n");
    }
    if let (Some(upstream), Some(backend)) = (&message.upstream, named.iter().find_map(|told| told.backend.as_ref()))
        && named.iter().any(|told| told.state != ConditionState::Resolved)
    {
        let _ = writeln!(text, "To see why: pulsegate explain {upstream} {backend}\n");
    }
    let _ = writeln!(text, "-- \nPulsegate {}, {}, message {}", message.source, when::rfc3339(message.at), message.id);
    text
}
