//! What does a JSON body hold? A tree that keeps what the usual ones lose: the order of members, and names that stand there twice.
//!
//! The parser is serde_json's, which refuses what is nested too deep; the tree is no larger than a small multiple of the body.
//!
//! - **A name twice**: parsers disagree about which one counts, and whoever asks for health with another one hears something else. Both are
//!   kept, the document is called malformed, and the reader takes the worse of the two.
//! - **`NaN` and `Infinity`** are no JSON, but Python's `json` writes them. They are read as `null`, and the document is called malformed.
//! - **More behind the end**: there is no saying which document is meant. Nothing is read.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value as it stands in the document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

/// A number, exact where it is an integer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Whole(i128),
    Fraction(f64),
}

impl Number {
    pub(super) fn value(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Fraction(number) => number,
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => one == other,
            _ => self.value() == other.value(),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Fraction(number) => number.fmt(f),
        }
    }
}

/// The tree, and what is wrong with the text although it could be read.
pub(super) struct Parsed {
    pub(super) json: Json,
    pub(super) objection: Option<String>,
}

/// # Errors
/// Why nothing can be read: a sentence.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    let (json, objection) = match serde_json::from_str::<Json>(text) {
        Ok(json) => (json, None),
        Err(error) => match without_odd_numbers(text) {
            Some(mended) => (serde_json::from_str(&mended).map_err(|_| sentence(&error))?, Some(odd_number())),
            None => return Err(sentence(&error)),
        },
    };
    let objection =
        objection.or_else(|| name_twice(&json).map(|name| format!("the name {name:?} stands twice in one object")));
    Ok(Parsed { json, objection })
}

fn odd_number() -> String {
    "it holds NaN or Infinity, which JSON does not know (they were read as null)".to_owned()
}

fn sentence(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    match what {
        "trailing characters" => format!("more follows behind the JSON document (line {line}, column {column})"),
        "recursion limit exceeded" => format!("it is nested deeper than 127 levels (line {line}, column {column})"),
        _ if error.is_eof() => format!("the JSON document ends too early: {what} (line {line}, column {column})"),
        _ => format!("it is not JSON: {what} (line {line}, column {column})"),
    }
}

/// The text with the numbers of JavaScript that JSON does not know as `null`; `None` where it has none.
fn without_odd_numbers(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let odd = ["NaN", "Infinity", "-Infinity"].into_iter().find(|odd| from.starts_with(odd));
        let taken = match odd {
            Some(odd) => {
                found = true;
                out.push_str("null");
                odd.len()
            }
            None => {
                let length = if from.starts_with('"') { string_length(from) } else { 1 };
                out.push_str(from.get(..length).unwrap_or(from));
                length
            }
        };
        rest = from.get(taken..).unwrap_or_default();
    }
    out.push_str(rest);
    found.then_some(out)
}

/// How long the string is that begins here, quotes included.
fn string_length(from: &str) -> usize {
    let mut escaped = true;
    for (at, byte) in from.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    from.len()
}

/// The first name that an object holds twice.
fn name_twice(json: &Json) -> Option<&str> {
    match json {
        Json::Map(members) => {
            let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            let twice = names.windows(2).find_map(|pair| match pair {
                [one, other] if one == other => Some(*one),
                _ => None,
            });
            twice.or_else(|| members.iter().find_map(|(_, value)| name_twice(value)))
        }
        Json::List(values) => values.iter().find_map(name_twice),
        _ => None,
    }
}

impl Json {
    pub(super) fn members(&self) -> &[(String, Json)] {
        match self {
            Self::Map(members) => members,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Json] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// As text: strings without quotes, everything else as JSON writes it.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }
}

/// As JSON writes it.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(yes) => yes.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => quoted(text, f),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Self::Map(members) => {
                f.write_str("{")?;
                for (at, (name, value)) in members.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { "," })?;
                    quoted(name, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Json, E> {
        Ok(Json::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(Number::Whole(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(Number::Whole(number.into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(Number::Fraction(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Json::Map(map))
    }
}
