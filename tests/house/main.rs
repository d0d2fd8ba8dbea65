//! Do the rooms keep to their walls? The invariants of `ARCHITECTURE.md` that can be read off the sources.
//!
//! `cargo test --test house figures -- --nocapture` prints how the house stands, `HOUSE=folder` in front of it how another tree does.

#![allow(clippy::panic, reason = "a failed test panics with a sentence")]

mod cfg;
mod figures;
mod finder;
mod knots;
mod map;
mod mentions;
mod names;
mod papers;
mod plan;
mod pure;
mod rules;
mod sources;

use plan::Plan;
use rules::Recursive;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Files that may call each other in a circle.
const RECURSIVE: [Recursive; 1] = [Recursive {
    files: &["document/src/path/compare.rs", "document/src/path/functions.rs", "document/src/path/walk.rs"],
    reason: "JSONPath's grammar is recursive: a filter compares the results of functions, whose arguments are paths with filters",
}];

const CORE: usize = 0;
const DOCUMENT: usize = 1;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

static HOUSE: LazyLock<Plan> = LazyLock::new(|| Plan::of(&sources::read(root())));

fn nothing_is_broken(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn figures_of_the_house() {
    match std::env::var_os("HOUSE").map(PathBuf::from) {
        Some(other) => println!("{}", figures::figures(&Plan::of(&sources::read(&other)))),
        None => println!("{}", figures::figures(&HOUSE)),
    }
}

#[test]
fn files_can_be_understood_one_after_the_other() {
    nothing_is_broken(&rules::file_cycles(&HOUSE, &RECURSIVE));
}

#[test]
fn rooms_and_wings_have_an_order() {
    nothing_is_broken(&rules::room_cycles(&HOUSE));
}

#[test]
fn types_have_few_methods_in_few_files() {
    nothing_is_broken(&rules::types(&HOUSE));
}

#[test]
fn folders_can_be_looked_over() {
    nothing_is_broken(&rules::folders(&HOUSE));
}

#[test]
fn the_map_has_the_arrows_of_the_code() {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    nothing_is_broken(&map::differences(&HOUSE, &map::read(&document)));
}

#[test]
fn the_files_that_documents_and_comments_name_are_there() {
    nothing_is_broken(&papers::dead_paths(root()));
}

#[test]
fn the_core_has_no_dependency_that_it_is_built_with_by_default() {
    let needed: Vec<_> =
        pure::dependencies(root(), CORE).into_iter().filter(|(_, what)| !what.contains("optional = true")).collect();
    assert_eq!(needed, []);
}

#[test]
fn the_core_has_no_clock_no_socket_and_no_file() {
    nothing_is_broken(&pure::impurities(&HOUSE, CORE));
}

#[test]
fn the_reader_of_documents_knows_the_core_and_its_parsers_only() {
    let names: BTreeSet<String> = pure::dependencies(root(), DOCUMENT).into_iter().map(|(name, _)| name).collect();
    let expected = ["jsonpath-rust", "pest", "pulsegate-core", "regex", "serde", "serde_json"];
    assert_eq!(names, expected.map(str::to_owned).into());
    nothing_is_broken(&pure::impurities(&HOUSE, DOCUMENT));
}

/// Workers call it, and what is not theirs calls it too: "the current runtime" could be either.
#[test]
fn what_workers_run_names_the_worker_on_which_it_begins_something() {
    let of_workers = |file: &&str| file.starts_with("src/front/") || file.starts_with("src/proxy/");
    let lucky: Vec<_> = pure::spawners_of_luck(&HOUSE).into_iter().filter(of_workers).collect();
    assert_eq!(lucky, [""; 0]);
}

#[test]
fn one_file_reads_the_clock_and_one_names_serde_yaml() {
    assert_eq!(pure::readers_of_the_clock(&HOUSE), ["src/clock/mod.rs"].into());
    assert_eq!(pure::users_of(&HOUSE, "serde_yaml"), ["src/config/yaml.rs"].into());
}
