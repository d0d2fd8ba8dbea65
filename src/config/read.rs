//! Which files make up the configuration? The named one and what it includes, read, expanded and split into its parts.
//!
//! Bounded in size and number: a configuration is written by people. `${NAME}` and `${NAME:-default}` are replaced in every
//! string; a variable that is not set is an error, not an empty word.

use super::diagnostic::Diagnostic;
use super::files::{Findings, Place, SourceFile};
use super::yaml;
use crate::file;
use serde_json::Value;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

const FILE_BYTES: u64 = 1 << 20;
const FILES: usize = 64;

/// Reads `path` and its includes. The trees are parallel to `findings.files`.
pub(super) fn read_all(path: &Path, findings: &mut Findings) -> Vec<Value> {
    let mut trees = Vec::new();
    match read_text(path) {
        Ok(text) => take(path, text, findings, &mut trees),
        Err(diagnostic) => findings.errors.push(*diagnostic),
    }
    trees
}

/// Takes one file's text, then what it includes.
pub(super) fn take(path: &Path, text: String, findings: &mut Findings, trees: &mut Vec<Value>) {
    if findings.files.len() >= FILES {
        findings.errors.push(about(
            path,
            None,
            "one more file".to_owned(),
            format!("{FILES} files in one configuration"),
        ));
        return;
    }
    let file = findings.files.len();
    let parsed = yaml::parse(&text);
    findings.files.push(SourceFile { path: path.to_owned(), text });
    let place = Place { file, steps: Vec::new() };
    let mut tree = match parsed {
        Ok(tree @ Value::Object(_)) => tree,
        Ok(Value::Null) => {
            findings.errors.push(about(
                path,
                None,
                "an empty file".to_owned(),
                "a mapping with listeners, routes, upstreams".to_owned(),
            ));
            return;
        }
        Ok(_) => {
            findings.errors.push(about(
                path,
                Some(1),
                "no mapping".to_owned(),
                "a mapping with listeners, routes, upstreams".to_owned(),
            ));
            return;
        }
        Err(unreadable) => {
            findings.errors.push(about(
                path,
                unreadable.line,
                format!("YAML that cannot be read ({})", unreadable.why),
                String::new(),
            ));
            return;
        }
    };
    expand(&mut tree, &place, findings);
    let includes = tree.get("include").and_then(Value::as_array).cloned().unwrap_or_default();
    trees.push(tree);
    for (index, include) in includes.iter().enumerate() {
        if let Some(pattern) = include.as_str() {
            include_all(path, pattern, &place.at(&format!("include.{index}")), findings, trees);
        }
    }
}

fn include_all(from: &Path, pattern: &str, place: &Place, findings: &mut Findings, trees: &mut Vec<Value>) {
    let whole = from.parent().unwrap_or(Path::new(".")).join(pattern);
    let mut matches = glob_last_part(&whole);
    matches.sort();
    if matches.is_empty() {
        findings.error(
            place,
            format!("{pattern:?}, which matches no file"),
            "a file, or a glob with * or ? in its last part",
        );
    }
    for path in matches {
        let known = findings.files.iter().any(|file| file.path == path);
        if known {
            findings.error(place, format!("{}, which is read already", path.display()), "each file once");
            continue;
        }
        match read_text(&path) {
            Ok(text) => take(&path, text, findings, trees),
            Err(diagnostic) => findings.errors.push(*diagnostic),
        }
    }
}

fn glob_last_part(pattern: &Path) -> Vec<PathBuf> {
    let Some(last) = pattern.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    if !last.contains(['*', '?']) {
        // One that does not answer is there: reading it says so.
        let missing = file::metadata(pattern).is_err_and(|error| error.kind() != ErrorKind::TimedOut);
        return (!missing).then(|| pattern.to_owned()).into_iter().collect();
    }
    let folder = pattern.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let fits = |path: &PathBuf| named(path).is_some_and(|name| matches(last.as_bytes(), name.as_bytes()));
    file::entries(folder).unwrap_or_default().into_iter().filter(fits).collect()
}

/// Only the last star is gone back to: two of them cannot multiply their tries.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut pattern, mut name) = (pattern, name);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, name) {
            ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                star = Some((rest, name));
                pattern = rest;
                continue;
            }
            ([wanted, rest @ ..], [found, after @ ..]) if *wanted == b'?' || wanted == found => {
                (pattern, name) = (rest, after);
                continue;
            }
            _ => {}
        }
        let Some((behind, [_, later @ ..])) = star else { return false };
        (pattern, name, star) = (behind, later, Some((behind, later)));
    }
}

pub(super) fn read_text(path: &Path) -> Result<String, Box<Diagnostic>> {
    let unreadable = |error| boxed(path, None, format!("no readable file ({error})"), String::new());
    let read = file::read_with(path, |file| {
        let said = file.metadata()?.len();
        // The size that a device or a pipe gives is no bound of what comes out of it.
        let mut bytes = Vec::new();
        file.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
        Ok((said, bytes))
    });
    let (said, bytes) = read.map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES {
        let size = said.max(FILE_BYTES + 1);
        return Err(boxed(path, None, format!("a file of {size} bytes or more"), format!("{FILE_BYTES} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        boxed(
            path,
            None,
            format!("bytes that are not UTF-8 (at offset {})", error.utf8_error().valid_up_to()),
            String::new(),
        )
    })
}

fn boxed(path: &Path, line: Option<usize>, found: String, allowed: String) -> Box<Diagnostic> {
    Box::new(about(path, line, found, allowed))
}

pub(super) fn about(path: &Path, line: Option<usize>, found: String, allowed: String) -> Diagnostic {
    Diagnostic {
        file: path.to_owned(),
        line,
        path: String::new(),
        found,
        allowed,
        consequence: String::new(),
        hint: None,
    }
}

pub(super) fn expand(tree: &mut Value, place: &Place, findings: &mut Findings) {
    match tree {
        Value::String(text) if text.contains("${") => match expanded(text) {
            Ok(new) => *text = new,
            Err(name) => findings.unset(place, &name),
        },
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                expand(item, &place.at(&index.to_string()), findings);
            }
        }
        Value::Object(entries) => {
            for (key, value) in entries.iter_mut() {
                let mut inner = place.clone();
                inner.steps.push(key.clone());
                expand(value, &inner, findings);
            }
        }
        _ => {}
    }
}

/// `Err`: the name of a variable that is not set.
fn expanded(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((inside, behind)) = after.split_once('}') else {
            return Err(after.to_owned());
        };
        let (name, default) = inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
        match (std::env::var(name), default) {
            (Ok(value), _) => out.push_str(&value),
            (Err(_), Some(default)) => out.push_str(default),
            (Err(_), None) => return Err(name.to_owned()),
        }
        rest = behind;
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, name, expected) in [
            ("a.yaml", "a.yaml", true),
            ("*.yaml", "a.yaml", true),
            ("*.yaml", ".yaml", true),
            ("*.yaml", "a.yml", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("**", "", true),
            ("*a", "aaa", true),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
        let stars = "*a".repeat(100);
        assert!(!matches(format!("{stars}b").as_bytes(), "a".repeat(250).as_bytes()), "and soon");
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let refused = read_text(Path::new("/dev/zero")).unwrap_err();
        assert!(refused.to_string().contains("a file of 1048577 bytes or more"), "{refused}");
    }
}
