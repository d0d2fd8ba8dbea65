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
    for command in [
        "run",
        "check",
        "schema",
        "reference",
        "healthcheck",
        "completions",
        "man",
        "demo",
        "simulate",
        "replay",
        "status",
        "top",
    ] {
        assert!(page.contains(&format!(".SS \"{command}\"\n")), "{command}");
    }
    assert!(!page.contains("(1)"), "it refers to pages that nobody makes");
}

#[test]
fn the_unit_checks_first_reloads_by_hup_and_gives_more_time_than_leaving_takes() {
    assert!(unit("ExecStartPre")[0].contains("pulsegate check"));
    let reload = unit("ExecReload");
    assert!(reload[0] == unit("ExecStartPre")[0] && reload[1].contains("-HUP"), "{reload:?}");
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

/// What `make` would do for a target, line by line.
fn recipe(target: &str) -> Vec<String> {
    let mut make = Command::new("make");
    // Neither the `make` that runs this test nor the cargo that does shall have a say.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").env_remove("CARGO");
    make.args(["--dry-run", "--no-print-directory", target]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = make.output().unwrap_or_else(|error| panic!("make cannot be started: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The two stages of the Dockerfile: their lines without comments, the `FROM` first.
fn stages() -> [Vec<String>; 2] {
    let mut stages: Vec<Vec<String>> = Vec::new();
    for line in read("Dockerfile").lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.starts_with("FROM ") {
            true => stages.push(vec![line.to_owned()]),
            false => stages.last_mut().unwrap().push(line.to_owned()),
        }
    }
    stages.try_into().unwrap_or_else(|stages: Vec<_>| panic!("{} stages", stages.len()))
}

/// The words of an instruction in its exec form: `CMD ["a", "b"]`.
fn words(stage: &[String], instruction: &str) -> Vec<String> {
    let line = stage.iter().find(|line| line.starts_with(instruction)).unwrap();
    serde_json::from_str(&line[line.find('[').unwrap()..]).unwrap()
}

#[test]
fn the_container_is_built_by_what_make_does_everywhere() {
    let [build, image] = stages();
    let runs: Vec<_> = build.iter().filter_map(|line| line.strip_prefix("RUN ")).collect();
    assert_eq!(runs, ["make release"], "the build stage has a recipe of its own");
    assert!(!image.iter().any(|line| line.starts_with("RUN ")), "{image:?}");
    assert_eq!(recipe("release"), ["cargo build --locked --release"]);
    assert_eq!(recipe("deb")[0], recipe("release")[0], "the package's binary is built differently");
    let binary = "COPY --from=build /src/target/release/pulsegate /usr/local/bin/pulsegate";
    assert!(image.iter().any(|line| line == binary), "{image:?}");
    // The context holds all that the recipe may want: only what git does not keep either stays outside.
    let unkept = read(".gitignore");
    for left_out in read(".dockerignore").lines() {
        assert!(
            left_out == ".git" || unkept.lines().any(|line| line.trim_start_matches('/') == left_out),
            "{left_out}"
        );
    }
}

#[test]
fn the_containers_stages_fit_each_other_and_the_crate() {
    let [build, image] = stages();
    let from = build[0].strip_prefix("FROM rust:").unwrap().strip_suffix(" AS build").unwrap();
    let (rust, debian) = from.split_once('-').unwrap();
    // A libc older than the one it was linked with would not start the binary.
    assert_eq!(image[0], format!("FROM debian:{debian}-slim"));
    let minor = |version: &str| -> u32 { version.split('.').nth(1).unwrap().parse().unwrap() };
    assert!(minor(rust) >= minor(env!("CARGO_PKG_RUST_VERSION")), "{rust}");
}

#[test]
fn the_container_runs_as_nobody_and_asks_itself_whether_it_lives() {
    let [_, image] = stages();
    let user = image.iter().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(user.split(':').all(|id| id.parse::<u32>().unwrap() > 0), "{user}");
    assert_eq!(words(&image, "HEALTHCHECK "), ["pulsegate", "healthcheck"]);
    assert_eq!(words(&image, "ENTRYPOINT "), ["pulsegate"]);
    let command = words(&image, "CMD ");
    assert!(unit("ExecStart")[0].ends_with(&command.join(" ")), "{command:?}");
}

#[test]
fn everything_that_the_debian_package_names_is_made_or_there() {
    let makes = recipe("deb");
    let manifest = read("Cargo.toml");
    let assets = manifest.split_once("assets = [\n").unwrap().1.split_once("\n]").unwrap().0;
    for line in assets.lines() {
        let source = line.split('"').nth(1).unwrap();
        let there = match source {
            "target/release/pulsegate" => true,
            "target/sbom/pulsegate.cdx.json" => read("scripts/sbom").contains(source),
            _ if source.starts_with("target/papers/") => makes.iter().any(|line| line.ends_with(&format!(">{source}"))),
            _ => Path::new(env!("CARGO_MANIFEST_DIR")).join(source.split('*').next().unwrap()).exists(),
        };
        assert!(there, "{source}: `make deb` does {makes:?}");
    }
}

/// The advisories that a file names, in order.
fn advisories(path: &str) -> Vec<String> {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.flat_map(|line| line.split('"')).filter(|word| word.starts_with("RUSTSEC-"));
    words.map(str::to_owned).collect()
}

#[test]
fn both_auditors_let_the_same_advisories_pass() {
    assert_eq!(advisories("deny.toml"), advisories(".cargo/audit.toml"));
}
