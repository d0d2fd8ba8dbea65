//! Is this ASP.NET Core? A text of one word, or what its writers make: `entries` (the UI client's) or `results` beside a status. The status
//! is a word, or, where nobody has asked for words, the number of the enumeration: 0 is unhealthy, 1 degraded, 2 healthy.

use super::json::{Json, Number};

const WORDS: [&str; 3] = ["Unhealthy", "Degraded", "Healthy"];

/// The only words that the default writer writes.
pub(super) fn speaks_in_text(text: &str) -> bool {
    WORDS.contains(&text.trim())
}

pub(super) fn speaks(json: &Json) -> bool {
    let value = |name: &str| {
        json.members().iter().find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let entries = value("entries").is_some_and(|entries| matches!(entries, Json::Map(_) | Json::List(_)));
    match value("status") {
        Some(Json::Text(word)) => WORDS.contains(&word.as_str()) || entries,
        Some(Json::Number(_)) => entries || value("totalDuration").is_some() && (value("results").is_some()),
        _ => false,
    }
}

/// The document with words in place of the enumeration's numbers.
pub(super) fn in_words(json: Json) -> Json {
    match json {
        Json::Map(members) => {
            let members = members.into_iter().map(|(name, value)| match word(&name, &value) {
                Some(word) => (name, Json::Text(word.to_owned())),
                None => (name, in_words(value)),
            });
            Json::Map(members.collect())
        }
        Json::List(items) => Json::List(items.into_iter().map(in_words).collect()),
        other => other,
    }
}

fn word(name: &str, value: &Json) -> Option<&'static str> {
    match value {
        Json::Number(Number::Whole(number)) if name.eq_ignore_ascii_case("status") => {
            WORDS.get(usize::try_from(*number).ok()?).copied()
        }
        _ => None,
    }
}
