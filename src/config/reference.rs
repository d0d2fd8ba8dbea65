//! What can be configured? A page and an example file, made from the types, so that they cannot say anything else.

use super::defaults::of_other_probes;
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
        let (meaning, default) = told(key, text);
        let _ = writeln!(out, "| `{key}` | {default} | {} |", meaning.replace('|', "\\|"));
    });
    out
}

/// A commented file with every key. Without the leading `# ` of its lines it is a configuration that says every default; what has none, or
/// is only one of several ways, is a comment in that one too.
pub fn example() -> String {
    let schema = super::schema();
    let mut out = String::from(
        "## Every key, made by the same types that read the file. Nothing here is in force: uncomment what you need, by taking the\n\
         ## first `# ` of its lines away (and of the lines that it is indented under). What then is a comment still has no default,\n\
         ## or is another way to say the line above it: take its second `# ` away, too, and give it a value.\n",
    );
    let mut asides: Vec<String> = Vec::new();
    rows(&schema, &schema, "", &mut |key, text, depth| {
        let (meaning, default) = told(key, text);
        let shown = value_of(key, &default);
        let aside = shown.is_none() || asides.iter().any(|aside| key.starts_with(aside.as_str()));
        if aside || shown.as_ref().is_some_and(|value| !value.is_empty()) {
            // What is not in force, or has a word for its value, has no keys in force.
            asides.push(format!("{key}."));
        }
        line(&mut out, key, &Shown { depth, aside, value: shown.unwrap_or_default(), meaning, default });
    });
    out
}

/// What is in force in the example: a default that can be written, or what a working configuration needs. `None`: nothing.
fn value_of(key: &str, default: &str) -> Option<String> {
    let needed = NEEDED.iter().find(|(needed, _)| *needed == key).map(|(_, value)| (*value).to_owned());
    let written = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    let alternative = ALTERNATIVES.contains(&key);
    needed.or_else(|| written.filter(|_| !alternative).map(str::to_owned))
}

/// What has no default and must be there. Mappings and lists have no value of their own.
const NEEDED: [(&str, &str); 29] = [
    ("admin", ""),
    ("listeners[]", ""),
    ("listeners[].address", "0.0.0.0:8080"),
    ("listeners[].limits", ""),
    ("logging", ""),
    ("probing", ""),
    ("routes[]", ""),
    ("routes[].match", ""),
    ("routes[].request_headers", ""),
    ("routes[].response_headers", ""),
    ("routes[].retries", ""),
    ("routes[].timeouts", ""),
    ("routes[].upstream", "mine"),
    ("shutdown", ""),
    ("start", ""),
    ("upstreams.NAME", ""),
    ("upstreams.NAME.backends[]", ""),
    ("upstreams.NAME.backends[].address", "10.0.0.7:8000"),
    ("upstreams.NAME.balance", ""),
    ("upstreams.NAME.limits", ""),
    ("upstreams.NAME.passive", ""),
    ("upstreams.NAME.passive.failure_outlier", ""),
    ("upstreams.NAME.passive.latency_outlier", ""),
    ("upstreams.NAME.readiness", ""),
    ("upstreams.NAME.readiness.path", "/ready"),
    ("upstreams.NAME.retries", ""),
    ("upstreams.NAME.retry_budget", ""),
    ("upstreams.NAME.slow_start", ""),
    ("upstreams.NAME.timeouts", ""),
];

/// What is said of a key, and its default.
fn told(key: &str, text: &str) -> (String, String) {
    let (meaning, default) = split_default(text);
    let other = of_other_probes().into_iter().find(|(other, _)| other == key);
    (meaning, other.map_or(default, |(_, default)| default))
}

/// Defaults that cannot be written beside other defaults.
const ALTERNATIVES: [&str; 1] = ["upstreams.NAME.balance.hash_by"];

struct Shown {
    depth: usize,
    /// A comment even in the uncommented file.
    aside: bool,
    value: String,
    meaning: String,
    default: String,
}

/// A list's first key carries its dash; a pool is called `mine`.
fn line(out: &mut String, key: &str, shown: &Shown) {
    let (parent, name) = key.rsplit_once('.').unwrap_or(("", key));
    if name == "NAME" || key.ends_with(".NAME") {
        let aside = if shown.aside { "# " } else { "" };
        let _ = writeln!(out, "# {aside}{parent}:   # {}\n#   {aside}mine:", shown.meaning);
        return;
    }
    let opens_item =
        parent.ends_with("[]") && out.lines().last().is_some_and(|last| last.contains("a list; each item"));
    let mut indent = "  ".repeat(shown.depth + key.matches("[]").count() - usize::from(key.ends_with("[]")));
    if opens_item {
        indent.truncate(indent.len() - 2);
    }
    // The dash of what is a comment is a part of the comment.
    let dash = if opens_item { "- " } else { "" };
    let aside = if shown.aside { "# " } else { "" };
    let bare = name.trim_end_matches("[]");
    let list = if name.ends_with("[]") { "a list; each item: " } else { "" };
    let value = if shown.value.is_empty() { String::new() } else { format!(" {}", shown.value) };
    let default =
        if shown.aside && !shown.default.is_empty() { format!(" Default: {}.", shown.default) } else { String::new() };
    let comment = format!("{list}{}{default}", shown.meaning);
    let comment = if comment.is_empty() { comment } else { format!("   # {}", comment.trim_start()) };
    let _ = writeln!(out, "# {indent}{aside}{dash}{bare}:{value}{comment}");
}

/// The path of every key.
#[cfg(test)]
pub(super) fn paths(schema: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    rows(schema, schema, "", &mut |key, _, _| paths.push(key.to_owned()));
    paths
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
