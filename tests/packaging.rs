//! Does what we ship fit together? Completions, the man page, the systemd unit, the container and the Debian package.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn said(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pulsegate")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The values of a key of the unit.
fn unit(key: &str) -> Vec<String> {
    let text = read("packaging/systemd/pulsegate.service");
    let values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    values.map(str::to_owned).collect()
}

#[test]
fn the_completions_are_a_script_that_bash_understands() {
    let script = tempfile::NamedTempFile::new().unwrap();
    fs::write(script.path(), said(&["completions", "bash"])).unwrap();
    let checked = Command::new("bash").arg("-n").arg(script.path()).stdin(Stdio::null()).status().unwrap();
    assert!(checked.success());
    for shell in ["bash", "zsh", "fish"] {
        assert!(said(&["completions", shell]).contains("healthcheck"), "{shell}");
    }
}

#[test]
fn the_man_page_has_every_command() {
    let page = said(&["man"]);
    for command in ["RUN", "CHECK", "SCHEMA", "REFERENCE", "HEALTHCHECK", "COMPLETIONS", "MAN", "DEMO"] {
        assert!(page.contains(&format!(".SH \"{command}\"")), "{command}");
    }
}

#[test]
fn the_unit_checks_first_reloads_by_hup_and_gives_more_time_than_leaving_takes() {
    assert!(unit("ExecStartPre")[0].contains("pulsegate check"));
    assert!(unit("ExecReload")[0].contains("-HUP"));
    let reference = read("conf/reference.yaml");
    let shutdown = &reference[reference.find("# shutdown:").unwrap()..];
    let seconds = |key: &str| -> u64 {
        let value = shutdown.split_once(&format!("#   {key}: ")).unwrap().1;
        value
            .split('s')
            .next()
            .unwrap()
            .parse()
            .unwrap_or_else(|_| panic!("{key} is not in whole seconds: {value:.20}"))
    };
    let stop: u64 = unit("TimeoutStopSec")[0].trim_end_matches('s').parse().unwrap();
    assert!(stop > seconds("delay") + seconds("grace"));
    for hardened in ["NoNewPrivileges", "DynamicUser", "MemoryDenyWriteExecute", "PrivateDevices"] {
        assert_eq!(unit(hardened), ["yes"], "{hardened}");
    }
    assert_eq!(unit("CapabilityBoundingSet"), ["CAP_NET_BIND_SERVICE"]);
}

#[test]
fn the_unit_gives_a_takeover_its_folder_and_believes_the_new_process() {
    for (key, value) in [
        ("Type", "notify"),
        ("NotifyAccess", "all"),
        ("RuntimeDirectory", "pulsegate"),
        ("RuntimeDirectoryMode", "0700"),
    ] {
        assert_eq!(unit(key), [value], "{key}");
    }
}

#[test]
fn the_container_is_built_by_the_same_target_and_runs_as_nobody() {
    let file = read("Dockerfile");
    let lines: Vec<&str> = file.lines().filter(|line| !line.starts_with('#')).collect();
    let has = |line: &str| assert!(lines.contains(&line), "{line}");
    has("RUN make release");
    has("USER 65532:65532");
    assert!(file.contains("CMD [\"pulsegate\", \"healthcheck\"]"));
    assert!(file.contains("/src/target/release/pulsegate"));
    let recipe = read("Makefile");
    let release = recipe.split_once("\nrelease:").unwrap().1.lines().nth(1).unwrap();
    assert!(release.contains("build --locked --release"), "{release}");
    assert!(lines.iter().filter(|line| line.starts_with("FROM ")).count() == 2);
}

#[test]
fn everything_that_the_debian_package_names_is_made_or_there() {
    let manifest = read("Cargo.toml");
    let assets = manifest.split_once("assets = [\n").unwrap().1.split_once("\n]").unwrap().0;
    for line in assets.lines() {
        let source = line.split('"').nth(1).unwrap();
        let made = source.strip_prefix("target/papers/");
        let there = match made {
            Some(paper) => read("Makefile").contains(&format!("target/papers/{paper}")),
            None if source == "target/release/pulsegate" => true,
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(source.split('*').next().unwrap()).exists(),
        };
        assert!(there, "{source}");
    }
}
