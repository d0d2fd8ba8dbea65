//! How are quantities written? Durations `500ms`, sizes `64KiB`, shares `10%`; a bare number is refused with the right form.

use schemars::JsonSchema;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::time::Duration;

/// A duration such as `500ms`, `2s`, `1m`.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct Span(#[schemars(with = "String")] pub Duration);

/// A size such as `64KiB`, `10MB`, `512B`.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct Size(#[schemars(with = "String")] pub u64);

/// A share such as `10%`.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct Share(#[schemars(with = "String")] pub f64);

/// Parses text of one quantity; `allowed` says how it is written.
struct Written<T> {
    allowed: &'static str,
    parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.allowed)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    /// Zero is zero in every unit.
    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        if number == 0
            && let Some(zero) = (self.parse)("0")
        {
            return Ok(zero);
        }
        Err(E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }
}

/// Longer than anybody waits. With a bound, no product of a duration (by a threshold, by the number of an ejection) can overflow.
const LONGEST: Duration = Duration::from_secs(1_000 * 24 * 60 * 60);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = Written {
            allowed: "a duration with its unit, such as 500ms, 2s or 1m, of at most 1000 days",
            parse: parse_span,
        };
        from.deserialize_any(written).map(Self)
    }
}

fn parse_span(text: &str) -> Option<Duration> {
    let span = if text == "0" { Duration::ZERO } else { humantime::parse_duration(text).ok()? };
    (span <= LONGEST).then_some(span)
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written {
            allowed: "a size with its unit, such as 512B, 64KiB or 10MB",
            parse: parse_size,
        })
        .map(Self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Written { allowed: "a share from 0% to 100%", parse: parse_share }).map(Self)
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "B" => 1,
        "" if digits == "0" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

fn parse_share(text: &str) -> Option<f64> {
    let number = if text == "0" { "0" } else { text.strip_suffix('%')? };
    let share: f64 = number.trim().parse().ok()?;
    (0.0..=100.0).contains(&share).then_some(share / 100.0)
}

/// A word or a list of words; numbers are words too.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct Words(#[schemars(with = "WordsShape")] pub Vec<String>);

/// How [`Words`] may be written, for the schema.
#[allow(dead_code, reason = "the schema is made of it")]
#[derive(JsonSchema)]
#[schemars(untagged)]
enum WordsShape {
    One(WordShape),
    Several(Vec<WordShape>),
}

#[allow(dead_code, reason = "the schema is made of it")]
#[derive(JsonSchema)]
#[schemars(untagged)]
enum WordShape {
    Text(String),
    Number(u64),
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(WordList).map(Self)
    }
}

struct WordList;

impl<'de> Visitor<'de> for WordList {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word or a number, or a list of them")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Vec<String>, E> {
        Ok(vec![word.to_owned()])
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Vec<String>, E> {
        Ok(vec![number.to_string()])
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut words = Vec::new();
        while let Some(item) = list.next_element::<serde_json::Value>()? {
            match item {
                serde_json::Value::String(word) => words.push(word),
                serde_json::Value::Number(number) if number.is_u64() => words.push(number.to_string()),
                _ => return Err(A::Error::invalid_type(serde::de::Unexpected::Other("something else"), &self)),
            }
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities() {
        let span = |value| serde_json::from_value::<Span>(value).map(|span| span.0);
        assert_eq!(span(json!("500ms")).unwrap(), Duration::from_millis(500));
        assert_eq!(span(json!("1m 30s")).unwrap(), Duration::from_secs(90));
        assert_eq!(span(json!(0)).unwrap(), Duration::ZERO);
        assert!(span(json!(2)).unwrap_err().to_string().contains("such as 500ms, 2s or 1m"));
        assert!(span(json!("2")).is_err());
        assert!(span(json!("-2s")).is_err());
        assert_eq!(span(json!("1000days")).unwrap(), LONGEST);
        for overflows in ["1001days", "584542046090years", "18446744073709551615s"] {
            assert!(span(json!(overflows)).unwrap_err().to_string().contains("at most 1000 days"), "{overflows}");
        }

        let size = |value| serde_json::from_value::<Size>(value).map(|size| size.0);
        assert_eq!(size(json!("64KiB")).unwrap(), 65_536);
        assert_eq!(size(json!("10MB")).unwrap(), 10_000_000);
        assert!(size(json!(64)).is_err());
        assert!(size(json!("99999999999999GiB")).is_err());

        let share = |value| serde_json::from_value::<Share>(value).map(|share| share.0);
        assert_eq!(share(json!("12.5%")).unwrap(), 0.125);
        assert!(share(json!("101%")).is_err());
        assert!(share(json!(0.5)).is_err());
    }
}
