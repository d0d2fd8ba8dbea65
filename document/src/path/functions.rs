//! What do the functions of JSONPath give (RFC 9535 §2.4)? `length()`, `count()`, `value()`; and yes or no: `match()`, `search()`.

use super::super::json::{Json, Number};
use super::compare::{Value, of_literal};
use super::walk::{Exhausted, Walk};
use jsonpath_rust::parser::model::{FnArg, Test, TestFunction};
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;

/// A compiled pattern is no larger.
const LARGEST_PATTERN: usize = 64 * 1024;
/// What the compilation of a pattern costs, in nodes.
const COMPILATION: usize = 100;

/// The pattern that was compiled last: in a filter it is nearly always the same.
#[derive(Default)]
pub(super) struct Patterns {
    last: Option<(String, Option<Regex>)>,
}

pub(super) fn value<'a>(walk: &mut Walk<'a>, function: &TestFunction, node: &'a Json) -> Result<Value<'a>, Exhausted> {
    match function {
        TestFunction::Length(argument) => {
            let value = argument_value(walk, argument, node)?;
            let length = match value.as_deref() {
                Some(Json::Text(text)) => {
                    walk.pay(text.len() / 256)?;
                    Some(text.chars().count())
                }
                Some(Json::List(items)) => Some(items.len()),
                Some(Json::Map(members)) => Some(members.len()),
                _ => None,
            };
            Ok(length.map(number))
        }
        TestFunction::Count(argument) => Ok(Some(number(nodes(walk, argument, node)?.len()))),
        TestFunction::Value(argument) => match nodes(walk, argument, node)?.as_slice() {
            [one] => Ok(Some(Cow::Borrowed(*one))),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn number<'a>(count: usize) -> Cow<'a, Json> {
    Cow::Owned(Json::Number(Number::Whole(i128::try_from(count).unwrap_or(i128::MAX))))
}

pub(super) fn says_yes<'a>(walk: &mut Walk<'a>, function: &TestFunction, node: &'a Json) -> Result<bool, Exhausted> {
    let (text, pattern, whole) = match function {
        TestFunction::Match(text, pattern) => (text, pattern, true),
        TestFunction::Search(text, pattern) => (text, pattern, false),
        _ => return Ok(false),
    };
    let (text, pattern) = (argument_value(walk, text, node)?, argument_value(walk, pattern, node)?);
    match (text.as_deref(), pattern.as_deref()) {
        (Some(Json::Text(text)), Some(Json::Text(pattern))) => matches(walk, text, pattern, whole),
        _ => Ok(false),
    }
}

fn matches(walk: &mut Walk<'_>, text: &str, pattern: &str, whole: bool) -> Result<bool, Exhausted> {
    // Time is proportional to the text, with a factor that the size of the pattern bounds.
    walk.pay(1 + text.len() / 4)?;
    let pattern = in_regex(pattern, whole);
    if walk.patterns.last.as_ref().is_none_or(|(last, _)| *last != pattern) {
        walk.pay(COMPILATION + pattern.len())?;
        let compiled = RegexBuilder::new(&pattern).size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN).build();
        walk.patterns.last = Some((pattern, compiled.ok()));
    }
    let regex = walk.patterns.last.as_ref().and_then(|(_, regex)| regex.as_ref());
    Ok(regex.is_some_and(|regex| regex.is_match(text)))
}

/// An I-Regexp (RFC 9485) in the language of the regex crate: a dot is neither of both line ends.
fn in_regex(pattern: &str, whole: bool) -> String {
    let mut out = String::from(if whole { r"\A(?:" } else { "" });
    let (mut in_class, mut escaped) = (false, false);
    for letter in pattern.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                out.push_str(r"[^\n\r]");
                continue;
            }
            _ => {}
        }
        out.push(letter);
    }
    out.push_str(if whole { r")\z" } else { "" });
    out
}

fn argument_value<'a>(walk: &mut Walk<'a>, argument: &FnArg, node: &'a Json) -> Result<Value<'a>, Exhausted> {
    match argument {
        FnArg::Literal(literal) => Ok(Some(Cow::Owned(of_literal(literal)))),
        FnArg::Test(test) => match test.as_ref() {
            Test::Function(function) => value(walk, function, node),
            _ => Ok(nodes(walk, argument, node)?.first().map(|value| Cow::Borrowed(*value))),
        },
        FnArg::Filter(_) => Ok(None),
    }
}

fn nodes<'a>(walk: &mut Walk<'a>, argument: &FnArg, node: &'a Json) -> Result<Vec<&'a Json>, Exhausted> {
    match argument {
        FnArg::Test(test) => match test.as_ref() {
            Test::RelQuery(segments) => walk.from(node, segments),
            Test::AbsQuery(query) => walk.query(&query.segments),
            Test::Function(_) => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}
