//! Does each requirement of the standards that `docs/conformance.md` lists have its test? Every name there is a test's, or a row of the corpus.

use super::markdown::rows;
use super::{read, repository};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/conformance.md";

/// The names of all tests below this folder.
fn tests(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the repository").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source");
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                let name =
                    line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                match name {
                    Some(name) if marked => drop(found.insert(name.to_owned())),
                    None if line.starts_with("#[test]") || line.starts_with("#[tokio::test") => marked = true,
                    // Further attributes may stand between.
                    None if line.starts_with("#[") => continue,
                    _ => {}
                }
                marked &= name.is_none();
            }
        }
    }
}

/// The names of the corpus' rows in this file.
fn corpus(file: &str) -> BTreeSet<String> {
    read(file).lines().filter_map(|line| line.strip_prefix("- name: ").map(|name| name.trim().to_owned())).collect()
}

#[test]
fn every_requirement_names_a_test_that_is_there() {
    let mut known = BTreeSet::new();
    for folder in ["tests", "src", "core/src", "document/src"] {
        tests(&repository().join(folder), &mut known);
    }
    let (requests, answers) = (corpus("tests/data/requests.yaml"), corpus("tests/data/answers.yaml"));
    let page = read(PAGE);
    let mut wrong = Vec::new();
    for (standard, least) in [("9110", 25), ("9112", 25), ("9113", 18)] {
        let table = rows(&page, standard);
        assert!(table.len() >= least, "{standard}: only {} rows", table.len());
        for row in table {
            let [section, requires, _, names] = row.as_slice() else { panic!("{PAGE}: {row:?} has not four cells") };
            assert!(section.starts_with('§'), "{PAGE}: {section} is no section");
            for name in names.split(", ").map(|name| name.trim_matches('`')) {
                let there = match (name.strip_prefix("request "), name.strip_prefix("answer ")) {
                    (Some(row), _) => requests.contains(row),
                    (_, Some(row)) => answers.contains(row),
                    _ => known.contains(name),
                };
                if !there {
                    wrong.push(format!("{standard} {section} ({requires}): there is no {name:?}"));
                }
            }
        }
    }
    let changed = rows(&page, "row");
    assert!(!changed.is_empty(), "no row of the corpus has changed");
    for name in changed.iter().flat_map(|row| row[0].split(", ")).map(|name| name.trim_matches('`')) {
        let there = name.strip_prefix("request ").is_some_and(|row| requests.contains(row))
            || name.strip_prefix("answer ").is_some_and(|row| answers.contains(row));
        if !there {
            wrong.push(format!("changed rows: there is no {name:?}"));
        }
    }
    assert!(wrong.is_empty(), "{PAGE}:\n{}", wrong.join("\n"));
}
