//! What is in force where nothing is written? Told of each key in the schema, and from there in the reference and the example, as the plan
//! has it.
//!
//! Only the unit in which a value is said is chosen here. What serde fills in by itself (`false`, an empty list) stands with its key, and so
//! does what follows from other keys.

mod process;
mod routes;
mod upstreams;
mod written;

use serde_json::{Value, json};

pub(super) use upstreams::of_other_probes;

/// The keys of one type, each with a sentence.
struct Defaults {
    /// As the schema calls it.
    of: &'static str,
    told: Vec<(&'static str, String)>,
}

/// Keys with values.
fn values<const N: usize>(of: &'static str, keys: [(&'static str, String); N]) -> Defaults {
    Defaults { of, told: keys.into_iter().map(|(key, value)| (key, format!("Default: `{value}`."))).collect() }
}

fn all() -> Vec<Defaults> {
    [process::all(), routes::all(), upstreams::all()].into_iter().flatten().collect()
}

/// Adds the defaults to what the schema says of its keys.
pub(super) fn tell(mut schema: Value) -> Value {
    for Defaults { of, told } in all() {
        let place = if of == "Spec" { "/properties".to_owned() } else { format!("/$defs/{of}/properties") };
        for (key, sentence) in told {
            if let Some(property) = schema.pointer_mut(&format!("{place}/{key}")) {
                add(property, &sentence);
            }
        }
    }
    schema
}

fn add(property: &mut Value, sentence: &str) {
    let said = property.get("description").and_then(Value::as_str);
    let said = said.map_or_else(|| sentence.to_owned(), |said| format!("{said} {sentence}"));
    if let Some(property) = property.as_object_mut() {
        property.insert("description".to_owned(), json!(said));
    }
}

#[cfg(test)]
mod tests;
