//! Which values does a JSONPath find (RFC 9535)? The grammar is jsonpath-rust's; what is well-typed and what is found is ours, because a
//! document of 64 KiB can make a short path visit billions of nodes, and a probe has a moment.
//!
//! Every node that is visited, every member that is compared and every piece of text that a pattern runs over costs from one budget. When it
//! is used up, the path has found nothing that could be relied on.

mod compare;
mod functions;
mod typed;
mod walk;

use super::json::Json;
use jsonpath_rust::parser::errors::JsonPathError;
use jsonpath_rust::parser::model::JpQuery;
use std::fmt;

/// What one evaluation may cost.
pub(super) const BUDGET: u32 = 10_000;
const LONGEST: usize = 512;
/// The parser tries several readings of what stands in parentheses, each time from the start.
const DEEPEST: usize = 8;

pub(super) use walk::Exhausted;

/// A JSONPath that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError {
    /// The byte where it goes wrong.
    pub at: usize,
    pub why: String,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.at, self.why)
    }
}

impl std::error::Error for PathError {}

/// A path that is well-formed and well-typed.
#[derive(Debug)]
pub(super) struct Query(JpQuery);

/// # Errors
/// Where and why the path cannot be understood.
pub(super) fn parse(path: &str) -> Result<Query, PathError> {
    if path.len() > LONGEST {
        return Err(PathError { at: LONGEST, why: format!("a path has at most {LONGEST} bytes") });
    }
    if let Some(at) = too_deep(path) {
        return Err(PathError { at, why: format!("brackets stand in each other more than {DEEPEST} levels deep") });
    }
    if let Some(at) = second_word(path) {
        return Err(PathError { at, why: "a name with spaces is written in brackets and quotes: $['a b']".to_owned() });
    }
    if !path.starts_with('$') {
        return Err(PathError { at: 0, why: "a path begins with $, the whole document".to_owned() });
    }
    let query = jsonpath_rust::parser::parse_json_path(path).map_err(|error| place(path, error))?;
    typed::check(&query).map_err(|wrong| PathError { at: path.find(&wrong.near).unwrap_or(0), why: wrong.why })?;
    Ok(Query(query))
}

/// The values that the path finds, in the order of the RFC.
///
/// # Errors
/// The budget did not suffice.
pub(super) fn find<'a>(query: &Query, json: &'a Json) -> Result<Vec<&'a Json>, Exhausted> {
    walk::Walk::new(json, BUDGET).query(&query.0.segments)
}

/// The letters outside of strings, each with its place.
fn outside_strings(path: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut escaped) = (None, false);
    path.char_indices().filter(move |(_, letter)| {
        match (quote, *letter) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(*letter),
            (None, _) => return true,
        }
        false
    })
}

/// Where brackets and parentheses are too deep.
fn too_deep(path: &str) -> Option<usize> {
    let mut depth = 0usize;
    outside_strings(path).find_map(|(at, letter)| {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth > DEEPEST).then_some(at)
    })
}

/// Where a second word follows a name behind a dot (`$.a b`), which the parser would take for one name.
fn second_word(path: &str) -> Option<usize> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_' || !letter.is_ascii();
    let (mut last, mut in_name, mut gap) = (' ', false, false);
    outside_strings(path).find_map(|(at, letter)| {
        if letter.is_ascii_whitespace() {
            gap = in_name;
            return None;
        }
        in_name = is_name(letter) && (in_name || last == '.' && !letter.is_ascii_digit());
        let found = gap && in_name;
        (last, gap) = (letter, false);
        found.then_some(at)
    })
}

/// What the grammar calls something, in words.
fn named(rule: &str) -> String {
    match rule {
        "ALPHA" | "name_first" | "member_name_shorthand" | "name_selector" => "a name".to_owned(),
        "wildcard_selector" => "`*`".to_owned(),
        "EOI" => "the end".to_owned(),
        "comp_op" => "a comparison".to_owned(),
        other => other.to_lowercase().replace('_', " "),
    }
}

fn place(path: &str, error: JsonPathError) -> PathError {
    use pest::error::InputLocation;
    match error {
        JsonPathError::PestError(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            let found = path.get(at..).and_then(|rest| rest.chars().next());
            let found = found.map_or("the end of the path".to_owned(), |found| format!("{found:?}"));
            let error = error.renamed_rules(|rule| named(&format!("{rule:?}")));
            PathError { at, why: format!("{found} was not expected here ({})", error.variant.message()) }
        }
        // Of a function, a literal or a name inside of the path; the parser does not say where.
        other => {
            let why = other.to_string();
            if let Some(function) =
                ["match", "search"].into_iter().find(|name| why.contains(&format!("Function {name}(")))
            {
                let at = path.find(&format!("{function}(")).unwrap_or(0);
                return PathError { at, why: format!("{function}() says yes or no, which cannot be compared") };
            }
            let quoted = why.split('`').nth(1).filter(|quoted| !quoted.is_empty());
            PathError { at: quoted.and_then(|quoted| path.find(quoted)).unwrap_or(0), why }
        }
    }
}

#[cfg(test)]
mod tests;
