//! Is every key known? All of them are looked at against the schema, so that one run names every unknown one with its neighbour.

use super::files::{Findings, Place};
use super::spec::Spec;
use serde_json::{Map, Value};

/// Reports every key of `tree` that the schema does not know, and removes it, so that the rest can be read.
pub(super) fn reject_unknown_keys(tree: &mut Value, file: usize, findings: &mut Findings) {
    let schema = schemars::schema_for!(Spec).to_value();
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
        for key in keys {
            let mut inner = place.clone();
            inner.steps.push(key.clone());
            let of_key = known.and_then(|known| known.get(&key)).or(others);
            match (of_key, entries.get_mut(&key)) {
                (Some(schema), Some(value)) => self.value(value, schema, &inner, findings),
                (None, _) if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                    let names: Vec<&str> =
                        known.into_iter().flat_map(|known| known.keys()).map(String::as_str).collect();
                    let hint = nearest(&key, &names).map(|name| format!("did you mean `{name}`?"));
                    findings.hinted(&inner, format!("the unknown key `{key}`"), names.join(", "), hint);
                    entries.remove(&key);
                }
                _ => {}
            }
        }
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

/// The known name that is close enough to be a slip of the finger.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let closest =
        known.iter().map(|name| (strsim::jaro_winkler(word, name), *name)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (closest.0 > 0.75).then_some(closest.1)
}
