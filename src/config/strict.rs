//! Is every key known, and has it a value? All of them are looked at against the schema, so that one run names every unknown one with
//! what was meant: our word for it, the part that it belongs into, or its neighbour.
//!
//! A key without a value is a slip, never a way to say "none": an empty `readiness:` must not mean unprobed.

use super::files::{Findings, Place};
use super::vocabulary::{meant, ours};
use super::words::key_of;
use crate::config::schema::Spec;
use schemars::JsonSchema;
use serde_json::{Map, Value};

/// Reports every key of `tree` that the schema does not know, and removes it, so that the rest can be read.
pub(super) fn reject_unknown_keys(tree: &mut Value, file: usize, findings: &mut Findings) {
    reject_keys_unknown_to::<Spec>(tree, file, findings);
}

/// The same for another kind of file, of which `T` is the whole.
pub(super) fn reject_keys_unknown_to<T: JsonSchema>(tree: &mut Value, file: usize, findings: &mut Findings) {
    let schema = schemars::schema_for!(T).to_value();
    let walk = Walk { root: &schema };
    walk.value(tree, &schema, &Place { file, steps: Vec::new() }, findings);
}

struct Walk<'s> {
    root: &'s Value,
}

impl<'s> Walk<'s> {
    fn value(&self, tree: &mut Value, schema: &'s Value, place: &Place, findings: &mut Findings) {
        match tree {
            Value::Object(entries) => {
                if let Some(schema) = self.object_schema(schema) {
                    self.object(entries, schema, place, findings);
                }
            }
            Value::Array(items) => {
                let Some(of_items) = self.candidates(schema).into_iter().find_map(|one| one.get("items")) else {
                    return;
                };
                for (index, item) in items.iter_mut().enumerate() {
                    self.value(item, of_items, &place.at(&index.to_string()), findings);
                }
            }
            _ => {}
        }
    }

    fn object(&self, entries: &mut Map<String, Value>, schema: &'s Value, place: &Place, findings: &mut Findings) {
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let keys: Vec<String> = entries.keys().cloned().collect();
        for key in &keys {
            let mut inner = place.clone();
            inner.steps.push(key.clone());
            let of_key = known.and_then(|known| known.get(key)).or(others);
            match (of_key, entries.get_mut(key)) {
                (Some(schema), Some(Value::Null)) if !PARTS.contains(&key.as_str()) => {
                    self.no_value(key, schema, &inner, findings);
                    entries.remove(key);
                }
                (Some(schema), Some(value)) => self.value(value, schema, &inner, findings),
                (None, _) if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                    self.unknown(key, &keys, known, &inner, findings);
                    entries.remove(key);
                }
                _ => {}
            }
        }
    }

    fn no_value(&self, key: &str, schema: &'s Value, place: &Place, findings: &mut Findings) {
        let allowed = match self.mapping(schema) {
            Some((name, _)) => format!("keys such as `{}`, indented below it", key_of(name)),
            None => "a value".to_owned(),
        };
        findings.hinted(place, "nothing", allowed, Some(format!("to say nothing about `{key}`, leave it out")));
    }

    /// Where what was meant can be told, that is said; else all that is known here.
    fn unknown(
        &self,
        key: &str,
        written: &[String],
        known: Option<&'s Map<String, Value>>,
        place: &Place,
        findings: &mut Findings,
    ) {
        let names: Vec<&str> = known.into_iter().flat_map(|known| known.keys()).map(String::as_str).collect();
        let ours_here = ours(key).iter().copied().find(|ours| names.contains(ours));
        let hint = match ours_here {
            Some(ours) => Some(format!("it is called `{ours}` here")),
            None => self
                .belongs_into(key, written, known)
                .or_else(|| meant(key, &names).map(|name| format!("did you mean `{name}`?"))),
        };
        let allowed = if hint.is_some() { String::new() } else { names.join(", ") };
        findings.hinted(place, format!("the unknown key `{key}`"), allowed, hint);
    }

    /// A key (or our word for it) of a mapping beside it: most often it is indented too little.
    fn belongs_into(&self, key: &str, written: &[String], known: Option<&'s Map<String, Value>>) -> Option<String> {
        let words: Vec<&str> = ours(key).iter().copied().chain([key]).collect();
        let mut homes: Vec<(&str, &str)> = Vec::new();
        for (neighbour, schema) in known? {
            let inside = self.mapping(schema).and_then(|(_, mapping)| mapping.get("properties")?.as_object());
            let word = inside.and_then(|inside| words.iter().find(|word| inside.contains_key(**word)));
            homes.extend(word.map(|word| (neighbour.as_str(), *word)));
        }
        let beside = homes.iter().find(|(home, _)| written.iter().any(|key| key == home));
        match (beside, homes.as_slice()) {
            (Some((home, word)), _) => Some(format!("`{word}` is a key of `{home}`: indent it more")),
            (None, [(home, word)]) => Some(format!("`{word}` is a key of `{home}`")),
            _ => None,
        }
    }

    /// The mapping that a value of this schema may be, with the name of its type.
    fn mapping(&self, schema: &'s Value) -> Option<(&'s str, &'s Value)> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(reference.trim_start_matches('#'))?;
            let name = reference.rsplit('/').next().unwrap_or_default();
            return if target.get("properties").is_some() { Some((name, target)) } else { self.mapping(target) };
        }
        let alternatives = ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
        alternatives.into_iter().find_map(|one| self.mapping(one))
    }

    /// The alternatives of a schema, references resolved.
    fn candidates(&self, schema: &'s Value) -> Vec<&'s Value> {
        let schema = match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.root.pointer(reference.trim_start_matches('#')).unwrap_or(schema),
            None => schema,
        };
        let alternatives = ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
        let nested: Vec<&Value> = alternatives.flat_map(|one| self.candidates(one)).collect();
        if nested.is_empty() { vec![schema] } else { nested }
    }

    fn object_schema(&self, schema: &'s Value) -> Option<&'s Value> {
        self.candidates(schema)
            .into_iter()
            .find(|one| one.get("properties").is_some() || one.get("additionalProperties").is_some())
    }
}

/// What is read part by part: without a value they have no parts, which is told there.
const PARTS: [&str; 3] = ["listeners", "routes", "upstreams"];
