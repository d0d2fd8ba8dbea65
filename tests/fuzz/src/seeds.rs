//! With what does a target begin? With what the tests know already: each row of the protocol corpus and each captured health answer as a
//! file, the words of the configuration as a dictionary. They are written anew with every run, so that nothing is kept twice.

#[allow(dead_code, reason = "a seed travels whole")]
#[path = "../../corpus/pace.rs"]
mod pace;
#[allow(dead_code, reason = "verdicts are of no matter here")]
#[path = "../../corpus/rows.rs"]
mod rows;

use pace::Pace;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

pub fn requests() {
    write(rows::requests().iter().map(|row| (row.name.as_str(), row.parts().concat())));
}

pub fn answers() {
    write(rows::answers().iter().map(|row| (row.name.as_str(), row.writes(Pace::Whole).concat())));
}

/// What both sides send.
pub fn messages() {
    requests();
    // Rows of both have the same names.
    let answers =
        rows::answers().into_iter().map(|row| (format!("answer-{}", row.name), row.writes(Pace::Whole).concat()));
    let answers: Vec<(String, Vec<u8>)> = answers.collect();
    write(answers.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
}

/// The bodies of the captured answers, behind the byte that chooses a content type.
pub fn documents() {
    let payloads = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/payloads");
    let mut bodies = BTreeSet::new();
    for file in fs::read_dir(payloads).expect("the payloads").flatten().map(|entry| entry.path()) {
        if file.extension().is_some_and(|end| end == "json") {
            let text = fs::read_to_string(file).expect("a payload");
            bodies_in(&serde_json::from_str(&text).expect("a payload is JSON"), &mut bodies);
        }
    }
    let named =
        bodies.iter().enumerate().map(|(at, body)| (format!("payload-{at}"), [b"\0", body.as_bytes()].concat()));
    let named: Vec<(String, Vec<u8>)> = named.collect();
    write(named.iter().map(|(name, body)| (name.as_str(), body.clone())));
}

fn bodies_in(value: &serde_json::Value, bodies: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            bodies.extend(members.get("body").and_then(|body| body.as_str()).map(str::to_owned));
            members.values().for_each(|value| bodies_in(value, bodies));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| bodies_in(item, bodies)),
        _ => {}
    }
}

/// One file for each row. Without `FUZZ_SEEDS` (one input is replayed) nothing is written.
fn write<'a>(rows: impl Iterator<Item = (&'a str, Vec<u8>)>) {
    let Some(folder) = folder() else { return };
    for (name, bytes) in rows {
        fs::write(folder.join(name), bytes).expect("a writable folder for seeds");
    }
}

/// Every key that the configuration knows, as libFuzzer reads dictionaries.
pub fn dictionary() {
    let Some(folder) = folder() else { return };
    let mut words = BTreeSet::new();
    collect(&pulsegate::config::schema(), &mut words);
    let mut text = String::new();
    for word in words {
        let _ = writeln!(text, "\"{word}\"");
    }
    fs::write(folder.with_extension("dict"), text).expect("a writable dictionary");
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("FUZZ_SEEDS").map(PathBuf::from)
}

fn collect(schema: &serde_json::Value, words: &mut BTreeSet<String>) {
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    words.extend(properties.into_iter().flat_map(|properties| properties.keys()).map(|key| format!("{key}: ")));
    let values = ["enum", "const"].into_iter().filter_map(|key| schema.get(key));
    words.extend(values.flat_map(|value| value.as_array().cloned().unwrap_or(vec![value.clone()])).filter_map(text));
    match schema {
        serde_json::Value::Object(parts) => parts.values().for_each(|part| collect(part, words)),
        serde_json::Value::Array(parts) => parts.iter().for_each(|part| collect(part, words)),
        _ => {}
    }
}

fn text(value: serde_json::Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
