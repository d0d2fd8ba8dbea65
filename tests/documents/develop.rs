//! Can the commands for developers be typed? They build, so they are not run: each package, target, filter, scenario, variable and make target
//! that they name has to be there. `cargo run -- …` is run as the binary that this test was built with.

use super::markdown::rows;
use super::{read, repository};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PAGE: &str = "CONTRIBUTING.md";

/// The packages that have tests, and where each lies.
const PACKAGES: [(&str, &str); 3] = [("pulsegate", ""), ("pulsegate-core", "core"), ("pulsegate-document", "document")];

/// The commands of the page's table, in order.
fn commands() -> Vec<String> {
    rows(&read(PAGE), "type").iter().map(|row| row[0].trim_matches('`').to_owned()).collect()
}

#[test]
fn every_part_of_the_tests_can_be_run_as_the_page_says() {
    let commands = commands();
    assert!(commands.len() > 10, "only {} commands were found in {PAGE}", commands.len());
    for command in &commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let variables = words.iter().take_while(|word| word.contains('=')).count();
        for variable in &words[..variables] {
            let name = variable.split('=').next().unwrap_or_default();
            assert!(
                text(&repository().join("tests")).contains(&format!("\"{name}\"")),
                "{command}: no test reads {name}"
            );
        }
        match &words[variables..] {
            ["cargo", "test" | "bench", arguments @ ..] => names_what_is_there(command, arguments),
            ["cargo", "run", "--", arguments @ ..] => succeeds(command, arguments),
            ["make", target, ..] => assert!(is_a_target(target), "{command}: no such target"),
            _ => panic!("{PAGE}: {command:?} begins neither with cargo nor with make"),
        }
    }
}

fn is_a_target(name: &str) -> bool {
    read("Makefile").lines().any(|rule| rule.starts_with(&format!("{name}:")))
}

fn succeeds(command: &str, arguments: &[&str]) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pulsegate"));
    let output = program.args(arguments).current_dir(repository()).output().expect("it runs");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// `cargo test [-p PACKAGE] [--lib | --test TARGET | --bench TARGET] [FILTER] [-- …]`
fn names_what_is_there(command: &str, arguments: &[&str]) {
    let mut words = arguments.iter().take_while(|word| **word != "--");
    let (mut folder, mut sources, mut filters) = (Path::new(""), None, Vec::new());
    while let Some(word) = words.next() {
        let mut value = || *words.next().unwrap_or_else(|| panic!("{command}: nothing behind {word}"));
        match *word {
            "-p" => folder = package(command, value()),
            "--lib" => sources = Some(repository().join(folder).join("src")),
            kind @ ("--test" | "--bench") => sources = Some(target(command, folder, &kind[2..], value())),
            filter => filters.push(filter),
        }
    }
    let sources = sources.unwrap_or_else(|| repository().join(folder).join("src"));
    for filter in filters {
        assert!(matches(&sources, filter), "{command}: {filter} is no test and no module in {}", sources.display());
    }
}

fn package(command: &str, name: &str) -> &'static Path {
    let found = PACKAGES.iter().find(|(package, _)| *package == name);
    Path::new(found.unwrap_or_else(|| panic!("{command}: no package {name}")).1)
}

/// The folder or file of a target, by its manifest.
fn target(command: &str, folder: &Path, kind: &str, name: &str) -> PathBuf {
    let manifest = read(&folder.join("Cargo.toml").to_string_lossy());
    let header = format!("[[{kind}]]\n");
    let mut entries = manifest.split(&header).skip(1);
    let entry = entries.find(|entry| entry.starts_with(&format!("name = \"{name}\"")));
    let entry = entry.unwrap_or_else(|| panic!("{command}: no {kind} {name}"));
    let path = entry.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix("path = "));
    let path = path.map_or_else(|| format!("{kind}es/{name}.rs"), |path| path.trim_matches('"').to_owned());
    let file = repository().join(folder).join(path);
    if file.ends_with("main.rs") { file.parent().unwrap_or(&file).to_owned() } else { file }
}

/// Is there a module of this path, or a test (a function, or a trial by name) that has the last word in its name?
fn matches(sources: &Path, filter: &str) -> bool {
    let path = filter.trim_end_matches("::").replace("::", "/");
    let module = sources.join(&path);
    let last = path.rsplit('/').next().unwrap_or_default();
    module.is_dir()
        || module.with_extension("rs").is_file()
        || text(sources).lines().any(|line| {
            let function = line.trim_start().trim_start_matches("async ").strip_prefix("fn ");
            function.is_some_and(|name| name.split('(').next().unwrap_or_default().contains(last))
                || line.contains(&format!("\"{last}\""))
        })
}

/// All sources under a path, tests too.
fn text(path: &Path) -> String {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| text(&entry.path())).collect(),
        Err(_) => fs::read_to_string(path).unwrap_or_default(),
    }
}

#[test]
fn a_filter_that_nothing_bears_is_found_out() {
    let simulation = repository().join("tests/simulation");
    assert!(matches(&simulation, "timings") && matches(&simulation, "storm") && !matches(&simulation, "no_such_test"));
}
