//! How does text become a tree? The one file that names serde_yaml.
//!
//! Out comes a JSON tree (string keys only), so that schema, checks and types speak of one form. Aliases are expanded by
//! serde_yaml under its own limit on repetition; duplicate keys and broken syntax are errors with their line.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// A file that could not be read as a tree: the line, where known, and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub line: Option<usize>,
    pub why: String,
}

/// Parses one document.
///
/// # Errors
/// The text is not one YAML document with string keys.
pub(super) fn parse(text: &str) -> Result<Value, Unreadable> {
    let mut tree: serde_yaml::Value = read(text)?;
    tree.apply_merge().map_err(|error| Unreadable { line: None, why: error.to_string() })?;
    convert(tree)
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    serde_yaml::from_str(text).map_err(|error| {
        let line = error.location().map(|location| location.line());
        let written = line.and_then(|line| text.lines().nth(line.saturating_sub(1))).unwrap_or_default();
        let indent = &written[..written.len() - written.trim_start().len()];
        let tab = error.to_string().contains("cannot start any token") && indent.contains('\t');
        let why = if tab { "a tab; YAML wants blanks for indentation".to_owned() } else { error.to_string() };
        Unreadable { line, why }
    })
}

fn convert(tree: serde_yaml::Value) -> Result<Value, Unreadable> {
    use serde_yaml::Value as Yaml;
    Ok(match tree {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::String(value) => Value::String(value),
        Yaml::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => value.into(),
            (_, Some(value)) => value.into(),
            _ => number.as_f64().and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number),
        },
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(convert).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let entries = entries.into_iter().map(|(key, value)| Ok((string_key(key)?, convert(value)?)));
            Value::Object(entries.collect::<Result<_, Unreadable>>()?)
        }
        Yaml::Tagged(tagged) => {
            return Err(Unreadable { line: None, why: format!("the tag {} has no meaning here", tagged.tag) });
        }
    })
}

fn string_key(key: serde_yaml::Value) -> Result<String, Unreadable> {
    match key {
        serde_yaml::Value::String(key) => Ok(key),
        serde_yaml::Value::Bool(key) => Ok(key.to_string()),
        serde_yaml::Value::Number(key) => Ok(key.to_string()),
        other => Err(Unreadable { line: None, why: format!("a key must be a word, found {other:?}") }),
    }
}
