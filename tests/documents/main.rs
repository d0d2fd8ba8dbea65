//! Is everything that the documents for users say true? Their commands are run, their configurations checked, and their tables
//! compared with the code.
//!
//! In `README.md`, `SECURITY.md` and `docs/*.md` a fence says what its block is:
//!
//! | fence | what happens |
//! |---|---|
//! | `sh` | its commands are run, in the order of the document, in one shell per document; each must succeed |
//! | `console` | each `$ command` is run until it prints what stands below it; `…` stands for anything; `console vary`: numbers are not compared |
//! | `yaml` | a whole configuration: `pulsegate check` accepts it; one that begins with `# name.yaml` is saved for the commands that follow |
//! | `yaml part` | top-level keys: checked with what else a configuration needs |
//! | `yaml upstream` | keys of one upstream: checked in one |
//! | `python` | begins with `# name.py`: saved for the commands that follow |
//! | `text`, `json`, `mermaid` | looked at by people |
//!
//! The commands of `CONTRIBUTING.md` stand in a table: they build, so only what they name is looked for (`develop.rs`).

#![allow(clippy::panic, reason = "a failed test panics with a sentence")]

mod claims;
mod conformance;
mod develop;
mod expect;
mod headers;
mod markdown;
mod runbook;
mod session;
mod truth;

use markdown::{Block, blocks};
use session::Session;
use std::fs;
use std::path::Path;
use tokio::task::JoinSet;

/// What is not run as it is written: how a command begins, what is run in its place, and why.
const INSTEAD: [(&str, &str, &str); 11] = [
    ("make test", "", "this test is a part of it"),
    ("make build", "", "the test was built together with the binary that this makes"),
    ("make release", "", "takes minutes; the Dockerfile runs it"),
    ("make deb", "", "takes minutes; tests/packaging.rs looks at what it packs"),
    ("make papers", "", "takes minutes; tests/packaging.rs makes them"),
    ("cargo install ", "", "needs the network"),
    ("sudo ", "", "changes the system; tests/packaging.rs reads the unit"),
    ("docker ", "", "needs a Docker daemon; tests/packaging.rs reads the Dockerfile"),
    ("make demo", "pulsegate demo --for 20s", "the same without the build; `the_demo_of_the_makefile` compares"),
    (
        "python3 -m venv ",
        "python3 -m venv --without-pip apps",
        "Debian keeps pip's wheel in a package that the tests do without",
    ),
    ("pip install ", "", "needs the network; `make test-needs` has brought the same packages"),
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents for users.
fn documents() -> Vec<String> {
    let mut names = vec!["README.md".to_owned(), "SECURITY.md".to_owned()];
    for entry in fs::read_dir(repository().join("docs")).expect("docs") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            names.push(format!("docs/{name}"));
        }
    }
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_every_configuration() {
    let mut readers = JoinSet::new();
    for name in documents() {
        readers.spawn(async move { follow(&name).await });
    }
    let steps: usize = readers.join_all().await.iter().sum();
    assert!(steps > 40, "only {steps} blocks were found: is the convention still that of the documents?");
}

/// Does what a document says, block by block; how many there were.
async fn follow(name: &str) -> usize {
    let blocks = blocks(name, &read(name));
    if blocks.is_empty() {
        return 0;
    }
    let mut session = Session::start();
    for block in &blocks {
        obey(&mut session, block).await;
    }
    blocks.len()
}

