//! What can be configured? A page and an example file, made from the types, so that they cannot say anything else.

use serde_json::Value;
use std::fmt::Write;

/// The reference page (Markdown): every key with type, default and meaning, made from the same types.
pub fn reference() -> String {
    let schema = super::schema();
    let mut out = String::from(
        "# Configuration reference\n\nMade by `pulsegate reference` from the types that read the file. Durations are written `500ms`, `2s`, `1m`;\n\
         sizes `512B`, `64KiB`, `10MB`; shares `10%`. `${NAME}` and `${NAME:-default}` are replaced from the environment.\n\n\
         | key | default | meaning |\n|---|---|---|\n",
    );
    rows(&schema, &schema, "", &mut |key, text, _| {
        let (meaning, default) = split_default(text);
        let _ = writeln!(out, "| `{key}` | {default} | {} |", meaning.replace('|', "\\|"));
    });
    out
}

/// A commented file with every key (YAML, all of it commented out).
pub fn example() -> String {
    let schema = super::schema();
    let mut out = String::from(
        "# Every key, made by the same types that read the file. Nothing here is in force: uncomment what you need.\n",
    );
    rows(&schema, &schema, "", &mut |key, text, depth| {
        let name = key.rsplit('.').next().unwrap_or(key);
        let (meaning, default) = split_default(text);
        let item = if name.ends_with("[]") {
            format!("{}:  # a list; each item:", name.trim_end_matches("[]"))
        } else {
            format!("{name}:")
        };
        let shown = default.trim_matches('`');
        let _ = writeln!(out, "# {}{item} {shown}   # {meaning}", "  ".repeat(depth));
    });
    out
}

/// Calls `row` with the path, the description and the depth of every key, in the order of the paths.
fn rows(root: &Value, schema: &Value, prefix: &str, row: &mut impl FnMut(&str, &str, usize)) {
    let schema = resolve(root, schema);
    for alternative in alternatives(root, schema) {
        if let Some(properties) = alternative.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                one(root, name, property, prefix, row);
            }
        }
    }
}

fn one(root: &Value, name: &str, property: &Value, prefix: &str, row: &mut impl FnMut(&str, &str, usize)) {
    let options = alternatives(root, resolve(root, property));
    let items = options.iter().find_map(|option| option.get("items"));
    let values =
        options.iter().find_map(|option| option.get("additionalProperties")).filter(|values| values.is_object());
    let structured =
        |schema: &Value| alternatives(root, resolve(root, schema)).iter().any(|one| one.get("properties").is_some());
    let path = match (items, values) {
        (Some(items), _) if structured(items) => format!("{prefix}{name}[]"),
        (_, Some(values)) if structured(values) => format!("{prefix}{name}.NAME"),
        _ => format!("{prefix}{name}"),
    };
    let own = property.get("description").or_else(|| resolve(root, property).get("description"));
    row(&path, own.and_then(Value::as_str).unwrap_or_default(), prefix.matches('.').count());
    let inner = items.or(values).unwrap_or(property);
    rows(root, inner, &format!("{path}."), row);
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let reference = schema.get("$ref").and_then(Value::as_str);
    reference.and_then(|reference| root.pointer(reference.trim_start_matches('#'))).unwrap_or(schema)
}

fn alternatives<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    let nested: Vec<&Value> =
        ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten().collect();
    if nested.is_empty() {
        return vec![schema];
    }
    nested.into_iter().flat_map(|one| alternatives(root, resolve(root, one))).collect()
}

/// "Meaning. Default: `x`." → ("Meaning.", "`x`").
fn split_default(text: &str) -> (String, String) {
    let text = text.replace('\n', " ");
    match text.split_once("Default: ") {
        Some((meaning, default)) => (meaning.trim().to_owned(), default.trim_end_matches('.').trim().to_owned()),
        None => (text.trim().to_owned(), String::new()),
    }
}
