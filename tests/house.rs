//! Do the rooms keep to their walls? The invariants of `ARCHITECTURE.md` that can be read off the sources.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file under `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the house") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

/// The lines of code (comments left out) that hold one of `words`, as `file:line: text`.
fn lines_with(folder: &str, words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources(&root().join(folder)) {
        let text = fs::read_to_string(&file).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| names(code, word)) {
                found.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

/// Does the code hold `word`, and not only as the end of a longer name?
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

/// The crates of `[dependencies]`, as paths in code begin with them.
fn crates() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let names: Vec<String> = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = "))
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, _)| format!("{}::", name.replace('-', "_")))
        .collect();
    assert!(names.contains(&"tokio::".to_owned()), "the manifest was not understood: {names:?}");
    names
}

#[test]
fn the_domain_names_no_other_crate_and_no_other_room() {
    let mut words = crates();
    let rooms = [
        "admin",
        "cli",
        "config",
        "control",
        "discovery",
        "document",
        "front",
        "probe",
        "proxy",
        "runtime",
        "telemetry",
    ];
    words.extend(rooms.map(|room| format!("crate::{room}")));
    words.push("crate::{".to_owned());
    assert_eq!(lines_with("src/domain", &words), [""; 0]);
}

#[test]
fn the_domain_has_no_clock_no_socket_and_no_file() {
    let forbidden =
        ["Instant::", "SystemTime", "TcpStream", "TcpListener", "std::fs", "std::env", "std::io", "println!"];
    assert_eq!(lines_with("src/domain", &forbidden.map(str::to_owned)), [""; 0]);
}

#[test]
fn the_reader_of_documents_knows_the_domain_and_its_parsers_only() {
    let parsers = ["serde::", "serde_json::", "regex::", "jsonpath_rust::", "pest::"];
    let mut words: Vec<String> = crates().into_iter().filter(|name| !parsers.contains(&name.as_str())).collect();
    let rooms = ["admin", "cli", "config", "control", "discovery", "front", "probe", "proxy", "runtime", "telemetry"];
    words.extend(rooms.map(|room| format!("crate::{room}")));
    words.extend(["Instant::", "SystemTime", "std::env", "std::io", "std::net", "println!"].map(str::to_owned));
    assert_eq!(lines_with("src/document", &words), [""; 0]);
}

#[test]
fn one_file_reads_the_clock_and_one_names_serde_yaml() {
    let files = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut files: Vec<String> = lines_with("src", &words)
            .iter()
            .filter_map(|line| line.split(":").next()?.rsplit_once("/src/").map(|(_, file)| file.to_owned()))
            .collect();
        files.dedup();
        files
    };
    assert_eq!(files(&["Instant::now", "SystemTime::now"]), ["control/clock.rs"]);
    assert_eq!(files(&["serde_yaml::"]), ["config/yaml.rs"]);
}
