//! Is every file there that a document or a comment names? What is in backquotes and begins with a folder or a room of the house is a path.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where paths begin: at the top, or, in comments, in a crate.
const BASES: [&str; 4] = ["", "src", "core/src", "document/src"];

/// Paths that lead nowhere, with their places.
pub fn dead_paths(house: &Path) -> Vec<String> {
    let first = first_parts(house);
    let mut dead = Vec::new();
    for paper in papers(house) {
        let text = fs::read_to_string(&paper).expect("a text");
        let is_code = paper.extension().is_some_and(|extension| extension == "rs");
        let name = paper.strip_prefix(house).expect("a path below the house").display().to_string();
        for (number, line) in text.lines().enumerate() {
            let said = if is_code { comment(line) } else { line };
            for path in paths(said, &first).filter(|path| !is_there(house, path)) {
                dead.push(format!("{name}:{}: {path}", number + 1));
            }
        }
    }
    dead
}

/// What a line of code says to people.
pub fn comment(line: &str) -> &str {
    line.split_once("//").map_or("", |(_, comment)| comment)
}

/// The paths that a line names: in backquotes, of names joined by slashes; each begins with a folder that there is, or ends as Rust's files do.
pub fn paths<'line>(line: &'line str, first: &BTreeSet<String>) -> impl Iterator<Item = &'line str> {
    line.split('`').skip(1).step_by(2).filter(move |text| {
        let Some((begin, _)) = text.split_once('/') else { return false };
        (first.contains(begin) || text.ends_with(".rs")) && text.trim_end_matches('/').split('/').all(is_name)
    })
}

fn is_name(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    part.starts_with(|c: char| c.is_ascii_alphabetic() || "_.".contains(c)) && part.chars().all(plain)
}

/// As it is written, or without `.rs`; a wing also as the map has it.
fn is_there(house: &Path, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let wing = path.strip_prefix("core/").map(|wing| format!("core/src/{wing}"));
    let named = [Some(path.to_owned()), Some(format!("{path}.rs")), wing];
    BASES.iter().any(|base| named.iter().flatten().any(|path| house.join(base).join(path).exists()))
}

/// The folders of the house, and the rooms and wings.
fn first_parts(house: &Path) -> BTreeSet<String> {
    let folders = ["benches", "conf", "core", "docs", "document", "packaging", "patches", "scripts", "src", "tests"];
    let rooms = BASES[1..].iter().flat_map(|base| fs::read_dir(house.join(base)).expect("a folder of sources"));
    let rooms = rooms.filter_map(|entry| {
        let path = entry.expect("an entry").path();
        path.is_dir().then(|| path.file_name().expect("a name").to_string_lossy().into_owned())
    });
    folders.map(str::to_owned).into_iter().chain(rooms).collect()
}

/// Documents, and every Rust file of ours.
fn papers(house: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["", "docs"] {
        let entries = fs::read_dir(house.join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
        found.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    for folder in ["benches", "core", "document", "src", "tests"] {
        code(&house.join(folder), &mut found);
    }
    found
}

fn code(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "node_modules"].contains(&name.as_str()) {
            code(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}