async fn obey(session: &mut Session, block: &Block) {
    let (place, text) = (&block.place, &block.text);
    match &*block.language {
        "sh" => session.run(place, &in_place_of(text)).await,
        "console" => {
            for mut shown in expect::shown(text) {
                shown.command = in_place_of(&shown.command);
                session.expect(place, &shown, block.option == "vary").await;
            }
        }
        "yaml" => session.check(place, &whole(place, &block.option, text)).await,
        "python" => assert!(block.file_name().is_some(), "{place}: begins with `# name.py`"),
        "text" | "json" | "mermaid" => {
            assert!(!text.lines().any(|line| line.starts_with("$ ")), "{place}: a command belongs into `console`");
            return;
        }
        other => panic!("{place}: {other:?} is no language of the convention in tests/documents/main.rs"),
    }
    let foreign = session::foreign_port(text);
    assert!(foreign.is_none(), "{place}: port {foreign:?} is not among those that the test replaces");
    if let Some(file) = block.file_name().filter(|_| block.language != "sh") {
        session.save(file, text);
    }
}

/// The commands with what is run instead of some.
fn in_place_of(commands: &str) -> String {
    let line = |line: &str| {
        let instead = INSTEAD.iter().find(|(written, ..)| line.starts_with(written));
        instead.map_or(line, |(_, run, _)| run).to_owned()
    };
    commands.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// A configuration with what a part of one lacks.
fn whole(place: &str, option: &str, text: &str) -> String {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    let mut yaml = match option {
        "" => return text.to_owned(),
        "part" => text.to_owned(),
        "upstream" => {
            let backends =
                if has("backends:") { "" } else { "    backends: [\"127.0.0.1:9001\", \"127.0.0.1:9002\"]\n" };
            let keys: String = text.lines().map(|line| format!("    {line}\n")).collect();
            return format!(
                "listeners: [{{ address: \"127.0.0.1:8080\" }}]\nroutes: [{{ upstream: orders }}]\nupstreams:\n  orders:\n{backends}{keys}"
            );
        }
        other => panic!("{place}: `yaml {other}` is not in the convention"),
    };
    for (key, line) in [
        ("listeners:", "listeners: [{ address: \"127.0.0.1:8080\" }]\n"),
        ("routes:", "routes: [{ upstream: orders }]\n"),
        ("upstreams:", "upstreams: { orders: { backends: [\"127.0.0.1:9001\"], readiness: { path: /ready } } }\n"),
    ] {
        if !has(key) {
            yaml.push_str(line);
        }
    }
    yaml
}

#[test]
fn every_exception_is_needed_and_every_make_target_exists() {
    let all: String = documents().iter().map(|name| read(name)).collect();
    for (written, _, why) in INSTEAD {
        assert!(
            all.lines().any(|line| line.trim_start_matches("$ ").starts_with(written)),
            "{written:?} ({why}) is in no document"
        );
    }
    let makefile = read("Makefile");
    for line in all.lines().map(|line| line.trim_start_matches("$ ")) {
        let Some(target) = line.strip_prefix("make ").and_then(|rest| rest.split_whitespace().next()) else { continue };
        assert!(makefile.lines().any(|rule| rule.starts_with(&format!("{target}:"))), "`make {target}` is no target");
    }
}

#[test]
fn the_demo_of_the_makefile_is_the_one_that_is_run_here() {
    let (_, run, _) = INSTEAD.iter().find(|(written, ..)| *written == "make demo").expect("an exception");
    let recipe = run.replace("pulsegate ", "run --locked -- ");
    assert!(read("Makefile").contains(&recipe), "the Makefile does not say {recipe:?}");
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    for name in documents() {
        let text = read(&name);
        let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let outside = target.is_empty() || target.contains("://") || target.starts_with("../../");
            assert!(outside || repository().join(folder).join(target).exists(), "{name}: {target} is not there");
        }
    }
}

#[test]
fn the_configuration_of_the_readme_has_at_most_20_lines() {
    let blocks = blocks("README.md", &read("README.md"));
    let saved: Vec<_> = blocks.iter().filter(|block| block.language == "yaml" && block.file_name().is_some()).collect();
    assert!(!saved.is_empty(), "the README has no configuration to start from");
    for block in saved {
        assert!(block.text.lines().count() <= 20, "{}: {} lines", block.place, block.text.lines().count());
    }
}
